// What the renderings share: reading the page, where the fonts lie, and the two modes of the command line.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { number, readJson, timed, usage } from './timing.mjs';

export const FONTS = fileURLToPath(new URL('../../../../../infra/templates/fonts/', import.meta.url));
export const STYLE = new URL('../../data/invoice.css', import.meta.url);

// `once page.json out.pdf` renders once; `loop n page.json out.pdf` does so n times and prints what it took. `cpuOfOthers`
// tells the CPU time that other processes spent for this one so far, in nanoseconds.
export async function main(name, render, { cpuOfOthers = async () => 0 } = {}) {
  const line = `${name} once <page.json> <out.pdf> | ${name} loop <n> <page.json> <out.pdf>`;
  const [mode, ...rest] = process.argv.slice(2);
  if (mode === 'once' && rest.length === 2) {
    writeFileSync(rest[1], await render(readJson(rest[0])));
  } else if (mode === 'loop' && rest.length === 3) {
    const n = number(rest[0], line);
    const page = readJson(rest[1]);
    const figures = await timed(n, () => render(page), cpuOfOthers);
    writeFileSync(rest[2], await render(page));
    console.log(JSON.stringify(figures));
  } else {
    usage(line);
  }
}
