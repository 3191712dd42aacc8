//! Tax amounts of lines, and their rates.

use rust_decimal::Decimal;
use serde::Deserialize;

use super::Reference;
use crate::stripe::decimal;

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

impl TaxAmount {
    /// Whether the line's amount contains it.
    pub fn is_included(&self) -> bool {
        self.inclusive.unwrap_or_else(|| self.tax_behavior.as_deref() == Some("inclusive"))
    }

    /// The id of its rate.
    pub fn rate_id(&self) -> Option<&str> {
        let details = self.tax_rate_details.as_ref().and_then(|details| details.tax_rate.as_ref());
        details.or(self.tax_rate.as_ref()).map(Reference::id)
    }
}

/// The rate with which a tax was computed.
#[derive(Debug, Clone, Deserialize)]
pub struct RateDetails {
    /// `txr_...`.
    pub tax_rate: Option<Reference>,
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
