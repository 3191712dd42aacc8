//! The values of a mail about a contract that renews itself: kept in the outbox, composed when it is sent.

use serde::{Deserialize, Serialize};

/// The words and values of a mail about a renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalMail {
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
    /// The day on which the next period begins, as it is read.
    pub renews_on: String,
    /// The last day on which it can be refused, as it is read.
    pub last_day: String,
    /// The page on which the contract is ended.
    pub link: String,
}

#[cfg(feature = "mail-compose")]
impl RenewalMail {
    /// A mail that uses every part of the templates.
    pub(super) fn sample(language: &str) -> Self {
        let french = language == "fr";
        let day = |in_french: &str, in_english: &str| if french { in_french } else { in_english }.to_owned();
        Self {
            language: language.to_owned(),
            seller_name: "Atelier Exemple".to_owned(),
            contact: "contact@example.org".to_owned(),
            accent: "#1f3a5f".to_owned(),
            name: "Camille Spécimen".to_owned(),
            plan: "Studio annuel".to_owned(),
            renews_on: day("21\u{a0}novembre\u{a0}2027", "21\u{a0}November\u{a0}2027"),
            last_day: day("20\u{a0}novembre\u{a0}2027", "20\u{a0}November\u{a0}2027"),
            link: "https://shop.example.org/resilier".to_owned(),
        }
    }
}
