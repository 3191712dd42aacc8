// A loop of the same work, timed: `{n, wall_ns, cpu_ns}`, after a warm-up of a tenth. CPU is the whole process's, so that
// the collector's and the compiler's threads count.
export async function timed(n, work) {
  for (let i = 0; i < Math.ceil(n / 10); i += 1) await work(i);
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  for (let i = 0; i < n; i += 1) await work(i);
  const wall = process.hrtime.bigint() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { n, wall_ns: Number(wall), cpu_ns: (user + system) * 1000 };
}

// The same without promises, for work of microseconds.
export function timedSync(n, work) {
  for (let i = 0; i < Math.ceil(n / 10); i += 1) work(i);
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  for (let i = 0; i < n; i += 1) work(i);
  const wall = process.hrtime.bigint() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { n, wall_ns: Number(wall), cpu_ns: (user + system) * 1000 };
}

export function usage(line) {
  console.error(`usage: node ${line}`);
  process.exit(2);
}

// A whole number of at least one, or the usage.
export function number(text, line) {
  const n = Number(text);
  return Number.isInteger(n) && n > 0 ? n : usage(line);
}
