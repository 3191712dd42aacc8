//! French rules beyond EN 16931: the BR-FR rules of the electronic invoicing reform that a sale of this project can
//! break (AFNOR XP Z12-012; flow 2 of the specifications at impots.gouv.fr).
//!
//! They apply to invoices that pass a French platform. Distance sales under the one-stop shop do not, and have rates
//! that these rules do not allow.

use en16931::{Invoice as Model, InvoiceAmount};
use rust_decimal::Decimal;

use super::Broken;
use crate::{invoice::Draft, numbering::LONGEST, vat::territory::FRENCH_RATES};

/// One rule: its name, its text, and its check.
struct Rule {
    name: &'static str,
    wants: &'static str,
    holds: fn(&Model, &Draft) -> bool,
}

const RULES: [Rule; 16] = [
    Rule {
        name: "BR-FR-01",
        wants: "numbers of at most 35 characters",
        holds: |model, _| numbers(model).all(|number| (1..=LONGEST).contains(&number.len())),
    },
    Rule {
        name: "BR-FR-02",
        wants: "numbers of letters, digits and + - _ / only",
        holds: |model, _| {
            numbers(model).all(|number| number.chars().all(|c| c.is_ascii_alphanumeric() || "+-_/".contains(c)))
        },
    },
    Rule {
        name: "BR-FR-05",
        wants: "one note each with the codes PMT, PMD and AAB",
        holds: |model, _| ["PMT", "PMD", "AAB"].iter().all(|code| notes(model, code) >= 1),
    },
    Rule {
        name: "BR-FR-06",
        wants: "notes with the codes PMT, PMD, AAB and TXD at most once",
        holds: |model, _| ["PMT", "PMD", "AAB", "TXD"].iter().all(|code| notes(model, code) <= 1),
    },
    Rule {
        name: "BR-FR-08",
        wants: "a business process for something paid: B2, S2 or M2",
        holds: |model, _| matches!(model.business_process.as_deref(), Some("B2" | "S2" | "M2")),
    },
    Rule {
        name: "BR-FR-10",
        wants: "the seller's SIREN, 9 digits",
        holds: |model, _| model.seller.legal_registration.as_ref().is_some_and(|siren| is_siren(siren.content())),
    },
    Rule {
        name: "BR-FR-12",
        wants: "an electronic address of the buyer: a SIREN or an e-mail address",
        // A consumer's invoice passes no platform: without an address it is still issued, and e-reported without it.
        holds: |model, draft| model.buyer.electronic_address.is_some() || draft.buyer.siren.is_none(),
    },
    Rule {
        name: "BR-FR-13",
        wants: "an electronic address of the seller",
        holds: |model, _| model.seller.electronic_address.is_some(),
    },
    Rule {
        name: "BR-FR-16",
        wants: "a rate of VAT that France has or had",
        holds: |model, _| rates(model).all(|rate| rate.is_zero() || FRENCH_RATES.contains(&rate)),
    },
    Rule {
        name: "BR-FR-25",
        wants: "electronic addresses of at most 125 characters",
        holds: |model, _| {
            let addresses = [&model.seller.electronic_address, &model.buyer.electronic_address];
            addresses.into_iter().flatten().all(|address| address.content().chars().count() <= 125)
        },
    },
    Rule {
        name: "BR-FR-32",
        wants: "SIREN of 9 digits",
        holds: |model, _| {
            let parties = [&model.seller.legal_registration, &model.buyer.legal_registration];
            parties.into_iter().flatten().all(|siren| is_siren(siren.content()))
        },
    },
    Rule {
        name: "BR-FR-DEC-02",
        wants: "quantities of at most 4 decimals and 19 characters",
        holds: |model, _| {
            let bases = model.lines.iter().filter_map(|line| line.price.base_quantity);
            let quantities = model.lines.iter().map(|line| line.quantity).chain(bases);
            quantities
                .map(en16931::Quantity::into_decimal)
                .all(|quantity| quantity.scale() <= 4 && digits(quantity) <= 18)
        },
    },
    Rule {
        name: "BR-FR-DEC-03",
        wants: "prices that are not negative, with at most 6 decimals",
        holds: |model, _| {
            let prices = model.lines.iter().map(|line| line.price.net_price.into_decimal());
            prices.into_iter().all(|price| price.scale() <= 6 && !price.is_sign_negative() && digits(price) <= 19)
        },
    },
    Rule {
        name: "BR-FR-CO-05",
        wants: "a credit note to name one invoice and its date",
        holds: |model, _| {
            let credit = model.type_code.as_ref().is_some_and(|code| code.as_str() == "381");
            !credit || model.preceding_invoices.iter().any(|original| original.issue_date.is_some())
        },
    },
    Rule {
        name: "BR-FR-CO-09",
        wants: "an invoice already paid to say when, nothing due, and all of it paid",
        holds: |model, _| {
            let sums = &model.totals;
            model.due_date.is_some() && sums.due == InvoiceAmount::ZERO && sums.paid == Some(sums.gross_total)
        },
    },
    Rule {
        name: "BR-FR-CO-12",
        wants: "the VAT in euros beside another currency",
        holds: |model, _| {
            let euros = model.currency.as_ref().is_some_and(|code| code.as_str() == "EUR");
            euros || (model.vat_accounting_currency.is_some() && model.totals.vat_total_accounting.is_some())
        },
    },
];

/// The rules that an invoice would break.
pub(super) fn broken(model: &Model, draft: &Draft) -> impl Iterator<Item = Broken> {
    let rules = if draft.oss { &[][..] } else { &RULES[..] };
    let broken = rules.iter().filter(|rule| !(rule.holds)(model, draft));
    broken.map(|rule| Broken { rule: rule.name.to_owned(), text: format!("France wants {}", rule.wants) })
}

fn numbers(model: &Model) -> impl Iterator<Item = &str> {
    let originals = model.preceding_invoices.iter().map(|original| original.reference.as_str());
    model.number.as_deref().into_iter().chain(originals)
}

fn notes(model: &Model, code: &str) -> usize {
    model.notes.iter().filter(|note| note.subject_code.as_ref().is_some_and(|subject| subject.as_str() == code)).count()
}

fn rates(model: &Model) -> impl Iterator<Item = Decimal> {
    model.vat_breakdown.iter().filter_map(|row| row.rate).map(en16931::Percentage::into_decimal)
}

fn is_siren(value: &str) -> bool {
    value.len() == 9 && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn digits(value: Decimal) -> usize {
    value.to_string().bytes().filter(u8::is_ascii_digit).count()
}
