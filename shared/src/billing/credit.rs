//! From a refund to a credit note (avoir, 381) without its number, or to the reasons why it cannot be one.
//!
//! A credit note corrects a part of one invoice: seller, buyer, rates and texts are the original's. The refund is
//! shared over the original's tax rows in proportion to what is left of each, unless Stripe reports which lines it is
//! for; each row's tax follows the cumulative amount refunded, so that refunds that add up to the invoice refund its
//! tax to the minor unit, and none ever exceeds it.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{
    cleaned::described,
    ledger::{Credited, CreditedRow},
    unfit::CannotInvoice,
};
use crate::{
    einvoice,
    invoice::{Correction, Draft, InEuros, Invoice, Kind, Line, TaxRow, Totals},
    money::Currency,
    refund::{Refund, RefundLine},
    seller::Seller,
    vat::{split, treatment::tax_within},
};

/// An unnumbered credit note, and the total credited of the original including it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// The credit note without its number.
    pub draft: Draft,
    /// What is credited of the original once it is issued.
    pub credited: Credited,
}

/// A part of a refund: the amount, its tax row and its description.
struct Part {
    row: usize,
    description: String,
    gross: i64,
    source: Option<String>,
}

/// Drafts the credit note for `refund` of `original`, of which `before` has been credited, to be issued on `day`.
///
/// # Errors
/// The first reason why the refund cannot have a credit note.
pub fn credit(
    refund: &Refund,
    original: &Invoice,
    before: &Credited,
    seller: &Seller,
    day: Date,
) -> Result<Credit, CannotInvoice> {
    let sold = &original.draft;
    let amount = amount(refund, sold)?;
    let before = before.rows(sold.taxes.len());
    let left: Vec<i64> = sold.taxes.iter().zip(&before).map(|(row, done)| row.base + row.tax - done.gross).collect();
    let all_left = left.iter().sum::<i64>();
    if amount > all_left {
        return Err(CannotInvoice::AboveOriginal { refunded: amount, left: all_left, number: original.number.clone() });
    }
    let unfit = || CannotInvoice::Amount(refund.amount, sold.currency);
    let whole = amount == all_left && before.iter().all(|done| done.gross == 0);
    let parts = if whole { Vec::new() } else { parts(refund, original, &left, amount).ok_or_else(unfit)? };
    let mut after = before.clone();
    if whole {
        after = sold.taxes.iter().map(|row| CreditedRow { gross: row.base + row.tax, tax: row.tax }).collect();
    } else {
        for (place, (row, taxes)) in after.iter_mut().zip(&sold.taxes).enumerate() {
            let taken = parts.iter().filter(|part| part.row == place).map(|part| part.gross).sum();
            row.tax += tax_of(taken, row, taxes, sold.currency).ok_or_else(unfit)?;
            row.gross += taken;
        }
    }
    let taxes: Vec<TaxRow> = sold.taxes.iter().zip(before.iter().zip(&after)).filter_map(taken_back).collect();
    let lines = if whole { sold.lines.clone() } else { lines(&parts, &before, &after, sold).ok_or_else(unfit)? };
    let (net, tax) = taxes.iter().fold((0, 0), |(net, tax), row| (net + row.base, tax + row.tax));
    let refunded_on = refund.refunded_at.to_zoned(seller.time_zone.clone()).date();
    let draft = Draft {
        kind: Kind::CreditNote,
        paid_at: refund.refunded_at,
        supplied_on: refunded_on,
        lines,
        taxes,
        totals: Totals { net, tax, gross: net + tax, paid: net + tax, due: 0 },
        in_euros: sold.in_euros.as_ref().map(|euros| InEuros { tax: in_euros(euros, sold, &before, &after) }),
        paid_through: if refund.key.through_stripe() { "Stripe".to_owned() } else { String::new() },
        received: (!refund.key.through_stripe()).then_some(0),
        corrects: Some(Correction {
            refund: refund.key.clone(),
            number: original.number.clone(),
            issued_on: original.issued_on,
        }),
        ..sold.clone()
    };
    einvoice::check(&draft, day).map_err(CannotInvoice::Rules)?;
    Ok(Credit { draft, credited: Credited(after) })
}

