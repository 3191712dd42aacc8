//! The VAT of a line: the tax expected by law, compared with the tax that Stripe charged.
//!
//! The expectation follows from seller, place and supply (CGI art. 256 to 262 ter, 283). If Stripe charged tax, the
//! invoice shows that tax, since it must show what was paid; if the two cannot both be right, the sale is parked.

use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy::MidpointAwayFromZero, prelude::ToPrimitive};

use super::{
    Vat, VatCategory,
    foreign::{CountryCode, ForeignTax, Whose},
    place::Place,
    territory::{FRENCH_RATES, MemberState},
};
use crate::vat::regime::{Prices, Rates, Supply, Taxed, VatRegime};

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

/// Why the VAT of a line cannot be determined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VatUndetermined {
    /// Stripe charged tax that this seller may not charge, or none where it should have.
    #[error(
        "Stripe charged {charged} of tax, in minor units, where {expected}; an invoice must show the tax that was charged: \
         correct the tax settings in Stripe, or [vat] in the seller file and replay"
    )]
    Differs {
        /// What was charged.
        charged: i64,
        /// The tax that the seller file implies for such a sale.
        expected: String,
    },
    /// No tax was charged on top of a price that does not include it.
    #[error(
        "{0}% of VAT is due and Stripe charged none; collect tax in Stripe (Stripe Tax or tax rates), or set \
         prices = \"included\" in [vat] of the seller file and replay"
    )]
    Missing(Decimal),
    /// Stripe charged tax at an unknown rate.
    #[error(
        "Stripe charged {0} of tax, in minor units, without a rate; store a restricted Stripe API key that may read tax \
         rates, and have Stripe send the event again"
    )]
    RateUnknown(i64),
    /// Stripe charged the VAT of another member state, but the seller is not set up to declare it.
    #[error(
        "Stripe charged VAT of {0}, which no French return declares; if you are registered for the one-stop shop, set \
         oss = true in [vat] of the seller file and replay; if you are registered in {0} itself, invoice it by hand under \
         your number there; else end the registration for {0} in Stripe Tax and refund the tax"
    )]
    OtherState(CountryCode),
    /// Stripe charged a foreign tax where the sale takes place in the Union.
    #[error(
        "Stripe charged tax of {0} on a sale that takes place in the Union; compare the customer's address in Stripe with \
         where it went, and invoice it by hand"
    )]
    OtherCountry(CountryCode),
    /// The tax's country is unknown, and France has no such rate.
    #[error(
        "Stripe charged tax at {0}% without saying of which country, and France has no such rate; name the country of the \
         tax rate in Stripe, and have Stripe send the event again"
    )]
    CountryUnknown(Decimal),
    /// Taxes of several countries on one sale.
    #[error("the sale bears taxes of several countries, and an invoice shows one country's; invoice it by hand")]
    SeveralCountries,
    /// Stripe exempts the product or the customer, and the seller file names no exemption.
    #[error("Stripe exempts a line from VAT ({0}); name the law in [vat] exemption of the seller file and replay")]
    ExemptionUnknown(String),
}

/// The tax that the law expects for a line; `None` if Stripe determines the rate.
pub fn expected(around: &VatContext<'_>) -> Option<Vat> {
    let services = around.supply != Supply::Goods;
    match (around.regime, around.place) {
        // Even under the franchise a business elsewhere in the Union owes the tax, if the seller has a VAT number.
        (VatRegime::Franchise, Place::MemberState { business: true, .. }) if services && around.numbered => {
            Some(Vat::without(VatCategory::AE))
        }
        (VatRegime::Franchise | VatRegime::Exempt(_), _) => Some(Vat::without(VatCategory::E)),
        (VatRegime::Taxed(taxed), place) => taxed_at(taxed, place, around),
    }
}

