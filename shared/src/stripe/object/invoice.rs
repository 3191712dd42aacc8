//! A Stripe invoice: its lines, its payments, and what it was made from.

use serde::Deserialize;

use super::{
    AccountReference, Address, AutomaticTax, InvoiceField, List, Reference, Shipping, ShippingCost, TaxAmount, TaxId,
};

/// A Stripe invoice.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeInvoice {
    /// `in_...`.
    pub id: String,
    /// Currency code in lower case.
    pub currency: Option<String>,
    /// The amount billed, in minor units.
    pub total: Option<i64>,
    /// Tax, before 2025-03-31.basil.
    pub tax: Option<i64>,
    /// Taxes, since.
    pub total_taxes: Option<Vec<TaxAmount>>,
    /// The customer's id.
    pub customer: Option<Reference>,
    /// Name.
    pub customer_name: Option<String>,
    /// E-mail.
    pub customer_email: Option<String>,
    /// Address.
    pub customer_address: Option<Address>,
    /// Tax numbers.
    pub customer_tax_ids: Option<Vec<TaxId>>,
    /// The first lines; `has_more` if there are others.
    pub lines: Option<List<InvoiceLine>>,
    /// When its status changed.
    pub status_transitions: Option<StatusTransitions>,
    /// The payment, before 2025-03-31.basil.
    pub payment_intent: Option<Reference>,
    /// The payments, since; present only where expanded.
    pub payments: Option<List<InvoicePayment>>,
    /// Shipping, outside the lines.
    pub shipping_cost: Option<ShippingCost>,
    /// Shipping address.
    pub shipping_details: Option<Shipping>,
    /// What credit notes took off before payment, positive.
    #[serde(default)]
    pub pre_payment_credit_notes_amount: i64,
    /// The amount paid, in minor units; the customer's balance may have paid the rest.
    pub amount_paid: Option<i64>,
    /// Paid outside Stripe, in whole or in part, before 2025-03-31.basil.
    pub paid_out_of_band: Option<bool>,
    /// The amount paid outside Stripe, in minor units, since 2026-05-27.dahlia; present only where expanded.
    pub amount_paid_off_stripe: Option<i64>,
    /// Custom fields of its header, perhaps a purchase order number.
    pub custom_fields: Option<Vec<InvoiceField>>,
    /// Who issues it.
    pub issuer: Option<AccountReference>,
    /// Who is liable for the tax.
    pub automatic_tax: Option<AutomaticTax>,
    /// Why Stripe made it: `subscription_create`, `subscription_cycle`, `manual`.
    pub billing_reason: Option<String>,
    /// `charge_automatically` or `send_invoice`.
    pub collection_method: Option<String>,
    /// The payment method charged, if not the customer's or the subscription's default.
    pub default_payment_method: Option<Reference>,
    /// Its subscription, before 2025-03-31.basil.
    pub subscription: Option<Reference>,
    /// What it was made from, since.
    pub parent: Option<InvoiceParent>,
}

impl StripeInvoice {
    /// The id of the subscription that it bills.
    pub fn subscription_id(&self) -> Option<&str> {
        let details = self.parent.as_ref().and_then(|parent| parent.subscription_details.as_ref());
        let subscription = details.and_then(|details| details.subscription.as_ref());
        subscription.or(self.subscription.as_ref()).map(Reference::id)
    }
}

/// What an invoice was made from.
#[derive(Debug, Clone, Deserialize)]
pub struct InvoiceParent {
    /// A subscription.
    pub subscription_details: Option<SubscriptionDetails>,
}

/// The subscription that an invoice bills.
#[derive(Debug, Clone, Deserialize)]
pub struct SubscriptionDetails {
    /// `sub_...`.
    pub subscription: Option<Reference>,
}

/// When an invoice changed status, in seconds.
#[derive(Debug, Clone, Deserialize)]
pub struct StatusTransitions {
    /// Paid.
    pub paid_at: Option<i64>,
}

/// A payment of an invoice.
#[derive(Debug, Clone, Deserialize)]
pub struct InvoicePayment {
    /// `in_...`.
    pub invoice: Option<Reference>,
    /// The amount paid, in minor units; none until it is paid.
    pub amount_paid: Option<i64>,
    /// `open`, `paid`, `canceled`.
    pub status: Option<String>,
    /// What paid it.
    pub payment: Option<PaymentReference>,
}

/// The means of payment of an invoice.
#[derive(Debug, Clone, Deserialize)]
pub struct PaymentReference {
    /// `payment_intent`, `charge` from before payment intents, or `payment_record` for money that Stripe did not move.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `pi_...`.
    pub payment_intent: Option<Reference>,
}

/// A line of an invoice. `amount` is before discounts, and before taxes that are not included in it.
#[derive(Debug, Clone, Deserialize)]
pub struct InvoiceLine {
    /// `il_...`.
    pub id: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Quantity, truncated to a whole number.
    pub quantity: Option<u64>,
    /// Quantity, with at most twelve decimals, as text; since 2026-03-25.dahlia.
    pub quantity_decimal: Option<serde_json::Value>,
    /// In minor units; negative for a proration credit.
    pub amount: i64,
    /// Discounts, positive.
    pub discount_amounts: Option<Vec<DiscountAmount>>,
    /// What was taken off before tax, including discounts.
    pub pretax_credit_amounts: Option<Vec<PretaxCredit>>,
    /// Taxes, since 2025-03-31.basil.
    pub taxes: Option<Vec<TaxAmount>>,
    /// Taxes, before.
    pub tax_amounts: Option<Vec<TaxAmount>>,
    /// The period that it bills.
    pub period: Option<LinePeriod>,
}

/// The period of an invoice line.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct LinePeriod {
    /// Its start, in seconds.
    pub start: i64,
    /// Its end, in seconds.
    pub end: i64,
}

/// A discount amount.
#[derive(Debug, Clone, Deserialize)]
pub struct DiscountAmount {
    /// In minor units.
    #[serde(default)]
    pub amount: i64,
}

/// A pretax credit amount of a line.
#[derive(Debug, Clone, Deserialize)]
pub struct PretaxCredit {
    /// In minor units.
    #[serde(default)]
    pub amount: i64,
    /// `discount`, which is also among the line's discounts, or `credit_balance_transaction`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}
