//! Small rules about text that more than one part of the house needs.

/// `value` without white space, as people group digits: `123 456 782`.
pub fn without_spaces(value: &str) -> String {
    value.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Whether mail can be tried at all: one `@` with something before it, a dotted domain after it, no spaces, controls or
/// header separators, at most 254 bytes (RFC 5321). What a mail provider makes of it is its own business.
pub fn looks_like_email(value: &str) -> bool {
    let Some((local, domain)) = value.trim().rsplit_once('@') else { return false };
    let plain = |part: &str| !part.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;:\"()[]\\".contains(c));
    !local.is_empty()
        && local.len() <= 64
        && value.len() <= 254
        && !local.contains('@')
        && plain(local)
        && plain(domain)
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
}

/// `value` trimmed, or nothing if that leaves nothing.
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
        ] {
            assert!(!looks_like_email(bad), "{bad}");
        }
    }
}
