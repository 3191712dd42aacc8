//! VAT numbers of the member states: written one way, and right by their check digits.
//!
//! Whether a number is registered today only VIES can tell; a wrong digit is found here, without asking anyone.

use stdnum::{Validator, country};

use super::territory::MemberState;
use crate::seller::identifiers::is_siren;

/// A VAT number with its country's prefix, no spaces, capitals: `DE136695976`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatNumber {
    /// The number with its prefix.
    pub text: String,
    /// Whose it is.
    pub state: &'static MemberState,
}

impl VatNumber {
    /// Reads a number that bears its country's prefix; `None` if it is no number of a member state.
    pub fn parse(value: &str) -> Option<Self> {
        let text: String = value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        let state = MemberState::of_vat_number(&text)?;
        rules(state.country)?.validate(text.strip_prefix(state.prefix)?).ok()?;
        Some(Self { text, state })
    }

    /// The SIREN within a French number; Monaco's, which begin with 000, hold none.
    pub fn siren(&self) -> Option<&str> {
        let siren = (self.state.country == "FR").then(|| self.text.get(4..)).flatten()?;
        (is_siren(siren) && !siren.starts_with("000")).then_some(siren)
    }
}

/// The check of one country, on the number without its prefix.
fn rules(country: &str) -> Option<&'static dyn Validator> {
    Some(match country {
        "AT" => &country::at::UID,
        "BE" => &country::be::VAT,
        "BG" => &country::bg::VAT,
        "CY" => &country::cy::VAT,
        "CZ" => &country::cz::DIC,
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
        "LV" => &country::lv::PVN,
        "MT" => &country::mt::VAT,
        "NL" => &country::nl::BTW,
        "PL" => &country::pl::NIP,
        "PT" => &country::pt::NIF,
        "RO" => &country::ro::CUI,
        "SE" => &country::se::VAT,
        "SI" => &country::si::DDV,
        "SK" => &country::sk::DPH,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that companies publish about themselves, and their twins with one digit changed.
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
