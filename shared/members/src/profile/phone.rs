//! Telephone numbers, stored in E.164.

use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};

use super::{
    text,
    violation::{Code, Violation},
};

/// Most bytes of a number as typed, with spaces and dots.
const LONGEST: usize = 40;

/// `+33612345678`. A number without its country code is one of `country` (ISO 3166-1), or of France.
///
/// # Errors
/// It is not a valid number of the country; extensions are rejected too.
pub fn read(value: &str, country: Option<&str>, path: &str) -> Result<String, Violation> {
    if value.trim().is_empty() {
        return Err(Violation::new(Code::Required, path, value));
    }
    e164(value.trim(), country).ok_or_else(|| Violation::new(Code::PhoneMalformed, path, value))
}

fn e164(written: &str, country: Option<&str>) -> Option<String> {
    // Only characters used in numbers: the crate also parses letters, and parameters of tel: URIs.
    let plain = written.chars().all(|c| c.is_ascii_digit() || " +-./()\u{a0}\u{202f}".contains(c));
    if !plain || written.len() > LONGEST || text::unfit(written, false).is_some() {
        return None;
    }
    // The crate supports the plain space only.
    let spaced = written.replace(['\u{a0}', '\u{202f}'], " ");
    let region = country.and_then(|country| Region::from_code(country).ok()).unwrap_or(Region::FR);
    let number = PhoneNumber::parse(spaced, Some(region)).ok()?;
    // Valid numbers have at most fifteen digits (E.164, section 6).
    number.is_valid().then(|| number.format_as(PhoneNumberFormat::E164).into_owned())
}

/// Loads the number tables, which would delay the first number by some tens of milliseconds; call it at start, when the
/// function has its full speed.
pub fn warm() {
    std::sync::LazyLock::force(&rlibphonenumber::PHONE_NUMBER_UTIL);
    e164("+33612345678", None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_as_the_world_dials_them() {
        for (written, country, kept) in [
            ("06 12 34 56 78", None, Some("+33612345678")),
            ("+33 (0)6.12.34.56.78", None, Some("+33612345678")),
            ("0033612345678", None, Some("+33612345678")),
            ("06\u{a0}12\u{202f}34 56 78", Some("FR"), Some("+33612345678")),
            ("0470 12 34 56", Some("BE"), Some("+32470123456")),
            ("+32 470 12 34 56", Some("FR"), Some("+32470123456")),
            ("12", None, None),
            ("+999123456789", None, None),
            ("0612345678 poste 12", None, None),
            ("0612345678;ext=4", None, None),
            ("06-FLOWERS", None, None),
            ("+", None, None),
            ("٠٦١٢٣٤٥٦٧٨", None, None),
        ] {
            assert_eq!(read(written, country, "phone").ok().as_deref(), kept, "{written}");
        }
    }
}