fn taxed_at(taxed: &Taxed, place: Place, around: &VatContext<'_>) -> Option<Vat> {
    let ours = match taxed.rates {
        Rates::Fixed { rate, .. } => Some(Vat::standard(rate)),
        Rates::Stripe => None,
    };
    match (place, around.supply) {
        (Place::Domestic, _) => ours,
        (Place::MemberState { business: true, .. }, Supply::Goods) => Some(Vat::without(VatCategory::K)),
        (Place::MemberState { business: true, .. }, _) => Some(Vat::without(VatCategory::AE)),
        // Under the one-stop shop, a distance sale bears the consumer's rate (Directive 2006/112/EC art. 33, 58).
        (Place::MemberState { state, .. }, Supply::Goods | Supply::Digital) if taxed.oss => match taxed.rates {
            Rates::Fixed { .. } => Some(of_state(state, state.standard_rate(around.day))),
            Rates::Stripe => None,
        },
        (Place::MemberState { .. }, _) => ours,
        (Place::Abroad { .. }, Supply::Goods) => Some(Vat::without(VatCategory::G)),
        (Place::Abroad { business: true }, _) | (_, Supply::Digital) => Some(Vat::without(VatCategory::O)),
        (Place::Abroad { .. }, _) => ours,
    }
}

/// The VAT of a member state.
fn of_state(state: &MemberState, rate: Decimal) -> Vat {
    Vat { foreign: ForeignTax::of_state(state), ..Vat::standard(rate) }
}

/// The French category of a sale outside the Union's VAT area: an export of goods, or out of scope.
fn abroad(supply: Supply) -> VatCategory {
    if supply == Supply::Goods { VatCategory::G } else { VatCategory::O }
}

