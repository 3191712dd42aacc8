//! Money: integer minor units of an ISO 4217 currency; decimals only where they are needed (rates, unit prices).
//!
//! Rounding of VAT lives in `vat::split`; formatting of amounts for readers in `invoice::print`.

use std::fmt;

use iso_currency::Currency as Iso;
use rust_decimal::{Decimal, RoundingStrategy::MidpointAwayFromZero, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};

/// The largest amount that is billed, in Stripe's minor units: its amounts have at most twelve digits
/// (docs.stripe.com/currencies). Anything larger is an error, and sums of valid amounts do not overflow.
const LARGEST: u64 = 999_999_999_999;

/// Currencies that Stripe counts in whole units (docs.stripe.com/currencies, "Zero-decimal currencies"). Not ISO's
/// table: the ariary (MGA) has two decimals in ISO and none here; ISK and UGX have none in ISO and two here, for old
/// integrations ("Special cases"). HUF and TWD have two in charges; only their payouts are whole.
const ZERO_DECIMALS: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];

/// Currencies that Stripe counts in thousandths, in multiples of ten (docs.stripe.com/currencies, "Three-decimal
/// currencies").
const THREE_DECIMALS: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// An ISO 4217 currency, with its exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(Iso);

/// A currency code that ISO 4217 does not list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("currency `{0}` is not an ISO 4217 code; invoices are issued in ISO currencies such as eur, usd, jpy")]
pub struct UnknownCurrency(pub String);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(Iso::EUR);

    /// Parses a code in either case, as Stripe (`eur`) or ISO (`EUR`) writes it.
    ///
    /// # Errors
    /// When ISO 4217 does not list the code, or lists it without a minor unit (gold, test codes).
    pub fn parse(code: &str) -> Result<Self, UnknownCurrency> {
        let unknown = || UnknownCurrency(code.chars().take(16).collect());
        let iso = Iso::from_code(&code.to_ascii_uppercase()).ok_or_else(unknown)?;
        iso.exponent().ok_or_else(unknown)?;
        Ok(Self(iso))
    }

    /// The ISO code, in upper case.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimal digits in ISO 4217: JPY 0, EUR 2, KWD 3.
    pub fn decimals(self) -> u32 {
        self.0.exponent().map_or(2, u32::from)
    }

    /// Decimal digits of an amount on an invoice: at most two (EN 16931, BR-DEC). Nothing is lost, because Stripe
    /// accepts amounts of three-decimal currencies only in multiples of ten (docs.stripe.com/currencies).
    pub fn exponent(self) -> u32 {
        self.decimals().min(2)
    }

    /// Decimal digits of Stripe's integer amounts: two, except for currencies on Stripe's two lists.
    pub fn stripe_exponent(self) -> u32 {
        let code = self.code();
        match (ZERO_DECIMALS.contains(&code), THREE_DECIMALS.contains(&code)) {
            (true, _) => 0,
            (_, true) => 3,
            _ => 2,
        }
    }

    /// The smallest amount that Stripe charges, in minor units of an invoice: 100 for the ariary, which Stripe counts
    /// whole.
    pub fn smallest_charge(self) -> u64 {
        10_u64.pow(self.exponent().saturating_sub(self.stripe_exponent()))
    }

    /// Converts an amount in Stripe's minor units into minor units of an invoice.
    ///
    /// Returns `None` if digits would be lost, or the amount exceeds Stripe's maximum.
    pub fn from_stripe(self, amount: i64) -> Option<Money> {
        if amount.unsigned_abs() > LARGEST {
            return None;
        }
        let (theirs, ours) = (self.stripe_exponent(), self.exponent());
        if let Some(missing) = ours.checked_sub(theirs) {
            return Some(Money { minor: amount.checked_mul(10_i64.checked_pow(missing)?)?, currency: self });
        }
        let divisor = 10_i64.checked_pow(theirs.checked_sub(ours)?)?;
        (amount % divisor == 0).then_some(Money { minor: amount / divisor, currency: self })
    }

    /// The exchange rate in euros per unit of this currency, from Stripe's `exchange_rate` to euros. Stripe's rate
    /// converts minor units to minor units (docs.stripe.com/api/balance_transactions, `exchange_rate`): 100,000 JPY at
    /// 0.562 are 56,200 cents, so one yen is 0.00562 EUR. `None` on overflow.
    pub fn euros_per_unit(self, stripe_rate: Decimal) -> Option<Decimal> {
        let minor_units = Decimal::from(10_u64.checked_pow(self.stripe_exponent())?);
        stripe_rate.checked_mul(minor_units)?.checked_div(Decimal::ONE_HUNDRED)
    }

    /// The amount nearest to `major` units; halves round up. `None` on overflow.
    pub fn from_decimal(self, major: Decimal) -> Option<Money> {
        let minor = major.checked_mul(Decimal::from(10_u64.pow(self.exponent())))?;
        let minor = minor.round_dp_with_strategy(0, MidpointAwayFromZero).to_i64()?;
        Some(Money { minor, currency: self })
    }

    /// An amount of `minor` units of this currency.
    pub fn minor(self, minor: i64) -> Money {
        Money { minor, currency: self }
    }
}

