//! A declaration as its form is filled in, checked field by field.
//!
//! The fields are those of C. consom. D215-2 (termination) and D221-5 (withdrawal): who declares, where the acknowledgement goes,
//! which contract, and for a termination the day wished for and a legitimate reason. Only the first two are needed.

use comptoir::text::clean::clean_within;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::person::PersonId;

/// Longest name and reference, in characters.
pub const LONGEST_LINE: usize = 100;

/// Longest reason, in characters.
pub const LONGEST_REASON: usize = 1000;

/// Longest time from now until a day wished for, in days.
const FARTHEST_DAYS: i64 = 370;

/// What is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The contract is to end ("résiliation").
    Termination,
    /// It is withdrawn from within fourteen days ("rétractation").
    Withdrawal,
}

impl Kind {
    /// As a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Termination => "termination",
            Self::Withdrawal => "withdrawal",
        }
    }
}

/// The fields of the form, as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// First name and name, or the name of an association.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// A number of an invoice, a contract or a customer; may be empty.
    pub reference: String,
    /// The day wished for, `2026-12-31`; may be empty.
    pub wished: String,
    /// A legitimate reason; may be empty.
    pub reason: String,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// There is no name.
    NoName,
    /// The address is none.
    NoAddress,
    /// The day is none.
    NoDay,
    /// The day is past, or farther away than a year.
    DayOutOfRange,
    /// The text is too long.
    TooLong(&'static str),
}

impl Wrong {
    /// The field.
    pub fn field(self) -> &'static str {
        match self {
            Self::NoName => "name",
            Self::NoAddress => "email",
            Self::NoDay | Self::DayOutOfRange => "wished",
            Self::TooLong(field) => field,
        }
    }

    /// A stable code, which is also the key of its sentence.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoName => "no_name",
            Self::NoAddress => "no_address",
            Self::NoDay => "no_day",
            Self::DayOutOfRange => "day_out_of_range",
            Self::TooLong(_) => "too_long",
        }
    }
}

/// A declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What is declared.
    pub kind: Kind,
    /// By whom, as typed.
    pub name: String,
    /// The address that was typed.
    pub email: String,
    /// A number of an invoice, a contract or a customer.
    #[serde(default)]
    pub reference: Option<String>,
    /// The day wished for.
    #[serde(default)]
    pub wished: Option<Date>,
    /// A legitimate reason.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whether it was declared in French.
    pub french: bool,
    /// When it was declared.
    pub at: Timestamp,
}

/// Reads the form; every mistake is named, in the order of the fields.
///
/// # Errors
/// A field is missing, malformed, too long, or out of range.
pub fn read(kind: Kind, form: &Form, french: bool, zone: &TimeZone, now: Timestamp) -> Result<Statement, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let mut short = |field, text: &str, most: usize| {
        // Measured before it is cleaned, and generously: a name of combining marks is long although it looks short.
        if text.chars().count() > most {
            wrong.push(Wrong::TooLong(field));
        }
        Some(clean_within(text, most).into_owned()).filter(|text| !text.is_empty())
    };
    let name = short("name", &form.name, LONGEST_LINE);
    let reference = short("reference", &form.reference, LONGEST_LINE);
    let reason = short("reason", &form.reason, LONGEST_REASON);
    let email = form.email.trim();
    if name.is_none() {
        wrong.push(Wrong::NoName);
    }
    if PersonId::of(email).is_none() {
        wrong.push(Wrong::NoAddress);
    }
    let wished = match form.wished.trim() {
        "" => None,
        _ if kind == Kind::Withdrawal => None,
        text => match text.parse::<Date>() {
            Err(_) => {
                wrong.push(Wrong::NoDay);
                None
            }
            Ok(day) => {
                let days = (day - now.to_zoned(zone.clone()).date()).get_days();
                if !(0..=FARTHEST_DAYS).contains(&i64::from(days)) {
                    wrong.push(Wrong::DayOutOfRange);
                }
                Some(day)
            }
        },
    };
    match name {
        Some(name) if wrong.is_empty() => {
            Ok(Statement { kind, name, email: email.to_owned(), reference, wished, reason, french, at: now })
        }
        _ => Err(wrong),
    }
}

