//! What became of one unit of work, in the four words every edge understands.
//!
//! The webhook answers 200, 200, 400, 500; a stream stops at the first `Retry` and parks a `Reject`;
//! a GraphQL caller gets a typed error. Those mappings live at the edges (`crate::lambda`), not here.

use std::fmt;

/// The one result type of every command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The work was done now.
    Done,
    /// An earlier delivery did it; nothing was changed.
    AlreadyDone,
    /// It can never succeed as it stands; a person has to mend the cause.
    Reject(Reason),
    /// It failed for now; the same work may be tried again and loses nothing.
    Retry(Reason),
}

/// Why something was rejected or must be tried again: a stable word for machines and a sentence for people.
///
/// Neither part may hold a secret, an address or a payload: reasons are logged and mailed to the owner.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reason {
    /// A stable word such as `signature_mismatch`, fit for a metric or a filter.
    pub word: String,
    /// One sentence: what is wrong and what mends it.
    pub text: String,
}

impl Reason {
    /// A reason from its word and its sentence, which stays one line whatever it names: a currency or a tax number is
    /// what a stranger sent.
    pub fn new(word: impl Into<String>, text: impl Into<String>) -> Self {
        Self { word: word.into(), text: text.into().replace(char::is_control, " ") }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.word, self.text)
    }
}

/// A store, or a service, did not answer or answered that it cannot now. Always worth a retry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is unavailable: {detail}")]
pub struct Unavailable {
    /// The capability in the words of the business: "the ledger", "the archive".
    pub what: &'static str,
    /// What the service said, free of payloads.
    pub detail: String,
}

impl Unavailable {
    /// `what` could not be reached or refused for now, because of `detail`.
    pub fn new(what: &'static str, detail: impl Into<String>) -> Self {
        Self { what, detail: detail.into() }
    }
}

impl From<Unavailable> for Outcome {
    fn from(unavailable: Unavailable) -> Self {
        Self::Retry(Reason::new("unavailable", unavailable.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_stays_one_line() {
        let reason = Reason::new("unknown_currency", "currency `e\u{7f}\r\nr` is not an ISO 4217 code");
        assert_eq!(reason.text, "currency `e   r` is not an ISO 4217 code");
    }
}
