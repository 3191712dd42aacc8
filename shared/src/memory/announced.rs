//! A change that a stream announces, and an event that is parked.

use crate::{mail::MailId, outcome::Reason, refund::RefundKey, sale::SaleKey};

/// A change that a stream announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamRecord {
    /// A payment was recorded, or put back.
    Sale(SaleKey),
    /// A refund was recorded, or put back.
    Refund(RefundKey),
    /// A mail was queued, or put back.
    Mail(MailId),
}

/// An event that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEvent {
    /// Under which id it waits.
    pub id: String,
    /// The event's body.
    pub body: String,
    /// Why it waits.
    pub reason: Reason,
}
