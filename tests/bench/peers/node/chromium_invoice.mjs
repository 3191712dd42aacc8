// The invoice as a plain PDF with headless Chromium: HTML and CSS in one page of one browser that stays warm.
import { existsSync } from 'node:fs';
import { load } from './lib/missing.mjs';
import { STYLE, main } from './lib/pages.mjs';

const { chromium } = await load(() => import('playwright-core'));

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path));
if (!executablePath || !existsSync(executablePath)) {
  console.error('chromium is not installed: install it, or name it in CHROMIUM');
  process.exit(3);
}

const SIGNS = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text) => String(text).replace(/[&<>"]/g, (sign) => SIGNS[sign]);
const lines = (texts) => texts.map(escape).join('<br>');
const rows = (pairs, kind = '') =>
  pairs.map(([name, value]) => `<tr class="${kind}"><td>${escape(name)}</td><td>${escape(value)}</td></tr>`).join('');
const halves = (left, right, kind = '') =>
  `<table class="halves ${kind}"><tr><td>${left}</td><td class="gap"></td><td>${right}</td></tr></table>`;
// A string of CSS; within an element of style nothing but its end tag would end it.
const quoted = (text) => `"${text.replace(/["\\\n<]/g, (sign) => `\\${sign.codePointAt(0).toString(16)} `)}"`;

function margins(page) {
  const [before, between, after] = page.labels.page.split(/\{pages?\}/);
  const number = `${quoted(before)} counter(page) ${quoted(between)} counter(pages) ${quoted(after)}`;
  return `@page {
  @top-left { content: ${quoted(`${page.title} ${page.number}`)} }
  @top-right { content: ${quoted(page.seller)} }
  @bottom-left { content: ${quoted(page.seller_legal.join(' · '))} }
  @bottom-right { content: ${number} }
}
@page :first { @top-left { content: none } @top-right { content: none } }`;
}

function body(page) {
  const { labels } = page;
  const names = ['description', 'quantity', 'unit_price', 'vat', 'amount'];
  const heads = names.map((name) => `<th>${escape(labels[name])}</th>`).join('');
  const items = page.lines.map((line) => {
    const detail = line.detail ? `<div class="label">${escape(line.detail)}</div>` : '';
    const cells = names.slice(1).map((name) => `<td>${escape(line[name])}</td>`).join('');
    return `<tr><td>${escape(line.description)}${detail}</td>${cells}</tr>`;
  });
  const seller = `<div class="seller"><h1>${escape(page.seller)}</h1><p>${lines(page.seller_lines)}</p></div>`;
  const buyer = `<div class="buyer"><p class="label">${escape(labels.billed_to)}</p><h2>${escape(page.buyer)}</h2>
<p class="lines">${lines(page.buyer_lines)}</p><p class="details">${lines(page.buyer_details)}</p></div>`;
  let facts = `<table class="facts">${rows(page.facts)}</table>`;
  if (page.delivery_lines.length > 0) {
    facts = halves(facts, `<p class="label">${escape(labels.delivered_to)}</p>${lines(page.delivery_lines)}`);
  }
  const mentions = page.mentions.map((mention) => `<p>${escape(mention)}</p>`).join('');
  const closing = `<p class="paid">${escape(page.paid)}</p><div class="mentions">${mentions}</div>`;
  const sums = `${rows(page.sums)}${rows([page.total], 'total')}${rows(page.settled, 'quiet')}`;
  const inEuros = page.in_euros ? `<p class="label">${escape(page.in_euros)}</p>` : '';
  const stamp = page.stamp ? `<div class="stamp">${escape(page.stamp)}</div>` : '';
  return `<style>${margins(page)}</style>${stamp}${halves(seller, buyer)}
<div class="title">${escape(page.title)} <b>${escape(page.number)}</b></div>
${facts}
<table class="lines-table"><thead><tr>${heads}</tr></thead><tbody>${items.join('')}</tbody></table>
${halves(closing, `<table class="sums">${sums}</table>${inEuros}`, 'end')}`;
}

const browser = await chromium.launch({ executablePath }).catch((error) => {
  console.error(`chromium does not start: ${error.message.split('\n')[0]}`);
  process.exit(3);
});
const sheet = await browser.newPage();
// A file, so that the style sheet and its fonts are found, and read once.
await sheet.goto(new URL('invoice.html', STYLE).href);

async function render(page) {
  await sheet.evaluate(
    async ({ language, title, accent, html }) => {
      document.documentElement.lang = language;
      document.documentElement.style.setProperty('--accent', accent);
      document.title = title;
      document.body.innerHTML = html;
      await document.fonts.ready;
    },
    { language: page.language, title: `${page.title} ${page.number}`, accent: page.accent, html: body(page) },
  );
  return sheet.pdf({ preferCSSPageSize: true, printBackground: true });
}

// The browser's processes do most of the work.
const session = await browser.newBrowserCDPSession();
async function cpuOfOthers() {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return Math.round(processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0) * 1e9);
}

try {
  await main('chromium_invoice.mjs', render, { cpuOfOthers });
} finally {
  await browser.close();
}
