//! The page of an invoice: every value as displayed text, in French or English.
//!
//! The invoice template receives a [`Page`] and lays it out; it computes and formats nothing. The words are in `words`,
//! number and date formats in `format`, the parties in `parties`. Legal mentions are already chosen. The content of the
//! e-invoice is decided elsewhere.

mod format;
mod parties;
mod words;

use serde::Serialize;

use super::{Draft, Invoice, Kind, Line, TaxRow};
use crate::{
    money::Currency,
    seller::Look,
    vat::{Vat, VatCategory, regime::Supply},
};
use format::{day, number, percent, with_currency};
pub use format::{money, written_day};
pub use words::{InvalidWords, Words};
use words::{Wording, fill};

/// An invoice as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Page {
    /// `fr` or `en`.
    pub language: String,
    /// `#rrggbb`.
    pub accent: String,
    /// A file in the template's folder.
    pub logo: Option<String>,
    /// The document title: "Facture", "Avoir".
    pub title: String,
    /// The number.
    pub number: String,
    /// Fixed strings of this language.
    pub labels: Labels,
    /// Date of issue as printed.
    pub issued_on: String,
    /// Date of issue as numbers (year, month, day), for the document's metadata.
    pub date: (i16, i8, i8),
    /// Key facts, label and value: dates, reference, the document that a credit note corrects.
    pub facts: Vec<(String, String)>,
    /// The seller's name.
    pub seller: String,
    /// Address and contact, one line each.
    pub seller_lines: Vec<String>,
    /// Legal form, capital, registration, SIREN or SIRET, VAT number: the footer of every page.
    pub seller_legal: Vec<String>,
    /// The buyer's country (ISO 3166-1), empty if unknown: the glyphs of Chinese characters differ from country to
    /// country.
    pub buyer_country: String,
    /// The buyer's name.
    pub buyer: String,
    /// Address, one line each.
    pub buyer_lines: Vec<String>,
    /// E-mail and identifiers, one line each.
    pub buyer_details: Vec<String>,
    /// Delivery address, one line each; empty if it is the buyer's address.
    pub delivery_lines: Vec<String>,
    /// The table's rows.
    pub lines: Vec<PageLine>,
    /// Sums above the total, label and amount.
    pub sums: Vec<(String, String)>,
    /// The total, label and amount.
    pub total: (String, String),
    /// Sums below the total, label and amount: paid, due.
    pub settled: Vec<(String, String)>,
    /// The VAT in euros, for an invoice in another currency.
    pub in_euros: Option<String>,
    /// How and when it was paid, or refunded.
    pub paid: String,
    /// Legal texts.
    pub mentions: Vec<String>,
    /// A stamp across the page for documents that are not real invoices.
    pub stamp: Option<String>,
}

/// Fixed strings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Labels {
    /// Heading of the buyer.
    pub billed_to: String,
    /// Heading of the delivery address.
    pub delivered_to: String,
    /// Table head.
    pub description: String,
    /// Table head.
    pub quantity: String,
    /// Table head.
    pub unit_price: String,
    /// Table head.
    pub vat: String,
    /// Table head.
    pub amount: String,
    /// "Page {page}/{pages}": only the template knows both numbers.
    pub page: String,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct PageLine {
    /// The description.
    pub description: String,
    /// A note below it: the discount.
    pub detail: Option<String>,
    /// The quantity.
    pub quantity: String,
    /// The unit price, before tax and discount.
    pub unit_price: String,
    /// The rate, "20 %", or a dash where none applies.
    pub vat: String,
    /// The line before tax, after discount.
    pub amount: String,
}