fn amount(refund: &Refund, sold: &Draft) -> Result<i64, CannotInvoice> {
    let currency = Currency::parse(&refund.currency)?;
    if currency != sold.currency {
        return Err(CannotInvoice::OtherCurrency { refunded: currency, sold: sold.currency });
    }
    let amount = currency.from_stripe(refund.amount).map(|money| money.minor);
    amount.filter(|amount| *amount > 0).ok_or(CannotInvoice::Amount(refund.amount, currency))
}

/// How a partial refund is shared.
fn parts(refund: &Refund, original: &Invoice, left: &[i64], amount: i64) -> Option<Vec<Part>> {
    if let Some(told) = parts_as_told(refund, &original.draft, left) {
        return Some(told);
    }
    let shares = split::in_proportion(left, amount)?;
    let description = match original.draft.language.as_str() {
        "fr" => format!("Remboursement sur la facture {}", original.number),
        _ => format!("Refund on invoice {}", original.number),
    };
    let part = |(row, gross)| Part { row, description: description.clone(), gross, source: None };
    Some((0..).zip(shares).filter(|(_, gross)| *gross != 0).map(part).collect())
}

/// The lines that Stripe's credit note names, if each is a line of the original and no row exceeds what it has left.
fn parts_as_told(refund: &Refund, sold: &Draft, left: &[i64]) -> Option<Vec<Part>> {
    let part = |refunded: &RefundLine| {
        let line = sold.lines.iter().find(|line| line.source.as_ref() == Some(&refunded.line))?;
        let row = sold.taxes.iter().position(|row| row.vat == line.vat)?;
        let gross = sold.currency.from_stripe(refunded.amount)?.minor;
        let told = described(&refunded.description);
        let description = if told.is_empty() { line.description.clone() } else { told };
        Some(Part { row, description, gross, source: line.source.clone() })
    };
    let parts: Vec<Part> = refund.lines.iter().map(part).collect::<Option<_>>()?;
    let taken = |row| parts.iter().filter(|part| part.row == row).map(|part| part.gross).sum::<i64>();
    let fits = !parts.is_empty()
        && parts.iter().map(|part| part.gross).sum::<i64>() == sold.currency.from_stripe(refund.amount)?.minor
        && (0..).zip(left).all(|(row, left)| taken(row) <= *left);
    fits.then_some(parts)
}

/// The tax within `taken` of a row of which `before` is already refunded. It keeps the sum of all refunds on the row's
/// own tax, unless that deviates too far from the rate, as it may in a currency without decimals.
fn tax_of(taken: i64, before: &CreditedRow, row: &TaxRow, currency: Currency) -> Option<i64> {
    let in_step = split::scaled(row.tax, before.gross + taken, row.base + row.tax)? - before.tax;
    let stray = currency.minor(taken - in_step).decimal() * row.vat.rate / Decimal::ONE_HUNDRED
        - currency.minor(in_step).decimal();
    // EN 16931 allows less than one unit of the currency (BR-CO-17, BR-S-09); it has no rule for a tax that is not VAT.
    if row.vat.beyond_vat().is_some() || stray.abs() < Decimal::ONE {
        Some(in_step)
    } else {
        tax_within(taken, row.vat.rate)
    }
}

/// The tax in euros refunded between `before` and `after`: it follows the cumulative tax refunded, so that refunds that
/// add up to the invoice refund its euros.
fn in_euros(euros: &InEuros, sold: &Draft, before: &[CreditedRow], after: &[CreditedRow]) -> i64 {
    let until = |rows: &[CreditedRow]| {
        let tax = rows.iter().map(|row| row.tax).sum();
        split::scaled(euros.tax, tax, sold.totals.tax).unwrap_or_default()
    };
    until(after) - until(before)
}

/// What a row gives back between `before` and `after`; `None` if zero.
fn taken_back((row, (before, after)): (&TaxRow, (&CreditedRow, &CreditedRow))) -> Option<TaxRow> {
    let (gross, tax) = (after.gross - before.gross, after.tax - before.tax);
    (gross != 0).then(|| TaxRow { base: gross - tax, tax, ..row.clone() })
}

