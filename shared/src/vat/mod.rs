//! Value added tax: categories, grounds for charging none, and how a sale's VAT is decided.
//!
//! The rate and category of a line are decided in `treatment`, from the buyer's location (`place`, `region`,
//! `territory`), the validity of a tax number (`number`), the tax that Stripe charged, and its country (`foreign`); a
//! sum that includes tax is split in `split`. The sentences that the law requires are in `billing::mentions`.

pub mod foreign;
pub mod identifiers;
pub mod number;
pub mod place;
pub mod regime;
pub mod region;
pub mod split;
pub mod territory;
pub mod treatment;

use foreign::ForeignTax;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A VAT category and rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vat {
    /// UNTDID 5305.
    pub category: VatCategory,
    /// Percent: 20, 5.5, 0.
    pub rate: Decimal,
    /// The country of the rate, if not France: with the categories S and Z another member state's VAT, with G and O a
    /// non-EU tax, which for France is an export or out of scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<ForeignTax>,
}

impl Vat {
    /// Taxed at `rate` percent.
    pub fn standard(rate: Decimal) -> Self {
        Self { category: VatCategory::S, rate: rate.normalize(), foreign: None }
    }

    /// Without tax, for the reason that `category` means.
    pub fn without(category: VatCategory) -> Self {
        Self { category, rate: Decimal::ZERO, foreign: None }
    }

    /// Another country's tax at `rate` percent, with its French `category`.
    pub fn foreign(category: VatCategory, rate: Decimal, tax: ForeignTax) -> Self {
        Self { category, rate: rate.normalize(), foreign: Some(tax) }
    }

    /// The non-EU tax, if it bears one: it is not VAT in the sense of a French return, nor of EN 16931.
    pub fn beyond_vat(&self) -> Option<ForeignTax> {
        self.foreign.filter(|_| matches!(self.category, VatCategory::G | VatCategory::O))
    }
}

/// VAT categories that French invoices may carry (UNTDID 5305, BR-FR-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VatCategory {
    /// Standard and reduced rates.
    S,
    /// Zero rate, used by some member states.
    Z,
    /// Exempt, including the franchise of article 293 B.
    E,
    /// Reverse charge: the buyer owes the tax.
    AE,
    /// Goods supplied to a business in another member state.
    K,
    /// Goods exported outside the Union.
    G,
    /// Services outside the scope of French VAT.
    O,
}

impl VatCategory {
    /// The UNTDID 5305 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::Z => "Z",
            Self::E => "E",
            Self::AE => "AE",
            Self::K => "K",
            Self::G => "G",
            Self::O => "O",
        }
    }
}

/// Why no VAT is due. Each ground has its dated sentence in `billing::mentions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// Small business without VAT (CGI art. 293 B).
    Franchise,
    /// Teaching and vocational training (CGI art. 261, 4, 4°).
    Teaching,
    /// Services of a non-profit body to its members (CGI art. 261, 7, 1°).
    NonProfit,
    /// The buyer owes the tax (CGI art. 283, 2; Directive 2006/112/EC art. 196).
    ReverseCharge,
    /// Goods to a business in another member state (CGI art. 262 ter, I).
    IntraCommunity,
    /// Goods exported outside the Union (CGI art. 262, I).
    Export,
    /// Services supplied outside France (CGI art. 259, 259 D).
    OutsideScope,
}

impl Ground {
    /// The ground of a category without tax; `exempt` is the ground of the seller's exemption.
    pub fn of(category: VatCategory, exempt: Option<Self>) -> Option<Self> {
        match category {
            VatCategory::S | VatCategory::Z => None,
            VatCategory::E => exempt,
            VatCategory::AE => Some(Self::ReverseCharge),
            VatCategory::K => Some(Self::IntraCommunity),
            VatCategory::G => Some(Self::Export),
            VatCategory::O => Some(Self::OutsideScope),
        }
    }
}
