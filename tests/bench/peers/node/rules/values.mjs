// The rules of single values: names, addresses, numbers, places, languages, days. Each returns what is kept, or tells
// `wrong` its code.
import { domainToASCII } from 'node:url';
import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import lists from '../../data/lists.json' with { type: 'json' };
import { clean, unfit } from './text.mjs';
import { trim } from './unicode.mjs';

// A dot inside a word, but in initials.
const LINKABLE = /[^\s.．。｡][.．。｡][^\s.．。｡]{2,}/u;
const FOREIGN = /[<>{}[\]|\\/@#$%^*=~`"_:;!?&+\p{N}]/u;
const COUNTRIES = new Set(lists.countries.split(' '));

export function readName(value, wrong) {
  let broken = false;
  const name = clean(value, { least: 1, most: 80 }, (code) => {
    broken = true;
    wrong(code);
  });
  if (broken) return undefined;
  const single = name.split(/\p{White_Space}+/u).join(' ');
  return /\p{Alphabetic}/u.test(single) && !FOREIGN.test(single) && !LINKABLE.test(single) ? single : wrong('name_malformed');
}

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u{80}-\\u{10ffff}-]+";
const LOCAL = new RegExp(`^${ATOM}(?:\\.${ATOM})*$`, 'u');
const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

function address(value) {
  const trimmed = trim(value);
  if (Buffer.byteLength(trimmed) > 1016 || unfit(trimmed) || /\p{White_Space}/u.test(trimmed)) return undefined;
  const whole = trimmed.normalize('NFC');
  const at = whole.lastIndexOf('@');
  const local = whole.slice(0, at);
  if (at < 1 || Buffer.byteLength(local) > 64 || !LOCAL.test(local)) return undefined;
  const written = whole.slice(at + 1);
  if (!/^[A-Za-z0-9.\u{80}-\u{10ffff}-]+$/u.test(written)) return undefined;
  const domain = domainToASCII(written);
  const labels = domain.split('.');
  const top = labels.at(-1);
  if (labels.length < 2 || !labels.every((label) => LABEL.test(label))) return undefined;
  if (top.length < 2 || /^[0-9]+$/.test(top)) return undefined;
  const kept = `${local}@${domain}`;
  return Buffer.byteLength(kept) > 254 ? undefined : kept;
}

export function readEmail(value, wrong) {
  return trim(value) === '' ? wrong('required') : (address(value) ?? wrong('email_malformed'));
}

// What addresses are compared by.
export const emailKey = (email) => email.toLowerCase().normalize('NFC');

export function readPhone(value, country, wrong) {
  const written = trim(value);
  if (!/^[0-9 +\-./()\u00a0\u202f]+$/.test(written) || Buffer.byteLength(written) > 40) return wrong('phone_malformed');
  const defaultCountry = country && isSupportedCountry(country) ? country : 'FR';
  const number = parsePhoneNumberFromString(written.replace(/[\u00a0\u202f]/g, ' '), { defaultCountry, extract: false });
  return number?.isValid() ? number.number : wrong('phone_malformed');
}

// The number's tables, which the first one would wait for.
export const warm = () => readPhone('+33612345678', undefined, () => undefined);

export function readCountry(value, wrong) {
  const code = trim(value).replace(/[a-z]/g, (letter) => letter.toUpperCase());
  return COUNTRIES.has(code) ? code : wrong('country_unknown');
}

// BCP 47 without extensions and private use.
const TAG =
  /^(?<language>[a-z]{2,3}(?:-[a-z]{3}){0,3})(?:-(?<script>[a-z]{4}))?(?:-(?<region>[a-z]{2}|[0-9]{3}))?(?<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)$/i;

export function readLanguage(value, wrong) {
  const written = trim(value);
  const tag = written.length > 35 ? undefined : TAG.exec(written)?.groups;
  const variants = tag?.variants.toLowerCase().split('-').slice(1) ?? [];
  if (!tag || new Set(variants).size < variants.length) return wrong('language_unknown');
  const script = tag.script && tag.script[0].toUpperCase() + tag.script.slice(1).toLowerCase();
  return [tag.language.toLowerCase(), script, tag.region?.toUpperCase(), ...variants].filter(Boolean).join('-');
}

export function isDay(text) {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  return day !== undefined && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}
