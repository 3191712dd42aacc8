// What becomes of a profile: changed, merged, or refused because somebody else changed the same.
import { isDeepStrictEqual } from 'node:util';
import { emailKey, handleKey } from '../rules/index.mjs';

const CONTENT = (
  'handle firstName lastName email phone headline bio skills links location availability languages avatar cv'
).split(' ');
const LISTS = new Set(['skills', 'links', 'languages']);

// The profile after `change`, which was made against version `expected`: `{profile, changes, moves}` or `{conflict}`.
export function update(current, { removeAvatar, removeCv, ...change }, expected, now) {
  if (expected > current.version) return { conflict: ['version'] };
  const profile = { ...current };
  for (const [field, value] of Object.entries(change)) profile[field] = value ?? (LISTS.has(field) ? [] : null);
  if (removeAvatar) profile.avatar = null;
  if (removeCv) profile.cv = null;
  const changes = CONTENT.filter((field) => !isDeepStrictEqual(current[field], profile[field])).map((field) => ({
    field, from: current[field] ?? null, to: profile[field] ?? null,
  }));
  const conflict = changes.map(({ field }) => field).filter((field) => current.touched[field] > expected);
  if (conflict.length > 0) return { conflict };
  if (changes.length === 0) return { profile: current, changes, moves: {} };
  profile.version = current.version + 1;
  profile.updatedAt = now > current.updatedAt ? now : current.updatedAt;
  profile.touched = { ...current.touched };
  for (const { field } of changes) profile.touched[field] = profile.version;
  return { profile, changes, moves: moves(current, profile) };
}

function moves(before, after) {
  const handles = [before, after].map(({ handle }) => (handle ? handleKey(handle) : undefined));
  const emails = [before, after].map(({ email }) => emailKey(email));
  return {
    handle: handles[0] === handles[1] ? undefined : { release: handles[0], claim: handles[1] },
    email: emails[0] === emails[1] ? undefined : { free: emails[0], claim: emails[1] },
  };
}
