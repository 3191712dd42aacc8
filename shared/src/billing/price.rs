//! The price of a line: quantity times price equals the line's amount to the minor unit, on paper and in the XML.
//!
//! French platforms accept quantities of at most four decimals and prices of at most six (BR-FR-DEC-02, -03). If the
//! price of one unit does not fit, it is stated per thousand or per million (BT-149); if none fits, the line is one
//! unit at its amount.

use rust_decimal::{Decimal, RoundingStrategy::MidpointAwayFromZero};

use crate::invoice::Line;

/// Base quantities that a price may be stated for, smallest first.
const BASES: [u32; 3] = [1, 1_000, 1_000_000];

/// Decimals of a price: four are enough to read, six are the maximum.
const DECIMALS: [u32; 2] = [4, 6];

/// Maximum decimals of a quantity (BR-FR-DEC-02).
const QUANTITY_DECIMALS: u32 = 4;

/// A quantity has at most 19 characters (BR-FR-DEC-02): fourteen before its decimals leave room for a sign.
const LARGEST_QUANTITY: u64 = 10_u64.pow(14);

/// A quantity and its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Price {
    /// The quantity; negative for a credit, whose price stays positive (BR-27).
    pub quantity: Decimal,
    /// The price per `per` units.
    pub unit: Decimal,
    /// The base quantity of the price.
    pub per: u32,
    /// Whether this is one unit at the line's amount instead of the quantity sold.
    pub lump: bool,
}

impl Price {
    /// The price at which `sold` units cost `amount` in major units, in a currency of `decimals`. A quantity that is
    /// not positive counts as one.
    pub fn of(sold: Decimal, amount: Decimal, decimals: u32) -> Self {
        let sold = if sold > Decimal::ZERO { sold.normalize() } else { Decimal::ONE };
        let sign = if amount.is_sign_negative() { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
        let fits = sold.scale() <= QUANTITY_DECIMALS && sold < Decimal::from(LARGEST_QUANTITY);
        let candidates = BASES.into_iter().flat_map(|per| DECIMALS.map(|digits| (per, digits)));
        let price = candidates.filter(|_| fits).find_map(|(per, digits)| {
            let exact = amount.abs().checked_mul(per.into())?.checked_div(sold)?;
            let unit = exact.round_dp_with_strategy(digits, MidpointAwayFromZero).normalize();
            let comes_to = times(sold, unit, per)?.round_dp_with_strategy(decimals, MidpointAwayFromZero);
            (comes_to == amount.abs()).then_some(Self { quantity: sold * sign, unit, per, lump: false })
        });
        price.unwrap_or(Self { quantity: sign, unit: amount.abs().normalize(), per: 1, lump: sold != Decimal::ONE })
    }
}

impl Line {
    /// Quantity times price, in major units; `None` on overflow.
    pub fn comes_to(&self) -> Option<Decimal> {
        times(self.quantity, self.unit_net, self.per)
    }
}

fn times(quantity: Decimal, unit: Decimal, per: u32) -> Option<Decimal> {
    quantity.checked_mul(unit)?.checked_div(per.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(sold: &str, amount: &str) -> String {
        let price = Price::of(sold.parse().unwrap(), amount.parse().unwrap(), 2);
        let lump = if price.lump { " lump" } else { "" };
        format!("{} x {} / {}{lump}", price.quantity, price.unit, price.per)
    }

    #[test]
    fn a_price_is_told_for_as_many_as_it_takes() {
        assert_eq!(price("7.5", "600.00"), "7.5 x 80 / 1");
        assert_eq!(price("0.5", "40.00"), "0.5 x 80 / 1");
        assert_eq!(price("3", "10.00"), "3 x 3.3333 / 1");
        assert_eq!(price("1000000", "40.00"), "1000000 x 0.00004 / 1");
        assert_eq!(price("1234567", "0.37"), "1234567 x 0.0003 / 1000");
        assert_eq!(price("123457", "987.65"), "123457 x 7.999951 / 1000");
        assert_eq!(price("98765432109", "987.65"), "98765432109 x 0.00001 / 1000");
        assert_eq!(price("98765432109", "1.00"), "1 x 1 / 1 lump");
        assert_eq!(price("98765432109", "14.32"), "98765432109 x 0.000145 / 1000000");
        assert_eq!(price("0.123456789", "9.99"), "1 x 9.99 / 1 lump");
        assert_eq!(price("2", "-10.00"), "-2 x 5 / 1");
        assert_eq!(price("0", "10.00"), "1 x 10 / 1");
        assert_eq!(price("5", "0.00"), "5 x 0 / 1");
        assert_eq!(price("99999999999999999999", "10.00"), "1 x 10 / 1 lump");
    }

    proptest! {
        #[test]
        fn quantity_times_price_is_the_amount(
            sold in 1_u64..1_000_000_000_000, scale in 0_u32..13, amount in -99_999_999_999_i64..99_999_999_999,
        ) {
            let amount = Decimal::new(amount, 2);
            let price = Price::of(Decimal::from_i128_with_scale(sold.into(), scale), amount, 2);
            let comes_to = times(price.quantity, price.unit, price.per).unwrap();
            prop_assert_eq!(comes_to.round_dp_with_strategy(2, MidpointAwayFromZero), amount);
            prop_assert!(price.unit.scale() <= 6 && price.quantity.scale() <= 4 && !price.unit.is_sign_negative());
        }
    }
}
