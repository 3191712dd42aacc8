//! What an event can mean, as a value, and its small helpers.

use jiff::Timestamp;

use super::{
    announced::{RefundFromEvent, SaleFromEvent},
    object::Intent,
    whose::OtherSeller,
};
use crate::outcome::Reason;

/// What an event means.
#[derive(Debug)]
pub enum Meaning {
    /// A payment was made.
    Sale(Box<SaleFromEvent>),
    /// The shop captured a payment that a customer had agreed to; Stripe has to be asked which session made it.
    Captured(Box<Intent>),
    /// Money was refunded.
    Refunds(Vec<RefundFromEvent>),
    /// Money was refunded on this charge; Stripe has to be asked which refunds.
    RefundsOf {
        /// The charge.
        charge: String,
        /// When the event was created.
        announced_at: Timestamp,
    },
    /// Another seller's sale, or a later event of one.
    NotOurs(OtherSeller),
    /// Not relevant, and why.
    Nothing(Reason),
    /// Nothing to record, but the owner must be notified.
    ForTheOwner(Reason),
    /// Genuine and relevant, but unreadable; it is parked for a person.
    Unreadable(Reason),
}

pub(super) fn nothing(word: &str, text: impl Into<String>) -> Meaning {
    Meaning::Nothing(Reason::new(word, text))
}

pub(super) fn unreadable(text: &str) -> Meaning {
    Meaning::Unreadable(Reason::new("object_unreadable", text))
}

/// Enough of an external string to recognise it in a log.
pub(super) fn short(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(80).collect()
}

pub(super) fn seconds(value: i64) -> Timestamp {
    Timestamp::from_second(value).unwrap_or(Timestamp::UNIX_EPOCH)
}
