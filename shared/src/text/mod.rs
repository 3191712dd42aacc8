//! Text rules that several modules share: what a reader does not see (`hidden`), strangers' text in what we make (`clean`), and in
//! what we send (`unlinked`).

pub mod clean;
pub mod hidden;
pub mod unlinked;

use hidden::hidden;

/// `value` without white space; people group digits: `123 456 782`.
pub fn without_spaces(value: &str) -> String {
    value.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Longest address in bytes (RFC 5321, section 4.5.3.1.3, without its angle brackets).
pub const LONGEST_EMAIL: usize = 254;

/// Longest part before the `@` in bytes (RFC 5321, section 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;

/// Whether this has the form of an e-mail address (RFC 5321, section 4.1.2, without quoted local parts and address
/// literals): a non-empty part before the last `@` with no dot at its ends and no two in a row, a dotted domain after
/// it, no spaces, hidden characters or header separators. Letters of any script are accepted; SES accepts fewer, see
/// [`mailable`](crate::email::mailable).
pub fn looks_like_email(value: &str) -> bool {
    let Some((local, domain)) = value.trim().rsplit_once('@') else { return false };
    let unfit = |c: char| c.is_whitespace() || hidden(c).is_some() || "<>,;:\"()[]\\".contains(c);
    let plain = |part: &str| !part.chars().any(unfit);
    local.len() <= LONGEST_LOCAL
        && value.len() <= LONGEST_EMAIL
        && !local.contains('@')
        && plain(local)
        && plain(domain)
        && local.split('.').all(|atom| !atom.is_empty())
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
}

/// `value` trimmed; `None` if that is empty.
pub fn filled(value: Option<&str>) -> Option<String> {
    value.map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_be_mailed_are_seen() {
        for good in ["a@b.fr", "zoé.lefèvre+x@exemple.org", "o'neil@mail.example.co.uk"] {
            assert!(looks_like_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b.fr",
            "a@",
            "a@b",
            "a b@c.fr",
            "a@b..fr",
            "a@-b.fr",
            "a@b.fr\nBcc: x@y.fr",
            "a@b@c.fr",
            "<a@b.fr>",
            ".a@b.fr",
            "a.@b.fr",
            "a..b@c.fr",
            "a@b\u{200b}.fr",
            "a\u{202e}@b.fr",
            "a@b.fr\u{e0061}",
            "a@b\u{ad}.fr",
        ] {
            assert!(!looks_like_email(bad), "{bad}");
        }
    }
}
