//! Money that goes back: refunds, the charge that lists them, and disputes.

use serde::Deserialize;

use super::{List, Reference};

/// A refund.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeRefund {
    /// `re_...`.
    pub id: String,
    /// The amount refunded, in minor units.
    pub amount: i64,
    /// Currency code in lower case.
    pub currency: String,
    /// `pending`, `requires_action`, `succeeded`, `failed`, `canceled`.
    pub status: Option<String>,
    /// The payment.
    pub payment_intent: Option<Reference>,
    /// Its balance transaction on the owner's account; none for the released part of an authorization.
    pub balance_transaction: Option<Reference>,
    /// `expired_uncaptured_charge` where an authorization expired, so that nothing is refunded.
    pub reason: Option<String>,
    /// When Stripe created it, in seconds.
    #[serde(default)]
    pub created: i64,
}

/// A charge.
#[derive(Debug, Clone, Deserialize)]
pub struct Charge {
    /// `ch_...`.
    pub id: String,
    /// Its refunds, the newest first; since 2022-11-15 only where expanded.
    pub refunds: Option<List<StripeRefund>>,
}

/// A dispute.
#[derive(Debug, Clone, Deserialize)]
pub struct Dispute {
    /// `du_...`.
    pub id: String,
    /// `won`, `lost` and earlier states.
    pub status: Option<String>,
    /// The payment.
    pub payment_intent: Option<Reference>,
}
