//! How the webhook processes a genuine event: it decides what it means, asks Stripe for missing data, and records.
//!
//! Sales are received here, refunds in `refunds`, other sellers' sales in `others`; `settle` gets the exchange rate of
//! a payment in another currency; `later` stores an event that Stripe cannot be asked about now, and completes it.

mod later;
mod others;
mod refunds;
mod settle;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

pub use later::{complete, receive_or_announce};

use crate::{
    outcome::{Reason, ServiceError},
    payment::{PaymentLog, Received, Recorded},
    stripe::{
        classify,
        complete::{self, Completed},
        meaning::Meaning,
        object::{Event, Intent},
        reader::{SessionsOf, StripeReader},
        session,
    },
};

/// Receives a verified event: decides what it means, completes the sale and records it. What a service rejects
/// permanently is parked with the event's body. A seller who charges VAT needs the exchange rate of a sale in another
/// currency.
///
/// # Errors
/// When Stripe or the payment log fails transiently, or the event cannot even be parked. Nothing is recorded then, and
/// Stripe delivers the event again for three days.
pub async fn receive(
    event: &Event<'_>,
    body: &str,
    livemode: bool,
    charges_vat: bool,
    log: &impl PaymentLog,
    stripe: &impl StripeReader,
    now: Timestamp,
) -> Result<Received, ServiceError> {
    let understood = understand(event, body, livemode, charges_vat, log, stripe, now).await;
    let last = event.created > 0 && age(event, now) > LEFT_TO_RETRIES;
    conclude(event, body, understood, last, log, now).await
}

/// Parks what failed for good, or for the last time; settles the dead letters of what was received.
async fn conclude(
    event: &Event<'_>,
    body: &str,
    understood: Result<Received, ServiceError>,
    last: bool,
    log: &impl PaymentLog,
    now: Timestamp,
) -> Result<Received, ServiceError> {
    let received = match understood {
        Err(error) if error.is_permanent() => return park(&event.id, body, error.reason(), log, now).await,
        Err(error) if last => {
            let text = format!("{error}, for days; mend that, then replay");
            return park(&event.id, body, Reason::new("still_unavailable", text), log, now).await;
        }
        received => received?,
    };
    // Dead letters with these ids are settled now. An event that arrives on time has none: no write is made.
    match &received {
        _ if age(event, now) < SENT_AGAIN_AFTER => {}
        Received::Refunded { refund, .. } => {
            log.settle_event(&event.id, now).await?;
            log.settle_event(refund, now).await?;
        }
        Received::AlreadyRecorded { .. } => log.settle_event(&event.id, now).await?,
        _ => {}
    }
    Ok(received)
}

/// How long a transient failure is left to retries: those of Stripe last three days, and what fails later would be lost.
const LEFT_TO_RETRIES: SignedDuration = SignedDuration::from_hours(60);

/// The minimum age of a parked event that is sent again: a person fixed its cause in between.
const SENT_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(60);

fn age(event: &Event<'_>, now: Timestamp) -> SignedDuration {
    SignedDuration::from_secs(now.as_second().saturating_sub(event.created))
}

/// Parks an event, or a part of it that has its own id.
async fn park(
    id: &str,
    body: &str,
    reason: Reason,
    log: &impl PaymentLog,
    now: Timestamp,
) -> Result<Received, ServiceError> {
    Ok(match log.park_event(id, body, &reason, now).await? {
        Recorded::New => Received::Parked(reason),
        Recorded::AlreadyRecorded => Received::ParkedBefore(reason),
    })
}

async fn understand(
    event: &Event<'_>,
    body: &str,
    livemode: bool,
    charges_vat: bool,
    log: &impl PaymentLog,
    stripe: &impl StripeReader,
    now: Timestamp,
) -> Result<Received, ServiceError> {
    let meaning = match classify::classify(event, livemode) {
        Meaning::Captured(intent) => captured(event, &intent, stripe).await?,
        meaning => meaning,
    };
    let announced = match meaning {
        Meaning::Sale(announced) => announced,
        Meaning::Refunds(announced) => {
            return refunds::receive(event, body, announced, log, stripe, now).await;
        }
        Meaning::RefundsOf { charge, announced_at } => {
            return match refunds::of_charge(&charge, announced_at, stripe).await? {
                Some(announced) => refunds::receive(event, body, announced, log, stripe, now).await,
                None => Ok(Received::Ignored(Reason::new("refund_announced_apart", "refund.created announces it"))),
            };
        }
        Meaning::NotOurs(seller) => return others::receive(seller, log, now).await,
        // A capture is resolved to one of these by now.
        Meaning::Captured(_) => return Ok(Received::Ignored(Reason::new("no_sale", "a capture without a session"))),
        Meaning::Nothing(reason) => return Ok(Received::Ignored(reason)),
        Meaning::ForTheOwner(reason) | Meaning::Unreadable(reason) => {
            return park(&event.id, body, reason, log, now).await;
        }
    };
    let (sale, summed) = match complete::complete(*announced, stripe).await? {
        Completed::Whole(sale) => (sale, false),
        Completed::Summed(sale) => (sale, true),
        Completed::BilledByInvoice => {
            return Ok(Received::Ignored(Reason::new(
                "billed_by_stripe_invoice",
                "the sale is announced by invoice.paid",
            )));
        }
        Completed::NotOurs(seller) => return others::receive(seller, log, now).await,
    };
    let sale = if charges_vat { settle::settled(sale, event, stripe, now).await? } else { sale };
    let key = sale.key.to_string();
    Ok(match log.record(&sale, now).await? {
        Recorded::New => Received::Recorded { sale: key, summed },
        Recorded::AlreadyRecorded => Received::AlreadyRecorded { sale: key },
    })
}

/// What a captured payment means: the session that made it is the sale.
async fn captured(event: &Event<'_>, intent: &Intent, stripe: &impl StripeReader) -> Result<Meaning, ServiceError> {
    Ok(match stripe.sessions(SessionsOf::Intent(&intent.id)).await? {
        Some(listed) => {
            let made = |session: &crate::stripe::object::Session| {
                session.payment_intent.as_ref().is_some_and(|known| known.id() == intent.id)
            };
            match listed.into_iter().find(made) {
                Some(session) => session::sold_when_captured(event, session, intent),
                None => Meaning::Nothing(Reason::new("no_session", "no Checkout Session made this payment")),
            }
        }
        None => Meaning::ForTheOwner(Reason::new(
            "capture_unknown",
            format!(
                "payment {} was captured, and what it sold is known to Stripe alone: store a restricted API key that may \
                 read Checkout Sessions, and replay",
                intent.id
            ),
        )),
    })
}
