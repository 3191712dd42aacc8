//! Who sells, who buys, and who owes the tax.

use serde::Deserialize;

use super::{Address, Reference};

/// Whether Stripe sells in its own name (docs.stripe.com/payments/managed-payments).
#[derive(Debug, Clone, Deserialize)]
pub struct ManagedPayments {
    /// On or off.
    #[serde(default)]
    pub enabled: bool,
}

/// Stripe's computation of tax.
#[derive(Debug, Clone, Deserialize)]
pub struct AutomaticTax {
    /// On or off.
    #[serde(default)]
    pub enabled: bool,
    /// Who owes the tax.
    pub liability: Option<AccountReference>,
}

/// An account in a role: who owes the tax, who issues the invoice.
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
    /// What it is charged to.
    pub default_payment_method: Option<Reference>,
}

/// A customer.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeCustomer {
    /// Name, of either kind.
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
    /// Whose it is.
    pub billing_details: Option<BillingDetails>,
}

/// Whose a payment method is.
#[derive(Debug, Clone, Deserialize)]
pub struct BillingDetails {
    /// Name.
    pub name: Option<String>,
    /// E-mail.
    pub email: Option<String>,
    /// Address.
    pub address: Option<Address>,
}
