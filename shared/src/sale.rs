//! A sale: one paid purchase, as Stripe reports it, complete and provider-neutral enough to invoice.
//!
//! Conversion of Stripe events into sales lives in `stripe`; validation for an invoice in `billing::draft`. Values are
//! stored as received (a currency may be unknown, a name missing): a sale is always recorded first and validated
//! afterwards, so that no payment is lost.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::vat::foreign::Whose;

/// The key of a sale: its Checkout Session or Stripe invoice, whichever events announce it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SaleKey(pub String);

impl std::fmt::Display for SaleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl SaleKey {
    /// Whether the sale is a Stripe invoice rather than a Checkout Session.
    pub fn is_stripe_invoice(&self) -> bool {
        self.0.starts_with("in_")
    }
}

/// A paid sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// Identifies the sale (idempotency key).
    pub key: SaleKey,
    /// The first event that announced it.
    pub event: String,
    /// Live mode, or Stripe's test mode.
    pub livemode: bool,
    /// When it was paid, to the second, as Stripe says.
    pub paid_at: Timestamp,
    /// The currency as Stripe writes it; it may be one that ISO does not list.
    pub currency: String,
    /// What the customer paid, tax included, in Stripe's minor units.
    pub total: i64,
    /// The tax Stripe computed, if it did, in the same units.
    pub tax: Option<i64>,
    /// What was sold; never empty.
    pub lines: Vec<SaleLine>,
    /// The buyer.
    pub customer: Customer,
    /// Stripe's payment intent, to match refunds and disputes.
    pub payment_intent: Option<String>,
    /// The shop's own reference (`client_reference_id`).
    pub reference: Option<String>,
    /// The buyer's purchase order number.
    #[serde(default)]
    pub purchase_order: Option<String>,
    /// The delivery address, if the payment page asked for it.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// The part paid through Stripe, in the same units, if the customer's balance or a payment elsewhere covered the
    /// rest.
    #[serde(default)]
    pub received: Option<i64>,
    /// The exchange rate at which Stripe settled it, if it converted the payment.
    #[serde(default)]
    pub exchange: Option<Exchange>,
}

/// Where goods were delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The recipient.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

/// An exchange rate that Stripe used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The settlement currency as Stripe writes it.
    pub currency: String,
    /// Minor units of the settlement currency per minor unit of the sale's currency, both as Stripe counts them.
    pub rate: Decimal,
    /// Stripe's balance transaction, if known.
    #[serde(default)]
    pub txn: Option<String>,
}

/// A line of a sale. Amounts are in Stripe's minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleLine {
    /// Stripe's line id, to match credit note lines.
    #[serde(default)]
    pub id: Option<String>,
    /// The description shown to the customer.
    pub description: String,
    /// The quantity; a value that is not positive counts as one.
    #[serde(deserialize_with = "crate::quantity::deserialize")]
    pub quantity: Decimal,
    /// The amount paid for it: after discount, tax included. Negative for a credit, such as unused time of a plan.
    pub total: i64,
    /// The discount included, as a positive amount; it includes tax where the price does.
    #[serde(default)]
    pub discount: i64,
    /// The taxes that Stripe computed for the line; empty if none.
    #[serde(default)]
    pub taxes: Vec<ChargedTax>,
    /// The period that it bills, if Stripe reports one.
    #[serde(default)]
    pub period: Option<BilledPeriod>,
}

/// A period that a line bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BilledPeriod {
    /// Its start.
    pub from: Timestamp,
    /// Its end, which is the start of the next period.
    pub to: Timestamp,
}

impl SaleLine {
    /// Which country's tax the line bears, as far as Stripe reports it.
    pub fn whose(&self) -> Whose {
        Whose::of(self.taxes.iter().map(|tax| (tax.country.as_deref(), tax.kind.as_deref())))
    }

    /// The combined rate of all its taxes, in percent, if Stripe reports each and they make a percentage.
    pub fn rate(&self) -> Option<Decimal> {
        let first = self.taxes.first()?.rate?;
        let rate = self.taxes.iter().skip(1).try_fold(first, |sum, tax| sum.checked_add(tax.rate?))?;
        (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&rate).then_some(rate)
    }
}

/// A tax that Stripe computed for a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargedTax {
    /// In Stripe's minor units.
    pub amount: i64,
    /// Whether the price contained it.
    #[serde(default)]
    pub included: bool,
    /// In percent, if Stripe reports it.
    #[serde(default)]
    pub rate: Option<Decimal>,
    /// The country of the tax, ISO 3166-1 alpha-2, if Stripe reports it.
    #[serde(default)]
    pub country: Option<String>,
    /// Stripe's tax type, if reported: `vat`, `gst`, `sales_tax`.
    #[serde(default)]
    pub kind: Option<String>,
    /// Stripe's taxability reason: `standard_rated`, `reverse_charge`.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A customer as entered on the payment page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Stripe's customer id; guests have none.
    pub id: Option<String>,
    /// The person's name.
    pub name: Option<String>,
    /// The business's name, where it buys as one.
    pub business_name: Option<String>,
    /// The address to which the invoice is mailed.
    pub email: Option<String>,
    /// The billing address.
    pub address: Option<Address>,
    /// The language the customer paid in: `fr`, `en-GB`.
    pub language: Option<String>,
    /// Tax numbers given at checkout.
    #[serde(default)]
    pub tax_ids: Vec<TaxId>,
}

/// A postal address; every part may be missing, because payment pages ask for as little as possible.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street and number.
    pub line1: Option<String>,
    /// Building, floor.
    pub line2: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// State, province or region.
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2, in capitals.
    pub country: Option<String>,
}

/// A tax number with Stripe's name for its kind: `eu_vat`, `gb_vat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxId {
    /// Stripe's kind.
    pub kind: String,
    /// The number as given.
    pub value: String,
}
