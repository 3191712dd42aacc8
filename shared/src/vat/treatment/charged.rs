//! A line on which Stripe charged tax: at which rate, and of which country.

use rust_decimal::{Decimal, RoundingStrategy::MidpointAwayFromZero, prelude::ToPrimitive};

use super::{
    Charge, VatContext,
    expected::{abroad, of_state},
    undetermined::{VatUndetermined, differs},
};
use crate::vat::{
    Vat, VatCategory,
    foreign::Whose,
    place::Place,
    regime::{Supply, Taxed},
    territory::FRENCH_RATES,
};

/// The rate of a charged tax: as reported, or inferred from the amounts.
pub(super) fn charged_rate(
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
        Some(vat) => differs(charge.tax, &format!("the settings makes {}% of it", vat.rate)),
        None => VatUndetermined::RateUnknown(charge.tax),
    })
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

/// The country of a rate, from other lines of the sale: Stripe reports shipping without a country; it has the goods'.
pub(super) fn told_with(around: &VatContext<'_>, rate: Decimal) -> Whose {
    let mut known = around.told.iter().filter(|(told, _)| *told == rate).map(|(_, whose)| *whose);
    let first = known.next().unwrap_or(Whose::Untold);
    if known.all(|other| other == first) { first } else { Whose::Untold }
}

/// The VAT of a line that bears the tax of `whose` country at `rate`.
pub(super) fn charged_by(
    around: &VatContext<'_>,
    taxed: &Taxed,
    whose: Whose,
    rate: Decimal,
) -> Result<Vat, VatUndetermined> {
    match (whose, around.place) {
        (Whose::Several, _) => Err(VatUndetermined::SeveralCountries),
        (Whose::French, _) => Ok(Vat::standard(rate)),
        (Whose::Foreign(tax), place) => match (tax.country.member_state(), place) {
            // The one-stop shop accepts only the VAT of the consumer's state, whatever supply the settings states.
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
