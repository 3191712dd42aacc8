// Links: https only, on hosts that everyone can reach, and each on the host of its kind.
import { domainToUnicode } from 'node:url';
import { unfit } from './text.mjs';
import { isAscii, isSingleScript, skeleton, trim } from './unicode.mjs';

const LONGEST = 2048;
const PRIVATE = (
  'localhost localdomain local internal intranet private lan home corp home.arpa arpa test invalid example onion alt'
).split(' ');

export const KINDS = {
  WEBSITE: [],
  LINKEDIN: ['linkedin.com'],
  GITHUB: ['github.com', 'github.io'],
  GITLAB: ['gitlab.com', 'gitlab.io'],
  MALT: ['malt.fr', 'malt.com'],
  BEHANCE: ['behance.net'],
  DRIBBBLE: ['dribbble.com'],
  INSTAGRAM: ['instagram.com'],
  YOUTUBE: ['youtube.com', 'youtu.be'],
  X: ['x.com', 'twitter.com'],
};

const isOrBelow = (host, domain) => host === domain || host.endsWith(`.${domain}`);

function isPublic(host) {
  const labels = host.split('.');
  return (
    host.length <= 253 &&
    labels.length > 1 &&
    labels.every((label) => /^(?!-)[a-zA-Z0-9_-]{1,63}(?<!-)$/.test(label)) &&
    !PRIVATE.some((name) => isOrBelow(host, name))
  );
}

// Whether a label mixes scripts, or is drawn from another script to look like Latin letters.
function imitates(host) {
  if (!host.includes('xn--')) return false;
  const shown = domainToUnicode(host);
  const foreign = shown.split('.').filter((label) => !isAscii(label));
  return shown === '' || foreign.some((label) => !isSingleScript(label) || isAscii(skeleton(label)));
}

export function readUrl(value, wrong) {
  const written = trim(value);
  if (written === '') return wrong('required');
  if (Buffer.byteLength(written) > LONGEST) return wrong('too_long');
  const code = unfit(written);
  if (code) return wrong(code);
  const colon = written.indexOf(':');
  if (colon < 0) return wrong('url_malformed');
  if (written.slice(0, colon).toLowerCase() !== 'https') return wrong('url_not_https');
  const rest = written.slice(colon + 1);
  if (!rest.startsWith('//') || rest.startsWith('///') || /[\\\p{White_Space}]/u.test(rest) || !URL.canParse(written)) {
    return wrong('url_malformed');
  }
  const url = new URL(written);
  if (/^\/\/[^/?#]*@/.test(rest)) return wrong('url_userinfo');
  if (url.port !== '') return wrong('url_port');
  const host = url.hostname;
  if (/^(?:[0-9.]+|\[.*\])$/.test(host) || !isPublic(host)) return wrong('url_private_host');
  if (imitates(host)) return wrong('url_mixed_scripts');
  // The bound holds for what is kept: percent signs triple what stands outside ASCII.
  return url.href.length > LONGEST ? wrong('too_long') : url.href;
}

export function fitsKind({ kind, url }) {
  const hosts = KINDS[kind];
  return hosts.length === 0 || hosts.some((known) => isOrBelow(new URL(url).hostname, known));
}
