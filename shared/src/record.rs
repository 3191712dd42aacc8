//! Versions of stored records: which version wrote a record, and which one may act on it.
//!
//! Old and new functions run side by side during every deployment and after every rollback. A record that an older
//! version would misunderstand says so itself: `needs` is the least version that may act on it. An older version leaves
//! such a record alone, for a newer one to process; it never parks it, because nothing is wrong with it.

use crate::outcome::ServiceError;

/// The version of records that this code writes. Raise it with every change of what is stored.
pub const VERSION: u32 = 1;

/// The least version that may act on the records that this code writes. A change that only adds optional fields leaves
/// it; a change that gives stored data another meaning raises it to [`VERSION`]. Then deploy twice: first the readers,
/// then the writers.
pub const NEEDS: u32 = 1;

/// The version of the program, recorded with every document.
pub const BUILD: &str = env!("CARGO_PKG_VERSION");

/// The code of a record that a newer version has to process.
pub const NEWER: &str = "record_newer";

/// The versions stored on a record; 1 where a record has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The version that wrote it (attribute `v`).
    pub v: u32,
    /// The least version that may act on it (attribute `needs`).
    pub needs: u32,
}

impl Default for Versions {
    fn default() -> Self {
        Self { v: 1, needs: 1 }
    }
}

impl Versions {
    /// Whether this code may act on the record.
    ///
    /// # Errors
    /// Transient: a newer version has to process it.
    pub fn check(self, what: &'static str) -> Result<(), ServiceError> {
        if self.needs <= VERSION { Ok(()) } else { Err(self.left_alone(what)) }
    }

    /// The error for a value that cannot be read: in a record of a newer version it may be a word that this code does
    /// not know yet, which a newer function understands; in any other the record is damaged.
    pub fn unreadable(self, what: &'static str, detail: impl Into<String>) -> ServiceError {
        if self.v > VERSION {
            self.left_alone(what)
        } else {
            ServiceError::permanent(what, "record_unreadable", detail)
        }
    }

    fn left_alone(self, what: &'static str) -> ServiceError {
        let Self { v, needs } = self;
        let text = format!(
            "a record was written by version {v} and needs version {needs} or later; this is version {VERSION}: finish the \
             deployment, or deploy the newer version again"
        );
        ServiceError::held(what, NEWER, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_a_newer_version_is_left_alone() {
        let newer = |v, needs| Versions { v, needs };
        assert_eq!(newer(VERSION + 1, VERSION).check("the ledger"), Ok(()), "it only added fields");
        let held = newer(VERSION + 1, VERSION + 1).check("the ledger").unwrap_err();
        assert!(held.reason().is_held() && held.reason().message.contains("deploy the newer version"));
    }

    #[test]
    fn an_unknown_word_of_a_newer_version_is_not_damage() {
        let unreadable = |v| Versions { v, needs: 1 }.unreadable("the ledger", "unknown word");
        assert_eq!(unreadable(VERSION).reason().code, "record_unreadable");
        assert!(unreadable(VERSION).is_permanent());
        assert_eq!(unreadable(VERSION + 1).reason().code, NEWER);
        assert!(!unreadable(VERSION + 1).is_permanent());
    }
}