/// A line for each part, with the row's base shared over the row's parts.
fn lines(parts: &[Part], before: &[CreditedRow], after: &[CreditedRow], sold: &Draft) -> Option<Vec<Line>> {
    let mut lines = Vec::with_capacity(parts.len());
    for (row, ((before, after), taxes)) in (0..).zip(before.iter().zip(after).zip(&sold.taxes)) {
        let of_row: Vec<&Part> = parts.iter().filter(|part| part.row == row).collect();
        if of_row.is_empty() {
            continue;
        }
        let base = (after.gross - after.tax) - (before.gross - before.tax);
        let grosses: Vec<i64> = of_row.iter().map(|part| part.gross).collect();
        for (part, net) in of_row.iter().zip(split::in_proportion(&grosses, base)?) {
            // A fully refunded line is the line that was sold, with its quantity and price.
            let whole = sold.lines.iter().find(|line| {
                line.source.is_some() && line.source == part.source && (line.gross, line.net) == (part.gross, net)
            });
            if let Some(line) = whole {
                lines.push(Line { description: part.description.clone(), ..line.clone() });
                continue;
            }
            let unit = sold.currency.minor(net).decimal();
            lines.push(Line {
                description: part.description.clone(),
                quantity: if net < 0 { Decimal::NEGATIVE_ONE } else { Decimal::ONE },
                unit_net: unit.abs(),
                per: 1,
                net,
                gross: part.gross,
                discount: 0,
                vat: taxes.vat,
                source: part.source.clone(),
                period: sold_line(sold, part).and_then(|line| line.period),
            });
        }
    }
    Some(lines)
}

