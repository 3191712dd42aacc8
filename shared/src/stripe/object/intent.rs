//! A payment intent: what was authorized, what was captured of it, who paid, and how it was settled.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{BillingDetails, ManagedPayments, Reference};

/// A payment intent: only the fields that say what was captured and who paid.
#[derive(Debug, Clone, Deserialize)]
pub struct Intent {
    /// `pi_...`.
    pub id: String,
    /// `succeeded` once the money is captured.
    pub status: Option<String>,
    /// What was authorized, in minor units.
    #[serde(default)]
    pub amount: i64,
    /// The amount captured, in minor units.
    #[serde(default)]
    pub amount_received: i64,
    /// Currency code in lower case.
    pub currency: Option<String>,
    /// `manual` where the shop captures later.
    pub capture_method: Option<String>,
    /// The same per type of payment method.
    pub payment_method_options: Option<BTreeMap<String, Option<MethodOptions>>>,
    /// The payment method.
    pub payment_method: Option<Reference>,
    /// The charge; an object only where expanded.
    pub latest_charge: Option<IntentCharge>,
    /// Whether Link is the seller to the buyer.
    pub managed_payments: Option<ManagedPayments>,
}

impl Intent {
    /// Manual capture: whether the shop captures some time after the customer agreed.
    pub fn is_captured_later(&self) -> bool {
        let manual = |method: &Option<String>| method.as_deref().is_some_and(|method| method.starts_with("manual"));
        let options = self.payment_method_options.iter().flat_map(BTreeMap::values).flatten();
        manual(&self.capture_method) || options.into_iter().any(|option| manual(&option.capture_method))
    }

    /// Who paid, as the payment method said at that time, where its charge is expanded.
    pub fn billing_details(&self) -> Option<&BillingDetails> {
        match self.latest_charge.as_ref()? {
            IntentCharge::Object { billing_details, .. } => billing_details.as_ref(),
            IntentCharge::Id(_) => None,
        }
    }

    /// The id of its charge.
    pub fn charge(&self) -> Option<&str> {
        self.latest_charge.as_ref().map(|charge| match charge {
            IntentCharge::Id(id) | IntentCharge::Object { id, .. } => id.as_str(),
        })
    }

    /// The amount that was authorized but released when the rest was captured or the payment was canceled, in minor
    /// units.
    pub fn released(&self) -> i64 {
        let over = matches!(self.status.as_deref(), Some("succeeded" | "canceled"));
        if over && self.is_captured_later() { self.amount.saturating_sub(self.amount_received).max(0) } else { 0 }
    }
}

/// Options for one type of payment method.
#[derive(Debug, Clone, Deserialize)]
pub struct MethodOptions {
    /// `manual`, `manual_preferred`.
    pub capture_method: Option<String>,
}

/// The charge of a payment intent: its id, or the object where it is expanded.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum IntentCharge {
    /// The id.
    Id(String),
    /// The object.
    Object {
        /// Its id.
        id: String,
        /// Who paid, as the payment method said at that time.
        billing_details: Option<BillingDetails>,
    },
}

/// A payment intent: only the fields that say how it was settled.
#[derive(Debug, Clone, Deserialize)]
pub struct PaymentIntent {
    /// The charge, expanded.
    pub latest_charge: Option<SettledCharge>,
}

/// A charge: only the fields that say how it was settled.
#[derive(Debug, Clone, Deserialize)]
pub struct SettledCharge {
    /// Its balance transaction, expanded; none until it is known.
    pub balance_transaction: Option<BalanceTransaction>,
}

/// A balance transaction.
#[derive(Debug, Clone, Deserialize)]
pub struct BalanceTransaction {
    /// `txn_...`.
    pub id: Option<String>,
    /// The settlement currency in lower case.
    pub currency: String,
    /// The exchange rate: minor units of settlement per minor unit of the charge's currency; none without a conversion.
    pub exchange_rate: Option<serde_json::Number>,
}
