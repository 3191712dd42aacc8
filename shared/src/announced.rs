//! Announced events: genuine events that are stored as they came, because what they lack is asked for later.
//!
//! An event is announced when Stripe may not be asked, or does not answer, while its sender waits. It is open work until it
//! is completed, with its record deleted by the write that settles it. How it is received is in `receive`.

use std::future::Future;

use jiff::Timestamp;

use crate::{outcome::ServiceError, payment::Recorded};

/// The kind of its record.
pub const KIND: &str = "ANNOUNCED";

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedEvent {
    /// Its id.
    pub id: String,
    /// Its body, verified, as it came.
    pub body: String,
    /// When it was stored.
    pub announced_at: Timestamp,
}

/// Stores events until they are completed.
pub trait AnnouncedEvents: Send + Sync {
    /// Stores a genuine event as open work; [`Recorded::AlreadyRecorded`] if it is stored, and then nothing changes.
    fn announce(
        &self,
        event_id: &str,
        body: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Recorded, ServiceError>> + Send;

    /// A stored event; `None` once it is settled.
    fn announced(&self, event_id: &str) -> impl Future<Output = Result<Option<AnnouncedEvent>, ServiceError>> + Send;

    /// Deletes an event that was completed or parked; does nothing if it is not stored.
    fn settle_announced(&self, event_id: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;
}
