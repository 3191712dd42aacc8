//! Invoice numbers: the owner's pattern, its series, and the document's file name.
//!
//! Each series has one counter. Its name is the pattern with the date parts filled in, `2026-11-#`. A pattern with the
//! month restarts at 1 each month, one with only the year each year, one with neither never. Gapless allocation of
//! numbers lives in `billing::issue`.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Longest number French platforms accept (BR-FR-01).
pub const LONGEST: usize = 35;

/// An invoice number: at most 35 characters of `[A-Za-z0-9+_/-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InvoiceNumber(pub String);

impl fmt::Display for InvoiceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl InvoiceNumber {
    /// The number as part of a storage key or a file name: slashes become dashes.
    pub fn file_stem(&self) -> String {
        self.0.replace('/', "-")
    }

    /// The file name of the document, `2026-11-0042-DUPONT.pdf`: the number, then the customer's last name in plain
    /// capitals, if it has Latin letters. Slashes become dashes, so that the name is valid on every system.
    pub fn file_name(&self, customer: &str) -> String {
        let number = self.file_stem();
        match plain_capitals(customer) {
            name if name.is_empty() => format!("{number}.pdf"),
            name => format!("{number}-{name}.pdf"),
        }
    }
}

/// A series, with one counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Series(pub String);

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The pattern of invoice numbers: text with `{year}`, `{month}` and one `{number:4}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesPattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Year,
    Month,
    Number(usize),
}

/// A pattern that cannot produce valid, unique numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// An unbalanced brace, or an unknown placeholder.
    #[error("write only {{year}}, {{month}} and {{number:4}} between braces; `{0}` is none of these")]
    UnknownPart(String),
    /// No number placeholder, or several.
    #[error("write {{number}} or {{number:4}} exactly once; found it {0} times")]
    Numbers(usize),
    /// A monthly restart without the year would repeat numbers after twelve months.
    #[error("write {{year}} beside {{month}}, or the same number comes back a year later")]
    MonthWithoutYear,
    /// A character that French platforms refuse.
    #[error("`{0}` may not stand in an invoice number; use letters, digits and + _ / -")]
    Character(char),
    /// Too long once filled in.
    #[error("makes numbers of {0} characters; 35 is the most that French platforms accept")]
    TooLong(usize),
}

impl SeriesPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// When it could produce an invalid number or the same number twice.
    pub fn parse(pattern: &str) -> Result<Self, InvalidPattern> {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some((text, after)) = rest.split_once('{') {
            push_text(&mut parts, text)?;
            let (word, after) = after.split_once('}').ok_or_else(|| InvalidPattern::UnknownPart(after.to_owned()))?;
            parts.push(part(word)?);
            rest = after;
        }
        push_text(&mut parts, rest)?;
        let count = |wanted: fn(&Part) -> bool| parts.iter().filter(|part| wanted(part)).count();
        match count(|part| matches!(part, Part::Number(_))) {
            1 => {}
            numbers => return Err(InvalidPattern::Numbers(numbers)),
        }
        if count(|part| *part == Part::Month) > 0 && count(|part| *part == Part::Year) == 0 {
            return Err(InvalidPattern::MonthWithoutYear);
        }
        let pattern = Self(parts);
        let longest = pattern.fill(Date::MAX, &"9".repeat(9)).len();
        if longest > LONGEST { Err(InvalidPattern::TooLong(longest)) } else { Ok(pattern) }
    }

    /// The series of an invoice issued on `day`.
    pub fn series(&self, day: Date) -> Series {
        Series(self.fill(day, "#"))
    }

    /// Number `n` of the series of this day; `n` counts from 1.
    pub fn number(&self, day: Date, n: u64) -> InvoiceNumber {
        let width = self.0.iter().find_map(|part| if let Part::Number(width) = part { Some(*width) } else { None });
        InvoiceNumber(self.fill(day, &format!("{n:0width$}", width = width.unwrap_or(1))))
    }

    /// The archive key of a document of the series of this day: a function of the number alone, so that a number has one
    /// key for every customer. The folder repeats what the pattern holds: `invoices/2026/11/2026-11-0042.pdf` by
    /// month, `invoices/2026/FA2026-00042.pdf` by year, `invoices/F42.pdf` without.
    pub fn archive_key(&self, day: Date, number: &InvoiceNumber) -> String {
        format!("{}{}.pdf", self.archive_folder(day), number.file_stem())
    }

    /// What the archive keys of the series of this day begin with.
    pub fn archive_prefix(&self, day: Date) -> String {
        format!("{}{}", self.archive_folder(day), self.around_number(day).0)
    }

    /// The position in the series of this day of the document with this archive key; `None` for other keys.
    pub fn n_of_key(&self, day: Date, key: &str) -> Option<u64> {
        let stem = key.strip_prefix(&self.archive_folder(day))?.strip_suffix(".pdf")?;
        self.digits_of_stem(day, stem)?.parse().ok()
    }

    /// The digits of the number in a file stem of the series of this day; `None` for other stems.
    pub fn digits_of_stem<'a>(&self, day: Date, stem: &'a str) -> Option<&'a str> {
        let (before, after) = self.around_number(day);
        let digits = stem.strip_prefix(&before)?.strip_suffix(&after)?;
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
    }

    /// The file stem with these digits in the series of this day: the reverse of [`Self::digits_of_stem`].
    pub fn stem_of_digits(&self, day: Date, digits: &str) -> String {
        let (before, after) = self.around_number(day);
        format!("{before}{digits}{after}")
    }

    fn archive_folder(&self, day: Date) -> String {
        let has = |part: &Part| self.0.contains(part);
        match (has(&Part::Year), has(&Part::Month)) {
            (true, true) => format!("invoices/{:04}/{:02}/", day.year(), day.month()),
            (true, false) => format!("invoices/{:04}/", day.year()),
            _ => "invoices/".to_owned(),
        }
    }

    /// The text before and after the number in a file name of the series of this day.
    fn around_number(&self, day: Date) -> (String, String) {
        // No text of a pattern may contain a colon.
        let filled = self.fill(day, ":").replace('/', "-");
        filled.split_once(':').map(|(before, after)| (before.to_owned(), after.to_owned())).unwrap_or_default()
    }

    /// Whether this pattern and `other` could produce the same number. Any digit matches any other, so the answer may
    /// be a false yes but never a false no.
    pub fn may_meet(&self, other: &Self) -> bool {
        self.shape() == other.shape()
    }

    /// A number with every run of digits replaced by one 0.
    fn shape(&self) -> String {
        let mut shape = String::new();
        for c in self.fill(Date::MAX, "0").chars() {
            // A slash becomes a dash in the file name, which must be unique too.
            let c = if c.is_ascii_digit() {
                '0'
            } else if c == '/' {
                '-'
            } else {
                c
            };
            if c != '0' || !shape.ends_with('0') {
                shape.push(c);
            }
        }
        shape
    }

    fn fill(&self, day: Date, number: &str) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Year => format!("{:04}", day.year()),
                Part::Month => format!("{:02}", day.month()),
                Part::Number(_) => number.to_owned(),
            })
            .collect()
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), InvalidPattern> {
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !"+_/-".contains(*c)) {
        return Err(InvalidPattern::Character(odd));
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
    Ok(())
}

fn part(word: &str) -> Result<Part, InvalidPattern> {
    match word.split_once(':') {
        None if word == "year" => Ok(Part::Year),
        None if word == "month" => Ok(Part::Month),
        None if word == "number" => Ok(Part::Number(1)),
        Some(("number", width)) => match width.parse() {
            Ok(width @ 1..=9) => Ok(Part::Number(width)),
            _ => Err(InvalidPattern::UnknownPart(word.to_owned())),
        },
        _ => Err(InvalidPattern::UnknownPart(word.to_owned())),
    }
}

/// The last word of a name in capitals without accents, at most 20 letters; empty if nothing Latin is left.
fn plain_capitals(name: &str) -> String {
    let last = name.split_whitespace().last().unwrap_or_default();
    last.chars().flat_map(char::to_uppercase).filter_map(without_accent).take(20).collect()
}

fn without_accent(c: char) -> Option<char> {
    Some(match c {
        'A'..='Z' | '0'..='9' | '-' => c,
        'À'..='Æ' => 'A',
        'Ç' | 'Ć' | 'Č' => 'C',
        'È'..='Ë' | 'Ē' | 'Ę' | 'Ě' => 'E',
        'Ì'..='Ï' | 'İ' => 'I',
        'Ñ' | 'Ń' | 'Ň' => 'N',
        'Ò'..='Ö' | 'Ø' | 'Œ' | 'Ő' => 'O',
        'Ù'..='Ü' | 'Ű' | 'Ů' => 'U',
        'Ý' | 'Ÿ' => 'Y',
        'Š' | 'Ś' | 'Ş' => 'S',
        'Ž' | 'Ź' | 'Ż' => 'Z',
        'Ł' => 'L',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_default_pattern_counts_within_the_month() {
        let pattern = SeriesPattern::parse("{year}-{month}-{number:4}").unwrap();
        let day = date(2026, 11, 21);
        assert_eq!(pattern.series(day).0, "2026-11-#");
        assert_eq!(pattern.number(day, 42).0, "2026-11-0042");
        assert_eq!(pattern.number(day, 123_456).0, "2026-11-123456");
        assert_ne!(pattern.series(day), pattern.series(date(2026, 12, 1)));
    }

    #[test]
    fn patterns_that_could_repeat_or_break_a_number_are_refused() {
        for (pattern, error) in [
            ("{year}", InvalidPattern::Numbers(0)),
            ("{number}{number}", InvalidPattern::Numbers(2)),
            ("{month}-{number}", InvalidPattern::MonthWithoutYear),
            ("F {number}", InvalidPattern::Character(' ')),
            ("F.{number}", InvalidPattern::Character('.')),
            ("{jour}-{number}", InvalidPattern::UnknownPart("jour".into())),
            ("{number:99}", InvalidPattern::UnknownPart("number:99".into())),
            ("{number", InvalidPattern::UnknownPart("number".into())),
        ] {
            assert_eq!(SeriesPattern::parse(pattern), Err(error), "{pattern}");
        }
        let long = format!("{}{{number}}", "F".repeat(30));
        assert_eq!(SeriesPattern::parse(&long), Err(InvalidPattern::TooLong(39)));
        assert!(SeriesPattern::parse("FA{year}/{number:6}").is_ok());
    }

    #[test]
    fn patterns_that_could_make_the_same_number_are_told() {
        let meet =
            |one: &str, other: &str| SeriesPattern::parse(one).unwrap().may_meet(&SeriesPattern::parse(other).unwrap());
        assert!(!meet("{year}-{month}-{number:4}", "A{year}-{month}-{number:4}"));
        assert!(meet("F{number}", "F1{number}"), "F11 may be both");
        assert!(meet("{year}{number}", "{number}"));
        assert!(meet("F/{number}", "F-{number}"), "one file name");
        assert!(!meet("F{year}-{number}", "FA-{number}"));
    }

    #[test]
    fn an_archive_key_is_a_function_of_the_number_alone() {
        let day = date(2026, 11, 21);
        for (pattern, key, prefix) in [
            ("{year}-{month}-{number:4}", "invoices/2026/11/2026-11-0042.pdf", "invoices/2026/11/2026-11-"),
            ("FA{year}/{number:5}", "invoices/2026/FA2026-00042.pdf", "invoices/2026/FA2026-"),
            ("F{number}", "invoices/F42.pdf", "invoices/F"),
            ("{number}-{year}", "invoices/2026/42-2026.pdf", "invoices/2026/"),
        ] {
            let pattern = SeriesPattern::parse(pattern).unwrap();
            assert_eq!(pattern.archive_key(day, &pattern.number(day, 42)), key);
            assert_eq!(pattern.archive_prefix(day), prefix);
            assert_eq!(pattern.n_of_key(day, key), Some(42));
            assert_eq!(pattern.n_of_key(day, &key.replace("42", "A42")), None);
            assert_eq!(pattern.n_of_key(day, "invoices/2026/11/A2026-11-0042.pdf"), None);
            let stem = pattern.number(day, 42).file_stem();
            let digits = pattern.digits_of_stem(day, &stem).unwrap();
            assert_eq!((digits.parse(), pattern.stem_of_digits(day, digits)), (Ok(42), stem));
        }
    }

    #[test]
    fn file_names_are_plain_on_every_system() {
        let number = InvoiceNumber("2026-11-0042".into());
        assert_eq!(number.file_name("Zoé Lefèvre"), "2026-11-0042-LEFEVRE.pdf");
        assert_eq!(number.file_name("Jean-Noël D'Artagnan-Müller"), "2026-11-0042-DARTAGNAN-MULLER.pdf");
        assert_eq!(number.file_name("山田太郎"), "2026-11-0042.pdf");
        assert_eq!(number.file_name("../../etc/passwd"), "2026-11-0042-ETCPASSWD.pdf");
        assert_eq!(InvoiceNumber("F/1".into()).file_name(""), "F-1.pdf");
    }
}
