//! Payments as they are kept: the capability to record sales and refunds, and what became of an event.
//!
//! The record is one write of event and payment together, so that what is recorded is what is announced to the renderer
//! through the table's stream. What the webhook does with an event lives in `receive`.

use std::future::Future;

use jiff::Timestamp;

use crate::{
    outcome::{Outcome, Reason, ServiceError},
    refund::Refund,
    sale::{Sale, SaleKey},
};

/// What recording a payment found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is new and stands now.
    New,
    /// This event, or this sale by another event, was recorded before.
    AlreadyRecorded,
}

/// Keeps payments, once each.
pub trait PaymentLog: Send + Sync {
    /// Records the event and its sale together, unless either stands already. A sale that waits without an invoice is
    /// recorded anew, so that an event sent again brings what was missing.
    fn record(&self, sale: &Sale, now: Timestamp) -> impl Future<Output = Result<Recorded, ServiceError>> + Send;

    /// Parks a genuine event that cannot be dealt with as it stands, with its whole body and the reason.
    /// [`Recorded::AlreadyRecorded`] if an event of this id is recorded, or parked for the same reason already.
    fn park_event(
        &self,
        event_id: &str,
        body: &str,
        reason: &Reason,
        now: Timestamp,
    ) -> impl Future<Output = Result<Recorded, ServiceError>> + Send;

    /// Takes the mark from a parked event that is dealt with by now; nothing where it is not parked.
    fn settle_event(&self, event_id: &str, now: Timestamp) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Records a refund of a recorded sale, unless it stands already.
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

/// What became of an event, with what a log line wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A payment was recorded; `summed` if one line stands for all.
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
    /// It is nothing to us.
    Ignored(Reason),
    /// It waits for a person.
    Parked(Reason),
    /// An earlier delivery was parked or recorded under its id; nothing was changed, and nobody is alarmed again.
    ParkedBefore(Reason),
}

impl Received {
    /// The outcome that the webhook answers.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::AlreadyRecorded { .. } | Self::ParkedBefore(_) => Outcome::AlreadyDone,
            _ => Outcome::Done,
        }
    }
}
