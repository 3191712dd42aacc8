//! A document in euros, as the books are kept (C. com. L123-22): unchanged, or at its own exchange rate. No other rate
//! is used.

use rust_decimal::Decimal;

use crate::{
    invoice::{Draft, TaxRow},
    money::Currency,
};

/// A document's amounts in cents, positive as in its draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Euros {
    /// With tax.
    pub gross: i64,
    /// Base and tax of each tax row, in order; they add up to `gross`.
    pub rows: Vec<(i64, i64)>,
}

/// The document in euros; `None` if it is in another currency without an exchange rate, or on overflow.
pub(super) fn euros(draft: &Draft) -> Option<Euros> {
    if draft.currency == Currency::EUR {
        let rows = draft.taxes.iter().map(|row| (row.base, row.tax)).collect();
        return Some(Euros { gross: draft.totals.gross, rows });
    }
    let given = draft.in_euros.as_ref()?;
    let rate = draft.rate()?;
    let convert = |minor: i64| cents(draft, minor, rate);
    let gross = convert(draft.totals.gross)?;
    // Printed, paid and settled amounts match to the cent; the last row takes the rounding difference. The document
    // states its VAT in euros, but not a tax that is not VAT.
    let is_vat = |row: &TaxRow| row.vat.beyond_vat().is_none();
    let vat = shares(draft.taxes.iter().map(|row| if is_vat(row) { row.tax } else { 0 }), given.tax, convert)?;
    let beyond = draft.taxes.iter().map(|row| if is_vat(row) { Some(0) } else { convert(row.tax) });
    let taxes = vat.iter().zip(beyond).map(|(vat, beyond)| vat.checked_add(beyond?)).collect::<Option<Vec<i64>>>()?;
    let tax = taxes.iter().try_fold(0_i64, |sum, tax| sum.checked_add(*tax))?;
    let bases = shares(draft.taxes.iter().map(|row| row.base), gross.checked_sub(tax)?, convert)?;
    Some(Euros { gross, rows: bases.into_iter().zip(taxes).collect() })
}

/// The VAT of each row in cents; `None` if unknown. A tax that is not VAT counts as zero.
pub(super) fn taxes(draft: &Draft) -> Option<Vec<i64>> {
    if draft.in_euros.as_ref().is_some_and(|given| given.tax == 0) {
        return Some(vec![0; draft.taxes.len()]);
    }
    let rows = euros(draft)?.rows.into_iter().zip(&draft.taxes);
    Some(rows.map(|((_, tax), row)| if row.vat.beyond_vat().is_none() { tax } else { 0 }).collect())
}

/// Each part converted; the last non-zero part takes the remainder of `total`.
fn shares(parts: impl Iterator<Item = i64>, total: i64, convert: impl Fn(i64) -> Option<i64>) -> Option<Vec<i64>> {
    let parts: Vec<i64> = parts.collect();
    let mut converted = parts.iter().map(|part| convert(*part)).collect::<Option<Vec<i64>>>()?;
    let sum = converted.iter().try_fold(0_i64, |sum, part| sum.checked_add(*part))?;
    let last = parts.iter().rposition(|part| *part != 0).unwrap_or_default();
    if let Some(share) = converted.get_mut(last) {
        *share = share.checked_add(total.checked_sub(sum)?)?;
    }
    Some(converted)
}

fn cents(draft: &Draft, minor: i64, rate: Decimal) -> Option<i64> {
    let euros = draft.money(minor).decimal().checked_mul(rate)?;
    Currency::EUR.from_decimal(euros).map(|money| money.minor)
}
