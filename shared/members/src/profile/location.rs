//! Where a member works from, and the languages they speak: codes of external standards.

use oxilangtag::LanguageTag;
use serde::{Deserialize, Serialize};

use super::violation::{Code, Violation};

/// Most characters of a town's name: the longest of France has 45.
pub const LONGEST_CITY: usize = 100;
/// Most languages.
pub const MOST_LANGUAGES: usize = 20;
/// Most bytes of a language tag (RFC 5646, section 4.4.1, asks for room for 35).
const LONGEST_TAG: usize = 35;

/// Where a member works from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The town, if given.
    pub city: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// A country's code, in capitals.
///
/// # Errors
/// No such country.
pub fn country(value: &str, path: &str) -> Result<String, Violation> {
    let code = value.trim().to_ascii_uppercase();
    if en16931::codes::contains(en16931::codes::generated::COUNTRY_CODES, &code) {
        Ok(code)
    } else {
        Err(Violation::new(Code::CountryUnknown, path, value))
    }
}

/// A language tag in its usual case: `fr`, `en-GB`, `zh-Hant`. Its form is checked, as BCP 47 requires; whether the
/// registry lists each part is not.
///
/// # Errors
/// It is not such a tag, or one for private use.
pub fn language(value: &str, path: &str) -> Result<String, Violation> {
    let wrong = || Violation::new(Code::LanguageUnknown, path, value);
    let written = value.trim();
    if written.len() > LONGEST_TAG {
        return Err(wrong());
    }
    let tag = LanguageTag::parse_and_normalize(written).map_err(|_| wrong())?;
    let named =
        matches!(tag.primary_language().len(), 2 | 3) && tag.private_use().is_none() && tag.extension().is_none();
    if named { Ok(tag.into_inner()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_lists() {
        assert_eq!(country(" fr ", "c").as_deref(), Ok("FR"));
        for bad in ["", "F", "FRA", "XQ", "🇫🇷", "U\u{212a}"] {
            assert!(country(bad, "c").is_err(), "{bad}");
        }
    }

    #[test]
    fn languages_are_tags() {
        for (written, kept) in [("FR", "fr"), ("en-gb", "en-GB"), ("zh-hant-tw", "zh-Hant-TW"), ("gsw", "gsw")] {
            assert_eq!(language(written, "l").as_deref(), Ok(kept));
        }
        for bad in ["", "french", "f", "en_GB", "x-klingon", "i-klingon", "en-x-a", "fr-", "é", "en-u-ca-islamic"] {
            assert!(language(bad, "l").is_err(), "{bad}");
        }
    }
}
