//! A refund: money that went back, as Stripe told it.
//!
//! How events announce refunds lives in `stripe::refunds`, how one is received in `receive::refunds`, what credit note it
//! makes in `billing::credit`.

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
