// Free text: its length as readers count it, and the characters that may stand in it.
import { graphemes, isPlain, trim } from './unicode.mjs';

const LONGEST_GRAPHEME = 12;

const DIRECTION = /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/u;
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const SELECTOR = /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/u;
// Whatever nobody sees, or may be right only in its place.
const HIDDEN =
  '\\p{Cc}\\p{Zl}\\p{Zp}\\p{Cf}\\p{Co}\\p{Cs}\\p{Noncharacter_Code_Point}\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u2800\\u3164\\uffa0';
const WRONG = new RegExp(`[${HIDDEN}]`, 'u');
const SUSPECT = new RegExp(`[${HIDDEN}\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}]`, 'gu');
const EMOJI = /(?![\0-\x7f])\p{Emoji}/u;
const INHERITED = /\p{sc=Zinh}/u;
const JOINING = new RegExp(
  `[${'Arab Syrc Mand Mong Nkoo Adlm Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh Khmr Mymr Tibt Bali Java'
    .split(' ').map((name) => `\\p{sc=${name}}`).join('')}]`,
  'u',
);
const FLAG = /\u{1f3f4}[\u{e0020}-\u{e007e}]{0,6}$/u;

const last = (text) => (text ? [...text.slice(-2)].at(-1) : undefined);
const first = (text) => (text ? String.fromCodePoint(text.codePointAt(0)) : undefined);

function why(c) {
  if (DIRECTION.test(c)) return 'direction_character';
  if (CONTROL.test(c)) return 'control_character';
  return 'invisible_character';
}

// Whether a joiner stands where emoji, or scripts whose letters change with their neighbours, need it.
function joins(c, before, after) {
  if (!before || !after) return false;
  if (c === '\u200d' && (EMOJI.test(before) || before === '\ufe0f') && EMOJI.test(after)) return true;
  return (JOINING.test(before) || INHERITED.test(before)) && JOINING.test(after);
}

function stands(c, before, after, lines) {
  if (c === '\n') return lines;
  if (c === '\u200c' || c === '\u200d') return joins(c, last(before), first(after));
  if (SELECTOR.test(c)) {
    const chosen = last(before);
    return chosen !== undefined && !WRONG.test(chosen) && !SELECTOR.test(chosen) && !/\p{White_Space}/u.test(chosen);
  }
  return c >= '\u{e0020}' && c <= '\u{e007f}' && FLAG.test(before);
}

// The first kind of mistake in the characters of a text.
export function unfit(text, lines = false, longest = undefined) {
  if (isPlain(text) && (lines || !text.includes('\n'))) return undefined;
  for (const { 0: c, index } of text.matchAll(SUSPECT)) {
    if (!stands(c, text.slice(0, index), text.slice(index + c.length), lines)) return why(c);
  }
  return (longest ?? graphemes(text).longest) > LONGEST_GRAPHEME ? 'stacked_marks' : undefined;
}

function normal(value, lines) {
  const composed = value.normalize('NFC');
  if (!lines) return trim(composed);
  return trim(composed.replace(/\r\n?/g, '\n')).split('\n').map((line) => line.replace(/\p{White_Space}+$/u, '')).join('\n');
}

export const isVisible = (c) => !WRONG.test(c);

// The text as it is kept, null if it is empty and may be; mistakes go to `wrong`.
export function clean(value, { least = 0, most, lines = false }, wrong) {
  const text = normal(value, lines);
  const { count, longest } = graphemes(text);
  const code = unfit(text, lines, longest);
  if (code) wrong(code);
  if (count > most) wrong('too_long');
  else if (count === 0 && least > 0) wrong('required');
  else if (count < least) wrong('too_short');
  return text === '' ? null : text;
}
