//! A line on which Stripe charged no tax: whether none is due, it is in the price, or it is missing.

use rust_decimal::Decimal;

use super::{
    Charge, TaxComputation, VatContext,
    charged::{charged_by, tax_within},
    expected::abroad,
    undetermined::{VatUndetermined, differs},
};
use crate::vat::{
    Vat, VatCategory,
    foreign::Whose,
    place::Place,
    regime::{Prices, Rates, Taxed},
    territory::MemberState,
};

/// Stripe's reasons for zero tax that depend on the customer's location or on what was sold
/// (docs.stripe.com/tax/zero-tax).
pub(super) const NOT_TAXED: [&str; 9] = [
    "customer_exempt",
    "not_collecting",
    "not_subject_to_tax",
    "not_supported",
    "portion_product_exempt",
    "product_exempt",
    "product_exempt_holiday",
    "reverse_charge",
    "zero_rated",
];

/// Stripe computed tax, with a result of zero.
pub(super) fn untaxed(
    around: &VatContext<'_>,
    expected: Option<Vat>,
    charge: &Charge,
    taxed: &Taxed,
) -> Result<Vat, VatUndetermined> {
    let reason = charge.reason.as_deref();
    match (expected, reason) {
        (Some(vat), _) if vat.category != VatCategory::S => Ok(vat),
        // Outside the Union's VAT area Stripe knows whether a tax is due there; France requires none.
        (_, Some(reason)) if matches!(around.place, Place::Abroad { .. }) && NOT_TAXED.contains(&reason) => {
            Ok(Vat::without(abroad(around.supply)))
        }
        (_, Some("zero_rated")) => match charge.whose {
            Whose::Untold | Whose::French => Ok(Vat::without(VatCategory::Z)),
            whose => charged_by(around, taxed, whose, Decimal::ZERO).map(|vat| Vat { category: VatCategory::Z, ..vat }),
        },
        (
            _,
            Some(reason @ ("product_exempt" | "product_exempt_holiday" | "customer_exempt" | "portion_product_exempt")),
        ) => taxed
            .exempt
            .map(|_| Vat::without(VatCategory::E))
            .ok_or_else(|| VatUndetermined::ExemptionUnknown(reason.to_owned())),
        (Some(vat), _) => Err(differs(0, &format!("the settings makes {}% of it", vat.rate))),
        (None, Some("not_collecting")) => Err(differs(
            0,
            "a sale of this kind to this place bears VAT, and Stripe Tax has no registration for it (not_collecting)",
        )),
        (None, _) => Err(differs(0, "a sale of this kind to this place bears VAT")),
    }
}

/// Stripe computed no tax at all.
pub(super) fn uncharged(expected: Option<Vat>, taxed: &Taxed) -> Result<(Vat, TaxComputation), VatUndetermined> {
    match (expected, taxed.rates) {
        (Some(vat), _) if vat.category != VatCategory::S => Ok((vat, TaxComputation::Charged(0))),
        (Some(vat), Rates::Fixed { prices: Prices::IncludeTax, .. }) => Ok((vat, TaxComputation::Contained)),
        (Some(vat), _) => Err(VatUndetermined::Missing(vat.rate)),
        (None, _) => Err(differs(0, "Stripe Tax computes the tax, and this sale came without any")),
    }
}

/// A line whose tax rounds to zero at its rate: a gift, or a few cents. If its rate is not reported, it bears one of
/// the sale's, or the usual one.
pub(super) fn nothing_due(
    charge: Option<&Charge>,
    expected: Option<Vat>,
    around: &VatContext<'_>,
    taxed: &Taxed,
    net: i64,
) -> Option<(Vat, TaxComputation)> {
    let state = match around.place {
        Place::MemberState { state, .. } => Some(state),
        Place::Domestic | Place::Abroad { .. } => MemberState::of("FR"),
    };
    let charged = charge.and_then(|charge| Some((charge.rate.filter(|rate| !rate.is_zero())?, charge.whose)));
    let known = charged.or(around.told.last().copied());
    let vat = match (charged, expected, known) {
        (None, Some(vat), _) => vat,
        (_, _, Some((rate, whose))) => charged_by(around, taxed, whose, rate).ok()?,
        (_, _, None) => Vat::standard(state?.standard_rate(around.day)),
    };
    (tax_within(net, vat.rate) == Some(0)).then_some((vat, TaxComputation::Charged(0)))
}