/// The sum of Stripe amounts. A sum that overflows saturates at the end of the range, which [`Currency::from_stripe`]
/// refuses: an absurd amount is parked for a person to read.
pub fn together(amounts: impl IntoIterator<Item = i64>) -> i64 {
    amounts.into_iter().fold(0, i64::saturating_add)
}

impl TryFrom<String> for Currency {
    type Error = UnknownCurrency;
    fn try_from(code: String) -> Result<Self, Self::Error> {
        Self::parse(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of money: `minor` units of `currency` (cents for the euro).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; negative for a correction.
    pub minor: i64,
    /// The currency of the minor units.
    pub currency: Currency,
}

impl Money {
    /// The amount in Stripe's minor units. `None` if Stripe's unit is too coarse, or on overflow.
    pub fn in_stripe(self) -> Option<i64> {
        let (theirs, ours) = (self.currency.stripe_exponent(), self.currency.exponent());
        match ours.checked_sub(theirs) {
            Some(excess) => {
                let divisor = 10_i64.checked_pow(excess)?;
                (self.minor % divisor == 0).then_some(self.minor / divisor)
            }
            None => self.minor.checked_mul(10_i64.checked_pow(theirs.checked_sub(ours)?)?),
        }
    }

    /// The amount in major units: 4900 EUR minor units are `49.00`.
    pub fn decimal(self) -> Decimal {
        Decimal::from_i128_with_scale(i128::from(self.minor), self.currency.exponent())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_follow_iso_and_stripes_special_cases() {
        let exponents = |code| {
            let currency = Currency::parse(code).unwrap();
            (currency.exponent(), currency.stripe_exponent())
        };
        assert_eq!(exponents("jpy"), (0, 0));
        assert_eq!(exponents("EUR"), (2, 2));
        assert_eq!(exponents("kwd"), (2, 3));
        assert_eq!(Currency::parse("kwd").unwrap().decimals(), 3);
        assert_eq!(exponents("isk"), (0, 2));
        assert_eq!(exponents("ugx"), (0, 2));
        assert_eq!(exponents("huf"), (2, 2));
        assert_eq!(exponents("mga"), (2, 0));
    }

    /// Repeats Stripe's table, so that an edit of one list fails a test.
    #[test]
    fn every_currency_has_stripes_exponent_and_loses_nothing() {
        let whole = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF";
        let thousandths = "BHD JOD KWD OMR TND";
        let all = |list: &'static str| list.split(' ').map(|code| Currency::parse(code).unwrap().code());
        assert!(all(whole).chain(all(thousandths)).all(|code| Currency::parse(code).is_ok()));
        let mut seen = 0;
        for first in b'A'..=b'Z' {
            for second in b'A'..=b'Z' {
                for third in b'A'..=b'Z' {
                    let code = String::from_utf8(vec![first, second, third]).unwrap();
                    let Ok(currency) = Currency::parse(&code) else { continue };
                    seen += 1;
                    let expected = if whole.contains(&code) {
                        0
                    } else if thousandths.contains(&code) {
                        3
                    } else {
                        2
                    };
                    assert_eq!(currency.stripe_exponent(), expected, "{code}");
                    // A thousand units in Stripe's integers are a thousand units on the invoice.
                    let thousand = currency.from_stripe(1000 * 10_i64.pow(expected)).unwrap();
                    assert_eq!(thousand.decimal(), Decimal::ONE_THOUSAND, "{code}");
                    assert_eq!(thousand.in_stripe(), Some(1000 * 10_i64.pow(expected)), "{code}");
                    assert_eq!(
                        currency.euros_per_unit(Decimal::ONE).unwrap() * Decimal::ONE_HUNDRED,
                        Decimal::from(10_u64.pow(expected)),
                        "{code}"
                    );
                }
            }
        }
        assert!(seen > 140, "{seen} currencies");
    }

    /// Shapes of a `balance_transaction` in euros: amount charged, Stripe's exchange rate, resulting cents.
    #[test]
    fn stripes_rate_leads_from_minor_units_to_minor_units() {
        for (code, charged, rate, cents) in [
            ("jpy", 100_000, "0.562", 56_200),
            ("usd", 5_000, "0.9215", 4_608),
            ("gbp", 1_999, "1.1874", 2_374),
            ("kwd", 12_340, "0.28071", 3_464),
            ("isk", 500_000, "0.00672", 3_360),
            ("mga", 50_000, "0.0195", 975),
            ("lbp", 100_000_000, "0.0000095", 950),
        ] {
            let currency = Currency::parse(code).unwrap();
            let money = currency.from_stripe(charged).unwrap();
            let rate: Decimal = rate.parse().unwrap();
            let euros = money.decimal() * currency.euros_per_unit(rate).unwrap();
            assert_eq!(Currency::EUR.from_decimal(euros).unwrap().minor, cents, "{code}");
            let direct = (Decimal::from(charged) * rate).round_dp_with_strategy(0, MidpointAwayFromZero);
            assert_eq!(direct, Decimal::from(cents), "{code}");
        }
    }

    #[test]
    fn codes_that_are_no_currency_are_refused_by_name() {
        for code in ["", "xyz", "euro", "XAU", "€"] {
            assert!(Currency::parse(code).is_err(), "{code}");
        }
        assert!(Currency::parse("zzz").unwrap_err().to_string().contains("zzz"));
    }

    #[test]
    fn stripe_amounts_become_iso_minor_units_without_losing_a_digit() {
        let isk = Currency::parse("isk").unwrap();
        assert_eq!(isk.from_stripe(50_000).unwrap().minor, 500);
        assert_eq!(isk.from_stripe(50_001), None);
        assert_eq!(Currency::EUR.from_stripe(4900).unwrap().to_string(), "49.00 EUR");
        let kwd = Currency::parse("kwd").unwrap();
        assert_eq!(kwd.from_stripe(1_230).unwrap().to_string(), "1.23 KWD");
        assert_eq!(kwd.from_stripe(1_234), None, "Stripe takes no such amount");
        let mga = Currency::parse("mga").unwrap();
        assert_eq!(mga.from_stripe(50_000).unwrap().to_string(), "50000.00 MGA");
    }

    #[test]
    fn absurd_amounts_add_up_to_one_that_is_refused() {
        assert_eq!(together([1, -2, 4]), 3);
        for absurd in [together([i64::MAX, i64::MAX]), together([i64::MIN, -1]), 1_000_000_000_000] {
            assert_eq!(Currency::EUR.from_stripe(absurd), None, "{absurd}");
        }
        assert!(Currency::EUR.from_stripe(-999_999_999_999).is_some());
    }
}
