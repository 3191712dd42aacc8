//! The fields of Stripe's objects that a sale needs, and nothing else. Everything that may be absent is optional,
//! unknown fields are ignored, and the shapes before and after 2025-03-31.basil are both read.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::decimal::decimal;

mod head;
mod intent;
mod party;

pub use head::{FieldLabel, FieldValue, InvoiceField, SessionField};
pub use intent::{Intent, IntentCharge, MethodOptions};
pub use party::{
    AccountReference, AutomaticTax, BillingDetails, ManagedPayments, PaymentMethod, StripeCustomer, Subscription,
};

/// An event whose object is not parsed yet.
#[derive(Debug, Deserialize)]
pub struct Event<'a> {
    /// `evt_...`, unique forever.
    pub id: String,
    /// `checkout.session.completed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When Stripe created it, in seconds. Not an ordering: the resolution is one second.
    #[serde(default)]
    pub created: i64,
    /// Live mode, or test mode.
    #[serde(default)]
    pub livemode: bool,
    /// The connected account on which it happened, for events that a platform receives about others.
    pub account: Option<String>,
    /// The object that it is about.
    #[serde(borrow)]
    pub data: EventData<'a>,
}

/// The event's object as raw JSON.
#[derive(Debug, Deserialize)]
pub struct EventData<'a> {
    /// Parsed once the type is known to be of interest.
    #[serde(borrow)]
    pub object: &'a RawValue,
}

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

/// Shipping details.
#[derive(Debug, Clone, Deserialize)]
pub struct Shipping {
    /// The recipient.
    pub name: Option<String>,
    /// The address.
    pub address: Option<Address>,
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

/// Shipping.
#[derive(Debug, Clone, Deserialize)]
pub struct ShippingCost {
    /// With tax, in minor units.
    pub amount_total: Option<i64>,
    /// The tax within.
    pub amount_tax: Option<i64>,
    /// The taxes one by one, where expanded.
    pub taxes: Option<Vec<ItemTax>>,
}

/// What the customer entered.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct CustomerDetails {
    /// E-mail.
    pub email: Option<String>,
    /// Name, of a person or a business.
    pub name: Option<String>,
    /// A business's name.
    pub business_name: Option<String>,
    /// A person's name.
    pub individual_name: Option<String>,
    /// Address.
    pub address: Option<Address>,
    /// Tax numbers.
    pub tax_ids: Option<Vec<TaxId>>,
}

/// An address.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Address {
    /// Street.
    pub line1: Option<String>,
    /// Floor.
    pub line2: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Region.
    pub state: Option<String>,
    /// Country code.
    pub country: Option<String>,
}

/// A tax number.
#[derive(Debug, Clone, Deserialize)]
pub struct TaxId {
    /// `eu_vat`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The number.
    pub value: Option<String>,
}

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

/// A tax amount of an invoice.
#[derive(Debug, Clone, Deserialize)]
pub struct TaxAmount {
    /// In minor units.
    #[serde(default)]
    pub amount: i64,
    /// `inclusive` or `exclusive` of the line's amount.
    pub tax_behavior: Option<String>,
    /// The same, before 2025-03-31.basil.
    pub inclusive: Option<bool>,
    /// The tax rate, since 2025-03-31.basil.
    pub tax_rate_details: Option<RateDetails>,
    /// The tax rate, before.
    pub tax_rate: Option<Reference>,
    /// Taxability reason.
    pub taxability_reason: Option<String>,
}

/// The rate with which a tax was computed.
#[derive(Debug, Clone, Deserialize)]
pub struct RateDetails {
    /// `txr_...`.
    pub tax_rate: Option<String>,
}

impl TaxAmount {
    /// Whether the line's amount contains it.
    pub fn is_included(&self) -> bool {
        self.inclusive.unwrap_or_else(|| self.tax_behavior.as_deref() == Some("inclusive"))
    }

    /// The id of its rate.
    pub fn rate_id(&self) -> Option<&str> {
        let details = self.tax_rate_details.as_ref().and_then(|details| details.tax_rate.as_deref());
        details.or_else(|| self.tax_rate.as_ref().map(Reference::id))
    }
}

