//! What VAT a line carries: what the law expects of it, held against what Stripe charged.
//!
//! The expectation follows from seller, place and supply (CGI art. 256 to 262 ter, 283). Where Stripe charged tax, the
//! invoice shows that tax, since it must show what was paid; where the two cannot both be right, the sale waits.

use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy::MidpointAwayFromZero, prelude::ToPrimitive};

use super::{
    Ground, Vat, VatCategory,
    place::Place,
    territory::{FRENCH_RATES, MemberState},
};
use crate::seller::{Prices, Rates, Supply, Taxed, VatRegime};

/// What surrounds every line of a sale.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// How the seller stands to VAT.
    pub regime: &'a VatRegime,
    /// Whether the seller has a VAT number, which a franchise may lack.
    pub numbered: bool,
    /// What was sold.
    pub supply: Supply,
    /// Where the buyer is.
    pub place: Place,
    /// The day of supply.
    pub day: Date,
    /// The rates that Stripe told with the sale; other lines of it may bear one of them.
    pub told: &'a [Decimal],
}

/// The tax that Stripe charged on a line, if it computed any; amounts in minor units of the invoice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Charge {
    /// The tax.
    pub tax: i64,
    /// Its rate in percent, where Stripe told.
    pub rate: Option<Decimal>,
    /// Stripe's word for why, or why not: `standard_rated`, `reverse_charge`.
    pub reason: Option<String>,
}

/// How a line's tax is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reckoned {
    /// It is contained in what was paid, at the rate.
    Contained,
    /// Stripe charged it.
    Charged(i64),
}

/// Why the VAT of a line cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// Stripe charged tax that this seller may not charge, or none where it should have.
    #[error(
        "Stripe charged {charged} of tax, in minor units, where {expected}; an invoice must show the tax that was charged: \
         correct the tax settings in Stripe, or [vat] in the seller file and replay"
    )]
    Differs {
        /// What was charged.
        charged: i64,
        /// What the seller file makes of such a sale.
        expected: String,
    },
    /// Nobody charged tax on top of a price that does not include it.
    #[error(
        "{0}% of VAT is due and Stripe charged none; collect tax in Stripe (Stripe Tax or tax rates), or set \
         prices = \"included\" in [vat] of the seller file and replay"
    )]
    Missing(Decimal),
    /// Stripe charged tax, and nothing tells at which rate.
    #[error(
        "Stripe charged {0} of tax, in minor units, without a rate; store a restricted Stripe API key that may read tax \
         rates, and have Stripe send the event again"
    )]
    RateUnknown(i64),
    /// Stripe exempts the product or the customer, and the seller file names no exemption.
    #[error("Stripe exempts a line from VAT ({0}); name the law in [vat] exemption of the seller file and replay")]
    ExemptionUnknown(String),
}

/// What the law expects of a line; `None` where Stripe is to tell the rate.
pub fn expected(around: &Circumstances<'_>) -> Option<Vat> {
    let services = around.supply != Supply::Goods;
    match (around.regime, around.place) {
        // Even a franchise leaves the tax to a business elsewhere in the Union, if it has the number that takes.
        (VatRegime::Franchise, Place::MemberState { business: true, .. }) if services && around.numbered => {
            Some(Vat::without(VatCategory::AE))
        }
        (VatRegime::Franchise | VatRegime::Exempt(_), _) => Some(Vat::without(VatCategory::E)),
        (VatRegime::Taxed(taxed), place) => taxed_at(taxed, place, around),
    }
}