/// The line of the invoice that a part refunds, where Stripe says which.
fn sold_line<'a>(sold: &'a Draft, part: &Part) -> Option<&'a Line> {
    sold.lines.iter().find(|line| line.source.is_some() && line.source == part.source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{billing::draft::draft, numbering::InvoiceNumber, refund::RefundKey, testing::matrix::matrix};
    use jiff::civil::date;
    use proptest::prelude::*;

    const DAY: Date = date(2026, 12, 1);

    fn invoice(name: &str) -> (Invoice, Seller) {
        let case = matrix().into_iter().find(|case| case.name == name).unwrap();
        let day = date(2026, 11, 21);
        let draft = draft(&case.sale, &case.seller, day).unwrap();
        (Invoice::new(InvoiceNumber("2026-11-0042".into()), day, draft), case.seller)
    }

    fn refund(amount: i64, currency: &str) -> Refund {
        Refund {
            key: RefundKey("re_1".into()),
            event: "evt_2".into(),
            sale: crate::sale::SaleKey("cs_1".into()),
            refunded_at: "2026-12-01T09:00:00Z".parse().unwrap(),
            currency: currency.into(),
            amount,
            lines: Vec::new(),
        }
    }

    #[test]
    fn a_whole_refund_is_the_invoice_again() {
        let (original, seller) = invoice("Stripe Tax, two rates");
        let total = original.draft.totals.gross;
        let credit = credit(&refund(total, "eur"), &original, &Credited::default(), &seller, DAY).unwrap();
        assert_eq!((&credit.draft.lines, &credit.draft.taxes), (&original.draft.lines, &original.draft.taxes));
        assert_eq!(credit.draft.totals, original.draft.totals);
        assert_eq!(credit.draft.kind.code(), "381");
        assert_eq!(credit.draft.corrects.unwrap().number, original.number);
    }

    #[test]
    fn a_partial_refund_takes_from_every_rate() {
        let (original, seller) = invoice("Stripe Tax, two rates");
        let credit = credit(&refund(10_000, "eur"), &original, &Credited::default(), &seller, DAY).unwrap();
        let rows: Vec<_> = credit.draft.taxes.iter().map(|row| (row.vat.rate.to_string(), row.base, row.tax)).collect();
        assert_eq!(rows, [("20".to_owned(), 6832, 1366), ("5.5".to_owned(), 1708, 94)]);
        assert_eq!(credit.draft.lines[0].description, "Remboursement sur la facture 2026-11-0042");
    }

    #[test]
    fn what_stripe_tells_line_by_line_is_taken_there() {
        let (mut original, seller) = invoice("Stripe Tax, two rates");
        original.draft.lines[1].source = Some("il_2".into());
        let mut refund = refund(2000, "eur");
        refund.lines = vec![RefundLine { line: "il_2".into(), description: "Livre abîmé".into(), amount: 2000 }];
        let told = credit(&refund, &original, &Credited::default(), &seller, DAY).unwrap().draft;
        assert_eq!(told.taxes.len(), 1);
        assert_eq!(
            (told.taxes[0].vat.rate.to_string().as_str(), told.lines[0].description.as_str()),
            ("5.5", "Livre abîmé")
        );
        refund.lines[0].line = "il_3".into();
        assert_eq!(credit(&refund, &original, &Credited::default(), &seller, DAY).unwrap().draft.taxes.len(), 2);
    }

    #[test]
    fn a_line_that_goes_back_whole_keeps_its_quantity_and_price() {
        let (mut original, seller) = invoice("standard, hours and half hours");
        original.draft.lines[0].source = Some("il_1".into());
        let mut refund = refund(60_000, "eur");
        refund.lines = vec![RefundLine { line: "il_1".into(), description: "Conseil".into(), amount: 60_000 }];
        let line = credit(&refund, &original, &Credited::default(), &seller, DAY).unwrap().draft.lines.remove(0);
        assert_eq!((line.quantity.to_string().as_str(), line.unit_net), ("7.5", original.draft.lines[0].unit_net));
        refund.amount = 30_000;
        refund.lines[0].amount = 30_000;
        let half = credit(&refund, &original, &Credited::default(), &seller, DAY).unwrap().draft.lines.remove(0);
        assert_eq!((half.quantity, half.unit_net.to_string().as_str()), (Decimal::ONE, "250.00"));
    }

    #[test]
    fn nothing_goes_back_beyond_the_invoice_or_in_another_currency() {
        let (original, seller) = invoice("standard, consumer");
        let word = |refund: &Refund, before: &Credited| {
            credit(refund, &original, before, &seller, DAY).unwrap_err().reason().code
        };
        assert_eq!(word(&refund(4901, "eur"), &Credited::default()), "refund_exceeds");
        let half = credit(&refund(2450, "eur"), &original, &Credited::default(), &seller, DAY).unwrap().credited;
        assert_eq!(word(&refund(2451, "eur"), &half), "refund_exceeds");
        assert_eq!(word(&refund(100, "usd"), &half), "other_currency");
        assert_eq!(word(&refund(0, "eur"), &half), "amount_unfit");
        assert_eq!(word(&refund(100, "zzz"), &half), "unknown_currency");
    }

    proptest! {
        /// However an invoice is split into partial refunds, they add up to it: amount paid, tax, and tax in euros.
        #[test]
        fn parts_make_the_whole(cuts in prop::collection::vec(1_i64..4000, 0..8), place in 0_usize..100) {
            let cases = matrix();
            let case = &cases[place % cases.len()];
            let (original, seller) = invoice(case.name);
            // Stripe counts some currencies in larger units than the invoice.
            let currency = original.draft.currency;
            let unit = 10_i64.pow(currency.exponent().saturating_sub(currency.stripe_exponent()));
            let exact = original.draft.currency.exponent() > 0;
            let total = original.draft.totals.gross;
            let mut credited = Credited::default();
            let (mut left, mut base, mut tax, mut euros) = (total, 0, 0, 0);
            let code = original.draft.currency.code().to_lowercase();
            for cut in cuts.into_iter().chain([i64::MAX]) {
                let amount = cut.min(left) / unit * unit;
                if amount == 0 { continue; }
                let stripe = currency.minor(amount).in_stripe().unwrap();
                let taken = credit(&refund(stripe, &code), &original, &credited, &seller, DAY).unwrap();
                prop_assert_eq!(taken.draft.totals.gross, amount);
                prop_assert_eq!(taken.draft.lines.iter().map(|line| line.net).sum::<i64>(), taken.draft.totals.net);
                credited = taken.credited;
                left -= amount;
                base += taken.draft.totals.net;
                tax += taken.draft.totals.tax;
                euros += taken.draft.in_euros.map_or(0, |euros| euros.tax);
            }
            prop_assert_eq!((base + tax, left), (total, 0));
            prop_assert!(!exact || tax == original.draft.totals.tax);
            prop_assert!(!exact || euros == original.draft.in_euros.map_or(0, |euros| euros.tax));
        }
    }
}
