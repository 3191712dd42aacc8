//! Error messages for the seller file: the field, the value and the fix; all errors at once.

use std::fmt;

use crate::{
    email::{Unmailable, mailable},
    text,
};

/// One error in the seller file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `section.key`, or the line of a file that is not TOML.
    pub field: String,
    /// The current value.
    pub value: String,
    /// What to write instead.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            write!(f, "{}: {}", self.field, self.fix)
        } else {
            write!(f, "{} = \"{}\": {}", self.field, self.value, self.fix)
        }
    }
}

/// An invalid seller file, with all its errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidSettings(pub Vec<Problem>);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings (infra/seller.toml) need mending")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// The errors found so far.
#[derive(Default)]
pub(super) struct Findings(pub(super) Vec<Problem>);

impl Findings {
    pub(super) fn add(&mut self, field: &str, value: &str, fix: impl Into<String>) {
        let value = value.chars().take(80).collect();
        self.0.push(Problem { field: field.to_owned(), value, fix: fix.into() });
    }

    pub(super) fn need(&mut self, holds: bool, field: &str, value: &str, fix: &str) {
        if !holds {
            self.add(field, value, fix);
        }
    }

    pub(super) fn filled(&mut self, field: &str, value: &str, longest: usize) {
        let length = value.trim().chars().count();
        self.need(length > 0, field, value, "must not be empty; the law wants it on every invoice");
        self.need(length <= longest, field, value, &format!("must be at most {longest} characters"));
        self.need(
            !value.chars().any(char::is_control),
            field,
            value,
            "must not hold control characters or line breaks",
        );
    }

    /// An address that mails are sent from or to.
    pub(super) fn mailable(&mut self, field: &str, value: &str) {
        match mailable(value) {
            Ok(_) => {}
            Err(Unmailable::Malformed) => self.email_wanted(field, value),
            Err(why @ Unmailable::LocalPart) => {
                self.add(field, value, format!("{why}; write an address such as contact@example.org"));
            }
            Err(why @ Unmailable::Domain) => {
                self.add(field, value, format!("{why}; write one such as contact@example.org"));
            }
        }
    }

    fn email_wanted(&mut self, field: &str, value: &str) {
        self.add(field, value, "write an e-mail address such as contact@example.org");
    }

    pub(super) fn email(&mut self, field: &str, value: &str) {
        if !text::looks_like_email(value) {
            self.email_wanted(field, value);
        }
    }
}
