//! A Checkout Session and its line items.

use serde::Deserialize;

use super::{AutomaticTax, CustomerDetails, ItemTax, ManagedPayments, Reference, SessionField, Shipping, ShippingCost};

/// A Checkout Session.
#[derive(Debug, Clone, Deserialize)]
pub struct Session {
    /// `cs_...`.
    pub id: String,
    /// `payment`, `subscription`, `setup`.
    pub mode: Option<String>,
    /// `paid`, `unpaid`, `no_payment_required`.
    pub payment_status: Option<String>,
    /// Currency code in lower case.
    pub currency: Option<String>,
    /// The amount paid, in minor units.
    pub amount_total: Option<i64>,
    /// Amounts within the total.
    pub total_details: Option<TotalDetails>,
    /// The Stripe invoice that is the sale, if there is one.
    pub invoice: Option<Reference>,
    /// Whether Stripe makes an invoice for a one-time payment.
    pub invoice_creation: Option<InvoiceCreation>,
    /// The customer's id.
    pub customer: Option<Reference>,
    /// What the customer entered.
    pub customer_details: Option<CustomerDetails>,
    /// The same in older versions.
    pub customer_email: Option<String>,
    /// Language of the page; `auto` gives no language.
    pub locale: Option<String>,
    /// The payment.
    pub payment_intent: Option<Reference>,
    /// The subscription that it started.
    pub subscription: Option<Reference>,
    /// The shop's reference.
    pub client_reference_id: Option<String>,
    /// Shipping, outside the line items.
    pub shipping_cost: Option<ShippingCost>,
    /// Shipping address, since 2025-03-31.basil.
    pub collected_information: Option<Collected>,
    /// Shipping address, before.
    pub shipping_details: Option<Shipping>,
    /// Custom fields of the page, with the answers.
    pub custom_fields: Option<Vec<SessionField>>,
    /// Whether Link is the seller to the buyer.
    pub managed_payments: Option<ManagedPayments>,
    /// Who is liable for the tax.
    pub automatic_tax: Option<AutomaticTax>,
}

/// What a payment page collected.
#[derive(Debug, Clone, Deserialize)]
pub struct Collected {
    /// Shipping address.
    pub shipping_details: Option<Shipping>,
}

/// Amounts within a session's total.
#[derive(Debug, Clone, Deserialize)]
pub struct TotalDetails {
    /// Tax that Stripe computed.
    pub amount_tax: Option<i64>,
}

/// Whether a one-time payment gets a Stripe invoice.
#[derive(Debug, Clone, Deserialize)]
pub struct InvoiceCreation {
    /// On or off.
    #[serde(default)]
    pub enabled: bool,
}

/// A line item of a session. `amount_total` is after discount and with tax.
#[derive(Debug, Clone, Deserialize)]
pub struct LineItem {
    /// `li_...`.
    pub id: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Quantity.
    pub quantity: Option<u64>,
    /// Paid, in minor units.
    pub amount_total: i64,
    /// Discount within, positive.
    #[serde(default)]
    pub amount_discount: i64,
    /// Tax within.
    #[serde(default)]
    pub amount_tax: i64,
    /// The taxes one by one, where expanded.
    pub taxes: Option<Vec<ItemTax>>,
}
