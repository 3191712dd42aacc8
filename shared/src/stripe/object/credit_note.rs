//! A credit note: what it credits, and how that is paid out.

use serde::Deserialize;

use super::{List, Reference, TaxAmount};

/// A credit note.
#[derive(Debug, Clone, Deserialize)]
pub struct CreditNote {
    /// `cn_...`.
    pub id: String,
    /// The corrected invoice.
    pub invoice: Reference,
    /// What it credits, tax included, in minor units.
    pub total: i64,
    /// Currency code in lower case.
    pub currency: String,
    /// When Stripe created it, in seconds.
    #[serde(default)]
    pub created: i64,
    /// `pre_payment`, `post_payment`, `mixed`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `issued`, `void`.
    pub status: Option<String>,
    /// The amount credited before the invoice was paid, in minor units.
    #[serde(default)]
    pub pre_payment_amount: i64,
    /// The refunds that pay it out.
    pub refunds: Option<Vec<CreditRefund>>,
    /// The refund that pays it out, before 2025-03-31.basil; other parts may be paid out elsewhere.
    pub refund: Option<Reference>,
    /// The amount refunded outside of Stripe, in minor units.
    pub out_of_band_amount: Option<i64>,
    /// The amount credited to the customer's balance.
    pub customer_balance_transaction: Option<Reference>,
    /// What it credits, line by line.
    pub lines: Option<List<CreditLine>>,
}

/// A refund of a credit note.
#[derive(Debug, Clone, Deserialize)]
pub struct CreditRefund {
    /// The amount of the credit that it pays out, in minor units.
    #[serde(default)]
    pub amount_refunded: i64,
    /// `re_...`.
    pub refund: Option<Reference>,
}

/// A line of a credit note. `amount` is before discounts, and before taxes that are not included in it.
#[derive(Debug, Clone, Deserialize)]
pub struct CreditLine {
    /// Description.
    pub description: Option<String>,
    /// In minor units.
    pub amount: i64,
    /// Discounts within, positive.
    #[serde(default)]
    pub discount_amount: i64,
    /// The line it corrects.
    pub invoice_line_item: Option<String>,
    /// Taxes, since 2025-03-31.basil.
    pub taxes: Option<Vec<TaxAmount>>,
    /// Taxes, before.
    pub tax_amounts: Option<Vec<TaxAmount>>,
}
