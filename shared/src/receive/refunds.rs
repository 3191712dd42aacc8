//! Refunds that an event announces: finds each one's sale and records it.

use jiff::{SignedDuration, Timestamp};

use crate::{
    outcome::{Reason, ServiceError},
    payment::{PaymentLog, Received, Recorded},
    refund::{Refund, RefundKey},
    sale::SaleKey,
    stripe::{
        announced::{Paid, RefundFromEvent},
        credit_note,
        object::{CreditNote, Event, List, Session},
        reader::{SessionsOf, StripeReader},
        refunds,
        whose::{self, OtherSeller},
    },
};

use super::{others, park};

/// How long a refund waits for its payment. Stripe delivers events out of order and retries for three days; a payment
/// still missing after one day was never announced to us.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// Receives refunds that an event announced: finds each one's sale and records it.
///
/// # Errors
/// When Stripe or the log does not answer, or the refunded payment may still arrive. Stripe delivers the event again.
pub(super) async fn receive(
    event: &Event<'_>,
    body: &str,
    announced: Vec<RefundFromEvent>,
    log: &impl PaymentLog,
    stripe: &impl StripeReader,
    now: Timestamp,
) -> Result<Received, ServiceError> {
    let mut received = Received::Ignored(Reason::new("no_refund", "no refund has succeeded yet"));
    for refund in announced {
        let latest = one(event, body, refund, log, stripe, now).await?;
        // A parked refund must not be hidden by others, nor the event count as processed because of them.
        received = match (received, latest) {
            (parked @ Received::Parked(_), _) | (_, parked @ Received::Parked(_)) => parked,
            (before @ Received::ParkedBefore(_), _) => before,
            (_, latest) => latest,
        };
    }
    Ok(received)
}

async fn one(
    event: &Event<'_>,
    body: &str,
    refund: RefundFromEvent,
    log: &impl PaymentLog,
    stripe: &impl StripeReader,
    now: Timestamp,
) -> Result<Received, ServiceError> {
    if released(&refund, stripe).await? {
        return Ok(Received::Ignored(Reason::new(
            "authorization_released",
            "it is what was authorized and not captured, so nothing goes back",
        )));
    }
    let Some(sale) = sale_of(&refund.of, log, stripe).await? else {
        return match origin(&refund.of, stripe).await? {
            Origin::Others(seller) => others::receive(seller, log, now).await,
            Origin::Ours if now.duration_since(refund.announced_at) < PATIENCE => {
                Err(ServiceError::transient("the payment log", "the refunded payment is not recorded yet"))
            }
            Origin::Ours | Origin::Outside => {
                let reason = unknown(&refund.key, stripe.can_ask());
                park(&refund.key.0, body, reason, log, now).await
            }
        };
    };
    let note = note_of(&refund, &sale, stripe).await?;
    let lines = note.as_ref().map(|note| credit_note::lines(note, &refund.key, refund.amount)).unwrap_or_default();
    let RefundFromEvent { key, refunded_at, currency, amount, .. } = refund;
    // A note and its refund are seconds apart: both use the note's time, so that the order of arrival does not matter.
    let noted_at = note.filter(|note| note.created > 0).and_then(|note| Timestamp::from_second(note.created).ok());
    let refunded_at = noted_at.unwrap_or(refunded_at);
    let refund = Refund { key, event: event.id.clone(), sale, refunded_at, currency, amount, lines };
    Ok(match log.record_refund(&refund, now).await? {
        Recorded::New => Received::Refunded { refund: refund.key.0, sale: refund.sale.0 },
        Recorded::AlreadyRecorded => Received::AlreadyRecorded { sale: refund.sale.0 },
    })
}

/// The credit note that a refund pays out, with all its lines: the event's own, or the invoice's note that names it.
async fn note_of(
    refund: &RefundFromEvent,
    sale: &SaleKey,
    stripe: &impl StripeReader,
) -> Result<Option<CreditNote>, ServiceError> {
    let mut note = match &refund.note {
        Some(note) => (**note).clone(),
        None if sale.is_stripe_invoice() && stripe.can_ask() => {
            let listed = stripe.credit_notes_of(&sale.0).await?.unwrap_or_default();
            match listed.into_iter().find(|note| credit_note::is_paid_by(note, &refund.key)) {
                Some(note) => note,
                None => return Ok(None),
            }
        }
        None => return Ok(None),
    };
    if note.lines.as_ref().is_none_or(|lines| lines.has_more)
        && let Some(data) = stripe.credit_note_lines(&note.id).await?
    {
        note.lines = Some(List { data, has_more: false });
    }
    Ok(Some(note))
}

