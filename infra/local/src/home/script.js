"use strict";
// Shows /_local/state and keeps it up to date. Text is always set as text; a mail is shown in a frame that may run nothing.

const $ = (id) => document.getElementById(id);
const EVERY = 1000;
let shown = "";
let state = null;
let open = null;

/** An element with a class, text and children. */
function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Minor units as a French page prints them: 1 234,50 €. */
function money(minor, currency) {
  const code = (currency || "EUR").toUpperCase();
  try {
    const format = new Intl.NumberFormat("fr-FR", { style: "currency", currency: code });
    const digits = format.resolvedOptions().maximumFractionDigits;
    return format.format(minor / 10 ** digits);
  } catch {
    return `${minor} ${code}`;
  }
}

function when(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return "";
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString("fr-FR", today ? { timeStyle: "short" } : { dateStyle: "short", timeStyle: "short" });
}

function count(number, one, many) {
  return `${number.toLocaleString("fr-FR")} ${number === 1 ? one : many}`;
}

const archive = (key) => "/_local/archive/" + key.split("/").map(encodeURIComponent).join("/");
const byKey = (items) => new Map(items.map((item) => [item.pk, item]));

function totals(payments) {
  const sums = new Map();
  for (const { data } of payments) {
    if (typeof data?.total === "number") sums.set(data.currency, (sums.get(data.currency) || 0) + data.total);
  }
  return [...sums].slice(0, 2).map(([currency, sum]) => money(sum, currency)).join(" + ");
}

function figures() {
  const archived = state.invoices.filter((invoice) => invoice.document_key).length;
  const unknown = state.queued.filter((mail) => mail.status === "unknown").length;
  const parked = state.parked.length;
  $("n-payments").textContent = state.payments.length.toLocaleString("fr-FR");
  $("t-payments").textContent = totals(state.payments) || "none yet";
  $("n-invoices").textContent = state.invoices.length.toLocaleString("fr-FR");
  $("t-invoices").textContent = state.invoices.length ? `${archived.toLocaleString("fr-FR")} archived` : "none yet";
  $("n-mails").textContent = state.mails.length.toLocaleString("fr-FR");
  $("t-mails").textContent = unknown ? `${unknown} of unknown fate` : state.mails.length ? "sent" : "none yet";
  $("n-parked").textContent = parked.toLocaleString("fr-FR");
  $("t-parked").textContent = parked ? count(parked, "record", "records") + " parked" : "all is well";
  $("f-parked").classList.toggle("alert", parked > 0);
  $("stage").textContent = state.stage;
}

function step(text, className) {
  return el("span", className, text);
}

/** Where a sale is on its way: numbered and archived (the link), mailed; or where it waits. */
function road(payment, invoice, mail) {
  const steps = el("div", "road");
  const stuck = (record) => record && record.parked_at;
  if (stuck(payment)) steps.append(step("parked", "stuck"));
  else if (!invoice) steps.append(step("invoice to come", "todo"));
  if (invoice) {
    const number = payment.invoice;
    if (invoice.document_key) {
      const link = el("a", "", number);
      link.href = archive(invoice.document_key);
      link.target = "_blank";
      link.rel = "noopener";
      link.title = "Opens the PDF";
      link.insertAdjacentHTML("beforeend", '<svg viewBox="0 0 10 10" fill="none" stroke="currentColor" stroke-width="1.4" aria-hidden="true"><path d="M3.5 1.5h5v5M8.2 1.8 1.8 8.2"/></svg>');
      steps.append(link);
    } else {
      steps.append(step(number, "todo"), step("PDF to come", "todo"));
    }
    if (stuck(mail)) steps.append(step("mail parked", "stuck"));
    else if (mail?.status === "unknown") steps.append(step("mail of unknown fate", "stuck"));
    else if (mail?.status === "complained") steps.append(step("mailed, called spam", "stuck"));
    else if (mail?.status === "sent" || mail?.status === "delivered") steps.append(step(mail.status === "sent" ? "mailed" : "delivered"));
    else steps.append(step(mail ? `mail ${mail.status}` : "mail to come", "todo"));
  }
  return steps;
}

