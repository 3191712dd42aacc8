//! The VAT of a line: the tax expected by law, compared with the tax that Stripe charged.
//!
//! The expectation follows from seller, place and supply (CGI art. 256 to 262 ter, 283). If Stripe charged tax, the
//! invoice shows that tax, since it must show what was paid; if the two cannot both be right, the sale is parked.

mod charged;
mod expected;
mod undetermined;
mod untaxed;

use charged::{charged_by, charged_rate, told_with};
use jiff::civil::Date;
use rust_decimal::Decimal;
use undetermined::differs;
use untaxed::{nothing_due, uncharged, untaxed};

use super::{
    Vat, VatCategory,
    foreign::Whose,
    place::Place,
    regime::{Supply, VatRegime},
};

pub use charged::tax_within;
pub use expected::{expected, hangs_on_place};
pub use undetermined::VatUndetermined;

/// The facts common to every line of a sale.
#[derive(Debug, Clone, Copy)]
pub struct VatContext<'a> {
    /// The seller's VAT regime.
    pub regime: &'a VatRegime,
    /// Whether the seller has a VAT number; one under the franchise may have none.
    pub numbered: bool,
    /// What was sold.
    pub supply: Supply,
    /// The buyer's location.
    pub place: Place,
    /// The day of supply.
    pub day: Date,
    /// The rates that Stripe reports with the sale, and their country; other lines of it may bear one of them.
    pub told: &'a [(Decimal, Whose)],
    /// The smallest amount that Stripe charges in the currency, in its minor units: taxes are rounded to it.
    pub unit: u64,
}

/// The tax that Stripe charged on a line, if it computed any; amounts in minor units of the invoice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Charge {
    /// The tax.
    pub tax: i64,
    /// Its rate in percent, if Stripe reports it.
    pub rate: Option<Decimal>,
    /// Its country, if Stripe reports it.
    pub whose: Whose,
    /// Stripe's taxability reason: `standard_rated`, `reverse_charge`.
    pub reason: Option<String>,
}

/// How a line's tax is determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaxComputation {
    /// It is included in the amount paid, at the rate.
    Contained,
    /// Stripe charged it.
    Charged(i64),
}

/// The VAT of a line that Stripe priced at `net` before tax and charged `charge` on, and how its tax is determined.
///
/// # Errors
/// When the charged and the expected tax cannot both be right.
pub fn decide(
    around: &VatContext<'_>,
    charge: Option<&Charge>,
    net: i64,
) -> Result<(Vat, TaxComputation), VatUndetermined> {
    let expected = expected(around);
    let VatRegime::Taxed(taxed) = around.regime else {
        let tax = charge.map_or(0, |charge| charge.tax);
        let vat = expected.unwrap_or_else(|| Vat::without(VatCategory::E));
        return if tax == 0 {
            Ok((vat, TaxComputation::Charged(0)))
        } else {
            Err(differs(tax, "the seller charges no VAT"))
        };
    };
    match charge.filter(|charge| charge.tax != 0 || charge.rate.is_some() || charge.reason.is_some()) {
        Some(charge) if charge.tax != 0 => {
            let rate = charged_rate(around, charge, expected, net)?;
            let whose = match charge.whose {
                Whose::Untold => told_with(around, rate),
                told => told,
            };
            Ok((charged_by(around, taxed, whose, rate)?, TaxComputation::Charged(charge.tax)))
        }
        Some(charge) => match untaxed(around, expected, charge, taxed) {
            Err(undecided) => nothing_due(Some(charge), expected, around, taxed, net).ok_or(undecided),
            decided => decided.map(|vat| (vat, TaxComputation::Charged(0))),
        },
        None => match uncharged(expected, taxed) {
            Err(undecided) => nothing_due(None, expected, around, taxed, net).ok_or(undecided),
            decided => decided,
        },
    }
}

#[cfg(test)]
mod tests;
