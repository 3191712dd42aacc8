// The invoice as a plain PDF with pdfkit, laid out by hand as one does with it.
import { load } from './lib/missing.mjs';
import { FONTS, main } from './lib/pages.mjs';

const { default: PDFDocument } = await load(() => import('pdfkit'));

// Read once: documents share the fonts' tables.
const { openSync } = await load(() => import('fontkit'));
const REGULAR = openSync(`${FONTS}Inter-Regular.otf`);
const SEMIBOLD = openSync(`${FONTS}Inter-SemiBold.otf`);

const mm = 72 / 25.4;
const [INK, QUIET, HAIR, PALE] = ['#1c1f24', '#5d6570', '#dfe3e8', '#f3f4f6'];
const LEFT = 20 * mm;
const RIGHT = 190 * mm;
const MIDDLE = 110 * mm;
const HALF = 80 * mm;
const TABULAR = ['tnum'];
const TOP = 22 * mm;
const BOTTOM = 267 * mm;

class Sheet {
  constructor(page) {
    this.page = page;
    this.doc = new PDFDocument({
      size: 'A4',
      margin: 0,
      bufferPages: true,
      font: null,
      lang: page.language,
      info: { Title: `${page.title} ${page.number}`, Author: page.seller },
    });
    this.doc.registerFont('regular', REGULAR);
    this.doc.registerFont('semibold', SEMIBOLD);
    this.doc.on('pageAdded', () => this.stamp());
    this.stamp();
    this.y = TOP;
  }

  stamp() {
    const { doc, page } = this;
    if (!page.stamp) return;
    doc.save().rotate(-55, { origin: [105 * mm, 148 * mm] });
    this.text(page.stamp, 0, 148 * mm - 85, { size: 170, bold: true, color: PALE, width: 210 * mm, align: 'center' });
    doc.restore();
  }

  set({ size = 9, bold = false, color = INK }) {
    return this.doc.font(bold ? 'semibold' : 'regular').fontSize(size).fillColor(color);
  }

  // Writes a text and returns where it ends. Figures in columns are tabular; elsewhere pdfkit remembers words it laid out,
  // which it does not where features are asked for.
  text(text, x, y, { width, align = 'left', features, ...style }) {
    this.set(style).text(text, x, y, { width, align, lineGap: 2, features });
    return this.doc.y;
  }

  lines(lines, x, y, style) {
    return lines.length > 0 ? this.text(lines.join('\n'), x, y, { width: HALF, ...style }) : y;
  }

  rule(y, color, thickness, from = LEFT) {
    this.doc.moveTo(from, y).lineTo(RIGHT, y).lineWidth(thickness).strokeColor(color).stroke();
  }

  room(height) {
    if (this.y + height <= BOTTOM) return false;
    this.doc.addPage();
    this.y = TOP;
    return true;
  }

  head() {
    const { page } = this;
    const seller = this.text(page.seller, LEFT, TOP, { size: 13, bold: true, color: page.accent, width: HALF });
    const left = this.lines(page.seller_lines, LEFT, seller + 1.5 * mm, { size: 8.5, color: QUIET });
    let y = this.text(page.labels.billed_to, MIDDLE, TOP + 26 * mm, { size: 7.5, color: QUIET, width: HALF });
    y = this.text(page.buyer, MIDDLE, y + 0.5 * mm, { size: 10.5, bold: true, width: HALF });
    y = this.lines(page.buyer_lines, MIDDLE, y + 0.5 * mm, { size: 9.5 });
    y = this.lines(page.buyer_details, MIDDLE, y + 1.2 * mm, { size: 8.5, color: QUIET });
    this.y = Math.max(left, y) + 13 * mm;
  }

  title() {
    const { doc, page } = this;
    this.set({ size: 21, bold: true }).text(`${page.title} `, LEFT, this.y, { continued: true });
    doc.fillColor(page.accent).text(page.number);
    this.y = doc.y + 4 * mm;
    const start = this.y;
    const names = page.facts.map(([name]) => this.set({}).widthOfString(name));
    const values = LEFT + Math.max(0, ...names) + 5 * mm;
    for (const [name, value] of page.facts) {
      this.text(name, LEFT, this.y, { color: QUIET });
      this.y = this.text(value, values, this.y, { bold: true, width: MIDDLE - values }) + 1.4 * mm;
    }
    if (page.delivery_lines.length > 0) {
      const below = this.text(page.labels.delivered_to, MIDDLE, start, { size: 7.5, color: QUIET, width: HALF });
      this.y = Math.max(this.y, this.lines(page.delivery_lines, MIDDLE, below + 0.5 * mm, {}));
    }
    this.y += 9 * mm;
  }

