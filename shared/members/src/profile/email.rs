//! E-mail addresses: deliverable ones (RFC 5321 and 6531, as mailboxes are given out today), and the key under which
//! two addresses are equal.
//!
//! The grammar is the crate's; additionally rejected is what no provider gives out and much software breaks on: quoted
//! local parts, comments, address literals, domains without a dot.

use email_address::{EmailAddress, Options};
use serde::{Deserialize, Serialize};

use super::{
    text,
    violation::{Code, Violation},
};

/// Bytes before the `@` (RFC 5321, section 4.5.3.1.1).
const LOCAL: usize = 64;
/// Bytes in all (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const WHOLE: usize = 254;

/// The key that addresses are compared by: lower case, the domain in ASCII. RFC 5321 leaves the case of the local part
/// to its host; no provider of today distinguishes `Zoe@` from `zoe@`: two such profiles are one person's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailKey(pub String);

impl EmailKey {
    /// The key of an address that was parsed before.
    pub fn of(address: &str) -> Self {
        Self(text::composed(&address.to_lowercase()).into_owned())
    }
}

/// A deliverable address: its local part as written, its domain in lower case and ASCII.
///
/// # Errors
/// It is not such an address.
pub fn read(value: &str, path: &str) -> Result<String, Violation> {
    if value.trim().is_empty() {
        return Err(Violation::new(Code::Required, path, value));
    }
    let address = address(value).ok_or_else(|| Violation::new(Code::EmailMalformed, path, value))?;
    // SES supports no SMTPUTF8 (docs.aws.amazon.com/ses, API reference, "Destination"); a domain has an ASCII form.
    if address.is_ascii() { Ok(address) } else { Err(Violation::new(Code::EmailNotAscii, path, value)) }
}

fn address(value: &str) -> Option<String> {
    let whole = value.trim();
    if whole.len() > 4 * WHOLE || text::unfit(whole, false).is_some() || whole.contains(char::is_whitespace) {
        return None;
    }
    let whole = text::composed(whole);
    let (local, domain) = whole.rsplit_once('@')?;
    if local.len() > LOCAL || local.contains(['"', '(', ')', '\\', '@']) {
        return None;
    }
    let domain = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::STD3).ok()?;
    let labels: Vec<&str> = domain.split('.').collect();
    let hosted = labels.len() > 1 && labels.iter().all(|label| is_label(label));
    // A numeric top-level name is an IPv4 address, never a domain (RFC 3696, section 2).
    let named = labels.last().is_some_and(|top| top.len() > 1 && !top.bytes().all(|byte| byte.is_ascii_digit()));
    let address = format!("{local}@{domain}");
    if !hosted || !named || address.len() > WHOLE {
        return None;
    }
    let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
    EmailAddress::parse_with_options(&address, options).is_ok().then_some(address)
}

/// Whether this is a valid host name (RFC 1035, section 2.3.1, RFC 1123, section 2.1).
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_so_that_mail_finds_them() {
        for (written, kept) in [
            (" Zoe.Lefevre+x@Example.ORG ", "Zoe.Lefevre+x@example.org"),
            ("a@bücher.example", "a@xn--bcher-kva.example"),
            ("a@ＥＸＡＭＰＬＥ.org", "a@example.org"),
            ("o'neil@mail.example.co.uk", "o'neil@mail.example.co.uk"),
        ] {
            assert_eq!(read(written, "email").as_deref(), Ok(kept), "{written}");
        }
        assert_eq!(EmailKey::of("Zoé@exemple.fr"), EmailKey::of("zoe\u{301}@exemple.fr"));
    }

    /// Customers' addresses and members' keep one rule.
    #[test]
    fn what_is_accepted_here_is_mailed_and_what_is_hidden_is_refused_by_both() {
        for good in ["Zoe.Lefevre+x@example.org", "a@xn--bcher-kva.example", "o'neil@mail.example.co.uk"] {
            assert_eq!(comptoir::email::mailable(good).ok(), read(good, "email").ok(), "{good}");
        }
        for c in
            ['\u{200b}', '\u{200d}', '\u{200e}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{ad}', '\u{e0061}', '\0', 'é']
        {
            for bad in [
                format!("a{c}@example.org"),
                format!("{c}a@example.org"),
                format!("a@example.org{c}x").replace('é', "\u{200b}"),
            ] {
                assert!(comptoir::email::mailable(&bad).is_err() && read(&bad, "email").is_err(), "{bad:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_mailed_is_refused() {
        for bad in [
            "a",
            "a@b",
            "a b@c.fr",
            "a@b.fr\nBcc: x@y.fr",
            "\"a b\"@c.fr",
            "a@[127.0.0.1]",
            "Zoé <a@b.fr>",
            "a@1.2.3.4",
        ] {
            assert_eq!(read(bad, "email").map_err(|wrong| wrong.code), Err(Code::EmailMalformed), "{bad}");
        }
        assert_eq!(read("zoé@exemple.fr", "email").map_err(|wrong| wrong.code), Err(Code::EmailNotAscii));
        assert_eq!(read(" ", "email").map_err(|wrong| wrong.code), Err(Code::Required));
    }
}
