// The shape of a profile's input, in zod; the rules of values hang on it.
import { z } from 'zod';
import { folded } from './unicode.mjs';
import { readHandle } from './handle.mjs';
import { KINDS, fitsKind, readUrl } from './links.mjs';
import { clean } from './text.mjs';
import { isDay, readCountry, readEmail, readLanguage, readName } from './values.mjs';

const LEVELS = ['BEGINNER', 'INTERMEDIATE', 'ADVANCED', 'EXPERT'];
const STATUSES = ['AVAILABLE', 'FROM', 'BUSY', 'UNAVAILABLE'];

// A text that a rule reads. The rule tells what is wrong by code, and returns what is kept.
const ruled = (read) =>
  z.string().transform((value, context) => {
    let broken = false;
    const kept = read(value, (code) => {
      broken = true;
      context.addIssue({ code: 'custom', params: { code } });
    });
    return broken ? z.NEVER : kept;
  });
const text = (shape) => ruled((value, wrong) => clean(value, shape, wrong));
const optional = (shape) => text(shape).nullish();
const list = (entry, most) => z.array(z.unknown()).max(most).pipe(z.array(entry));

export const skill = z.strictObject({
  name: text({ least: 1, most: 60 }),
  level: z.enum(LEVELS).nullish().transform((level) => level ?? null),
  years: z.int().min(0).max(70).nullish().transform((years) => years ?? null),
});

const skillKey = (name) => folded(name).split(/\p{White_Space}+/u).filter(Boolean).join(' ');
const differ = (one, other) => one !== null && other !== null && one !== other;

// Each skill once, in the member's order; one that tells something else than its twin is a mistake.
export function once(skills, duplicate) {
  const kept = new Map();
  skills.forEach((one, at) => {
    if (!one) return;
    const key = skillKey(one.name);
    const known = kept.get(key);
    if (!known) kept.set(key, { ...one });
    else if (differ(known.level, one.level) || differ(known.years, one.years)) duplicate(at);
    else Object.assign(known, { level: known.level ?? one.level, years: known.years ?? one.years });
  });
  return [...kept.values()];
}

const skills = list(skill, 50).transform((entries, context) =>
  once(entries, (at) => context.addIssue({ code: 'custom', params: { code: 'skill_duplicate' }, path: [at, 'name'] })),
);

const link = z
  .strictObject({ kind: z.enum(Object.keys(KINDS)), url: ruled(readUrl) })
  .refine(fitsKind, { path: ['url'], params: { code: 'url_kind_mismatch' } });

const links = list(link, 20).transform((entries) =>
  entries.filter((one, at) => entries.findIndex((other) => other.kind === one.kind && other.url === one.url) === at),
);

const location = z
  .strictObject({ city: optional({ most: 100 }), country: ruled(readCountry) })
  .transform(({ city = null, country }) => ({ city, country }));

const availability = z
  .strictObject({ status: z.enum(STATUSES), from: z.string().nullish() })
  .transform(({ status, from }, context) => {
    const wrong = (code) => context.addIssue({ code: 'custom', params: { code }, path: ['from'] });
    if (from != null && !isDay(from)) wrong('date_malformed');
    else if ((from != null) !== (status === 'FROM')) wrong('date_misplaced');
    return { status, from: from ?? null };
  });

const required = {
  handle: ruled(readHandle),
  firstName: ruled(readName),
  lastName: ruled(readName),
  email: ruled(readEmail),
};
const rest = {
  // A number is read when its country is known.
  phone: z.string().nullish(),
  headline: optional({ most: 120 }),
  bio: optional({ most: 4000, lines: true }),
  skills: skills.nullish(),
  links: links.nullish(),
  location: location.nullish(),
  availability: availability.nullish(),
  languages: list(ruled(readLanguage), 20).transform((tags) => [...new Set(tags)]).nullish(),
};

export const create = z.strictObject({ ...required, ...rest });
export const update = z.strictObject({
  ...Object.fromEntries(Object.entries(required).map(([name, rule]) => [name, rule.optional()])),
  ...rest,
  removeAvatar: z.boolean().nullish(),
  removeCv: z.boolean().nullish(),
});