impl Statement {
    /// Its id. The same declaration of the same day, as a button that is pressed twice makes it, is one declaration. `again`
    /// counts those of the day that were revoked.
    pub fn id(&self, again: u32) -> String {
        let person = PersonId::of(&self.email);
        let mut hash = Sha256::new();
        let day = self.at.to_zoned(TimeZone::UTC).date().to_string();
        let wished = self.wished.map(|day| day.to_string()).unwrap_or_default();
        for part in [
            self.kind.as_str(),
            person.as_ref().map_or("", PersonId::as_str),
            self.reference.as_deref().unwrap_or_default(),
            &wished,
            &day,
            &again.to_string(),
        ] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let mut id = hex::encode(hash.finalize());
        id.truncate(32);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-27T10:00:00Z".parse().unwrap()
    }

    fn form() -> Form {
        Form { name: " Zoé  Martin ".to_owned(), email: " zoe@example.org ".to_owned(), ..Form::default() }
    }

    fn said(kind: Kind, change: impl Fn(&mut Form)) -> Result<Statement, Vec<&'static str>> {
        let mut form = form();
        change(&mut form);
        let read = read(kind, &form, true, &TimeZone::UTC, now());
        read.map_err(|wrong| wrong.into_iter().map(Wrong::code).collect())
    }

    #[test]
    fn name_and_address_are_enough() {
        let statement = said(Kind::Termination, |_| ()).unwrap();
        assert_eq!((statement.email.as_str(), statement.at), ("zoe@example.org", now()));
        assert_eq!((statement.reference, statement.wished, statement.reason), (None, None, None));
    }

    #[test]
    fn each_mistake_is_named() {
        let wrong = |change: fn(&mut Form)| said(Kind::Termination, change).unwrap_err();
        assert_eq!(wrong(|form| form.name = "\u{200b} ".to_owned()), ["no_name"]);
        assert_eq!(wrong(|form| form.email = "zoe".to_owned()), ["no_address"]);
        assert_eq!(wrong(|form| form.wished = "demain".to_owned()), ["no_day"]);
        assert_eq!(wrong(|form| form.wished = "2026-11-26".to_owned()), ["day_out_of_range"]);
        assert_eq!(wrong(|form| form.wished = "2028-01-01".to_owned()), ["day_out_of_range"]);
        assert_eq!(wrong(|form| form.name = "x".repeat(101)), ["too_long"]);
        assert_eq!(wrong(|form| form.reason = "x".repeat(1001)), ["too_long"]);
        assert_eq!(wrong(|form| *form = Form::default()), ["no_name", "no_address"]);
    }

    #[test]
    fn a_withdrawal_takes_effect_at_once_whatever_day_is_wished_for() {
        assert_eq!(said(Kind::Withdrawal, |form| form.wished = "demain".to_owned()).unwrap().wished, None);
    }

    #[test]
    fn the_same_declaration_of_a_day_is_one() {
        let id = |kind, change: fn(&mut Form)| said(kind, change).unwrap().id(0);
        let one = id(Kind::Termination, |_| ());
        assert_eq!(one, id(Kind::Termination, |form| form.email = "ZOE@example.org".to_owned()));
        assert_eq!(one, id(Kind::Termination, |form| form.name = "Z. Martin".to_owned()));
        assert_ne!(one, id(Kind::Withdrawal, |_| ()));
        assert_ne!(one, id(Kind::Termination, |form| form.reference = "2026-11-0001".to_owned()));
        let later =
            Statement { at: "2026-11-28T10:00:00Z".parse().unwrap(), ..said(Kind::Termination, |_| ()).unwrap() };
        assert_ne!(one, later.id(0));
        assert!(one.len() == 32 && !one.contains("zoe"));
    }
}
