//! A sale: one thing a customer paid for, as Stripe told it, complete and provider-neutral enough to invoice.
//!
//! How a Stripe event becomes a sale lives in `stripe`; what may be wrong with one for an invoice in `billing::draft`.
//! The values here are kept as they came (a currency may be unknown, a name missing): a sale is always recorded first
//! and judged afterwards, so that nothing paid is ever dropped.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::vat::foreign::Whose;

/// The key of a sale: the Checkout Session or the Stripe invoice that is the sale, whichever events announce it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SaleKey(pub String);

impl std::fmt::Display for SaleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl SaleKey {
    /// Whether a Stripe invoice is the sale, and not a Checkout Session.
    pub fn is_stripe_invoice(&self) -> bool {
        self.0.starts_with("in_")
    }
}

/// A paid sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// What makes it one sale.
    pub key: SaleKey,
    /// The event that announced it first.
    pub event: String,
    /// Real money, or Stripe's test mode.
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
    /// Who bought.
    pub customer: Customer,
    /// Stripe's payment intent, to match refunds and disputes.
    pub payment_intent: Option<String>,
    /// The shop's own reference (`client_reference_id`).
    pub reference: Option<String>,
    /// The buyer's purchase order number.
    #[serde(default)]
    pub purchase_order: Option<String>,
    /// Where goods went, if the payment page asked.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// What of it came through Stripe, in the same units, where the customer's balance or a payment elsewhere covered the
    /// rest.
    #[serde(default)]
    pub received: Option<i64>,
    /// At which rate Stripe settled it, if it converted the payment.
    #[serde(default)]
    pub exchange: Option<Exchange>,
}

/// Where goods went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// To whom.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

/// A rate of exchange that Stripe used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The currency of settlement as Stripe writes it.
    pub currency: String,
    /// How many of its minor units one minor unit of the sale's currency made, each as Stripe counts them.
    pub rate: Decimal,
}

/// A line of a sale. Amounts are in Stripe's minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleLine {
    /// Stripe's id, to find the line that a credit note corrects.
    #[serde(default)]
    pub id: Option<String>,
    /// What the customer read.
    pub description: String,
    /// How many; what is not positive counts as one.
    #[serde(deserialize_with = "crate::quantity::deserialize")]
    pub quantity: Decimal,
    /// What was paid for the line: after discount, tax included. Negative for a credit, such as unused time of a plan.
    pub total: i64,
    /// The discount within, as a positive amount; it includes tax where the price does.
    #[serde(default)]
    pub discount: i64,
    /// The taxes that Stripe computed for the line; empty if it computed none.
    #[serde(default)]
    pub taxes: Vec<ChargedTax>,
}

impl SaleLine {
    /// Whose tax its taxes are, as far as Stripe told.
    pub fn whose(&self) -> Whose {
        Whose::of(self.taxes.iter().map(|tax| (tax.country.as_deref(), tax.kind.as_deref())))
    }

    /// The rate of all its taxes together, in percent, if Stripe told each and they make a percentage.
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
    /// In percent, if Stripe told.
    #[serde(default)]
    pub rate: Option<Decimal>,
    /// Whose tax it is, ISO 3166-1 alpha-2, if Stripe told.
    #[serde(default)]
    pub country: Option<String>,
    /// What kind of tax it is in Stripe's words, if it told: `vat`, `gst`, `sales_tax`.
    #[serde(default)]
    pub kind: Option<String>,
    /// Stripe's word for why this tax, or none: `standard_rated`, `reverse_charge`.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A customer as the payment page knew them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Stripe's customer id; guests have none.
    pub id: Option<String>,
    /// The person's name.
    pub name: Option<String>,
    /// The business's name, where it buys as one.
    pub business_name: Option<String>,
    /// Where the invoice goes.
    pub email: Option<String>,
    /// The billing address.
    pub address: Option<Address>,
    /// The language the customer paid in: `fr`, `en-GB`.
    pub language: Option<String>,
    /// Tax numbers given at checkout.
    #[serde(default)]
    pub tax_ids: Vec<TaxId>,
}

/// A postal address; every part may be missing, because payment pages ask for as little as they can.
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
