//! The outcome of one unit of work: four values that every entry point maps.
//!
//! The webhook answers 200, 200, 400, 500; a stream stops at the first `Retry` and parks a `Reject`; a GraphQL caller
//! gets a typed error. These mappings live in `crate::stream` and in the handlers of the functions.

use std::fmt;

/// The one result type of every command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The work was done now.
    Done,
    /// An earlier delivery did the work (replay); nothing changed.
    AlreadyDone,
    /// Permanent failure: a person must fix the cause.
    Reject(Reason),
    /// Transient failure; the same work can be retried safely.
    Retry(Reason),
}

impl Outcome {
    /// Whether a service is away, so that the next piece of work would only wait for it as well. Work that is held says
    /// nothing about other work.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Retry(reason) if !reason.is_held())
    }
}

/// The codes of reasons for which work is held: retried, but not before a person has put the system right.
pub const HELD: [&str; 9] = [
    "archive_unknown",
    "ledger_closed",
    "ledger_older",
    "ledger_unknown",
    "look_unusable",
    "record_newer",
    "settings_missing",
    "settings_older",
    "settings_unreadable",
];

/// Why something was rejected or must be retried: a stable code for machines and a sentence for people.
///
/// Neither part may contain a secret, an address or a payload: reasons are logged and mailed to the owner. Stored records
/// have the parts as `word` and `text`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reason {
    /// A stable code such as `signature_mismatch`, for metrics and filters.
    #[serde(rename = "word")]
    pub code: String,
    /// One sentence: the problem and its fix.
    #[serde(rename = "text")]
    pub message: String,
}

impl Reason {
    /// A reason from its code and sentence. The sentence is kept on one line, because a currency or a tax number in it
    /// is untrusted input.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into().replace(char::is_control, " ") }
    }

    /// Whether work that is retried for this reason waits for a person rather than for a service.
    pub fn is_held(&self) -> bool {
        HELD.contains(&self.code.as_str())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// A call to a store or a service failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {kind}: {detail}")]
pub struct ServiceError {
    /// The capability in business terms: "the ledger", "the archive".
    pub what: &'static str,
    /// The error message of the service, without payloads.
    pub detail: String,
    /// Whether the same call may succeed later.
    pub kind: FailureKind,
}

/// Whether a failed call can be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No answer, or temporarily unavailable. The same call may succeed later: it is retried.
    Transient,
    /// Nothing is wrong with the work, but it must not be done as the system stands: it is retried until a person put
    /// the system right, and raises one alarm.
    Held {
        /// The stable code of the reason, such as `ledger_unknown`.
        code: &'static str,
    },
    /// It refused, and will refuse the same call again. The work is parked (dead letter) with its reason and can be
    /// replayed once the cause is fixed; it is never retried automatically.
    Permanent {
        /// The stable code of the reason, such as `too_large` or `access_denied`.
        code: &'static str,
    },
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient => "is unavailable",
            Self::Held { .. } => "holds the work",
            Self::Permanent { .. } => "refused",
        })
    }
}

impl ServiceError {
    /// `what` could not be reached or refused temporarily, because of `detail`.
    pub fn transient(what: &'static str, detail: impl Into<String>) -> Self {
        Self { what, detail: detail.into(), kind: FailureKind::Transient }
    }

    /// `what` holds the work until a person has put right what `detail` says; `code` is the reason's stable code.
    pub fn held(what: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { what, detail: detail.into(), kind: FailureKind::Held { code } }
    }

    /// The failure behind work that is to be retried for `reason`.
    pub fn retried(what: &'static str, reason: Reason) -> Self {
        match HELD.iter().find(|code| **code == reason.code) {
            Some(code) => Self::held(what, code, reason.message),
            None => Self::transient(what, reason.message),
        }
    }

    /// `what` refused permanently, because of `detail`; `code` is the reason's stable code.
    pub fn permanent(what: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { what, detail: detail.into(), kind: FailureKind::Permanent { code } }
    }

    /// Whether a retry is useless.
    pub fn is_permanent(&self) -> bool {
        matches!(self.kind, FailureKind::Permanent { .. })
    }

    /// The reason with which work is parked or retried.
    pub fn reason(&self) -> Reason {
        match self.kind {
            FailureKind::Transient => Reason::new("unavailable", self.to_string()),
            FailureKind::Held { code } | FailureKind::Permanent { code } => Reason::new(code, self.to_string()),
        }
    }
}

impl From<ServiceError> for Outcome {
    fn from(error: ServiceError) -> Self {
        match error.kind {
            FailureKind::Transient | FailureKind::Held { .. } => Self::Retry(error.reason()),
            FailureKind::Permanent { .. } => Self::Reject(error.reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_stays_one_line() {
        let reason = Reason::new("unknown_currency", "currency `e\u{7f}\r\nr` is not an ISO 4217 code");
        assert_eq!(reason.message, "currency `e   r` is not an ISO 4217 code");
    }

    #[test]
    fn only_transient_failures_are_retried() {
        let transient = ServiceError::transient("the ledger", "no answer in time");
        assert_eq!(transient.to_string(), "the ledger is unavailable: no answer in time");
        assert!(matches!(Outcome::from(transient), Outcome::Retry(reason) if reason.code == "unavailable"));
        let held = ServiceError::held("the ledger", "ledger_unknown", "restore it");
        assert_eq!(held.to_string(), "the ledger holds the work: restore it");
        assert!(!held.is_permanent());
        assert!(ServiceError::retried("the ledger", held.reason()).reason().is_held(), "it stays held");
        assert!(matches!(Outcome::from(held), Outcome::Retry(reason) if reason.is_held()));
        let permanent = ServiceError::permanent("the ledger", "too_large", "an item is larger than 400 KB");
        assert_eq!(permanent.to_string(), "the ledger refused: an item is larger than 400 KB");
        assert!(matches!(Outcome::from(permanent), Outcome::Reject(reason) if reason.code == "too_large"));
    }

    #[test]
    fn stored_reasons_keep_their_names() {
        let stored = serde_json::to_string(&Reason::new("too_large", "split it")).unwrap();
        assert_eq!(stored, r#"{"word":"too_large","text":"split it"}"#);
    }
}
