//! The invoice: an immutable snapshot of who sold what to whom, as of the moment its number was claimed.
//!
//! Rendering depends on this snapshot alone. The displayed texts are in `print`; how an invoice is created, in
//! `crate::billing`.

pub mod print;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    money::{Currency, Money},
    numbering::InvoiceNumber,
    refund::RefundKey,
    sale::{Customer, Delivery, SaleKey},
    seller::Party,
    vat::{Ground, Vat, regime::Supply},
};

/// An issued invoice, or credit note, exactly as it was on the day of its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Its number, unique with the seller's SIREN.
    pub number: InvoiceNumber,
    /// The day of issue in the seller's time zone.
    pub issued_on: Date,
    /// When, by what and after which document the number was allocated.
    #[serde(flatten)]
    pub allocation: Allocation,
    /// Everything decided before the number was allocated.
    #[serde(flatten)]
    pub draft: Draft,
}

impl Invoice {
    /// A document with its number, which no ledger allocated yet.
    pub fn new(number: InvoiceNumber, issued_on: Date, draft: Draft) -> Self {
        Self { number, issued_on, allocation: Allocation::default(), draft }
    }
}

/// The record of an allocation, kept with the document for an inspection. Every field may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// When the number was claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// The archive key of its PDF, which the pattern of the day makes of the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_key: Option<String>,
    /// The version of Comptoir that claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// The hash of the series' previous snapshot: the chain that shows a changed or missing document. None for the first
    /// of a series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The version of the seller's settings that applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<u64>,
    /// The hash of the look that the document was first printed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<String>,
}

/// An invoice without its number and date.
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
    /// The currency of every amount below.
    pub currency: Currency,
    /// The seller, as in the seller file at issue.
    pub seller: Party,
    /// The buyer; `name` is never empty here.
    pub buyer: Buyer,
    /// What was sold.
    pub lines: Vec<Line>,
    /// Taxes, one row per category, rate and country.
    pub taxes: Vec<TaxRow>,
    /// The sums.
    pub totals: Totals,
    /// Legal texts, in print order.
    pub mentions: Vec<Mention>,
    /// Goods, services or both (decree 2022-1299).
    pub supply: Supply,
    /// The payment provider, for a reader: "Stripe"; empty if it was settled otherwise.
    pub paid_through: String,
    /// The part paid, or refunded, that way, in minor units, if not all of it.
    #[serde(default)]
    pub received: Option<i64>,
    /// The shop's own reference, if given.
    pub reference: Option<String>,
    /// The buyer's purchase order number, if given (C. com. L441-9).
    #[serde(default)]
    pub purchase_order: Option<String>,
    /// Paid in Stripe's test mode: the document is stamped accordingly.
    #[serde(default)]
    pub test: bool,
    /// The invoice that a credit note corrects.
    #[serde(default)]
    pub corrects: Option<Correction>,
    /// The VAT in euros, where the invoice is in another currency.
    #[serde(default)]
    pub in_euros: Option<InEuros>,
    /// The exchange rate at which the VAT is stated in euros.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_tax: Option<TaxRate>,
    /// The exchange rate at which the payment was settled; the books use it where no VAT is stated in euros.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_settled: Option<SettledRate>,
    /// What the place of supply follows from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub place_evidence: Vec<PlaceEvidence>,
    /// The delivery address, if the payment page asked for it.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// A distance sale under the one-stop shop: the VAT is another state's, and the rules of French platforms do not
    /// apply.
    #[serde(default)]
    pub oss: bool,
}

/// VAT in euros (Directive 2006/112/EC, art. 230; BR-FR-CO-12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InEuros {
    /// The tax, in cents.
    pub tax: i64,
}

/// The exchange rate of the VAT: in euros per unit of the invoice's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    /// The rate.
    pub value: Decimal,
    /// Who publishes it: `stripe`.
    pub source: String,
    /// The day it is of.
    pub day: Date,
}

/// The exchange rate of a settlement: in euros per unit of the invoice's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledRate {
    /// The rate.
    pub value: Decimal,
    /// Stripe's balance transaction, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub txn: Option<String>,
}

