//! The member states of the European Union: their VAT number prefixes, and their standard rates as dated data.
//!
//! A change of rate is a row here. Reduced rates differ by product; a seller who uses them across borders lets Stripe
//! Tax compute the tax.

use jiff::civil::{Date, date};
use rust_decimal::Decimal;

/// A member state.
#[derive(Debug, PartialEq, Eq)]
pub struct MemberState {
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// The prefix of its VAT numbers; Greece's is EL.
    pub prefix: &'static str,
    /// Its standard rates in percent, each with its first day, oldest first.
    rates: &'static [(Date, Decimal)],
}

/// Earlier than any invoice of this project.
const EARLIEST: Date = date(2020, 1, 1);

/// A rate from hundredths of a percent.
const fn percent(hundredths: u32) -> Decimal {
    Decimal::from_parts(hundredths, 0, 0, false, 2)
}

const fn state(country: &'static str, prefix: &'static str, rates: &'static [(Date, Decimal)]) -> MemberState {
    MemberState { country, prefix, rates }
}

/// Rates as the Commission publishes them (taxation-customs.ec.europa.eu, "VAT rates applied in the Member States").
static STATES: [MemberState; 27] = [
    state("AT", "AT", &[(EARLIEST, percent(2000))]),
    state("BE", "BE", &[(EARLIEST, percent(2100))]),
    state("BG", "BG", &[(EARLIEST, percent(2000))]),
    state("CY", "CY", &[(EARLIEST, percent(1900))]),
    state("CZ", "CZ", &[(EARLIEST, percent(2100))]),
    state("DE", "DE", &[(EARLIEST, percent(1900))]),
    state("DK", "DK", &[(EARLIEST, percent(2500))]),
    state(
        "EE",
        "EE",
        &[(EARLIEST, percent(2000)), (date(2024, 1, 1), percent(2200)), (date(2025, 7, 1), percent(2400))],
    ),
    state("ES", "ES", &[(EARLIEST, percent(2100))]),
    state("FI", "FI", &[(EARLIEST, percent(2400)), (date(2024, 9, 1), percent(2550))]),
    state("FR", "FR", &[(EARLIEST, percent(2000))]),
    state("GR", "EL", &[(EARLIEST, percent(2400))]),
    state("HR", "HR", &[(EARLIEST, percent(2500))]),
    state("HU", "HU", &[(EARLIEST, percent(2700))]),
    state("IE", "IE", &[(EARLIEST, percent(2300))]),
    state("IT", "IT", &[(EARLIEST, percent(2200))]),
    state("LT", "LT", &[(EARLIEST, percent(2100))]),
    state("LU", "LU", &[(EARLIEST, percent(1700))]),
    state("LV", "LV", &[(EARLIEST, percent(2100))]),
    state("MT", "MT", &[(EARLIEST, percent(1800))]),
    state("NL", "NL", &[(EARLIEST, percent(2100))]),
    state("PL", "PL", &[(EARLIEST, percent(2300))]),
    state("PT", "PT", &[(EARLIEST, percent(2300))]),
    state("RO", "RO", &[(EARLIEST, percent(1900)), (date(2025, 8, 1), percent(2100))]),
    state("SE", "SE", &[(EARLIEST, percent(2500))]),
    state("SI", "SI", &[(EARLIEST, percent(2200))]),
    state("SK", "SK", &[(EARLIEST, percent(2000)), (date(2025, 1, 1), percent(2300))]),
];

/// VAT rates of metropolitan France, Corsica and the overseas departments, in percent (CGI art. 278 to 281 nonies, 294
/// ff.).
pub const FRENCH_RATES: [Decimal; 9] = [
    percent(2000),
    percent(1000),
    percent(550),
    percent(210),
    percent(850),
    percent(175),
    percent(105),
    percent(90),
    percent(1300),
];

impl MemberState {
    /// The member state with this country code, if any.
    pub fn of(country: &str) -> Option<&'static Self> {
        STATES.iter().find(|state| state.country == country)
    }

    /// The member state whose VAT prefix `number` has.
    pub fn of_vat_number(number: &str) -> Option<&'static Self> {
        STATES.iter().find(|state| number.starts_with(state.prefix))
    }

    /// Its standard rate in percent on `day`.
    pub fn standard_rate(&self, day: Date) -> Decimal {
        let known = self.rates.iter().rev().find(|(from, _)| *from <= day).or_else(|| self.rates.first());
        known.map_or(Decimal::ZERO, |(_, rate)| *rate)
    }
}

/// Whether `country` is France for VAT: so are Monaco (Directive 2006/112/EC art. 7) and the overseas departments with
/// their own country codes and French VAT at their own rates (CGI art. 294, 296). Postal codes are more precise, see
/// `region`.
pub fn is_domestic(country: &str) -> bool {
    matches!(country, "FR" | "MC" | "GP" | "MQ" | "RE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_changes_on_its_day() {
        let rate = |country, day| MemberState::of(country).unwrap().standard_rate(day);
        assert_eq!(rate("EE", date(2025, 6, 30)), Decimal::from(22));
        assert_eq!(rate("EE", date(2025, 7, 1)), Decimal::from(24));
        assert_eq!(rate("FI", date(2026, 11, 21)), Decimal::new(255, 1));
        assert_eq!(rate("DE", date(1999, 1, 1)), Decimal::from(19));
    }

    #[test]
    fn greece_has_two_codes() {
        assert_eq!(MemberState::of("GR"), MemberState::of_vat_number("EL094259216"));
        assert!(MemberState::of("GB").is_none() && MemberState::of("EL").is_none());
        assert!(is_domestic("MC") && !is_domestic("BE"));
    }
}
