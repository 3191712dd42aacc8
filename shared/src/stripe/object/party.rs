//! Who sells, who buys, and who is liable for the tax.

use serde::Deserialize;

use super::Reference;

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
