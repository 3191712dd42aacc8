//! The sums of a month, one row a currency and VAT rate: what a person compares the files with.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::sign;
use crate::{invoice::Invoice, money::Currency, vat::VatCategory};

/// What was sold at one rate. Amounts in major units of the currency; credit notes subtract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// The currency.
    pub currency: Currency,
    /// The VAT category.
    pub category: VatCategory,
    /// Percent.
    pub rate: Decimal,
    /// Before tax.
    pub base: Decimal,
    /// VAT.
    pub tax: Decimal,
}

/// The totals of these documents.
pub fn totals(invoices: &[Invoice]) -> Vec<Total> {
    let mut sums: BTreeMap<(&'static str, VatCategory, Decimal), Total> = BTreeMap::new();
    for invoice in invoices {
        let draft = &invoice.draft;
        let money = |minor: i64| draft.money(sign(draft.kind) * minor).decimal();
        for row in &draft.taxes {
            let (category, rate) = (row.vat.category, row.vat.rate.normalize());
            let total = sums.entry((draft.currency.code(), category, rate)).or_insert(Total {
                currency: draft.currency,
                category,
                rate,
                base: money(0),
                tax: money(0),
            });
            total.base += money(row.base);
            total.tax += money(row.tax);
        }
    }
    sums.into_values().collect()
}
