//! A payment: a sale that was recorded. What the webhook does with a genuine event, and the capability to record.
//!
//! The record is one write of event and payment together, so that what is recorded is what is announced to the renderer
//! through the table's stream.

use std::future::Future;

use jiff::Timestamp;

use crate::{
    outcome::{Outcome, Reason, Unavailable},
    refund::{self, Refund},
    sale::{Sale, SaleKey},
    stripe::{
        classify::{self, Meaning},
        lines::{self, Completed},
        object::Event,
        reader::StripeReader,
    },
};

/// What recording a payment found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is new and stands now.
    New,
    /// This event, or this sale by another event, was recorded before.
    Before,
}

/// Keeps payments, once each.
pub trait PaymentLog: Send + Sync {
    /// Records the event and its sale together, unless either stands already.
    fn record(&self, sale: &Sale, now: Timestamp) -> impl Future<Output = Result<Recorded, Unavailable>> + Send;

    /// Keeps a genuine event that cannot be read, with its body, for a person.
    fn park_event(
        &self,
        event_id: &str,
        body: &str,
        reason: &Reason,
        now: Timestamp,
    ) -> impl Future<Output = Result<Recorded, Unavailable>> + Send;

    /// Records a refund of a recorded sale, unless it stands already.
    fn record_refund(
        &self,
        refund: &Refund,
        now: Timestamp,
    ) -> impl Future<Output = Result<Recorded, Unavailable>> + Send;

    /// The sale that a payment intent paid.
    fn sale_paid_by(&self, intent: &str) -> impl Future<Output = Result<Option<SaleKey>, Unavailable>> + Send;

    /// Whether this sale is recorded.
    fn has(&self, sale: &SaleKey) -> impl Future<Output = Result<bool, Unavailable>> + Send;
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
    Before {
        /// The sale's key.
        sale: String,
    },
    /// It is nothing to us.
    Ignored(Reason),
    /// It waits for a person.
    Parked(Reason),
}

impl Received {
    /// The outcome that the webhook answers.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Before { .. } => Outcome::AlreadyDone,
            _ => Outcome::Done,
        }
    }
}

/// Receives a verified event: decides what it means, completes the sale and records it.
///
/// # Errors
/// When Stripe or the ledger does not answer. Nothing is recorded then, and Stripe delivers the event again for three days.
pub async fn receive(
    event: &Event<'_>,
    body: &str,
    livemode: bool,
    log: &impl PaymentLog,
    stripe: &impl StripeReader,
    now: Timestamp,
) -> Result<Received, Unavailable> {
    let announced = match classify::classify(event, livemode) {
        Meaning::Sale(announced) => announced,
        Meaning::Refunds(announced) => {
            return refund::receive(&event.id, body, announced, log, stripe, now).await;
        }
        Meaning::RefundsOf { charge, announced_at } => {
            return match refund::of_charge(&charge, announced_at, stripe).await? {
                Some(announced) => refund::receive(&event.id, body, announced, log, stripe, now).await,
                None => Ok(Received::Ignored(Reason::new("refund_announced_apart", "refund.created announces it"))),
            };
        }
        Meaning::Nothing(reason) => return Ok(Received::Ignored(reason)),
        Meaning::ForTheOwner(reason) | Meaning::Unreadable(reason) => {
            log.park_event(&event.id, body, &reason, now).await?;
            return Ok(Received::Parked(reason));
        }
    };
    let (sale, summed) = match lines::complete(*announced, stripe).await? {
        Completed::Whole(sale) => (sale, false),
        Completed::Summed(sale) => (sale, true),
        Completed::BilledByInvoice => {
            return Ok(Received::Ignored(Reason::new(
                "billed_by_stripe_invoice",
                "the sale is announced by invoice.paid",
            )));
        }
    };
    let key = sale.key.to_string();
    Ok(match log.record(&sale, now).await? {
        Recorded::New => Received::Recorded { sale: key, summed },
        Recorded::Before => Received::Before { sale: key },
    })
}