function sales() {
  const invoices = byKey(state.invoices);
  const queued = byKey(state.queued);
  const newest = [...state.payments].sort((a, b) => String(b.data?.paid_at).localeCompare(String(a.data?.paid_at)) || String(b.invoice || "").localeCompare(String(a.invoice || "")));
  $("sales").replaceChildren(...newest.slice(0, 200).map((payment) => {
    const sale = payment.data || {};
    const customer = sale.customer || {};
    const lines = (sale.lines || []).map((line) => line.description);
    const what = [when(sale.paid_at), lines[0], lines.length > 1 ? `and ${count(lines.length - 1, "more line", "more lines")}` : null];
    return el("li", "",
      el("span", "who", customer.business_name || customer.name || customer.email || "Unnamed customer"),
      el("span", "sum", typeof sale.total === "number" ? money(sale.total, sale.currency) : ""),
      el("span", "what", what.filter(Boolean).join(" · ")),
      road(payment, payment.invoice && invoices.get(`INVOICE#${payment.invoice}`), payment.invoice && queued.get(`MAIL#invoice/${payment.invoice}`)));
  }));
  if (!state.payments.length) $("sales").replaceChildren(el("li", "", el("span", "what", "No sale yet.")));
}

function letters() {
  const newest = [...state.mails].reverse().slice(0, 200);
  $("letters").replaceChildren(...newest.map((mail) => {
    const button = el("button", "", el("b", "", mail.subject || "(no subject)"), el("span", "", el("i", "", mail.to), el("time", "", when(mail.sent_at))));
    button.type = "button";
    button.addEventListener("click", () => read(mail.id));
    return el("li", "", button);
  }));
  if (!newest.length) $("letters").replaceChildren(el("li", "none", "No mail yet."));
}

/** Opens a mail, or goes back to the list. */
async function read(id) {
  open = id;
  const answer = id && (await fetch("/_local/mailbox/" + encodeURIComponent(id)).catch(() => null));
  const mail = answer?.ok ? await answer.json() : null;
  if (open !== id) return;
  if (!mail) open = null;
  $("letter").hidden = !mail;
  $("letters").hidden = Boolean(mail);
  if (!mail) return;
  $("l-subject").textContent = mail.subject;
  const head = [["From", mail.from], ["To", mail.to], ["Sent", when(mail.sent_at)]];
  $("l-head").replaceChildren(...head.flatMap(([name, value]) => [el("dt", "", name), el("dd", "", value)]));
  const documents = state.invoices.map((invoice) => invoice.document_key).filter(Boolean);
  $("l-files").replaceChildren(...mail.attachments.map((file) => {
    const key = documents.find((document) => document.split("/").pop() === file.filename);
    const link = el(key ? "a" : "span", "", file.filename);
    if (key) Object.assign(link, { href: archive(key), target: "_blank", rel: "noopener" });
    return link;
  }));
  $("l-body").srcdoc = mail.html || `<pre style="white-space:pre-wrap;font:15px/1.5 sans-serif;padding:1rem">${mail.text.replace(/[&<]/g, (c) => (c === "&" ? "&amp;" : "&lt;"))}</pre>`;
}

function parked() {
  $("parked").hidden = !state.parked.length;
  const expanded = new Set([...document.querySelectorAll("#parked-list details[open]")].map((details) => details.dataset.key));
  $("parked-list").replaceChildren(...state.parked.map((one) => {
    const key = one.record?.pk || one.at;
    const details = el("details", "", el("summary", "", "The record"), el("pre", "", JSON.stringify(one.record, null, 2)));
    details.dataset.key = key;
    details.open = expanded.has(key);
    return el("li", "", el("p", "reason", one.reason || "No reason given"), el("p", "where", [one.source, key, when(one.at)].filter(Boolean).join(" · ")), details);
  }));
}

function show() {
  const empty = !state.payments.length && !state.mails.length && !state.parked.length;
  $("empty").hidden = !empty;
  $("columns").hidden = empty;
  figures();
  parked();
  sales();
  letters();
  if (open && !state.mails.some((mail) => mail.id === open)) read(null);
}

function live(on, text) {
  $("live").className = "live " + (on ? "on" : "off");
  $("live").lastElementChild.textContent = text;
}

function take(text) {
  live(true, "up to date");
  if (text === shown) return;
  shown = text;
  state = JSON.parse(text);
  show();
  const wanted = decodeURIComponent(location.hash.match(/^#mail=(.+)/)?.[1] || "");
  if (wanted && !open) read(wanted === "last" ? state.mails.at(-1)?.id : wanted);
}

async function look() {
  try {
    const answer = await fetch("/_local/state", { cache: "no-store" });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    take(text);
  } catch {
    live(false, "the bundle does not answer");
  }
  setTimeout(look, document.hidden ? EVERY * 5 : EVERY);
}

$("back").addEventListener("click", () => { location.hash = ""; read(null); });
const first = $("first").textContent;
if (first.startsWith("{")) take(first);
look();