/// A piece of evidence of where the customer is (Implementing Regulation 282/2011, art. 24f).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceEvidence {
    /// `billing_address`, `delivery_address`, `tax_number`, `stripe_tax`.
    pub kind: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// The kind of document, with its UNTDID 1001 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Commercial invoice, 380.
    Invoice,
    /// Credit note, 381.
    CreditNote,
}

impl Kind {
    /// The UNTDID 1001 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Invoice => "380",
            Self::CreditNote => "381",
        }
    }
}

/// The correction that a credit note makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The refund that it documents.
    pub refund: RefundKey,
    /// The original's number (BT-25).
    pub number: InvoiceNumber,
    /// The original's date (BT-26).
    pub issued_on: Date,
}

/// What a document is issued for; each has at most one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocumentSource {
    /// An invoice is issued for a sale.
    Sale(SaleKey),
    /// A credit note is issued for a refund.
    Refund(RefundKey),
}

impl std::fmt::Display for DocumentSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sale(sale) => sale.fmt(f),
            Self::Refund(refund) => refund.fmt(f),
        }
    }
}

/// The buyer as the invoice names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// The name the invoice is addressed to.
    pub name: String,
    /// ISO 3166-1 alpha-2 of the billing address, else of the delivery address, of a VAT number, or of the tax that
    /// Stripe charged. `None` if unknown: paper then names no country, and the e-invoice, which must name one (BR-11),
    /// names the seller's and says so in a note.
    pub country: Option<String>,
    /// A VAT number with valid check digits, with its prefix, or a number of another country's scheme.
    #[serde(default)]
    pub vat_number: Option<String>,
    /// The SIREN of a French business, 9 digits.
    #[serde(default)]
    pub siren: Option<String>,
    /// Buys as a business: it gave a tax number, or outside the Union a business name.
    #[serde(default)]
    pub business: bool,
    /// All customer data that Stripe reports.
    pub customer: Customer,
}

/// A line. Amounts in minor units of the invoice's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What was sold.
    pub description: String,
    /// The quantity; negative for a credit.
    #[serde(deserialize_with = "crate::quantity::deserialize")]
    pub quantity: Decimal,
    /// Price of `per` units before tax and discount, positive, up to six decimals (BR-FR-DEC-03), for display; sums use
    /// `net`.
    pub unit_net: Decimal,
    /// The base quantity of the price (BT-149).
    #[serde(default = "one")]
    pub per: u32,
    /// The line before tax, after discount.
    pub net: i64,
    /// The line as paid, tax included.
    pub gross: i64,
    /// The discount before tax, positive.
    pub discount: i64,
    /// Its VAT.
    pub vat: Vat,
    /// Stripe's line id, to match credit note lines.
    #[serde(default)]
    pub source: Option<String>,
    /// The period that the line bills (BT-134, BT-135), if Stripe reports one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
}

/// A period of days in the seller's time zone, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

fn one() -> u32 {
    1
}

/// VAT of one category and rate. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRow {
    /// The category and rate.
    pub vat: Vat,
    /// The taxable base.
    pub base: i64,
    /// The tax.
    pub tax: i64,
    /// Why no VAT is due: a VATEX code and its text.
    pub exemption: Option<Exemption>,
    /// The legal ground.
    #[serde(default)]
    pub ground: Option<Ground>,
}

/// Why no VAT is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    /// VATEX code.
    pub code: String,
    /// The text that the law requires.
    pub text: String,
}

/// The sums, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Before tax (BT-109).
    pub net: i64,
    /// VAT (BT-110), or another country's tax.
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
    /// What it is issued for: its sale, or for a credit note its refund.
    pub fn basis(&self) -> DocumentSource {
        match &self.corrects {
            None => DocumentSource::Sale(self.sale.clone()),
            Some(original) => DocumentSource::Refund(original.refund.clone()),
        }
    }

    /// The exchange rate of the books, in euros per unit of the invoice's currency: the one that the document states, else
    /// that of the settlement.
    pub fn rate(&self) -> Option<Decimal> {
        let stated = self.rate_tax.as_ref().map(|rate| rate.value);
        stated.or_else(|| self.rate_settled.as_ref().map(|rate| rate.value))
    }

    /// An amount of this invoice with its currency.
    pub fn money(&self, minor: i64) -> Money {
        self.currency.minor(minor)
    }
}
