//! Names of people: stored as written, trimmed, with single spaces; full names are split.

use super::{
    text::{self, Shape},
    violation::{Code, Findings},
};

/// Most characters of one name.
pub const LONGEST: usize = 80;

/// Characters that no name has and that are used in mail headers, markup or addresses.
const FOREIGN: &str = "<>{}[]|\\/@#$%^*=~`\"_:;!?&+";

/// The name as stored, or its violations added.
pub fn read(value: &str, path: &str, findings: &mut Findings) -> Option<String> {
    let name = text::clean(value, path, Shape::line(1, LONGEST), findings)?;
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let named = name.chars().any(char::is_alphabetic) && !name.chars().any(|c| FOREIGN.contains(c) || c.is_numeric());
    if !named || is_linkable(&name) {
        findings.add(Code::NameMalformed, path, &name);
        return None;
    }
    Some(name)
}

/// What a host name is written with between its labels; browsers take all of them for dots (RFC 3490, section 3.1).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// Whether a mail client or Slack would make a link of it: a dot inside a word. Initials (`J.R.R. Tolkien`) are no host name,
/// whose last label has two letters or more.
fn is_linkable(name: &str) -> bool {
    let hosts = |word: &str| {
        let labels: Vec<&str> = word.split(DOTS).collect();
        labels.windows(2).any(|pair| matches!(pair, [before, after] if !before.is_empty() && after.chars().count() > 1))
    };
    name.split_whitespace().any(hosts)
}

/// Splits an identity provider's full name into given and family name. Words in capitals are the family name, as France
/// writes them (`Zoé LE GALL`, `LE GALL Zoé`); without capitals the last word is.
pub fn split(whole: &str) -> (String, String) {
    let words: Vec<&str> = whole.split_whitespace().collect();
    let shouted = |word: &&&str| word.chars().count() > 1 && !word.chars().any(char::is_lowercase);
    let (family, given): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| shouted(word));
    if !family.is_empty() && !given.is_empty() {
        return (given.join(" "), family.join(" "));
    }
    match words.split_last() {
        Some((last, first)) if !first.is_empty() => (first.join(" "), (*last).to_owned()),
        _ => (words.join(" "), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_people_write_them() {
        for (written, kept) in [
            ("  Zoé  ", Some("Zoé")),
            ("Jean  Luc", Some("Jean Luc")),
            ("O’Neil", Some("O’Neil")),
            ("d'Ormesson, Jr.", Some("d'Ormesson, Jr.")),
            ("María José", Some("María José")),
            ("山田", Some("山田")),
            ("-", None),
            ("", None),
            ("Zoé <b>", None),
            ("https://example.org", None),
            ("R2D2", None),
            ("Zoé\nX", None),
            ("Dr. Müller", Some("Dr. Müller")),
            ("J.R.R. Tolkien", Some("J.R.R. Tolkien")),
            ("J. Smith Jr.", Some("J. Smith Jr.")),
            ("www.evil.example", None),
            ("evil.example", None),
            ("Zoé t.co", None),
            ("evil．example", None),
            ("evil。example", None),
            ("Dr.Müller", None),
        ] {
            let mut findings = Findings::default();
            assert_eq!(read(written, "firstName", &mut findings).as_deref(), kept, "{written}");
            assert_eq!(findings.0.is_empty(), kept.is_some());
        }
    }

    #[test]
    fn a_whole_name_is_split_where_its_capitals_say() {
        for (whole, given, family) in [
            ("Zoé Lefèvre", "Zoé", "Lefèvre"),
            ("Zoé LE GALL", "Zoé", "LE GALL"),
            ("LE GALL Zoé", "Zoé", "LE GALL"),
            ("Jean Luc Martin", "Jean Luc", "Martin"),
            ("Zoé", "Zoé", ""),
            ("", "", ""),
        ] {
            assert_eq!(split(whole), (given.to_owned(), family.to_owned()), "{whole}");
        }
    }
}
