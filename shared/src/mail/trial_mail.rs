//! The values of a mail about the end of a trial: kept in the outbox, composed when it is sent.

use serde::{Deserialize, Serialize};

/// The words and values of a mail about a trial that ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialMail {
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
    /// The plan's name.
    pub plan: String,
    /// The day on which the trial ends, as it is read.
    pub ends_on: String,
    /// What is charged then, as it is read; none where Stripe alone knows it.
    pub price: Option<String>,
    /// `day`, `week`, `month`, `year`: how often; empty where that is not one of them.
    pub every: String,
    /// Whether there is a method that can be charged.
    pub has_method: bool,
    /// The seller's site, where the customer has an account; empty where it is not known.
    pub site: String,
}

#[cfg(feature = "mail-compose")]
impl TrialMail {
    /// A mail that uses every part of the templates.
    pub(super) fn sample(language: &str, has_method: bool) -> Self {
        let french = language == "fr";
        Self {
            language: language.to_owned(),
            seller_name: "Atelier Exemple".to_owned(),
            contact: "contact@example.org".to_owned(),
            accent: "#1f3a5f".to_owned(),
            name: "Camille Spécimen".to_owned(),
            plan: "Essai".to_owned(),
            ends_on: if french { "5\u{a0}décembre\u{a0}2026" } else { "5\u{a0}December\u{a0}2026" }.to_owned(),
            price: Some(if french { "19,00\u{a0}€" } else { "€19.00" }.to_owned()),
            every: "month".to_owned(),
            has_method,
            site: "example.org".to_owned(),
        }
    }
}