fn taxed_at(taxed: &Taxed, place: Place, around: &Circumstances<'_>) -> Option<Vat> {
    let ours = match taxed.rates {
        Rates::Fixed { rate, .. } => Some(Vat::standard(rate)),
        Rates::Stripe => None,
    };
    match (place, around.supply) {
        (Place::Domestic, _) => ours,
        (Place::MemberState { business: true, .. }, Supply::Goods) => Some(Vat::without(VatCategory::K)),
        (Place::MemberState { business: true, .. }, _) => Some(Vat::without(VatCategory::AE)),
        // Under the one-stop shop, what is sold at a distance bears the consumer's rate (Directive 2006/112/EC art. 33, 58).
        (Place::MemberState { state, .. }, Supply::Goods | Supply::Digital) if taxed.oss => match taxed.rates {
            Rates::Fixed { .. } => Some(Vat::standard(state.standard_rate(around.day))),
            Rates::Stripe => None,
        },
        (Place::MemberState { .. }, _) => ours,
        (Place::Abroad { .. }, Supply::Goods) => Some(Vat::without(VatCategory::G)),
        (Place::Abroad { business: true }, _) | (_, Supply::Digital) => Some(Vat::without(VatCategory::O)),
        (Place::Abroad { .. }, _) => ours,
    }
}

/// The VAT of a line that Stripe priced at `net` before and charged `charge` on, and how its tax is found.
///
/// # Errors
/// When what was charged and what is expected cannot both be right.
pub fn decide(around: &Circumstances<'_>, charge: Option<&Charge>, net: i64) -> Result<(Vat, Reckoned), Undecided> {
    let expected = expected(around);
    let VatRegime::Taxed(taxed) = around.regime else {
        let tax = charge.map_or(0, |charge| charge.tax);
        let vat = expected.unwrap_or_else(|| Vat::without(VatCategory::E));
        return if tax == 0 { Ok((vat, Reckoned::Charged(0))) } else { Err(differs(tax, "the seller charges no VAT")) };
    };
    match charge.filter(|charge| charge.tax != 0 || charge.rate.is_some() || charge.reason.is_some()) {
        Some(charge) if charge.tax != 0 => {
            let rate = charge.rate.filter(|rate| !rate.is_zero());
            let rate = rate.or_else(|| infer(charge.tax, net, around.told));
            let rate = rate.or_else(|| infer(charge.tax, net, &candidates(expected, around.place)));
            let rate = rate.ok_or_else(|| match expected {
                Some(vat) => differs(charge.tax, &format!("the seller file makes {}% of it", vat.rate)),
                None => Undecided::RateUnknown(charge.tax),
            })?;
            Ok((Vat::standard(rate), Reckoned::Charged(charge.tax)))
        }
        Some(charge) => match untaxed(expected, charge, taxed.exempt) {
            Err(undecided) => nothing_due(charge.rate, expected, around, net).ok_or(undecided),
            decided => decided.map(|vat| (vat, Reckoned::Charged(0))),
        },
        None => match uncharged(expected, taxed) {
            Err(undecided) => nothing_due(None, expected, around, net).ok_or(undecided),
            decided => decided,
        },
    }
}

/// A line whose tax comes to nothing at its rate: a gift, or a few cents. Where nobody tells its rate, it bears one of the
/// sale's, or the usual one.
fn nothing_due(
    charged: Option<Decimal>,
    expected: Option<Vat>,
    around: &Circumstances<'_>,
    net: i64,
) -> Option<(Vat, Reckoned)> {
    let state = match around.place {
        Place::MemberState { state, .. } => Some(state),
        Place::Domestic | Place::Abroad { .. } => MemberState::of("FR"),
    };
    let rate = charged.filter(|rate| !rate.is_zero()).or(expected.map(|vat| vat.rate));
    let rate = rate.or_else(|| around.told.last().copied()).or_else(|| Some(state?.standard_rate(around.day)))?;
    (tax_within(net, rate) == Some(0)).then(|| (Vat::standard(rate), Reckoned::Charged(0)))
}

/// Stripe computed tax, and it came to nothing.
fn untaxed(expected: Option<Vat>, charge: &Charge, exempt: Option<Ground>) -> Result<Vat, Undecided> {
    match (expected, charge.reason.as_deref()) {
        (Some(vat), _) if vat.category != VatCategory::S => Ok(vat),
        (_, Some("zero_rated")) => Ok(Vat::without(VatCategory::Z)),
        (
            _,
            Some(reason @ ("product_exempt" | "product_exempt_holiday" | "customer_exempt" | "portion_product_exempt")),
        ) => exempt.map(|_| Vat::without(VatCategory::E)).ok_or_else(|| Undecided::ExemptionUnknown(reason.to_owned())),
        (Some(vat), _) => Err(differs(0, &format!("the seller file makes {}% of it", vat.rate))),
        (None, _) => Err(differs(0, "a sale of this kind to this place bears VAT")),
    }
}