  table() {
    const { page } = this;
    const names = ['quantity', 'unit_price', 'vat', 'amount'];
    const gap = 6 * mm;
    // As wide as what stands in them; the first column takes the rest.
    const widths = names.map((name) => {
      const cells = page.lines.map((line) => this.set({}).widthOfString(line[name], { features: TABULAR }));
      return Math.max(this.set({ size: 7.5, bold: true }).widthOfString(page.labels[name]), ...cells) + 1;
    });
    const ends = widths.map((_, at) => RIGHT - widths.slice(at + 1).reduce((sum, width) => sum + width + gap, 0));
    const what = ends[0] - widths[0] - gap - LEFT;
    const row = (cells, y, style) =>
      names.forEach((name, at) =>
        this.text(cells[name], ends[at] - widths[at], y, { ...style, width: widths[at], align: 'right' }));
    const heads = () => {
      const style = { size: 7.5, bold: true, color: page.accent };
      row(page.labels, this.y, style);
      this.y = this.text(page.labels.description, LEFT, this.y, style) + 2 * mm;
      this.rule(this.y, page.accent, 1);
    };
    heads();
    for (const line of page.lines) {
      const height = this.set({}).heightOfString(line.description, { width: what, lineGap: 2 });
      if (this.room(height + (line.detail ? 5 * mm : 0) + 5 * mm)) heads();
      const y = this.y + 2.6 * mm;
      row(line, y, { features: TABULAR });
      this.y = this.text(line.description, LEFT, y, { width: what });
      if (line.detail) this.y = this.text(line.detail, LEFT, this.y + 0.5 * mm, { size: 7.5, color: QUIET, width: what });
      this.y += 2 * mm;
      this.rule(this.y, HAIR, 0.5);
    }
  }

  closing() {
    const { page } = this;
    this.room(45 * mm);
    const start = this.y + 5 * mm;
    let y = this.text(page.paid, LEFT, start, { bold: true, width: HALF }) + 4 * mm;
    for (const mention of page.mentions) {
      y = this.text(mention, LEFT, y, { size: 7.5, color: QUIET, width: HALF }) + 1.5 * mm;
    }
    const row = ([name, value], at, style) => {
      this.text(name, MIDDLE, at, style);
      return this.text(value, MIDDLE, at, { ...style, width: HALF, align: 'right', features: TABULAR }) + 1.8 * mm;
    };
    y = start;
    for (const sum of page.sums) y = row(sum, y, {});
    this.rule(y, page.accent, 1, MIDDLE);
    y = row(page.total, y + 2.4 * mm, { size: 12, bold: true, color: page.accent }) + 2 * mm;
    for (const sum of page.settled) y = row(sum, y, { color: QUIET });
    if (page.in_euros) this.text(page.in_euros, MIDDLE, y + 1.5 * mm, { size: 7.5, color: QUIET, width: HALF });
  }

  margins() {
    const { doc, page } = this;
    const { count } = doc.bufferedPageRange();
    for (let at = 0; at < count; at += 1) {
      doc.switchToPage(at);
      this.rule(271 * mm, HAIR, 0.5);
      const style = { size: 7, color: QUIET };
      this.text(page.seller_legal.join(' · '), LEFT, 272 * mm, { ...style, width: 155 * mm });
      const number = page.labels.page.replace('{page}', at + 1).replace('{pages}', count);
      this.text(number, RIGHT - 15 * mm, 272 * mm, { ...style, width: 15 * mm, align: 'right' });
      if (at === 0) continue;
      this.text(`${page.title} ${page.number}`, LEFT, 12 * mm, { size: 7.5, color: QUIET, width: HALF });
      this.text(page.seller, MIDDLE, 12 * mm, { size: 7.5, color: QUIET, width: HALF, align: 'right' });
    }
  }
}

function render(page) {
  return new Promise((resolve, reject) => {
    const sheet = new Sheet(page);
    const chunks = [];
    sheet.doc.on('data', (chunk) => chunks.push(chunk));
    sheet.doc.on('end', () => resolve(Buffer.concat(chunks)));
    sheet.doc.on('error', reject);
    sheet.head();
    sheet.title();
    sheet.table();
    sheet.closing();
    sheet.margins();
    sheet.doc.end();
  });
}

await main('pdfkit_invoice.mjs', render);
