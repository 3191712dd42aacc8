//! Refunds that an event announces: each one's sale is found, and it is recorded.

use jiff::{SignedDuration, Timestamp};

use super::park;
use crate::{
    outcome::{Reason, ServiceError},
    payment::{PaymentLog, Received, Recorded},
    refund::{Refund, RefundKey},
    sale::SaleKey,
    stripe::{
        announced::{AnnouncedRefund, Paid},
        reader::StripeReader,
        refunds,
    },
};

/// How long a refund waits for the payment that it refunds. Stripe delivers events out of order and again for three days;
/// what is not there after one was never announced to us.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// Receives refunds that an event announced: finds each one's sale and records it.
///
/// # Errors
/// When Stripe or the log does not answer, or the refunded payment may still be on its way. Stripe delivers the event
/// again.
pub(super) async fn receive(
    event: &str,
    body: &str,
    announced: Vec<AnnouncedRefund>,
    log: &impl PaymentLog,
    stripe: &impl StripeReader,
    now: Timestamp,
) -> Result<Received, ServiceError> {
    let mut received = Received::Ignored(Reason::new("no_refund", "no refund has succeeded yet"));
    for refund in announced {
        let latest = match sale_of(&refund.of, log, stripe).await? {
            Some(sale) => {
                let AnnouncedRefund { key, refunded_at, currency, amount, lines, .. } = refund;
                let event = event.to_owned();
                let refund = Refund { key, event, sale, refunded_at, currency, amount, lines };
                match log.record_refund(&refund, now).await? {
                    Recorded::New => Received::Refunded { refund: refund.key.0, sale: refund.sale.0 },
                    Recorded::Before => Received::Before { sale: refund.sale.0 },
                }
            }
            None if now.duration_since(refund.announced_at) < PATIENCE => {
                return Err(ServiceError::transient("the payment log", "the refunded payment is not recorded yet"));
            }
            None => {
                let reason = unknown(&refund.key, stripe.can_ask());
                park(&refund.key.0, body, reason, log, now).await?
            }
        };
        // One that waits for a person must not go unheard among others, nor an event be taken for dealt with because of them.
        received = match (received, latest) {
            (parked @ Received::Parked(_), _) | (_, parked @ Received::Parked(_)) => parked,
            (before @ Received::ParkedBefore(_), _) => before,
            (_, latest) => latest,
        };
    }
    Ok(received)
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
            // Events of newer versions do not tell which intent paid an invoice.
            None => match stripe.invoice_paid_by(intent).await? {
                Some(invoice) => SaleKey(invoice),
                None => return Ok(None),
            },
        },
    };
    Ok(log.has(&invoice).await?.then_some(invoice))
}

/// The refunds of a charge that an event names without them.
///
/// # Errors
/// When Stripe does not answer.
pub(super) async fn of_charge(
    charge: &str,
    announced_at: Timestamp,
    stripe: &impl StripeReader,
) -> Result<Option<Vec<AnnouncedRefund>>, ServiceError> {
    let listed = stripe.refunds_of(charge).await?;
    Ok(listed.map(|listed| listed.iter().filter_map(|refund| refunds::announced(refund, announced_at)).collect()))
}