/// Stripe computed no tax at all.
fn uncharged(expected: Option<Vat>, taxed: &Taxed) -> Result<(Vat, Reckoned), Undecided> {
    match (expected, taxed.rates) {
        (Some(vat), _) if vat.category != VatCategory::S => Ok((vat, Reckoned::Charged(0))),
        (Some(vat), Rates::Fixed { prices: Prices::IncludeTax, .. }) => Ok((vat, Reckoned::Contained)),
        (Some(vat), _) => Err(Undecided::Missing(vat.rate)),
        (None, _) => Err(differs(0, "Stripe Tax computes the tax, and this sale came without any")),
    }
}

fn differs(charged: i64, expected: &str) -> Undecided {
    Undecided::Differs { charged, expected: expected.to_owned() }
}

/// The rates that a tax of unknown rate may have been charged at.
fn candidates(expected: Option<Vat>, place: Place) -> Vec<Decimal> {
    match (expected, place) {
        (Some(vat), _) => vec![vat.rate],
        (None, Place::Domestic) => FRENCH_RATES.to_vec(),
        (None, _) => Vec::new(),
    }
}

/// The one rate among `rates` that makes `tax` of `net`, to a rounding; none if several do.
fn infer(tax: i64, net: i64, rates: &[Decimal]) -> Option<Decimal> {
    let fits =
        |rate: &&Decimal| tax_within(net.saturating_add(tax), **rate).is_some_and(|ours| ours.abs_diff(tax) <= 1);
    let mut fitting = rates.iter().filter(fits);
    let first = fitting.next().copied();
    first.filter(|_| fitting.next().is_none())
}

