//! A refund: money returned to the customer, as Stripe reports it.
//!
//! Parsing of refund events lives in `stripe::refunds`, receiving them in `receive::refunds`, drafting the credit note
//! in `billing::credit`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sale::SaleKey;

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
    /// Whether money went back through Stripe. A Stripe credit note (`cn_...`) documents a credit to the customer's
    /// balance or a refund made elsewhere (docs.stripe.com/api/credit_notes).
    pub fn through_stripe(&self) -> bool {
        !self.0.starts_with("cn_")
    }
}

/// A refund of a recorded sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Identifies the refund (idempotency key).
    pub key: RefundKey,
    /// The first event that announced it.
    pub event: String,
    /// The refunded sale.
    pub sale: SaleKey,
    /// When it was refunded, to the second, as Stripe says.
    pub refunded_at: Timestamp,
    /// The currency as Stripe writes it.
    pub currency: String,
    /// The refunded amount, tax included, in Stripe's minor units.
    pub amount: i64,
    /// The refunded lines, if Stripe reports them; empty means the whole sale, in proportion.
    #[serde(default)]
    pub lines: Vec<RefundLine>,
}

/// A line of a credit note in Stripe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLine {
    /// The line of the sale that it corrects.
    pub line: String,
    /// The description shown to the customer.
    pub description: String,
    /// The amount refunded for it, tax included, in Stripe's minor units.
    pub amount: i64,
}
