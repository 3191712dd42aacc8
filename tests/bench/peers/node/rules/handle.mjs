// The handle: the name in a profile's address, one for each way it can look.
import lists from '../../data/lists.json' with { type: 'json' };
import { folded, graphemes, isAllowed, isSingleScript, skeleton, trim } from './unicode.mjs';

const LEAST = 3;
const MOST = 30;
const ROUNDS = 4;
const WELL_FORMED = /^[\p{L}0-9][\p{L}\p{M}0-9]*(?:[-_][\p{L}0-9][\p{L}\p{M}0-9]*)*$/u;

// What handles are compared by.
export function handleKey(handle) {
  let key = folded(handle);
  for (let round = 0; round < ROUNDS; round += 1) {
    const next = folded(skeleton(key)).normalize('NFC');
    if (next === key) break;
    key = next;
  }
  return key;
}

// A digit one passes for an i as well as for the l that the tables draw it as.
const shape = (word) => handleKey(word).replaceAll('l', 'i');
const RESERVED = new Set(lists.reserved.split(' ').map(shape));

export function readHandle(value, wrong) {
  if (Buffer.byteLength(value) > 1000) return wrong('too_long');
  const handle = folded(trim(value).replace(/^@/, ''));
  const { count } = graphemes(handle);
  if (count === 0) return wrong('required');
  if (count < LEAST) return wrong('too_short');
  // Marks are counted too, so that a handle of thirty letters cannot carry hundreds.
  if (count > MOST || [...handle].length > 2 * MOST) return wrong('too_long');
  if (!WELL_FORMED.test(handle) || !/\p{Alphabetic}/u.test(handle)) return wrong('handle_malformed');
  const letters = handle.replace(/[-_]/g, '');
  if (!isSingleScript(letters) || !isAllowed(letters)) return wrong('handle_mixed_scripts');
  if (RESERVED.has(shape(letters)) || RESERVED.has(shape(letters.replace(/[0-9]+$/, '')))) {
    return wrong('handle_reserved');
  }
  return handle;
}
