//! VAT numbers of the member states: normalised, with valid check digits.
//!
//! Only VIES knows whether a number is registered; a wrong digit is found here, offline. The checks are those of the
//! crate `stdnum`, except for six states where it is wrong: theirs are in `people`.

mod people;

use stdnum::{Validator, country};

use super::territory::MemberState;
use crate::vat::identifiers::is_siren;

/// A VAT number with its country's prefix, no spaces, upper case: `DE136695976`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatNumber {
    /// The number with its prefix.
    pub text: String,
    /// The state of its prefix.
    pub state: &'static MemberState,
}

impl VatNumber {
    /// Parses a number with its country's prefix; `None` if it is not a valid number of a member state.
    pub fn parse(value: &str) -> Option<Self> {
        let text: String = value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        let state = MemberState::of_vat_number(&text)?;
        is_right(state.country, text.strip_prefix(state.prefix)?).then_some(())?;
        Some(Self { text, state })
    }

    /// The SIREN in a French number; Monaco's, which begin with 000, contain none.
    pub fn siren(&self) -> Option<&str> {
        let siren = (self.state.country == "FR").then(|| self.text.get(4..)).flatten()?;
        (is_siren(siren) && !siren.starts_with("000")).then_some(siren)
    }
}

/// Whether a number without its prefix passes its country's check.
fn is_right(country: &str, number: &str) -> bool {
    match country {
        "BG" => people::bulgarian(number),
        "CZ" => people::czech(number),
        "LV" => people::latvian(number),
        "RO" => people::romanian(number),
        "SI" => people::slovene(number),
        "SK" => people::slovak(number),
        // Establishments are counted from 01.
        "NL" if number.ends_with("B00") => false,
        country => rules(country).is_some_and(|rules| rules.validate(number).is_ok()),
    }
}

/// The crate's check for a country.
fn rules(country: &str) -> Option<&'static dyn Validator> {
    Some(match country {
        "AT" => &country::at::UID,
        "BE" => &country::be::VAT,
        "CY" => &country::cy::VAT,
        "DE" => &country::de::VAT,
        "DK" => &country::dk::CVR,
        "EE" => &country::ee::KMKR,
        "ES" => &country::es::NIF,
        "FI" => &country::fi::ALV,
        "FR" => &country::fr::TVA,
        "GR" => &country::gr::VAT,
        "HR" => &country::hr::OIB,
        "HU" => &country::hu::ANUM,
        "IE" => &country::ie::VAT,
        "IT" => &country::it::IVA,
        "LT" => &country::lt::PVM,
        "LU" => &country::lu::TVA,
        "MT" => &country::mt::VAT,
        "NL" => &country::nl::BTW,
        "PL" => &country::pl::NIP,
        "PT" => &country::pt::NIF,
        "SE" => &country::se::VAT,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers published by companies, and copies with one digit changed.
    #[test]
    fn a_wrong_digit_is_seen_in_every_member_state() {
        for (number, wrong) in [
            ("ATU13585627", "ATU13585628"),
            ("BE0428759497", "BE0428759498"),
            ("BE1000000021", "BE1000000022"),
            ("BG175074752", "BG175074751"),
            ("CY10259033P", "CY10259033Z"),
            ("CZ25123891", "CZ25123890"),
            ("DE136695976", "DE136695978"),
            ("DK13585628", "DK13585627"),
            ("EE100931558", "EE100594103"),
            ("ESB58378431", "ESB58378432"),
            ("FI20774740", "FI20774741"),
            ("FR40303265045", "FR84323140391"),
            ("EL094259216", "EL123456781"),
            ("HR33392005961", "HR33392005962"),
            ("HU12892312", "HU12892313"),
            ("IE6433435F", "IE6433435E"),
            ("IT00743110157", "IT00743110158"),
            ("LT119511515", "LT100001919018"),
            ("LU15027442", "LU15027443"),
            ("LV40003521600", "LV40003521601"),
            ("MT11679112", "MT11679113"),
            ("NL004495445B01", "NL123456789B90"),
            ("PL8567346215", "PL8567346216"),
            ("PT501964843", "PT501964842"),
            ("RO18547290", "RO18547291"),
            ("SE556188840401", "SE556188840402"),
            ("SI50223054", "SI50223055"),
            ("SK2022749619", "SK2022749618"),
        ] {
            assert_eq!(VatNumber::parse(number).map(|number| number.text), Some(number.to_owned()), "{number}");
            assert_eq!(VatNumber::parse(wrong), None, "{wrong}");
        }
    }

    /// Numbers published as valid, people's included; each with one digit changed is invalid, unless the state's check
    /// cannot detect it.
    #[test]
    fn published_numbers_are_right() {
        let published: Vec<(String, String)> = serde_json::from_str(include_str!("valid.json")).unwrap();
        assert_eq!(published.len(), 160);
        let refused: Vec<_> = published.iter().filter(|(_, number)| VatNumber::parse(number).is_none()).collect();
        assert_eq!(refused, Vec::<&(String, String)>::new());
        for (_, number) in &published {
            let (front, last) = number.split_at(number.len() - 1);
            // A Dutch number ends with an establishment counter, checked only where the number is a person's; births
            // before 1954 have no check in Czechia.
            let Ok(last) = last.parse::<u8>() else { continue };
            let others = (0..10).filter(|other| *other != last);
            let caught = others.filter(|other| VatNumber::parse(&format!("{front}{other}")).is_none()).count();
            assert!(caught >= 7 || number.starts_with("NL"), "{number}: {caught} of 9 wrong last digits are seen");
        }
    }

    #[test]
    fn numbers_of_people_who_trade_are_right_and_their_neighbours_wrong() {
        for number in [
            "SK1078449064",
            "BG7501020018",
            "BG4501020011",
            "LV32867300679",
            "LV16117519997",
            "CZ640903926",
            "CZ6011270177",
            "CZ7103192745",
            "CZ395601439",
            "RO1630615123457",
        ] {
            assert!(VatNumber::parse(number).is_some(), "{number}");
        }
        for wrong in [
            "SK1078449065",
            "SK1098449064",
            "SK0078449064",
            "SK107844906",
            "BG7501020019",
            "BG750102001",
            "LV32867300678",
            "LV33867300679",
            "LV16137519997",
            "CZ640903927",
            "CZ6011270178",
            "CZ7113192745",
            "CZ545601439",
            "CZ91000000",
            "RO1630615123458",
            "RO1630615993454",
            "RO1",
            "RO18547291",
            "ROABC",
            "SI08297550",
            "SI90310811",
            "NL001309675B00",
        ] {
            assert_eq!(VatNumber::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn spaces_and_small_letters_are_how_people_write() {
        let number = VatNumber::parse("fr 40 303 265 045").unwrap();
        assert_eq!((number.text.as_str(), number.siren()), ("FR40303265045", Some("303265045")));
        assert_eq!(VatNumber::parse("FR53000004605").unwrap().siren(), None, "Monaco");
        for none in ["", "FR", "136695976", "GB980780684", "XX123", "é"] {
            assert_eq!(VatNumber::parse(none), None, "{none}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_written_here_panics(value in "\\PC{0,24}", state in proptest::sample::select(vec!["AT", "ES", "IE", "NL", "EL"])) {
            VatNumber::parse(&value);
            VatNumber::parse(&format!("{state}{value}"));
        }
    }
}
