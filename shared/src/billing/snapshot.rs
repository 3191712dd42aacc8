//! The snapshot of a document: the JSON that the ledger stores when a number is claimed, and that the archive keeps beside
//! the PDF.
//!
//! The archive's copy outlives the table: the books can be inspected, and rebuilt, from it. Each snapshot holds the hash of the
//! series' previous one, so a changed or missing document shows (`previous`). The bytes are never made anew: a later
//! version that adds a field would make others.

use jiff::civil::Date;

use crate::{
    archive::{File, sha256},
    invoice::Invoice,
    numbering::InvoiceNumber,
    outcome::ServiceError,
};

/// The exact bytes of a document's snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(pub String);

impl Snapshot {
    /// The snapshot of a document, to be stored once.
    ///
    /// # Errors
    /// Permanent: it cannot be written as JSON.
    pub fn of(invoice: &Invoice) -> Result<Self, ServiceError> {
        serde_json::to_string(invoice)
            .map(Self)
            .map_err(|error| ServiceError::permanent("the ledger", "record_unwritable", error.to_string()))
    }

    /// SHA-256 of the bytes, in hexadecimal: what the next snapshot of the series holds.
    pub fn sha256(&self) -> String {
        sha256(self.0.as_bytes())
    }

    /// The file in the archive: `books/2026/11/2026-11-0042.json`, by the month of issue.
    pub fn file(&self, invoice: &Invoice) -> File {
        File {
            key: key(invoice),
            content_type: "application/json",
            bytes: self.0.clone().into_bytes(),
            sale: Some(invoice.draft.basis().to_string()),
        }
    }
}

/// The archive key of a document's snapshot.
pub fn key(invoice: &Invoice) -> String {
    key_of(invoice.issued_on, &invoice.number)
}

/// The same for a document that is known by its number and its date alone.
pub fn key_of(issued_on: Date, number: &InvoiceNumber) -> String {
    format!("books/{:04}/{:02}/{}.json", issued_on.year(), issued_on.month(), number.file_stem())
}
