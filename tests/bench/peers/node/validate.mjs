// Validating inputs of createProfile over and over, with zod.
import { load } from './lib/missing.mjs';
import { number, readJson, timedSync, usage } from './lib/timing.mjs';

const LINE = 'validate.mjs <n> <cases.json>';
const [count, file] = process.argv.slice(2);
if (file === undefined) usage(LINE);
const n = number(count, LINE);

const { validate } = await load(() => import('./rules/index.mjs'));
const cases = readJson(file);
const figures = timedSync(n, (i) => validate(cases[i % cases.length]));
const verdicts = cases.map((input) =>
  (validate(input).violations ?? []).map(({ code, path }) => [code, path]).sort(([a, b], [c, d]) =>
    b < d ? -1 : b > d ? 1 : a < c ? -1 : 1));
console.log(JSON.stringify({ ...figures, verdicts }));
