//! French business identifiers and their check digits (INSEE: SIREN, SIRET; CGI art. 286 ter: VAT number).

/// La Poste's SIREN, whose establishments follow a special rule.
const LA_POSTE: &str = "356000000";

/// Whether `value` is nine digits with a valid Luhn sum.
pub fn is_siren(value: &str) -> bool {
    value.len() == 9 && luhn(value)
}

/// Whether `value` is fourteen digits with a valid sum; La Poste's other establishments sum to a multiple of five.
pub fn is_siret(value: &str) -> bool {
    value.len() == 14
        && (luhn(value) || (value.starts_with(LA_POSTE) && digit_sum(value).is_some_and(|sum| sum % 5 == 0)))
}

/// The French VAT number of a SIREN: `FR`, two check digits, the SIREN.
pub fn french_vat_number(siren: &str) -> Option<String> {
    if siren.len() != 9 {
        return None;
    }
    let number: u64 = siren.parse().ok()?;
    Some(format!("FR{:02}{siren}", (12 + 3 * (number % 97)) % 97))
}

fn digit_sum(value: &str) -> Option<u32> {
    value.chars().map(|c| c.to_digit(10)).sum()
}

fn luhn(value: &str) -> bool {
    let sum: Option<u32> = value
        .chars()
        .rev()
        .enumerate()
        .map(|(place, c)| {
            let digit = c.to_digit(10)?;
            Some(if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 })
        })
        .sum();
    sum.is_some_and(|sum| sum % 10 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_of_published_numbers_hold() {
        assert!(is_siren("404833048"));
        assert!(is_siren("552100554"));
        assert!(!is_siren("404833049"));
        assert!(!is_siren("40483304"));
        assert!(!is_siren("40483304a"));
        assert!(is_siret("35600000000048"));
        assert!(is_siret("35600000049837"));
        assert!(!is_siret("35600000049838"));
        assert_eq!(french_vat_number("404833048").unwrap(), "FR83404833048");
        assert_eq!(french_vat_number("12"), None);
    }
}
