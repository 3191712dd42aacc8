//! Custom fields beside a sale: questions of the payment page, lines in an invoice's header.

use serde::Deserialize;

/// A custom field of the payment page, with its answer.
#[derive(Debug, Clone, Deserialize)]
pub struct SessionField {
    /// The shop's key for it.
    pub key: Option<String>,
    /// The label shown to the customer.
    pub label: Option<FieldLabel>,
    /// A text answer.
    pub text: Option<FieldValue>,
    /// A numeric answer.
    pub numeric: Option<FieldValue>,
    /// An answer chosen from a dropdown.
    pub dropdown: Option<FieldValue>,
}

/// The label of a custom field.
#[derive(Debug, Clone, Deserialize)]
pub struct FieldLabel {
    /// As the shop wrote it.
    pub custom: Option<String>,
}

/// The answer to a custom field.
#[derive(Debug, Clone, Deserialize)]
pub struct FieldValue {
    /// The customer's answer.
    pub value: Option<String>,
}

/// A custom field in the header of an invoice.
#[derive(Debug, Clone, Deserialize)]
pub struct InvoiceField {
    /// Its name.
    pub name: Option<String>,
    /// Its value.
    pub value: Option<String>,
}