/// The tax within `gross` at `rate` percent, rounded to the minor unit.
pub fn tax_within(gross: i64, rate: Decimal) -> Option<i64> {
    let tax = Decimal::from(gross).checked_mul(rate)?.checked_div(Decimal::ONE_HUNDRED.checked_add(rate)?)?;
    tax.round_dp_with_strategy(0, MidpointAwayFromZero).to_i64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const DAY: Date = date(2026, 11, 21);

    fn fixed(prices: Prices, oss: bool) -> VatRegime {
        let rates = Rates::Fixed { rate: 20.into(), prices };
        VatRegime::Taxed(Taxed { rates, on_debits: false, oss, exempt: None })
    }

    fn stripe(oss: bool) -> VatRegime {
        VatRegime::Taxed(Taxed { rates: Rates::Stripe, on_debits: false, oss, exempt: None })
    }

    fn around(regime: &VatRegime, supply: Supply, place: Place) -> Circumstances<'_> {
        Circumstances { regime, numbered: true, supply, place, day: DAY, told: &[] }
    }

    fn abroad(country: &str, business: bool) -> Place {
        MemberState::of(country).map_or(Place::Abroad { business }, |state| Place::MemberState { state, business })
    }

    #[test]
    fn the_category_follows_seller_place_and_supply() {
        use Supply::{Digital, Goods, Services};
        let shop = fixed(Prices::IncludeTax, false);
        let oss = fixed(Prices::IncludeTax, true);
        for (regime, supply, place, expected) in [
            (&shop, Services, Place::Domestic, "S 20"),
            (&shop, Goods, abroad("DE", true), "K 0"),
            (&shop, Services, abroad("DE", true), "AE 0"),
            (&shop, Digital, abroad("DE", true), "AE 0"),
            (&shop, Digital, abroad("DE", false), "S 20"),
            (&oss, Digital, abroad("DE", false), "S 19"),
            (&oss, Goods, abroad("FI", false), "S 25.5"),
            (&oss, Services, abroad("DE", false), "S 20"),
            (&shop, Goods, abroad("US", false), "G 0"),
            (&shop, Services, abroad("US", true), "O 0"),
            (&shop, Services, abroad("US", false), "S 20"),
            (&shop, Digital, abroad("US", false), "O 0"),
            (&VatRegime::Franchise, Services, Place::Domestic, "E 0"),
            (&VatRegime::Franchise, Services, abroad("DE", true), "AE 0"),
            (&VatRegime::Franchise, Goods, abroad("DE", true), "E 0"),
            (&VatRegime::Exempt(Ground::Teaching), Services, abroad("US", true), "E 0"),
        ] {
            let vat = super::expected(&around(regime, supply, place)).unwrap();
            assert_eq!(format!("{} {}", vat.category.code(), vat.rate.normalize()), expected, "{supply:?} {place:?}");
        }
        let unnumbered =
            Circumstances { numbered: false, ..around(&VatRegime::Franchise, Services, abroad("DE", true)) };
        assert_eq!(super::expected(&unnumbered), Some(Vat::without(VatCategory::E)));
    }

    #[test]
    fn what_stripe_charged_is_what_the_invoice_shows() {
        let charge = |tax, rate: Option<i64>, reason: &str| Charge {
            tax,
            rate: rate.map(Decimal::from),
            reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
        };
        let shop = fixed(Prices::ExcludeTax, false);
        let tax = stripe(false);
        let told = |regime: &VatRegime, place, charge: Option<&Charge>, net| {
            decide(&around(regime, Supply::Services, place), charge, net)
        };
        let home = Place::Domestic;
        let twenty = Vat::standard(20.into());
        assert_eq!(told(&tax, home, Some(&charge(200, Some(20), "")), 1000), Ok((twenty, Reckoned::Charged(200))));
        assert_eq!(told(&tax, home, Some(&charge(200, None, "")), 1000), Ok((twenty, Reckoned::Charged(200))));
        assert_eq!(told(&shop, home, Some(&charge(201, None, "")), 1000), Ok((twenty, Reckoned::Charged(201))));
        assert!(matches!(told(&shop, home, Some(&charge(300, None, "")), 1000), Err(Undecided::Differs { .. })));
        assert_eq!(told(&shop, home, None, 1000), Err(Undecided::Missing(20.into())));
        assert_eq!(told(&tax, home, Some(&charge(1, None, "")), 50), Err(Undecided::RateUnknown(1)), "many rates fit");
        assert_eq!(
            told(&tax, abroad("IE", false), Some(&charge(0, None, "zero_rated")), 50).unwrap().0.category,
            VatCategory::Z
        );
        assert_eq!(
            told(&tax, abroad("DE", true), Some(&charge(0, None, "reverse_charge")), 50).unwrap().0.category,
            VatCategory::AE
        );
        assert!(matches!(
            told(&tax, home, Some(&charge(0, None, "reverse_charge")), 50),
            Err(Undecided::Differs { .. })
        ));
        assert_eq!(
            told(&tax, home, Some(&charge(0, None, "product_exempt")), 50),
            Err(Undecided::ExemptionUnknown("product_exempt".into()))
        );
        assert!(matches!(
            told(&VatRegime::Franchise, home, Some(&charge(1, None, "")), 50),
            Err(Undecided::Differs { .. })
        ));
        // A gift, or cents whose tax rounds to nothing.
        assert_eq!(told(&tax, home, Some(&charge(0, None, "standard_rated")), 0), Ok((twenty, Reckoned::Charged(0))));
        assert_eq!(told(&tax, home, None, 0), Ok((twenty, Reckoned::Charged(0))));
        assert_eq!(told(&shop, home, None, 2), Ok((twenty, Reckoned::Charged(0))));
        assert!(told(&tax, home, Some(&charge(0, None, "standard_rated")), 500).is_err());
        // Tax that was charged is shown, even where the law would have left it to the buyer.
        assert_eq!(
            told(&tax, abroad("DE", true), Some(&charge(190, Some(19), "")), 1000).unwrap().0,
            Vat::standard(19.into())
        );
    }
}