/// A tax amount of a session's line item, with its rate.
#[derive(Debug, Clone, Deserialize)]
pub struct ItemTax {
    /// In minor units.
    #[serde(default)]
    pub amount: i64,
    /// The rate.
    pub rate: Option<TaxRate>,
    /// Taxability reason.
    pub taxability_reason: Option<String>,
}

/// A tax rate.
#[derive(Debug, Clone, Deserialize)]
pub struct TaxRate {
    /// Whether prices include it.
    #[serde(default)]
    pub inclusive: bool,
    /// Country of the tax.
    pub country: Option<String>,
    /// What kind of tax it is: `vat`, `gst`, `sales_tax`.
    pub tax_type: Option<String>,
    /// The effective rate, in percent; Stripe Tax sets it beside the displayed one.
    pub effective_percentage: Option<serde_json::Number>,
    /// In percent.
    pub percentage: Option<serde_json::Number>,
}

impl TaxRate {
    /// In percent.
    pub fn percent(&self) -> Option<Decimal> {
        decimal(self.effective_percentage.as_ref().or(self.percentage.as_ref())?)
    }
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

/// A list, or its first page.
#[derive(Debug, Clone, Deserialize)]
pub struct List<T> {
    /// The entries.
    #[serde(default = "Vec::new")]
    pub data: Vec<T>,
    /// Whether another page follows.
    #[serde(default)]
    pub has_more: bool,
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
}

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
    /// The settlement currency in lower case.
    pub currency: String,
    /// The exchange rate: minor units of settlement per minor unit of the charge's currency; none without a conversion.
    pub exchange_rate: Option<serde_json::Number>,
}

/// A credit note.
#[derive(Debug, Clone, Deserialize)]
pub struct CreditNote {
    /// `cn_...`.
    pub id: String,
    /// The corrected invoice.
    pub invoice: Reference,
    /// What it credits, tax included, in minor units.
    pub total: i64,
    /// Currency code in lower case.
    pub currency: String,
    /// When Stripe created it, in seconds.
    #[serde(default)]
    pub created: i64,
    /// `pre_payment`, `post_payment`, `mixed`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `issued`, `void`.
    pub status: Option<String>,
    /// The amount credited before the invoice was paid, in minor units.
    #[serde(default)]
    pub pre_payment_amount: i64,
    /// The refunds that pay it out.
    pub refunds: Option<Vec<CreditRefund>>,
    /// The refund that pays it out, before 2025-03-31.basil; other parts may be paid out elsewhere.
    pub refund: Option<Reference>,
    /// The amount refunded outside of Stripe, in minor units.
    pub out_of_band_amount: Option<i64>,
    /// The amount credited to the customer's balance.
    pub customer_balance_transaction: Option<Reference>,
    /// What it credits, line by line.
    pub lines: Option<List<CreditLine>>,
}

/// A refund of a credit note.
#[derive(Debug, Clone, Deserialize)]
pub struct CreditRefund {
    /// The amount of the credit that it pays out, in minor units.
    #[serde(default)]
    pub amount_refunded: i64,
    /// `re_...`.
    pub refund: Option<Reference>,
}

/// A line of a credit note. `amount` is before discounts, and before taxes that are not included in it.
#[derive(Debug, Clone, Deserialize)]
pub struct CreditLine {
    /// Description.
    pub description: Option<String>,
    /// In minor units.
    pub amount: i64,
    /// Discounts within, positive.
    #[serde(default)]
    pub discount_amount: i64,
    /// The line it corrects.
    pub invoice_line_item: Option<String>,
    /// Taxes, since 2025-03-31.basil.
    pub taxes: Option<Vec<TaxAmount>>,
    /// Taxes, before.
    pub tax_amounts: Option<Vec<TaxAmount>>,
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

/// An id, or the object itself where it is expanded.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Reference {
    /// The id.
    Id(String),
    /// The object.
    Object {
        /// Its id.
        id: String,
    },
}

impl Reference {
    /// The id, in either form.
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Object { id } => id,
        }
    }
}

#[cfg(test)]
mod tests;
