//! Value added tax: categories, why none is due, who decides what a sale carries.
//!
//! Which rate and category a line has is decided in `treatment`, from where the buyer is (`place`, `region`, `territory`), whether a
//! tax number is one (`number`) and what Stripe charged,
//! and whose tax that is (`foreign`); how a sum that includes tax splits, in `split`. The sentences
//! that the law wants to read stand in `billing::mentions`.

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
    /// Whose tax the rate is, where it is not France's: with the categories S and Z another member state's VAT, with G and
    /// O a tax of a country out of the Union, which for France is an export or out of scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<ForeignTax>,
}

impl Vat {
    /// Taxed at `rate` percent.
    pub fn standard(rate: Decimal) -> Self {
        Self { category: VatCategory::S, rate: rate.normalize(), foreign: None }
    }

    /// Without tax, for the reason that `category` stands for.
    pub fn without(category: VatCategory) -> Self {
        Self { category, rate: Decimal::ZERO, foreign: None }
    }

    /// Another country's tax at `rate` percent, on what `category` says of it in France.
    pub fn foreign(category: VatCategory, rate: Decimal, tax: ForeignTax) -> Self {
        Self { category, rate: rate.normalize(), foreign: Some(tax) }
    }

    /// The tax of a country out of the Union, if that is what it bears: no VAT in the sense of a French return, nor of
    /// EN 16931.
    pub fn beyond_vat(&self) -> Option<ForeignTax> {
        self.foreign.filter(|_| matches!(self.category, VatCategory::G | VatCategory::O))
    }
}

/// VAT categories that French invoices may carry (UNTDID 5305, BR-FR-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VatCategory {
    /// Standard and reduced rates.
    S,
    /// Zero rate, as some member states have it.
    Z,
    /// Exempt; the franchise of article 293 B among them.
    E,
    /// Reverse charge: the buyer owes the tax.
    AE,
    /// Goods supplied to a business in another member state.
    K,
    /// Goods exported out of the Union.
    G,
    /// Services outside the scope of French VAT.
    O,
}

impl VatCategory {
    /// Its code.
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

/// Why no VAT is due. Each ground has its sentence, dated, in `billing::mentions`.
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
    /// Goods out of the Union (CGI art. 262, I).
    Export,
    /// Services supplied outside France (CGI art. 259, 259 D).
    OutsideScope,
}

impl Ground {
    /// The ground that a category without tax stands on; `exempt` is what the seller's exemption is.
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
