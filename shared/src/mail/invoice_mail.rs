//! The values of an invoice's mail: kept in the outbox, composed when it is sent.

use serde::{Deserialize, Serialize};

/// The words and figures of an invoice's mail. Every value is printed as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceMail {
    /// `fr` or `en`.
    pub language: String,
    /// The seller.
    pub seller_name: String,
    /// The contact address for the customer.
    pub contact: String,
    /// `#rrggbb`.
    pub accent: String,
    /// The customer.
    pub customer_name: String,
    /// "Facture", "Invoice", "Avoir", "Credit note".
    pub title: String,
    /// The document's number.
    pub number: String,
    /// The total as printed.
    pub total: String,
    /// The day of issue as printed.
    pub issued_on: String,
    /// What was bought: description and amount as printed; the first few lines.
    pub lines: Vec<(String, String)>,
    /// The number of further lines.
    pub more_lines: usize,
}
