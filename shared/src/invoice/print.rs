//! What a page shows: every value of an invoice as the text its reader sees, in French or English.
//!
//! The invoice template receives a [`Page`] and lays it out; it computes nothing and formats nothing. Legal mentions
//! arrive already chosen. What the electronic twin of the invoice carries is not decided here.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{Invoice, Kind, Line};
use crate::{money::Money, seller::Look, text::filled, vat::VatCategory};

/// An invoice as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    /// `fr` or `en`.
    pub language: String,
    /// `#rrggbb`.
    pub accent: String,
    /// A file beside the template.
    pub logo: Option<String>,
    /// "Facture" and the document's number.
    pub title: String,
    /// The number.
    pub number: String,
    /// Fixed strings of this language.
    pub labels: Labels,
    /// Date of issue as printed.
    pub issued_on: String,
    /// Date of supply as printed.
    pub supplied_on: String,
    /// Date of issue as numbers, for the document's metadata: year, month, day.
    pub date: (i16, i8, i8),
    /// The customer's or the shop's reference.
    pub reference: Option<String>,
    /// The seller's name.
    pub seller: String,
    /// Address and contact, one line each.
    pub seller_lines: Vec<String>,
    /// Legal form, capital, registration, SIREN, VAT number: the foot of every page.
    pub seller_legal: Vec<String>,
    /// The buyer's name.
    pub buyer: String,
    /// Address and identifiers, one line each.
    pub buyer_lines: Vec<String>,
    /// The table.
    pub lines: Vec<PageLine>,
    /// Sums above the total, label and amount.
    pub sums: Vec<(String, String)>,
    /// The total, label and amount.
    pub total: (String, String),
    /// Sums below the total, label and amount: paid, due.
    pub settled: Vec<(String, String)>,
    /// How and when it was paid.
    pub paid: String,
    /// Legal texts.
    pub mentions: Vec<String>,
    /// A word across the page for documents that are no real invoices.
    pub stamp: Option<String>,
}

/// Fixed strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Labels {
    /// Above the buyer.
    pub billed_to: &'static str,
    /// Before the date of issue.
    pub issued_on: &'static str,
    /// Before the date of supply.
    pub supplied_on: &'static str,
    /// Before the number.
    pub number: &'static str,
    /// Before the reference.
    pub reference: &'static str,
    /// Table head.
    pub description: &'static str,
    /// Table head.
    pub quantity: &'static str,
    /// Table head.
    pub unit_price: &'static str,
    /// Table head.
    pub vat: &'static str,
    /// Table head.
    pub amount: &'static str,
    /// "page {n} of {m}" as the part before, between.
    pub page: (&'static str, &'static str),
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageLine {
    /// What.
    pub description: String,
    /// A remark below it: the discount.
    pub detail: Option<String>,
    /// How many.
    pub quantity: String,
    /// One, before tax.
    pub unit_price: String,
    /// The rate, "20 %", or a dash.
    pub vat: String,
    /// The line before tax.
    pub amount: String,
}

const FRENCH: Labels = Labels {
    billed_to: "Facturé à",
    issued_on: "Date d’émission",
    supplied_on: "Date de la prestation ou de la livraison",
    number: "Numéro",
    reference: "Référence",
    description: "Désignation",
    quantity: "Qté",
    unit_price: "Prix unitaire HT",
    vat: "TVA",
    amount: "Montant HT",
    page: ("Page ", "/"),
};

const ENGLISH: Labels = Labels {
    billed_to: "Billed to",
    issued_on: "Date of issue",
    supplied_on: "Date of supply",
    number: "Number",
    reference: "Reference",
    description: "Description",
    quantity: "Qty",
    unit_price: "Unit price excl. VAT",
    vat: "VAT",
    amount: "Amount excl. VAT",
    page: ("Page ", " of "),
};

