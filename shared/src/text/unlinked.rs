//! Text of strangers in a mail or a message of ours: mail clients make links of what looks like an address, and a link in a signed
//! mail is taken for the sender's.

use super::clean::clean_within;

/// Most letters (grapheme clusters) of a name in a greeting: whoever pays for the cheapest product does not write our mails.
pub const LONGEST_GREETED: usize = 60;

/// What makes a link of any word behind it.
const WWW: &str = "www.";

/// A name as it is greeted: short, clean and without links.
pub fn greeted(name: &str) -> String {
    clean_within(&unlinked(&clean_within(name, 4 * LONGEST_GREETED)), LONGEST_GREETED).into_owned()
}

/// `text` with a space wherever a mail client would go on reading an address: after a dot between letters or digits, which
/// `www.` loses (`www evil. example`), and after a colon that ends a scheme (`https: //`, `mailto: `). A space is seen and stays in
/// a copy; a word joiner (U+2060) would do in some clients only. A decimal point keeps its place.
pub fn unlinked(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let (mut before, mut dots) = (' ', 0);
    while let Some(c) = rest.next() {
        written.push(c);
        let after = rest.peek().copied().unwrap_or(' ');
        let joins = match c {
            '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' | '\u{2024}' | '\u{fe52}' => {
                dots += 1;
                let decimal = before.is_ascii_digit() && after.is_ascii_digit() && dots == 1;
                is_of_address(before) && is_of_address(after) && !decimal
            }
            ':' | '\u{ff1a}' if after == '/' => true,
            ':' | '\u{ff1a}' => before.is_alphabetic() && !after.is_whitespace(),
            _ => false,
        };
        if joins {
            let end = written.len().checked_sub(WWW.len()).and_then(|at| written.get(at..));
            if end.is_some_and(|end| end.eq_ignore_ascii_case(WWW)) {
                written.pop();
            }
            written.push(' ');
        }
        if c.is_whitespace() {
            dots = 0;
        }
        before = c;
    }
    written
}

/// Whether a host name or a path goes on with it.
fn is_of_address(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '%' | '@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        for name in ["Zoé Lefèvre", "d'Ormesson, Jr.", "Dr. A. Smith", "ACME Inc.", "Version 2.5", "10:30", "山田 太郎"]
        {
            assert_eq!(unlinked(name), name);
            assert_eq!(greeted(name), name);
        }
    }

    #[test]
    fn nothing_is_left_to_link() {
        for (given, left) in [
            ("www.evil.example", "www evil. example"),
            ("https://evil.example/a?b", "https: //evil. example/a?b"),
            ("HTTPS://1.2.3.4", "HTTPS: //1.2. 3. 4"),
            ("write to a@evil.example", "write to a@evil. example"),
            ("mailto:a@evil", "mailto: a@evil"),
            ("h2://evil", "h2: //evil"),
            ("evil．example", "evil． example"),
            ("J.R. Smith", "J. R. Smith"),
        ] {
            assert_eq!(unlinked(given), left, "{given}");
        }
        assert_eq!(greeted("evil.\u{200b}example"), "evil. example");
        assert_eq!(greeted(&"a".repeat(61)), format!("{}…", "a".repeat(59)));
    }

    proptest::proptest! {
        #[test]
        fn a_greeting_is_short_and_has_no_link(name in "([a-z.:/@\u{200b}]|\\PC){0,200}") {
            let name = greeted(&name);
            let chars: Vec<char> = name.chars().collect();
            proptest::prop_assert!(!name.contains("://") && !name.contains("www."));
            let dotted = |part: &[char]| part[1] == '.' && part[0].is_alphabetic() && part[2].is_alphabetic();
            proptest::prop_assert!(!chars.windows(3).any(dotted), "{name}");
        }
    }
}
