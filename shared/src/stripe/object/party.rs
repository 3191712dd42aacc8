//! Who sells, who buys, and who is liable for the tax.

use serde::Deserialize;

use super::{Address, Reference};

/// Whether Stripe sells in its own name (docs.stripe.com/payments/managed-payments).
#[derive(Debug, Clone, Deserialize)]
pub struct ManagedPayments {
    /// On or off.
    #[serde(default)]
    pub enabled: bool,
}

/// Stripe's automatic tax computation.
#[derive(Debug, Clone, Deserialize)]
pub struct AutomaticTax {
    /// On or off.
    #[serde(default)]
    pub enabled: bool,
    /// Who is liable for the tax.
    pub liability: Option<AccountReference>,
}

/// An account in a role: who is liable for tax, who issues the invoice.
#[derive(Debug, Clone, Deserialize)]
pub struct AccountReference {
    /// `self`, `account` for another one, `stripe` under Managed Payments.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// A subscription.
#[derive(Debug, Clone, Deserialize)]
pub struct Subscription {
    /// Whether Link is the seller to the buyer.
    pub managed_payments: Option<ManagedPayments>,
    /// Its payment method.
    pub default_payment_method: Option<Reference>,
}

/// A customer.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeCustomer {
    /// Name, of a person or a business.
    pub name: Option<String>,
    /// A business's name.
    pub business_name: Option<String>,
    /// A person's name.
    pub individual_name: Option<String>,
    /// E-mail.
    pub email: Option<String>,
    /// Address.
    pub address: Option<Address>,
}

/// A payment method.
#[derive(Debug, Clone, Deserialize)]
pub struct PaymentMethod {
    /// Its billing details.
    pub billing_details: Option<BillingDetails>,
}

/// Billing details of a payment method.
#[derive(Debug, Clone, Deserialize)]
pub struct BillingDetails {
    /// Name.
    pub name: Option<String>,
    /// E-mail.
    pub email: Option<String>,
    /// Address.
    pub address: Option<Address>,
}
