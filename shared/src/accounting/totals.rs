//! The sums of a month, one row per currency, rate and country, for a person to compare with the files.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::sign;
use crate::{
    invoice::Invoice,
    money::Currency,
    vat::{Vat, VatCategory, foreign::ForeignTax},
};

/// Sales at one rate. Amounts in major units of the currency; credit notes subtract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// The currency.
    pub currency: Currency,
    /// The VAT category.
    pub category: VatCategory,
    /// Percent.
    pub rate: Decimal,
    /// The country of the tax and its kind, if not France's.
    pub foreign: Option<ForeignTax>,
    /// Before tax.
    pub base: Decimal,
    /// VAT, or the other country's tax.
    pub tax: Decimal,
}

/// The totals of these documents.
pub fn totals(invoices: &[Invoice]) -> Vec<Total> {
    let mut sums: BTreeMap<(&'static str, Vat), Total> = BTreeMap::new();
    for invoice in invoices {
        let draft = &invoice.draft;
        let money = |minor: i64| draft.money(sign(draft.kind) * minor).decimal();
        for row in &draft.taxes {
            let vat = Vat { rate: row.vat.rate.normalize(), ..row.vat };
            let total = sums.entry((draft.currency.code(), vat)).or_insert(Total {
                currency: draft.currency,
                category: vat.category,
                rate: vat.rate,
                foreign: vat.foreign,
                base: money(0),
                tax: money(0),
            });
            total.base += money(row.base);
            total.tax += money(row.tax);
        }
    }
    sums.into_values().collect()
}
