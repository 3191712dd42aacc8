//! The identity of the books: the Billing table and the archive carry the same random id and the seller's SIREN, written
//! before the first number. `guard` compares them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::outcome::ServiceError;

/// The archive's copy.
pub const IDENTITY_KEY: &str = "ledger/identity.json";

/// Who the books belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Random; the same in the table and in the archive.
    pub id: String,
    /// The seller's SIREN. Another legal person has books of its own.
    pub siren: String,
    /// When the books were begun.
    pub begun_at: Timestamp,
}

/// The code of work that another seller's books refuse.
pub(super) const OTHER_SELLER: &str = "other_seller";

/// The error for books of another legal person.
pub(super) fn other_seller(books: &str, seller: &str) -> ServiceError {
    ServiceError::permanent(
        "the ledger",
        OTHER_SELLER,
        format!(
            "these books belong to the seller with SIREN {books}, the settings say {seller}: correct seller.siren, or deploy \
             a stack of its own for the new legal person; then replay"
        ),
    )
}
