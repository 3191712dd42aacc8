//! A payment: a sale that was recorded. What the webhook does with a genuine event, and the capability to record.
//!
//! The record is one write of event and payment together, so that what is recorded is what is announced to the renderer
//! through the table's stream.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use crate::{
    outcome::{Outcome, Reason, Unavailable},
    refund::{self, Refund},
    sale::{Exchange, Sale, SaleKey},
    seller::Seller,
    stripe::{
        classify::{self, Meaning},
        lines::{self, Completed},
        object::Event,
        reader::StripeReader,
    },
};

/// How long a payment may take until Stripe tells the rate at which it was settled.
const SETTLED_WITHIN: SignedDuration = SignedDuration::from_hours(1);

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
    seller: &Seller,
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
    let sale = if seller.charges_vat() { settled(sale, event, stripe, now).await? } else { sale };
    let key = sale.key.to_string();
    Ok(match log.record(&sale, now).await? {
        Recorded::New => Received::Recorded { sale: key, summed },
        Recorded::Before => Received::Before { sale: key },
    })
}

/// A sale in another currency with the rate at which Stripe settled it, which the VAT in euros is told at.
///
/// The rate may be known only some minutes after the payment; the event is delivered again until then.
async fn settled(
    mut sale: Sale,
    event: &Event<'_>,
    stripe: &impl StripeReader,
    now: Timestamp,
) -> Result<Sale, Unavailable> {
    if sale.currency.eq_ignore_ascii_case("eur") {
        return Ok(sale);
    }
    if sale.payment_intent.is_none() {
        sale.payment_intent = stripe.intent_that_paid(&sale.key.0).await?;
    }
    let Some(intent) = &sale.payment_intent else { return Ok(sale) };
    match stripe.settlement(intent).await? {
        Some(None) if now.as_second().saturating_sub(event.created) < SETTLED_WITHIN.as_secs() => Err(
            Unavailable::new("Stripe's API", "the payment is not settled yet, so its rate of exchange is not known"),
        ),
        Some(Some(settled)) => {
            let rate = settled.exchange_rate.as_ref().and_then(|rate| rate.to_string().parse().ok());
            sale.exchange = rate.map(|rate| Exchange { currency: settled.currency, rate });
            Ok(sale)
        }
        _ => Ok(sale),
    }
}