/// Whether the VAT of a sale to a buyer of unknown location would differ from place to place; `named` says that a
/// business name or a tax number was given.
pub fn hangs_on_place(around: &VatContext<'_>, named: bool) -> bool {
    let at = |place| expected(&VatContext { place, ..*around });
    let home = at(Place::Domestic);
    // Two member states, because each has its own rate.
    let states = ["DE", "HU"].into_iter().filter_map(MemberState::of);
    let elsewhere = states.map(|state| Place::MemberState { state, business: false });
    home.is_none() || elsewhere.chain([Place::Abroad { business: named }]).any(|place| at(place) != home)
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

/// The rate of a charged tax: as reported, or inferred from the amounts.
fn charged_rate(
    around: &VatContext<'_>,
    charge: &Charge,
    expected: Option<Vat>,
    net: i64,
) -> Result<Decimal, VatUndetermined> {
    let told: Vec<Decimal> = around.told.iter().map(|(rate, _)| *rate).collect();
    let rate = charge.rate.filter(|rate| !rate.is_zero());
    let rate = rate.or_else(|| infer(charge.tax, net, &told, around.unit));
    let rate = rate.or_else(|| infer(charge.tax, net, &candidates(expected, around.place), around.unit));
    rate.ok_or_else(|| match expected {
        Some(vat) => differs(charge.tax, &format!("the seller file makes {}% of it", vat.rate)),
        None => VatUndetermined::RateUnknown(charge.tax),
    })
}

/// The country of a rate, from other lines of the sale: Stripe reports shipping without a country; it has the goods'.
fn told_with(around: &VatContext<'_>, rate: Decimal) -> Whose {
    let mut known = around.told.iter().filter(|(told, _)| *told == rate).map(|(_, whose)| *whose);
    let first = known.next().unwrap_or(Whose::Untold);
    if known.all(|other| other == first) { first } else { Whose::Untold }
}

/// The VAT of a line that bears the tax of `whose` country at `rate`.
fn charged_by(around: &VatContext<'_>, taxed: &Taxed, whose: Whose, rate: Decimal) -> Result<Vat, VatUndetermined> {
    match (whose, around.place) {
        (Whose::Several, _) => Err(VatUndetermined::SeveralCountries),
        (Whose::French, _) => Ok(Vat::standard(rate)),
        (Whose::Foreign(tax), place) => match (tax.country.member_state(), place) {
            // The one-stop shop accepts only the VAT of the consumer's state, whatever supply the seller file states.
            (Some(theirs), Place::MemberState { state, business: false }) if taxed.oss && theirs == state => {
                Ok(Vat::foreign(VatCategory::S, rate, tax))
            }
            (Some(_), _) => Err(VatUndetermined::OtherState(tax.country)),
            (None, Place::Abroad { .. }) => Ok(Vat::foreign(abroad(around.supply), rate, tax)),
            (None, _) => Err(VatUndetermined::OtherCountry(tax.country)),
        },
        // Without a country, a French rate is France's, unless the one-stop shop makes it the consumer's state's.
        (Whose::Untold, place) => {
            let french = FRENCH_RATES.contains(&rate.normalize());
            match place {
                Place::MemberState { state, business: false }
                    if taxed.oss
                        && around.supply != Supply::Services
                        && (!french || rate == state.standard_rate(around.day)) =>
                {
                    Ok(of_state(state, rate))
                }
                _ if french => Ok(Vat::standard(rate)),
                _ => Err(VatUndetermined::CountryUnknown(rate)),
            }
        }
    }
}

/// A line whose tax rounds to zero at its rate: a gift, or a few cents. If its rate is not reported, it bears one of
/// the sale's, or the usual one.
fn nothing_due(
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

/// Stripe's reasons for zero tax that depend on the customer's location or on what was sold
/// (docs.stripe.com/tax/zero-tax).
const NOT_TAXED: [&str; 9] = [
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
fn untaxed(
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
        (Some(vat), _) => Err(differs(0, &format!("the seller file makes {}% of it", vat.rate))),
        (None, Some("not_collecting")) => Err(differs(
            0,
            "a sale of this kind to this place bears VAT, and Stripe Tax has no registration for it (not_collecting)",
        )),
        (None, _) => Err(differs(0, "a sale of this kind to this place bears VAT")),
    }
}

/// Stripe computed no tax at all.
fn uncharged(expected: Option<Vat>, taxed: &Taxed) -> Result<(Vat, TaxComputation), VatUndetermined> {
    match (expected, taxed.rates) {
        (Some(vat), _) if vat.category != VatCategory::S => Ok((vat, TaxComputation::Charged(0))),
        (Some(vat), Rates::Fixed { prices: Prices::IncludeTax, .. }) => Ok((vat, TaxComputation::Contained)),
        (Some(vat), _) => Err(VatUndetermined::Missing(vat.rate)),
        (None, _) => Err(differs(0, "Stripe Tax computes the tax, and this sale came without any")),
    }
}

fn differs(charged: i64, expected: &str) -> VatUndetermined {
    VatUndetermined::Differs { charged, expected: expected.to_owned() }
}

/// The candidate rates for a tax of unknown rate.
fn candidates(expected: Option<Vat>, place: Place) -> Vec<Decimal> {
    match (expected, place) {
        (Some(vat), _) => vec![vat.rate],
        (None, Place::Domestic) => FRENCH_RATES.to_vec(),
        (None, _) => Vec::new(),
    }
}

/// The one rate among `rates` at which `net` gives `tax`, up to rounding; `None` if several match.
fn infer(tax: i64, net: i64, rates: &[Decimal], unit: u64) -> Option<Decimal> {
    let fits =
        |rate: &&Decimal| tax_within(net.saturating_add(tax), **rate).is_some_and(|ours| ours.abs_diff(tax) <= unit);
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
    use crate::vat::{Ground, foreign::TaxKind};
    use jiff::civil::date;

    const DAY: Date = date(2026, 11, 21);

    fn fixed(prices: Prices, oss: bool) -> VatRegime {
        let rates = Rates::Fixed { rate: 20.into(), prices };
        VatRegime::Taxed(Taxed { rates, on_debits: false, oss, exempt: None })
    }

    fn stripe(oss: bool) -> VatRegime {
        VatRegime::Taxed(Taxed { rates: Rates::Stripe, on_debits: false, oss, exempt: None })
    }

    fn around(regime: &VatRegime, supply: Supply, place: Place) -> VatContext<'_> {
        VatContext { regime, numbered: true, supply, place, day: DAY, told: &[], unit: 1 }
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
        let unnumbered = VatContext { numbered: false, ..around(&VatRegime::Franchise, Services, abroad("DE", true)) };
        assert_eq!(super::expected(&unnumbered), Some(Vat::without(VatCategory::E)));
    }

    #[test]
    fn what_stripe_charged_is_what_the_invoice_shows() {
        let charge = |tax, rate: Option<i64>, reason: &str| Charge {
            tax,
            rate: rate.map(Decimal::from),
            whose: Whose::Untold,
            reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
        };
        let shop = fixed(Prices::ExcludeTax, false);
        let tax = stripe(false);
        let told = |regime: &VatRegime, place, charge: Option<&Charge>, net| {
            decide(&around(regime, Supply::Services, place), charge, net)
        };
        let home = Place::Domestic;
        let twenty = Vat::standard(20.into());
        assert_eq!(
            told(&tax, home, Some(&charge(200, Some(20), "")), 1000),
            Ok((twenty, TaxComputation::Charged(200)))
        );
        assert_eq!(told(&tax, home, Some(&charge(200, None, "")), 1000), Ok((twenty, TaxComputation::Charged(200))));
        assert_eq!(told(&shop, home, Some(&charge(201, None, "")), 1000), Ok((twenty, TaxComputation::Charged(201))));
        assert!(matches!(told(&shop, home, Some(&charge(300, None, "")), 1000), Err(VatUndetermined::Differs { .. })));
        assert_eq!(told(&shop, home, None, 1000), Err(VatUndetermined::Missing(20.into())));
        assert_eq!(
            told(&tax, home, Some(&charge(1, None, "")), 50),
            Err(VatUndetermined::RateUnknown(1)),
            "many rates fit"
        );
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
            Err(VatUndetermined::Differs { .. })
        ));
        assert_eq!(
            told(&tax, home, Some(&charge(0, None, "product_exempt")), 50),
            Err(VatUndetermined::ExemptionUnknown("product_exempt".into()))
        );
        assert!(matches!(
            told(&VatRegime::Franchise, home, Some(&charge(1, None, "")), 50),
            Err(VatUndetermined::Differs { .. })
        ));
        // A gift, or cents whose tax rounds to zero.
        assert_eq!(
            told(&tax, home, Some(&charge(0, None, "standard_rated")), 0),
            Ok((twenty, TaxComputation::Charged(0)))
        );
        assert_eq!(told(&tax, home, None, 0), Ok((twenty, TaxComputation::Charged(0))));
        assert_eq!(told(&shop, home, None, 2), Ok((twenty, TaxComputation::Charged(0))));
        assert!(told(&tax, home, Some(&charge(0, None, "standard_rated")), 500).is_err());
        // Charged tax is shown as its country's, or the sale is parked: France has no 19 percent.
        assert_eq!(
            told(&tax, abroad("DE", true), Some(&charge(190, Some(19), "")), 1000),
            Err(VatUndetermined::CountryUnknown(19.into()))
        );
    }

    #[test]
    fn a_tax_is_a_rate_and_a_country() {
        let of = |country: &str, kind| {
            let country = CountryCode::parse(country).unwrap();
            Whose::Foreign(ForeignTax { country, kind })
        };
        let charge = |tax, rate: &str, whose, reason: &str| Charge {
            tax,
            rate: Some(rate.parse().unwrap()),
            whose,
            reason: Some(reason.to_owned()),
        };
        let (alone, oss) = (stripe(false), stripe(true));
        let told = |regime: &VatRegime, supply, place, charge: &Charge, net| {
            decide(&around(regime, supply, place), Some(charge), net).map(|(vat, _)| vat)
        };
        let british = charge(2000, "20", of("GB", TaxKind::Vat), "standard_rated");
        let vat = told(&alone, Supply::Digital, abroad("GB", false), &british, 10_000).unwrap();
        assert_eq!(
            (vat.category, vat.rate, vat.beyond_vat().unwrap().label()),
            (VatCategory::O, 20.into(), "TVA GB".into())
        );
        let vat = told(&alone, Supply::Goods, abroad("GB", false), &british, 10_000).unwrap();
        assert_eq!(vat.category, VatCategory::G);
        for (rate, tax, country, kind) in [
            ("8.1", 899, "CH", TaxKind::Vat),
            ("25", 2400, "NO", TaxKind::Vat),
            ("8.875", 978, "US", TaxKind::SalesTax),
            ("10", 1091, "AU", TaxKind::Gst),
        ] {
            let charge = charge(tax, rate, of(country, kind), "standard_rated");
            let vat = told(&alone, Supply::Services, abroad(country, false), &charge, 12_000 - tax).unwrap();
            assert_eq!(vat.beyond_vat().map(|tax| tax.kind), Some(kind), "{country}");
        }
        // Another member state's: the one-stop shop's, whatever the supply is called, or the sale is parked.
        let austrian = charge(2000, "20", of("AT", TaxKind::Vat), "standard_rated");
        let at = CountryCode::parse("AT").unwrap();
        assert_eq!(
            told(&alone, Supply::Digital, abroad("AT", false), &austrian, 10_000),
            Err(VatUndetermined::OtherState(at))
        );
        let vat = told(&oss, Supply::Services, abroad("AT", false), &austrian, 10_000).unwrap();
        assert_eq!((vat.category, vat.foreign.unwrap().country, vat.beyond_vat()), (VatCategory::S, at, None));
        for place in [abroad("AT", true), abroad("DE", false), Place::Domestic, abroad("US", false)] {
            assert_eq!(
                told(&oss, Supply::Digital, place, &austrian, 10_000),
                Err(VatUndetermined::OtherState(at)),
                "{place:?}"
            );
        }
        let gb = CountryCode::parse("GB").unwrap();
        for place in [Place::Domestic, abroad("DE", false)] {
            assert_eq!(told(&oss, Supply::Digital, place, &british, 10_000), Err(VatUndetermined::OtherCountry(gb)));
        }
        let mixed = charge(2000, "20", Whose::Several, "standard_rated");
        assert_eq!(
            told(&oss, Supply::Digital, Place::Domestic, &mixed, 10_000),
            Err(VatUndetermined::SeveralCountries)
        );
    }

    #[test]
    fn a_zero_of_stripes_is_taken_out_of_the_vat_area_and_not_within() {
        let zero =
            |reason: &str, whose| Charge { tax: 0, rate: Some(Decimal::ZERO), whose, reason: Some(reason.to_owned()) };
        let regime = stripe(false);
        let told = |supply, place, charge: &Charge| decide(&around(&regime, supply, place), Some(charge), 1000);
        for reason in NOT_TAXED {
            let charge = zero(reason, Whose::Untold);
            for (supply, category) in [(Supply::Services, VatCategory::O), (Supply::Goods, VatCategory::G)] {
                let vat = told(supply, Place::Abroad { business: false }, &charge).unwrap().0;
                assert_eq!(vat, Vat::without(category), "{reason} {supply:?}");
            }
        }
        assert!(told(Supply::Services, abroad("US", false), &zero("standard_rated", Whose::Untold)).is_err());
        for place in [Place::Domestic, abroad("DE", false)] {
            for reason in ["not_collecting", "not_subject_to_tax", "customer_exempt", "reverse_charge"] {
                assert!(told(Supply::Digital, place, &zero(reason, Whose::Untold)).is_err(), "{place:?} {reason}");
            }
        }
    }

    #[test]
    fn only_where_the_vat_is_the_same_everywhere_may_the_place_be_unknown() {
        let hangs = |regime: &VatRegime, supply, named| hangs_on_place(&around(regime, supply, Place::Domestic), named);
        let (shop, oss) = (fixed(Prices::IncludeTax, false), fixed(Prices::IncludeTax, true));
        for supply in [Supply::Goods, Supply::Services, Supply::Digital] {
            assert!(!hangs(&VatRegime::Franchise, supply, true), "{supply:?}");
            assert!(!hangs(&VatRegime::Exempt(Ground::Teaching), supply, true));
            assert!(hangs(&stripe(false), supply, false));
        }
        assert!(!hangs(&shop, Supply::Services, false) && hangs(&shop, Supply::Services, true));
        assert!(hangs(&shop, Supply::Digital, false) && hangs(&shop, Supply::Goods, false));
        assert!(!hangs(&oss, Supply::Services, false) && hangs(&oss, Supply::Digital, false));
    }
}