/// The page of an invoice. A function of the snapshot and the look alone.
pub fn page(invoice: &Invoice, look: &Look) -> Page {
    let draft = &invoice.draft;
    let french = draft.language == "fr";
    let say = |fr: &str, en: &str| if french { fr } else { en }.to_owned();
    let amount = |minor: i64| money(draft.money(minor), french);
    let titled = match draft.kind {
        Kind::Invoice => say("Facture", "Invoice"),
        Kind::CreditNote => say("Avoir", "Credit note"),
    };
    let mut sums = vec![(say("Total HT", "Total excl. VAT"), amount(draft.totals.net))];
    // An exempt invoice says why it carries no VAT among its mentions; a row of zero would only raise the question.
    for row in draft.taxes.iter().filter(|row| row.exemption.is_none()) {
        sums.push((format!("{} {}", say("TVA", "VAT"), percent(row.vat.rate, french)), amount(row.tax)));
    }
    Page {
        language: draft.language.clone(),
        accent: look.accent.clone(),
        logo: look.logo.clone(),
        title: titled,
        number: invoice.number.to_string(),
        labels: if french { FRENCH } else { ENGLISH },
        issued_on: day(invoice.issued_on, french),
        supplied_on: day(draft.supplied_on, french),
        date: (invoice.issued_on.year(), invoice.issued_on.month(), invoice.issued_on.day()),
        reference: draft.reference.clone(),
        seller: draft.seller.name.clone(),
        seller_lines: seller_lines(invoice),
        seller_legal: seller_legal(invoice),
        buyer: draft.buyer.name.clone(),
        buyer_lines: buyer_lines(invoice),
        lines: draft.lines.iter().map(|line| page_line(line, invoice, french)).collect(),
        sums,
        total: (
            if draft.totals.tax == 0 { say("Total", "Total") } else { say("Total TTC", "Total incl. VAT") },
            amount(draft.totals.gross),
        ),
        settled: vec![
            (say("Déjà payé", "Paid"), amount(draft.totals.paid)),
            (say("Reste à payer", "Amount due"), amount(draft.totals.due)),
        ],
        paid: if french {
            format!("Payée le {} par {}. Rien à régler.", day(draft.supplied_on, true), draft.paid_through)
        } else {
            format!("Paid on {} through {}. Nothing to pay.", day(draft.supplied_on, false), draft.paid_through)
        },
        mentions: draft.mentions.iter().map(|mention| mention.text.clone()).collect(),
        stamp: draft.test.then(|| "TEST".to_owned()),
    }
}

fn page_line(line: &Line, invoice: &Invoice, french: bool) -> PageLine {
    let draft = &invoice.draft;
    let off = match (french, draft.totals.tax == 0) {
        (true, true) => "Remise déduite :",
        (true, false) => "Remise TTC déduite :",
        (false, true) => "Discount deducted:",
        (false, false) => "Discount deducted, incl. VAT:",
    };
    PageLine {
        description: line.description.clone(),
        detail: (line.discount > 0).then(|| format!("{off} {}", money(draft.money(line.discount), french))),
        quantity: group(&line.quantity.to_string(), french),
        unit_price: with_currency(
            &number(line.unit_net, draft.currency.decimals(), french),
            draft.currency.code(),
            french,
        ),
        vat: if line.vat.category != VatCategory::S { "–".to_owned() } else { percent(line.vat.rate, french) },
        amount: money(draft.money(line.net), french),
    }
}

