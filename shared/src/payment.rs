//! Payment storage: the capability to record sales and refunds, and the result of an event.
//!
//! Event and payment are recorded in one write, so the table's stream announces exactly what was recorded to the
//! renderer. How the webhook handles an event lives in `receive`.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use crate::{
    outcome::{Outcome, Reason, ServiceError},
    refund::Refund,
    sale::{Sale, SaleKey},
};

/// How long a parked event is kept once it is settled, with what Stripe said in it: names and addresses. While it is
/// parked, it is kept.
pub const SETTLED_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The result of recording a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It was new and is now recorded.
    New,
    /// This event, or this sale by another event, was recorded before.
    AlreadyRecorded,
}

/// Records each payment once (idempotent).
pub trait PaymentLog: Send + Sync {
    /// Records the event and its sale together, unless either is recorded already. A parked sale without an invoice is
    /// recorded again, so that a redelivered event supplies what was missing.
    fn record(&self, sale: &Sale, now: Timestamp) -> impl Future<Output = Result<Recorded, ServiceError>> + Send;

    /// Parks a genuine event that cannot be processed, with its whole body and the reason.
    /// [`Recorded::AlreadyRecorded`] if an event of this id is recorded, or parked for the same reason already.
    fn park_event(
        &self,
        event_id: &str,
        body: &str,
        reason: &Reason,
        now: Timestamp,
    ) -> impl Future<Output = Result<Recorded, ServiceError>> + Send;

    /// Unparks an event that has since been processed, and keeps what it said for [`SETTLED_KEPT`] at most; does nothing if
    /// it is not parked.
    fn settle_event(&self, event_id: &str, now: Timestamp) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Records a refund of a recorded sale, unless it is recorded already.
    fn record_refund(
        &self,
        refund: &Refund,
        now: Timestamp,
    ) -> impl Future<Output = Result<Recorded, ServiceError>> + Send;

    /// The sale that a payment intent paid.
    fn sale_paid_by(&self, intent: &str) -> impl Future<Output = Result<Option<SaleKey>, ServiceError>> + Send;

    /// Whether this sale is recorded.
    fn has(&self, sale: &SaleKey) -> impl Future<Output = Result<bool, ServiceError>> + Send;
}

/// The result of an event, with the values to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A payment was recorded; `summed` if one line stands for all items.
    Recorded {
        /// The sale's key.
        sale: String,
        /// Whether Stripe could not list the lines.
        summed: bool,
    },
    /// A refund was recorded.
    Refunded {
        /// The refund's key.
        refund: String,
        /// The key of the sale that it refunds.
        sale: String,
    },
    /// It was recorded before.
    AlreadyRecorded {
        /// The sale's key.
        sale: String,
    },
    /// Stored as it came, and completed later: Stripe could not be asked now.
    Announced,
    /// Not relevant to this system.
    Ignored(Reason),
    /// Parked for a person.
    Parked(Reason),
    /// An earlier delivery was parked or recorded under its id; nothing changed, and no alarm is raised again.
    ParkedBefore(Reason),
}

impl Received {
    /// The outcome that the webhook returns.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::AlreadyRecorded { .. } | Self::ParkedBefore(_) => Outcome::AlreadyDone,
            _ => Outcome::Done,
        }
    }
}
