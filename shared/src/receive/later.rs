//! Record first, ask later: an event is stored when Stripe may not be asked, or does not answer, while the event's sender
//! waits; and completed afterwards, by the same rules.

use jiff::Timestamp;

use super::{LEFT_TO_RETRIES, conclude, park, understand};
use crate::{
    announced::{AnnouncedEvent, AnnouncedEvents},
    outcome::ServiceError,
    payment::{PaymentLog, Received},
    stripe::{classify, object::Event, reader::StripeReader},
};

/// Receives a verified event as [`super::receive`] does, and announces it where a question to Stripe was cut off.
///
/// # Errors
/// When the payment log fails transiently, or what the event waits for has not happened yet. Nothing is recorded then, and
/// Stripe delivers the event again.
pub async fn receive_or_announce<L: PaymentLog + AnnouncedEvents>(
    event: &Event<'_>,
    body: &str,
    livemode: bool,
    charges_vat: bool,
    log: &L,
    stripe: &impl StripeReader,
    now: Timestamp,
) -> Result<Received, ServiceError> {
    match understand(event, body, livemode, charges_vat, log, stripe, now).await {
        Err(error) if !error.is_permanent() && stripe.is_cut_off() => {
            log.announce(&event.id, body, now).await?;
            Ok(Received::Announced)
        }
        understood => {
            let last = event.created > 0 && super::age(event, now) > LEFT_TO_RETRIES;
            conclude(event, body, understood, last, log, now).await
        }
    }
}

/// Completes an announced event: it is received, and its stored copy settled, or dismissed if it leaves no record. What fails for good, or for days, is parked.
///
/// # Errors
/// When Stripe or the log fails transiently, or what the event waits for has not happened yet. It stays open.
pub async fn complete<L: PaymentLog + AnnouncedEvents>(
    announced: &AnnouncedEvent,
    livemode: bool,
    charges_vat: bool,
    log: &L,
    stripe: &impl StripeReader,
    now: Timestamp,
) -> Result<Received, ServiceError> {
    let AnnouncedEvent { id, body, announced_at } = announced;
    let received = match classify::read(body.as_bytes()) {
        Ok(event) => {
            let understood = understand(&event, body, livemode, charges_vat, log, stripe, now).await;
            // Counted from when it was stored: the reconciliation stores events that are weeks old.
            let last = now.duration_since(*announced_at) > LEFT_TO_RETRIES;
            conclude(&event, body, understood, last, log, now).await?
        }
        Err(reason) => park(id, body, reason, log, now).await?,
    };
    match &received {
        Received::Ignored(_) => log.dismiss_announced(id, now).await?,
        _ => log.settle_announced(id).await?,
    }
    Ok(received)
}
