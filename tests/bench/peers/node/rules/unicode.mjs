// What Unicode's tables say beyond JavaScript's own: folding, shapes that readers confuse, scripts (UTS 39), graphemes.
import tables from '../../data/uts39.json' with { type: 'json' };

const PROTOTYPES = new Map();
for (const [prototype, letters] of Object.entries(tables.confusables)) {
  for (const letter of letters) PROTOTYPES.set(letter, prototype);
}

const bounds = (range) => range.split('-').map((hex) => `\\u{${hex}}`).join('-');
const ALLOWED = new RegExp(`^[${tables.allowed.split(' ').map(bounds).join('')}]*$`, 'u');

// Scripts that identifiers are written in, recommended or limited (UAX 31, tables 5 and 7).
const SCRIPTS = (
  'Latn Grek Cyrl Arab Hebr Deva Beng Thai Armn Geor Ethi Guru Gujr Orya Taml Telu Knda Mlym Sinh Laoo Tibt Mymr Khmr ' +
  'Thaa Adlm Cher Cans Cakm Olck Nkoo Newa Syrc Yiii Tfng Vaii Mong Java Bali Sund Lisu Mtei Tavt Lana Saur Wcho'
).split(' ');
const COMMON = '\\p{scx=Zyyy}\\p{scx=Zinh}';
const writing = (...scripts) => new RegExp(`^[${COMMON}${scripts.map((name) => `\\p{scx=${name}}`).join('')}]*$`, 'u');
const WRITINGS = [
  ...SCRIPTS.map((name) => writing(name)),
  writing('Hani', 'Hira', 'Kana'),
  writing('Hani', 'Hang'),
  writing('Hani', 'Bopo'),
];

const ASCII = /^[\0-\x7f]*$/;
// Latin text with its usual signs: each code point is a grapheme, none is hidden, and NFC changes none.
const PLAIN = /^[\n\x20-\x7e\xa0-\xac\xae-\u02ff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf]*$/;
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;
const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });

export const isAscii = (text) => ASCII.test(text);
export const isPlain = (text) => PLAIN.test(text);

// JavaScript's own trim() takes the byte order mark away too, and leaves the next line.
export function trim(text) {
  return /[\ufeff\x85]/.test(text) ? text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, '') : text.trim();
}

// How many characters a reader counts, and how many code points the longest of them has.
export function graphemes(text) {
  if (isPlain(text)) return { count: text.length, longest: 1 };
  let count = 0;
  let longest = 0;
  for (const { segment } of segmenter.segment(text)) {
    count += 1;
    if (segment.length > longest) longest = Math.max(longest, [...segment].length);
  }
  return { count, longest };
}

// Case folding; JavaScript has none of its own, and these two steps come close.
function foldCase(text) {
  if (isAscii(text)) return text.toLowerCase();
  const folded = text.split('ı').map((part) => part.toLowerCase().toUpperCase().toLowerCase());
  return folded.join('ı').replaceAll('ς', 'σ');
}

// Without differences of case and of compatibility.
export function folded(text) {
  if (isAscii(text)) return text.toLowerCase();
  const fold = (part) => foldCase(part).normalize('NFKC');
  return fold(fold(text.normalize('NFKC')));
}

// The shape of a text (UTS 39, skeletons).
export function skeleton(text) {
  let drawn = '';
  for (const letter of text.normalize('NFD').replace(IGNORABLE, '')) drawn += PROTOTYPES.get(letter) ?? letter;
  return drawn.normalize('NFD');
}

export const isAllowed = (text) => ALLOWED.test(text);
export const isSingleScript = (text) => isAscii(text) || WRITINGS.some((one) => one.test(text));