fn seller_lines(invoice: &Invoice) -> Vec<String> {
    let seller = &invoice.draft.seller;
    let town = format!("{} {}", seller.postal_code, seller.city);
    [
        Some(seller.line1.clone()),
        seller.line2.clone(),
        Some(town),
        Some(seller.email.clone()),
        seller.phone.clone(),
        seller.website.clone(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn seller_legal(invoice: &Invoice) -> Vec<String> {
    let seller = &invoice.draft.seller;
    [
        Some(format!("{}, {}", seller.name, seller.legal_form)),
        seller.capital.as_ref().map(|capital| format!("au capital de {capital}")),
        Some(format!("SIREN {}", grouped_siren(&seller.siren))),
        seller.siret.as_ref().map(|siret| format!("SIRET {siret}")),
        seller.registration.clone(),
        seller.vat_number.as_ref().map(|number| format!("TVA {number}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn buyer_lines(invoice: &Invoice) -> Vec<String> {
    let buyer = &invoice.draft.buyer;
    let address = buyer.customer.address.clone().unwrap_or_default();
    let person = filled(buyer.customer.name.as_deref()).filter(|name| *name != buyer.name);
    let town =
        [filled(address.postal_code.as_deref()), filled(address.city.as_deref()), filled(address.state.as_deref())];
    let town = town.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let abroad = (buyer.country != invoice.draft.seller.country).then(|| buyer.country.clone());
    let mut lines: Vec<String> =
        [person, filled(address.line1.as_deref()), filled(address.line2.as_deref()), filled(Some(&town)), abroad]
            .into_iter()
            .flatten()
            .collect();
    lines.extend(filled(buyer.customer.email.as_deref()));
    lines.extend(buyer.customer.tax_ids.iter().map(|id| id.value.clone()));
    lines
}

/// "49,00 €" or "€49.00"; other currencies by their code.
pub fn money(amount: Money, french: bool) -> String {
    with_currency(&number(amount.decimal(), amount.currency.decimals(), french), amount.currency.code(), french)
}

fn with_currency(number: &str, code: &str, french: bool) -> String {
    match (code, french) {
        ("EUR", true) => format!("{number}\u{a0}€"),
        ("EUR", false) => {
            number.strip_prefix('-').map_or_else(|| format!("€{number}"), |positive| format!("-€{positive}"))
        }
        _ => format!("{number}\u{a0}{code}"),
    }
}

/// "1 234,50" or "1,234.50", with at least `decimals` decimals.
fn number(value: Decimal, decimals: u32, french: bool) -> String {
    let mut value = value;
    if value.scale() < decimals {
        value.rescale(decimals);
    }
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = group(whole, french);
    let mark = if french { "," } else { "." };
    if fraction.is_empty() { whole } else { format!("{whole}{mark}{fraction}") }
}

/// Thousands apart: a narrow no-break space in French, a comma in English.
fn group(whole: &str, french: bool) -> String {
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let separator = if french { '\u{202f}' } else { ',' };
    let mut grouped = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

fn percent(rate: Decimal, french: bool) -> String {
    let rate = number(rate.normalize(), 0, french);
    if french { format!("{rate}\u{a0}%") } else { format!("{rate}%") }
}

fn grouped_siren(siren: &str) -> String {
    group(siren, true).replace('\u{202f}', "\u{a0}")
}

/// "21 novembre 2026" or "21 November 2026".
pub fn day(date: Date, french: bool) -> String {
    const FRENCH_MONTHS: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    const ENGLISH_MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let place = usize::try_from(date.month() - 1).unwrap_or_default();
    let months = if french { FRENCH_MONTHS } else { ENGLISH_MONTHS };
    let month = months.get(place).copied().unwrap_or_default();
    let day = if french && date.day() == 1 { "1er".to_owned() } else { date.day().to_string() };
    format!("{day}\u{a0}{month}\u{a0}{}", date.year())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        invoice::{InvoiceNumber, draft::draft},
        money::Currency,
        seller::Seller,
        testing::{STANDARD_TOML, sale},
    };
    use jiff::civil::date;

    #[test]
    fn numbers_and_dates_are_written_as_their_readers_write_them() {
        let eur = |minor| Currency::EUR.minor(minor);
        assert_eq!(money(eur(123_456_789), true), "1\u{202f}234\u{202f}567,89\u{a0}€");
        assert_eq!(money(eur(123_456), false), "€1,234.56");
        assert_eq!(money(eur(-500), false), "-€5.00");
        assert_eq!(money(eur(-123_456), true), "-1\u{202f}234,56\u{a0}€");
        assert_eq!(money(Currency::parse("jpy").unwrap().minor(1_500), true), "1\u{202f}500\u{a0}JPY");
        assert_eq!(money(Currency::parse("kwd").unwrap().minor(150), false), "1.500\u{a0}KWD");
        assert_eq!(percent("5.5".parse().unwrap(), true), "5,5\u{a0}%");
        assert_eq!(day(date(2026, 11, 1), true), "1er\u{a0}novembre\u{a0}2026");
        assert_eq!(day(date(2026, 8, 21), false), "21\u{a0}August\u{a0}2026");
    }

    #[test]
    fn a_page_shows_what_the_law_asks() {
        let seller = Seller::from_toml(STANDARD_TOML).unwrap();
        let issued_on = date(2026, 11, 21);
        let invoice = Invoice {
            number: InvoiceNumber("2026-11-0042".into()),
            issued_on,
            draft: draft(&sale(), &seller, issued_on).unwrap(),
        };
        let page = page(&invoice, &seller.look);
        assert_eq!(
            page.sums,
            [("Total HT".into(), "40,83\u{a0}€".into()), ("TVA 20\u{a0}%".into(), "8,17\u{a0}€".into())]
        );
        assert_eq!(page.total.1, "49,00\u{a0}€");
        assert_eq!(page.stamp.as_deref(), Some("TEST"));
        let legal = page.seller_legal.join(" · ");
        for part in ["SAS", "10 000 €", "123\u{a0}456\u{a0}824", "RCS Lyon", "FR40123456824"] {
            assert!(legal.contains(part), "{part} in {legal}");
        }
        assert_eq!(page.buyer_lines, ["12 rue de l’Été", "75011 Paris", "zoe@example.org"]);
    }
}
