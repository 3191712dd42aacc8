//! Stripe's decimal numbers, exactly as they are written: percentages and exchange rates.

use rust_decimal::{Decimal, RoundingStrategy::MidpointAwayFromZero};
use serde_json::Number;

/// Maximum number of decimals in a [`Decimal`].
const SCALE: u32 = 28;

/// Reads a JSON number in plain or scientific notation: a Lebanese pound is worth `9.5e-6` euros. `None` if it is too
/// large. Digits beyond 28 decimals are rounded.
pub fn decimal(number: &Number) -> Option<Decimal> {
    let text = number.to_string();
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text.as_str(), 0),
    };
    let digits = Decimal::from_str_exact(digits).or_else(|_| digits.parse()).ok()?;
    if exponent >= 0 {
        return 10_i64.checked_pow(exponent.unsigned_abs()).and_then(|power| digits.checked_mul(power.into()));
    }
    let digits = digits.normalize();
    let scale = digits.scale().checked_add(exponent.unsigned_abs())?;
    if scale <= SCALE {
        return Decimal::try_from_i128_with_scale(digits.mantissa(), scale).ok();
    }
    // Excess digits are dropped one power of ten at a time, so that no intermediate value overflows.
    let mut left = scale - SCALE;
    let mut rounded = Decimal::try_from_i128_with_scale(digits.mantissa(), SCALE).ok()?;
    while left > 0 && !rounded.is_zero() {
        let step = left.min(18);
        rounded = rounded.checked_div(10_i64.checked_pow(step)?.into())?;
        left -= step;
    }
    Some(rounded.round_dp_with_strategy(SCALE, MidpointAwayFromZero))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        decimal(&serde_json::from_str(text).unwrap()).map(|value| value.to_string())
    }

    #[test]
    fn any_positive_decimal_is_read() {
        for (text, value) in [
            ("1.1e-05", "0.000011"),
            ("0.000011", "0.000011"),
            ("1.1E-5", "0.000011"),
            ("9.53e-6", "0.00000953"),
            ("1e-28", "0.0000000000000000000000000001"),
            ("20", "20"),
            ("5.5", "5.5"),
            ("20.0", "20.0"),
            ("1e3", "1000"),
            ("1.5e3", "1500.0"),
            ("0", "0"),
        ] {
            let read = read(text).unwrap();
            assert_eq!(read.parse::<Decimal>().unwrap(), value.parse::<Decimal>().unwrap(), "{text}: {read}");
        }
        assert_eq!(read("1.23456789012345e-20").as_deref(), Some("0.0000000000000000000123456789"));
        assert_eq!(read("1e40"), None);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(mantissa in 1_i64..1_000_000, exponent in -20_i32..=6) {
            let number: Number = serde_json::from_str(&format!("{mantissa}e{exponent}")).unwrap();
            let whole = Decimal::from(mantissa);
            let power = Decimal::from(10_i64.pow(exponent.max(0).unsigned_abs()));
            let small = Decimal::new(1, exponent.min(0).unsigned_abs());
            proptest::prop_assert_eq!(decimal(&number), Some(whole * power * small));
        }
    }
}