/// Whether a refund is the released part of an authorization after a partial capture: the oldest refund of its charge,
/// of exactly that amount, with no effect on the owner's balance.
async fn released(refund: &RefundFromEvent, stripe: &impl StripeReader) -> Result<bool, ServiceError> {
    let Paid::Intent(intent) = &refund.of else { return Ok(false) };
    if refund.moved || !stripe.can_ask() {
        return Ok(false);
    }
    let Some(intent) = stripe.payment_intent(intent).await? else { return Ok(false) };
    let Some(charge) = intent.charge().filter(|_| intent.released() == refund.amount && refund.amount > 0) else {
        return Ok(false);
    };
    let listed = stripe.refunds_of(charge).await?.unwrap_or_default();
    Ok(listed.last().is_some_and(|oldest| oldest.id == refund.key.0))
}

/// The origin of a payment that is not recorded.
enum Origin {
    /// The owner's session or invoice: it may still be announced.
    Ours,
    /// Another seller's sale.
    Others(OtherSeller),
    /// Neither a session nor an invoice made it: it will never be announced.
    Outside,
}

async fn origin(of: &Paid, stripe: &impl StripeReader) -> Result<Origin, ServiceError> {
    let others = |seller: Option<OtherSeller>| seller.map_or(Origin::Ours, Origin::Others);
    let intent = match of {
        Paid::Invoice(invoice) => {
            return Ok(others(stripe.invoice(&invoice.0).await?.as_ref().and_then(whose::of_invoice)));
        }
        Paid::Intent(intent) => intent,
    };
    if let Some(seller) = stripe.payment_intent(intent).await?.as_ref().and_then(whose::of_intent) {
        return Ok(Origin::Others(seller));
    }
    let Some(sessions) = stripe.sessions(SessionsOf::Intent(intent)).await? else { return Ok(Origin::Ours) };
    if let Some(session) = made_by(sessions, intent) {
        return Ok(others(whose::of_session(&session)));
    }
    let Some(invoices) = stripe.invoices_paid_by(intent).await? else { return Ok(Origin::Ours) };
    let Some(invoice) = invoices.first() else { return Ok(Origin::Outside) };
    Ok(others(stripe.invoice(invoice).await?.as_ref().and_then(whose::of_invoice)))
}

/// The session among these that made a payment.
fn made_by(sessions: Vec<Session>, intent: &str) -> Option<Session> {
    let made = |session: &Session| session.payment_intent.as_ref().is_some_and(|known| known.id() == intent);
    sessions.into_iter().find(made)
}

async fn session_paid_by(intent: &str, stripe: &impl StripeReader) -> Result<Option<Session>, ServiceError> {
    let sessions = stripe.sessions(SessionsOf::Intent(intent)).await?;
    Ok(made_by(sessions.unwrap_or_default(), intent))
}

fn unknown(refund: &RefundKey, asked: bool) -> Reason {
    let text = if asked {
        "a payment that was never recorded here, perhaps from before this system: issue its credit note where the invoice \
         was issued"
    } else {
        "a payment that cannot be found without asking Stripe: store a restricted API key and replay, or issue the credit \
         note by hand"
    };
    Reason::new("sale_unknown", format!("refund {refund} is of {text}"))
}

async fn sale_of(
    of: &Paid,
    log: &impl PaymentLog,
    stripe: &impl StripeReader,
) -> Result<Option<SaleKey>, ServiceError> {
    let invoice = match of {
        Paid::Invoice(sale) => sale.clone(),
        Paid::Intent(intent) => match log.sale_paid_by(intent).await? {
            Some(sale) => return Ok(Some(sale)),
            // Events of newer API versions do not say which intent paid an invoice.
            None => match stripe.invoices_paid_by(intent).await?.unwrap_or_default().into_iter().next() {
                Some(invoice) => SaleKey(invoice),
                // A ledger that was rebuilt from the archive knows the session, and not its payment.
                None => match session_paid_by(intent, stripe).await? {
                    Some(session) => SaleKey(session.id),
                    None => return Ok(None),
                },
            },
        },
    };
    Ok(log.has(&invoice).await?.then_some(invoice))
}

/// Reads the refunds of a charge when the event does not carry them.
///
/// # Errors
/// When Stripe does not answer.
pub(super) async fn of_charge(
    charge: &str,
    announced_at: Timestamp,
    stripe: &impl StripeReader,
) -> Result<Option<Vec<RefundFromEvent>>, ServiceError> {
    let listed = stripe.refunds_of(charge).await?;
    Ok(listed.map(|listed| listed.iter().filter_map(|refund| refunds::announced(refund, announced_at)).collect()))
}