/// The page of an invoice. Depends on the snapshot, the look and the words alone.
pub fn page(invoice: &Invoice, look: &Look, words: &Words) -> Page {
    let draft = &invoice.draft;
    let words = words.of(&draft.language);
    let print = Print { draft, words, french: draft.language == "fr" };
    Page {
        language: draft.language.clone(),
        accent: look.accent.clone(),
        logo: look.logo.clone(),
        title: match draft.kind {
            Kind::Invoice => words.invoice.clone(),
            Kind::CreditNote => words.credit_note.clone(),
        },
        number: invoice.number.to_string(),
        labels: labels(draft, words),
        issued_on: day(invoice.issued_on, words),
        date: (invoice.issued_on.year(), invoice.issued_on.month(), invoice.issued_on.day()),
        facts: facts(invoice, words),
        seller: draft.seller.name.clone(),
        seller_lines: parties::seller(draft, words),
        seller_legal: parties::legal(draft, words),
        buyer_country: draft.buyer.country.clone().unwrap_or_default(),
        buyer: draft.buyer.name.clone(),
        buyer_lines: parties::buyer(draft, words),
        buyer_details: parties::details(&draft.buyer, words),
        delivery_lines: parties::delivery(draft, words),
        lines: draft.lines.iter().map(|line| print.line(line)).collect(),
        sums: print.sums(),
        total: (
            if print.bears_vat() { &words.total_with_vat } else { &words.total_without_vat }.clone(),
            print.amount(draft.totals.gross),
        ),
        settled: print.settled(),
        in_euros: print.in_euros(),
        paid: print.paid(),
        mentions: draft.mentions.iter().map(|mention| mention.text.clone()).collect(),
        stamp: draft.test.then(|| "TEST".to_owned()),
    }
}

fn labels(draft: &Draft, words: &Wording) -> Labels {
    let beyond_vat = draft.taxes.iter().any(|row| row.vat.beyond_vat().is_some());
    Labels {
        billed_to: words.billed_to.clone(),
        delivered_to: words.delivered_to.clone(),
        description: words.description.clone(),
        quantity: words.quantity.clone(),
        unit_price: words.unit_price.clone(),
        vat: if beyond_vat { &words.tax } else { &words.vat }.clone(),
        amount: words.amount.clone(),
        page: words.page.clone(),
    }
}

fn facts(invoice: &Invoice, words: &Wording) -> Vec<(String, String)> {
    let draft = &invoice.draft;
    let supplied_on = match draft.supply {
        Supply::Goods => &words.goods_supplied_on,
        Supply::Services | Supply::Digital => &words.services_supplied_on,
        Supply::Both => &words.supplied_on,
    };
    let mut facts = vec![(words.issued_on.clone(), day(invoice.issued_on, words))];
    match &draft.corrects {
        Some(original) => {
            let (number, date) = (original.number.to_string(), day(original.issued_on, words));
            facts.push((words.corrects.clone(), fill(&words.corrected, &[("number", &number), ("date", &date)])));
        }
        None => facts.push((supplied_on.clone(), day(draft.supplied_on, words))),
    }
    facts.extend(draft.purchase_order.clone().map(|order| (words.purchase_order.clone(), order)));
    facts.extend(draft.reference.clone().map(|reference| (words.reference.clone(), reference)));
    facts
}

/// The amounts of a draft, with the words and formats of its language.
struct Print<'a> {
    draft: &'a Draft,
    words: &'a Wording,
    french: bool,
}

