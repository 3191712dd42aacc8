//! The invoice: an immutable snapshot of who sold what to whom, as of the moment its number was claimed.
//!
//! Rendering is a function of this snapshot alone. How one is built lives in `draft`, its number in `number`,
//! its taxes in `vat`, its legal texts in `mentions`, what a page shows in `print`, and the road from a recorded
//! payment to a queued mail in `issue`.

pub mod draft;
pub mod issue;
pub mod ledger;
pub mod mentions;
pub mod number;
pub mod print;
pub mod vat;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    money::{Currency, Money},
    sale::{Customer, SaleKey},
    seller::{Party, Supply},
};
pub use number::InvoiceNumber;

/// An issued invoice, or credit note, exactly as it was on the day of its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Its number, unique with the seller's SIREN.
    pub number: InvoiceNumber,
    /// The day of issue in the seller's time zone.
    pub issued_on: Date,
    /// Everything that was decided before the number was known.
    #[serde(flatten)]
    pub draft: Draft,
}

/// An invoice that lacks only its number and its date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Invoice or credit note.
    pub kind: Kind,
    /// The sale it bills.
    pub sale: SaleKey,
    /// When the customer paid.
    pub paid_at: Timestamp,
    /// The day of supply in the seller's time zone (BT-72); for a sale paid at once, the day of payment.
    pub supplied_on: Date,
    /// The language of labels: `fr` or `en`. Legal mentions stay French.
    pub language: String,
    /// The one currency of every amount below.
    pub currency: Currency,
    /// Who sells, as the seller file said at issue.
    pub seller: Party,
    /// Who buys; `name` is never empty here.
    pub buyer: Buyer,
    /// What was sold.
    pub lines: Vec<Line>,
    /// VAT, one row per category and rate.
    pub taxes: Vec<TaxRow>,
    /// The sums.
    pub totals: Totals,
    /// Legal texts, in print order.
    pub mentions: Vec<Mention>,
    /// Goods, services or both (decree 2022-1299).
    pub supply: Supply,
    /// How it was paid, in words for a reader: "Stripe".
    pub paid_through: String,
    /// The shop's own reference or the customer's purchase order, if given.
    pub reference: Option<String>,
    /// Paid in Stripe's test mode: the document says so in large letters.
    #[serde(default)]
    pub test: bool,
}

/// What kind of document it is, with its UNTDID 1001 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Commercial invoice, 380.
    Invoice,
    /// Credit note, 381.
    CreditNote,
}

/// The buyer as the invoice names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// The name the invoice is addressed to.
    pub name: String,
    /// ISO 3166-1 alpha-2 of the billing address; the seller's own where Stripe knew none.
    pub country: String,
    /// Everything Stripe told about them.
    pub customer: Customer,
}

/// A line. Amounts in minor units of the invoice's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What was sold.
    pub description: String,
    /// How many.
    pub quantity: u64,
    /// Price of one before tax, up to four decimals, for the reader; sums are made from `net`.
    pub unit_net: Decimal,
    /// The line before tax, after discount.
    pub net: i64,
    /// The line as paid, tax included.
    pub gross: i64,
    /// The discount within `gross`, tax included, positive.
    pub discount: i64,
    /// Its VAT.
    pub vat: Vat,
}

/// A VAT category and rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vat {
    /// UNTDID 5305.
    pub category: VatCategory,
    /// Percent: 20, 5.5, 0.
    pub rate: Decimal,
}

/// VAT categories that EN 16931 uses (UNTDID 5305).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VatCategory {
    /// Standard and reduced rates.
    S,
    /// Exempt; the franchise of article 293 B among them.
    E,
}

/// VAT of one category and rate. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRow {
    /// Which.
    pub vat: Vat,
    /// What it is computed on.
    pub base: i64,
    /// The tax.
    pub tax: i64,
    /// Why there is none: a VATEX code and its text.
    pub exemption: Option<Exemption>,
}

/// Why no VAT is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    /// VATEX code.
    pub code: String,
    /// The text the law wants to read.
    pub text: String,
}

/// The sums, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Before tax (BT-109).
    pub net: i64,
    /// VAT (BT-110).
    pub tax: i64,
    /// With tax (BT-112): what the customer paid.
    pub gross: i64,
    /// Already paid (BT-113).
    pub paid: i64,
    /// Still due (BT-115).
    pub due: i64,
}

/// A legal text and, where one exists, its UNTDID 4451 subject code (PMT, PMD, AAB).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// The code in the electronic invoice.
    pub code: Option<String>,
    /// The text as printed.
    pub text: String,
}

impl Draft {
    /// An amount of this invoice with its currency.
    pub fn money(&self, minor: i64) -> Money {
        self.currency.minor(minor)
    }
}
