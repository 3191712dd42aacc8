import { readFileSync } from 'node:fs';

// A loop of the same work, timed: `{n, wall_ns, cpu_ns}`, after a warm-up of a tenth. CPU is the whole process's, so that
// the collector's and the compiler's threads count.
const told = (n, start, cpu) => {
  const wall = process.hrtime.bigint() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { n, wall_ns: Number(wall), cpu_ns: (user + system) * 1000 };
};

// `cpuOfOthers` tells what other processes spent so far, in nanoseconds, which counts too.
export async function timed(n, work, cpuOfOthers) {
  for (let i = 0; i < Math.ceil(n / 10); i += 1) await work(i);
  const others = await cpuOfOthers();
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  for (let i = 0; i < n; i += 1) await work(i);
  const figures = told(n, start, cpu);
  return { ...figures, cpu_ns: figures.cpu_ns + (await cpuOfOthers()) - others };
}

// The same without promises, for work of microseconds.
export function timedSync(n, work) {
  for (let i = 0; i < Math.ceil(n / 10); i += 1) work(i);
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  for (let i = 0; i < n; i += 1) work(i);
  return told(n, start, cpu);
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

// The bytes of a file, or a line that says why not.
export function read(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    console.error(`${file} cannot be read: ${error.code}`);
    return process.exit(2);
  }
}

// What a file of JSON holds, or a line that says why not.
export function readJson(file) {
  try {
    return JSON.parse(read(file));
  } catch (error) {
    console.error(`${file} is not JSON: ${error.message}`);
    return process.exit(2);
  }
}
