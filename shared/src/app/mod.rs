//! What the seller's app is told: messages by the Standard Webhooks specification, each written in the transaction of what
//! it is about.
//!
//! A message's id follows from its cause, so that it cannot be queued twice, and its body is the text that is signed: it is
//! made once, and every attempt sends the same bytes.

pub mod delivery;
pub mod signature;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::archive::sha256;

/// The kind of a message's record.
pub const KIND: &str = "HOOK";

/// Longest part of an id that stands as it is.
const LONGEST_CAUSE: usize = 160;

/// Characters of a hash that stand for a cause that cannot stand itself.
const HASHED: usize = 40;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Somebody has what a plan gives, from now on.
    AccessGranted,
    /// They have another plan, or for another time.
    AccessChanged,
    /// They have it no longer, until they have paid.
    AccessRestricted,
    /// They have it no longer.
    AccessWithdrawn,
    /// Few tokens are left.
    TokensLow,
    /// An invoice is archived.
    InvoiceIssued,
    /// A credit note is archived.
    CreditNoteIssued,
    /// An invoice of a plan could not be charged with any method.
    PaymentFailed,
    /// An invoice of a plan that could not be charged at first is paid.
    PaymentRecovered,
    /// Somebody has a profile.
    MemberJoined,
    /// They deleted it, or their account is gone.
    MemberLeft,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 11] = [
        Self::AccessGranted,
        Self::AccessChanged,
        Self::AccessRestricted,
        Self::AccessWithdrawn,
        Self::TokensLow,
        Self::InvoiceIssued,
        Self::CreditNoteIssued,
        Self::PaymentFailed,
        Self::PaymentRecovered,
        Self::MemberJoined,
        Self::MemberLeft,
    ];

    /// Its name, which is the `type` of a message.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessGranted => "access.granted",
            Self::AccessChanged => "access.changed",
            Self::AccessRestricted => "access.restricted",
            Self::AccessWithdrawn => "access.withdrawn",
            Self::TokensLow => "tokens.low",
            Self::InvoiceIssued => "invoice.issued",
            Self::CreditNoteIssued => "credit_note.issued",
            Self::PaymentFailed => "payment.failed",
            Self::PaymentRecovered => "payment.recovered",
            Self::MemberJoined => "member.joined",
            Self::MemberLeft => "member.left",
        }
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppMessage {
    /// The `webhook-id`: letters, digits, `-` and `_`.
    pub id: String,
    /// The `type`; a text, because a later version knows more of them.
    #[serde(rename = "type")]
    pub topic: String,
    /// When it happened.
    pub at: Timestamp,
    /// The text that is sent and signed.
    pub body: String,
}

impl AppMessage {
    /// The message that `cause` led to; the same cause makes the same id.
    pub fn new(topic: Topic, cause: &[&str], at: Timestamp, data: &Value) -> Self {
        let name = topic.name();
        let body = json!({"type": name, "timestamp": at.to_string(), "data": data}).to_string();
        Self { id: id(name, cause), topic: name.to_owned(), at, body }
    }
}

/// An id without the full stop, which divides what is signed. A cause with other characters is hashed.
fn id(name: &str, cause: &[&str]) -> String {
    let cause = cause.join("-");
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let cause = match cause.len() <= LONGEST_CAUSE && cause.bytes().all(plain) {
        true => cause,
        false => sha256(cause.as_bytes()).chars().take(HASHED).collect(),
    };
    format!("{}-{cause}", name.replace('.', "-"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_cause_makes_the_same_message_and_another_one_another() {
        let of = |cause: &[&str]| AppMessage::new(Topic::InvoiceIssued, cause, Timestamp::UNIX_EPOCH, &json!({"n": 1}));
        assert_eq!(of(&["2026-11-0042"]), of(&["2026-11-0042"]));
        assert_eq!(of(&["2026-11-0042"]).id, "invoice-issued-2026-11-0042");
        assert_eq!(of(&["1"]).body, r#"{"data":{"n":1},"timestamp":"1970-01-01T00:00:00Z","type":"invoice.issued"}"#);
        let long = "9".repeat(300);
        let ids: BTreeSet<String> =
            ["F/1", "F.1", "F1", "é", "", long.as_str()].iter().map(|cause| of(&[cause]).id).collect();
        assert_eq!(ids.len(), 6);
        for id in ids {
            assert!(id.len() <= 255 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{id}");
        }
    }

    #[test]
    fn every_topic_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Topic::ALL.into_iter().map(Topic::name).collect();
        assert_eq!(names.len(), Topic::ALL.len());
    }
}
