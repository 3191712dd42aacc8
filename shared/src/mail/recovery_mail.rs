//! The values of a mail about an invoice that no method of its customer paid: kept in the outbox, composed when it is sent.

use serde::{Deserialize, Serialize};

/// The words and values of a mail about an unpaid invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryMail {
    /// `fr` or `en`.
    pub language: String,
    /// The seller's name.
    pub seller_name: String,
    /// The contact address for the reader.
    pub contact: String,
    /// `#rrggbb`.
    pub accent: String,
    /// The customer's name; empty where it is not known.
    pub name: String,
    /// Whether the customer's bank asks for a confirmation (3-D Secure).
    pub confirm: bool,
    /// What is to be paid, as it is read.
    pub amount: String,
    /// Stripe's page on which the invoice is paid or the payment confirmed.
    pub link: String,
}

#[cfg(feature = "mail-compose")]
impl RecoveryMail {
    /// A mail that uses every part of the templates.
    pub(super) fn sample(language: &str, confirm: bool) -> Self {
        Self {
            language: language.to_owned(),
            seller_name: "Atelier Exemple".to_owned(),
            contact: "contact@example.org".to_owned(),
            accent: "#1f3a5f".to_owned(),
            name: "Camille Spécimen".to_owned(),
            confirm,
            amount: if language == "fr" { "19,00\u{a0}€".to_owned() } else { "€19.00".to_owned() },
            link: "https://invoice.stripe.com/i/acct_1/live_1".to_owned(),
        }
    }
}
