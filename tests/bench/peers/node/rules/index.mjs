// What members may write into a profile: `validate(input)` gives `{profile}`, normalised, or `{violations}`, all of them.
import { create, once, skill, update } from './schema.mjs';
import { isVisible } from './text.mjs';
import { trim } from './unicode.mjs';
import { readCountry, readPhone } from './values.mjs';

export { handleKey } from './handle.mjs';
export { emailKey, warm } from './values.mjs';

const LARGEST = 64 * 1024;
const DEEPEST = 4;

function depth(value, most) {
  if (most === 0 || value === null || typeof value !== 'object') return 0;
  let below = 0;
  for (const entry of Object.values(value)) below = Math.max(below, depth(entry, most - 1));
  return 1 + below;
}

function weight(value) {
  if (typeof value === 'string') return Buffer.byteLength(value) + 2;
  if (value === null || typeof value !== 'object') return 5;
  let sum = 2;
  if (Array.isArray(value)) for (const entry of value) sum += weight(entry) + 1;
  else for (const [name, entry] of Object.entries(value)) sum += Buffer.byteLength(name) + weight(entry) + 4;
  return sum;
}

const written = (path) =>
  path.reduce((told, part) => (typeof part === 'number' ? `${told}[${part}]` : told ? `${told}.${part}` : part), '');

function codeOf(issue, input) {
  if (issue.code === 'custom') return issue.params.code;
  if (issue.code === 'too_big' || issue.code === 'too_small') return issue.origin === 'array' ? 'too_many' : 'out_of_range';
  const value = issue.path.reduce((inside, part) => inside?.[part], input);
  const field = typeof issue.path.at(-1) === 'string';
  if (field && (value === null || value === undefined)) return 'required';
  return issue.code === 'invalid_value' && typeof value === 'string' ? 'not_one_of' : 'wrong_type';
}

function* told(issue, input) {
  // Of a text where a list belongs, zod tells its length as well.
  if (issue.code === 'too_big' && issue.origin === 'string') return;
  if (issue.code !== 'unrecognized_keys') {
    yield { code: codeOf(issue, input), path: written(issue.path) };
    return;
  }
  for (const key of issue.keys.slice(0, 20)) {
    const shown = [...key].filter(isVisible).slice(0, 40).join('');
    yield { code: 'unknown_field', path: written([...issue.path, shown]) };
  }
}

// Where entries have mistakes the schema does not compare them; those without are compared all the same.
function duplicates(entries) {
  const found = [];
  once(entries.map((entry) => skill.safeParse(entry).data), (at) =>
    found.push({ code: 'skill_duplicate', path: `skills[${at}].name` }));
  return found;
}

// The number of the new location's country, or of the one the profile has so far.
function phone(input, country, violations) {
  if (typeof input?.phone !== 'string' || trim(input.phone) === '') return null;
  const place = input.location?.country;
  const own = typeof place === 'string' ? readCountry(place, () => undefined) : undefined;
  return readPhone(input.phone, own ?? country, (code) => {
    violations.push({ code, path: 'phone' });
  });
}

export function validate(input, { schema = create, country } = {}) {
  const large = [];
  if (depth(input, DEEPEST + 1) > DEEPEST) large.push({ code: 'input_too_deep', path: '' });
  if (weight(input) > LARGEST) large.push({ code: 'input_too_large', path: '' });
  if (large.length > 0) return { violations: large };
  const { data, error } = schema.safeParse(input);
  const violations = error ? error.issues.flatMap((issue) => [...told(issue, input)]) : [];
  if (error?.issues.some(({ path }) => path[0] === 'skills' && path.length > 1)) {
    if (!violations.some(({ code }) => code === 'skill_duplicate')) violations.push(...duplicates(input.skills));
  }
  const number = phone(input, country, violations);
  if (violations.length > 0) return { violations };
  return { profile: 'phone' in data ? { ...data, phone: number } : data };
}

export const validateChange = (input, country) => validate(input, { schema: update, country });
