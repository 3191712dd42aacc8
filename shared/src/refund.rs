//! A refund: money that went back, as Stripe told it, and what the webhook does with one that is announced.
//!
//! How events announce refunds lives in `stripe::refunds`, what credit note one makes in `invoice::credit`.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    outcome::{Reason, Unavailable},
    payment::{PaymentLog, Received, Recorded},
    sale::SaleKey,
    stripe::{reader::StripeReader, refunds},
};

/// How long a refund waits for the payment that it refunds. Stripe delivers events out of order and again for three days;
/// what is not there after one was never announced to us.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// The key of a refund: Stripe's refund, or its credit note where no money went back through Stripe.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RefundKey(pub String);

impl std::fmt::Display for RefundKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl RefundKey {
    /// Whether money went back through Stripe. A credit note of Stripe's own (`cn_...`) stands for what was credited to the
    /// customer's balance or paid back elsewhere (docs.stripe.com/api/credit_notes).
    pub fn through_stripe(&self) -> bool {
        !self.0.starts_with("cn_")
    }
}

/// A refund of a recorded sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// What makes it one refund.
    pub key: RefundKey,
    /// The event that announced it first.
    pub event: String,
    /// What was refunded.
    pub sale: SaleKey,
    /// When, to the second, as Stripe says.
    pub refunded_at: Timestamp,
    /// The currency as Stripe writes it.
    pub currency: String,
    /// What went back, tax included, in Stripe's minor units.
    pub amount: i64,
    /// Which lines it concerns, where Stripe told; none means the whole, in proportion.
    #[serde(default)]
    pub lines: Vec<RefundLine>,
}

/// A line of a credit note in Stripe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLine {
    /// The line of the sale that it corrects.
    pub line: String,
    /// What the customer reads.
    pub description: String,
    /// What went back for it, tax included, in Stripe's minor units.
    pub amount: i64,
}

/// A refund that an event announces, before it is known which sale it refunds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// What makes it one refund.
    pub key: RefundKey,
    /// When the event was made.
    pub announced_at: Timestamp,
    /// When money went back.
    pub refunded_at: Timestamp,
    /// The currency as Stripe writes it.
    pub currency: String,
    /// What went back, tax included, in Stripe's minor units.
    pub amount: i64,
    /// Which lines it concerns, where Stripe told.
    pub lines: Vec<RefundLine>,
    /// What had been paid.
    pub of: Paid,
}

/// What a refund refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paid {
    /// The payment intent.
    Intent(String),
    /// The Stripe invoice, which is the sale.
    Invoice(SaleKey),
}

/// Receives refunds that an event announced: finds each one's sale and records it.
///
/// # Errors
/// When Stripe or the log does not answer, or the refunded payment may still be on its way. Stripe delivers the event
/// again.
pub async fn receive(
    event: &str,
    body: &str,
    announced: Vec<Announced>,
    log: &impl PaymentLog,
    stripe: &impl StripeReader,
    now: Timestamp,
) -> Result<Received, Unavailable> {
    let mut received = Received::Ignored(Reason::new("no_refund", "no refund has succeeded yet"));
    for refund in announced {
        received = match sale_of(&refund.of, log, stripe).await? {
            Some(sale) => {
                let Announced { key, refunded_at, currency, amount, lines, .. } = refund;
                let event = event.to_owned();
                let refund = Refund { key, event, sale, refunded_at, currency, amount, lines };
                match log.record_refund(&refund, now).await? {
                    Recorded::New => Received::Refunded { refund: refund.key.0, sale: refund.sale.0 },
                    Recorded::Before => Received::Before { sale: refund.sale.0 },
                }
            }
            None if now.duration_since(refund.announced_at) < PATIENCE => {
                return Err(Unavailable::new("the payment log", "the refunded payment is not recorded yet"));
            }
            None => {
                let reason = Reason::new(
                    "sale_unknown",
                    format!(
                        "refund {} is of a payment that was never recorded here, perhaps from before this system: issue its \
                         credit note where the invoice was issued",
                        refund.key
                    ),
                );
                log.park_event(&refund.key.0, body, &reason, now).await?;
                Received::Parked(reason)
            }
        };
    }
    Ok(received)
}

async fn sale_of(of: &Paid, log: &impl PaymentLog, stripe: &impl StripeReader) -> Result<Option<SaleKey>, Unavailable> {
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
pub async fn of_charge(
    charge: &str,
    announced_at: Timestamp,
    stripe: &impl StripeReader,
) -> Result<Option<Vec<Announced>>, Unavailable> {
    let listed = stripe.refunds_of(charge).await?;
    Ok(listed.map(|listed| listed.iter().filter_map(|refund| refunds::announced(refund, announced_at)).collect()))
}
