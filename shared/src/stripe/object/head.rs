//! What shops and customers write beside a sale: questions of the payment page, lines in an invoice's head.

use serde::Deserialize;

/// A question of the payment page, with its answer.
#[derive(Debug, Clone, Deserialize)]
pub struct SessionField {
    /// The shop's name for it.
    pub key: Option<String>,
    /// What the customer read.
    pub label: Option<FieldLabel>,
    /// An answer in letters.
    pub text: Option<FieldValue>,
    /// An answer in digits.
    pub numeric: Option<FieldValue>,
    /// An answer chosen from a list.
    pub dropdown: Option<FieldValue>,
}

/// The label of a question.
#[derive(Debug, Clone, Deserialize)]
pub struct FieldLabel {
    /// As the shop wrote it.
    pub custom: Option<String>,
}

/// The answer to a question.
#[derive(Debug, Clone, Deserialize)]
pub struct FieldValue {
    /// What the customer gave.
    pub value: Option<String>,
}

/// A line in the head of an invoice.
#[derive(Debug, Clone, Deserialize)]
pub struct InvoiceField {
    /// What it is.
    pub name: Option<String>,
    /// What it says.
    pub value: Option<String>,
}