impl Print<'_> {
    fn amount(&self, minor: i64) -> String {
        money(self.draft.money(minor), self.french)
    }

    /// Whether any row is in a category with a rate, even zero. A seller who charges no VAT must not mention it.
    fn bears_vat(&self) -> bool {
        self.draft.taxes.iter().any(|row| has_rate(row.vat))
    }

    fn line(&self, line: &Line) -> PageLine {
        let currency = self.draft.currency;
        let price = number(line.unit_net.normalize(), currency.decimals(), self.french);
        let unit_price = with_currency(&price, currency.code(), self.french);
        let discount = if self.bears_vat() { &self.words.discount } else { &self.words.discount_without_vat };
        PageLine {
            description: line.description.clone(),
            detail: (line.discount > 0).then(|| fill(discount, &[("amount", &self.amount(line.discount))])),
            quantity: number(line.quantity.normalize(), 0, self.french),
            unit_price: if line.per == 1 {
                unit_price
            } else {
                format!("{unit_price}\u{a0}/\u{a0}{}", number(line.per.into(), 0, self.french))
            },
            vat: match (has_rate(line.vat), line.vat.foreign) {
                (false, _) => "–".to_owned(),
                (true, None) => percent(line.vat.rate, self.french),
                (true, Some(tax)) => format!("{}\u{a0}{}", percent(line.vat.rate, self.french), tax.country),
            },
            amount: self.amount(line.net),
        }
    }

    fn sums(&self) -> Vec<(String, String)> {
        let mut sums = vec![(self.words.total_before_vat.clone(), self.amount(self.draft.totals.net))];
        if self.bears_vat() {
            sums.extend(self.draft.taxes.iter().map(|row| (self.tax(row), self.amount(row.tax))));
        }
        // The mentions of an exempt invoice say why it carries no VAT; a zero row would only raise the question.
        sums
    }

    /// Which tax at which rate; with several rates, each with its base (CGI annexe II art. 242 nonies A, I-11°).
    fn tax(&self, row: &TaxRow) -> String {
        let (rate, base) = (percent(row.vat.rate, self.french), self.amount(row.base));
        let several = self.draft.taxes.len() > 1;
        let values = [("rate", rate.as_str()), ("base", base.as_str())];
        let [of_rate, of_base] = values;
        match (has_rate(row.vat), row.vat.foreign, several) {
            (false, ..) => fill(&self.words.row_without_vat, &[of_base]),
            (true, None, false) => fill(&self.words.vat_row, &[of_rate]),
            (true, None, true) => fill(&self.words.vat_row_of_several, &values),
            (true, Some(tax), _) => {
                let code = tax.country.as_str();
                let country = self.words.countries.get(code).map_or(code, String::as_str);
                let named = [of_rate, of_base, ("tax", tax.kind.name(self.french)), ("country", country)];
                match several {
                    false => fill(&self.words.foreign_tax_row, &named),
                    true => fill(&self.words.foreign_tax_row_of_several, &named),
                }
            }
        }
    }

    /// When it was paid, and which part through which provider.
    fn paid(&self) -> String {
        let (draft, words) = (self.draft, self.words);
        let through = draft.received.map(|part| self.amount(part));
        let sentence = match (draft.kind, draft.paid_through.is_empty(), &through) {
            (Kind::Invoice, false, None) => &words.paid_on,
            (Kind::Invoice, false, Some(_)) => &words.paid_partly_on,
            (Kind::Invoice, true, _) => &words.settled_on,
            (Kind::CreditNote, false, _) => &words.refunded_on,
            (Kind::CreditNote, true, _) => &words.credited_on,
        };
        let (date, amount) = (day(draft.supplied_on, words), through.unwrap_or_default());
        fill(sentence, &[("date", &date), ("amount", &amount), ("means", &draft.paid_through)])
    }

    fn settled(&self) -> Vec<(String, String)> {
        let (paid, due) = match self.draft.kind {
            Kind::Invoice => (&self.words.paid, &self.words.due),
            Kind::CreditNote => (&self.words.refunded, &self.words.still_to_refund),
        };
        let totals = &self.draft.totals;
        vec![(paid.clone(), self.amount(totals.paid)), (due.clone(), self.amount(totals.due))]
    }

    /// Directive 2006/112/EC art. 230: the tax in euros, and the exchange rate.
    fn in_euros(&self) -> Option<String> {
        let euros = self.draft.in_euros.as_ref().filter(|euros| euros.tax != 0)?;
        let tax = money(Currency::EUR.minor(euros.tax), self.french);
        let one = with_currency("1", self.draft.currency.code(), self.french);
        let rate =
            with_currency(&number(self.draft.rate_tax.as_ref()?.value.normalize(), 2, self.french), "EUR", self.french);
        Some(fill(&self.words.in_euros, &[("tax", &tax), ("one", &one), ("rate", &rate)]))
    }
}

/// Whether it has a rate; the others are printed with a dash.
fn has_rate(vat: Vat) -> bool {
    vat.foreign.is_some() || matches!(vat.category, VatCategory::S | VatCategory::Z)
}

#[cfg(test)]
mod tests;
