//! What an invoice's mail says, as values: kept in the outbox, composed when it is sent.

use serde::{Deserialize, Serialize};

/// The words and figures of a mail that brings an invoice. Every value is printed as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceMail {
    /// `fr` or `en`.
    pub language: String,
    /// Who sells.
    pub seller_name: String,
    /// Where the customer may write.
    pub contact: String,
    /// `#rrggbb`.
    pub accent: String,
    /// Who bought.
    pub customer_name: String,
    /// "Facture", "Invoice", "Avoir", "Credit note".
    pub title: String,
    /// The document's number.
    pub number: String,
    /// The total as printed.
    pub total: String,
    /// The day of issue as printed.
    pub issued_on: String,
    /// What was bought, description and amount as printed; the first few lines.
    pub lines: Vec<(String, String)>,
    /// How many lines more there are.
    pub more_lines: usize,
}
