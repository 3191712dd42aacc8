//! What an event can mean, as a value, and the small words that saying so needs.

use jiff::Timestamp;

use super::{
    announced::{RefundFromEvent, SaleFromEvent},
    object::Intent,
    whose::OtherSeller,
};
use crate::outcome::Reason;

/// Longest id that is stored, in bytes; Stripe's have about 70.
const LONGEST_ID: usize = 255;

/// What an event means.
#[derive(Debug)]
pub enum Meaning {
    /// Someone paid.
    Sale(Box<SaleFromEvent>),
    /// The shop captured a payment that a customer had agreed to; which session made it, Stripe has to be asked.
    Captured(Box<Intent>),
    /// Money went back.
    Refunds(Vec<RefundFromEvent>),
    /// Money went back on this charge; which refunds, Stripe has to be asked.
    RefundsOf {
        /// The charge.
        charge: String,
        /// When the event was made.
        announced_at: Timestamp,
    },
    /// Somebody else's sale, or something that became of one.
    NotOurs(OtherSeller),
    /// Nothing to us, and why.
    Nothing(Reason),
    /// Nothing to record, but the owner has to know.
    ForTheOwner(Reason),
    /// Genuine and of interest, but it cannot be read; it is kept for a person.
    Unreadable(Reason),
}

pub(super) fn nothing(word: &str, text: impl Into<String>) -> Meaning {
    Meaning::Nothing(Reason::new(word, text))
}

pub(super) fn unreadable(text: &str) -> Meaning {
    Meaning::Unreadable(Reason::new("object_unreadable", text))
}

pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Enough of a foreign word to recognise it in a log.
pub(super) fn short(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(80).collect()
}

pub(super) fn seconds(value: i64) -> Timestamp {
    Timestamp::from_second(value).unwrap_or(Timestamp::UNIX_EPOCH)
}
