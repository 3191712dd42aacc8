//! A change that a stream announces, and an event that is parked.

use crate::{mail::MailId, outcome::Reason, refund::RefundKey, sale::SaleKey};

/// A change that a stream announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamRecord {
    /// A payment was recorded, or replayed.
    Sale(SaleKey),
    /// A refund was recorded, or replayed.
    Refund(RefundKey),
    /// A mail was queued, or replayed.
    Mail(MailId),
}

/// A parked event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEvent {
    /// Its id.
    pub id: String,
    /// The event's body.
    pub body: String,
    /// Why it is parked.
    pub reason: Reason,
}
