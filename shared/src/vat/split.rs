//! VAT included in prices: splits the sum paid into base and tax, and the base over its lines.
//!
//! The tax is computed once per rate on the sum (EN 16931, BR-CO-17), never line by line; base + tax equals the amount
//! paid to the minor unit. The base is shared over the lines by largest remainder, so they add up to it (BR-CO-10).

use rust_decimal::{Decimal, RoundingStrategy::MidpointAwayFromZero, prelude::ToPrimitive};

/// A sum paid, split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Each line before tax, in the order given.
    pub nets: Vec<i64>,
    /// Their sum.
    pub base: i64,
    /// The rest of the sum paid.
    pub tax: i64,
}

/// Splits lines that include VAT at `rate` percent. All amounts in minor units.
///
/// Returns `None` on overflow, which no real sale reaches.
pub fn split_included(grosses: &[i64], rate: Decimal) -> Option<Split> {
    let gross = grosses.iter().try_fold(0_i64, |sum, line| sum.checked_add(*line))?;
    let base = before_tax(gross, rate)?;
    let exact = grosses.iter().map(|line| exactly_before_tax(*line, rate)).collect::<Option<Vec<_>>>()?;
    Some(Split { nets: share(&exact, base)?, base, tax: gross.checked_sub(base)? })
}

/// `gross` without the VAT at `rate` percent that it includes, rounded to the minor unit.
pub fn before_tax(gross: i64, rate: Decimal) -> Option<i64> {
    exactly_before_tax(gross, rate)?.round_dp_with_strategy(0, MidpointAwayFromZero).to_i64()
}

fn exactly_before_tax(gross: i64, rate: Decimal) -> Option<Decimal> {
    let divisor = Decimal::ONE_HUNDRED.checked_add(rate)?;
    Decimal::from(gross).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(divisor)
}

/// Shares `total` in proportion to `weights`, to the unit. `None` if the weights sum to zero.
pub fn in_proportion(weights: &[i64], total: i64) -> Option<Vec<i64>> {
    let sum = weights.iter().try_fold(0_i64, |sum, weight| sum.checked_add(*weight))?;
    let part = |weight: &i64| Decimal::from(*weight).checked_mul(Decimal::from(total))?.checked_div(Decimal::from(sum));
    share(&weights.iter().map(part).collect::<Option<Vec<_>>>()?, total)
}

/// `amount` times `part` / `whole`, rounded; zero if `whole` is zero.
pub fn scaled(amount: i64, part: i64, whole: i64) -> Option<i64> {
    if whole == 0 {
        return Some(0);
    }
    let exact = Decimal::from(amount).checked_mul(Decimal::from(part))?.checked_div(Decimal::from(whole))?;
    exact.round_dp_with_strategy(0, MidpointAwayFromZero).to_i64()
}

/// Rounds `exact` so that the results add up to `total`: all down, then the largest remainders up by one.
fn share(exact: &[Decimal], total: i64) -> Option<Vec<i64>> {
    let mut parts = exact.iter().map(|part| part.floor().to_i64()).collect::<Option<Vec<_>>>()?;
    let missing = total.checked_sub(parts.iter().try_fold(0_i64, |sum, part| sum.checked_add(*part))?)?;
    let mut order: Vec<usize> = (0..exact.len()).collect();
    order.sort_by_key(|place| exact.get(*place).map(|part| std::cmp::Reverse(part.fract_floor())));
    for place in order.into_iter().cycle().take(usize::try_from(missing).ok()?) {
        *parts.get_mut(place)? += 1;
    }
    Some(parts)
}

trait FractFloor {
    fn fract_floor(&self) -> Decimal;
}

impl FractFloor for Decimal {
    /// The distance to the next lower integer, also for negative numbers.
    fn fract_floor(&self) -> Decimal {
        self - self.floor()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_french_invoices_show() {
        let split = split_included(&[4900], 20.into()).unwrap();
        assert_eq!(split, Split { nets: vec![4083], base: 4083, tax: 817 });
        let split = split_included(&[1, 1, 1], 20.into()).unwrap();
        assert_eq!((split.base, split.tax, split.nets), (3, 0, vec![1, 1, 1]));
        assert_eq!(split_included(&[], 20.into()).unwrap(), Split { nets: vec![], base: 0, tax: 0 });
        assert_eq!(split_included(&[1999], Decimal::ZERO).unwrap().tax, 0);
    }

    proptest! {
        /// Integer reference: base = (200 g · 1000 + d) / 2 d with d = 100 000 + rate · 1000, floored.
        #[test]
        fn base_and_tax_make_what_was_paid(
            lines in prop::collection::vec(0_i64..50_000_000, 1..40),
            rate in prop::sample::select(vec!["20", "10", "8.5", "5.5", "2.1", "0"]),
        ) {
            let rate: Decimal = rate.parse().unwrap();
            let split = split_included(&lines, rate).unwrap();
            let gross: i64 = lines.iter().sum();
            prop_assert_eq!(split.base + split.tax, gross);
            prop_assert_eq!(split.nets.iter().sum::<i64>(), split.base);
            let d = 100_000 + i128::from((rate * Decimal::from(1000)).to_i64().unwrap());
            let reference = (2 * i128::from(gross) * 100_000 + d) / (2 * d);
            prop_assert_eq!(i128::from(split.base), reference);
            for (net, line) in split.nets.iter().zip(&lines) {
                prop_assert!((Decimal::from(*net) - Decimal::from(*line) * Decimal::ONE_HUNDRED / (Decimal::ONE_HUNDRED + rate)).abs() <= Decimal::ONE);
            }
        }
    }
}
