//! The values of a mail about a step of dunning: kept in the outbox, composed when it is sent.

use serde::{Deserialize, Serialize};

/// What the unpaid invoices of a customer lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// Nothing yet.
    Reminded,
    /// Nothing yet; the next one unpaid may.
    Warned,
    /// Access waits until they are paid.
    Restricted,
    /// Access has ended until they are paid.
    Ended,
    /// The same, and what was kept for the customer is given up.
    Freed,
}

impl Consequence {
    /// All of them, the mildest first.
    #[cfg(feature = "mail-compose")]
    pub(super) const ALL: [Self; 5] = [Self::Reminded, Self::Warned, Self::Restricted, Self::Ended, Self::Freed];
}

/// An unpaid invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// Its day, as it is read.
    pub day: String,
    /// What is left to be paid, as it is read.
    pub amount: String,
    /// Stripe's page on which it is paid.
    pub link: String,
}

/// The words and values of a mail about unpaid invoices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DunningMail {
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
    /// What they lead to now.
    pub consequence: Consequence,
    /// What more of them lead to, if that is worse.
    pub next: Option<Consequence>,
    /// Whether one more is enough for that.
    pub one_more: bool,
    /// The unpaid invoices, the oldest first.
    pub bills: Vec<Bill>,
    /// What they come to, where there are several of one currency.
    pub total: Option<String>,
}

#[cfg(feature = "mail-compose")]
impl DunningMail {
    /// A mail that uses every part of the templates.
    pub(super) fn sample(language: &str, consequence: Consequence) -> Self {
        let french = language == "fr";
        let amount = |french_words: &str, english: &str| (if french { french_words } else { english }).to_owned();
        let bill = |month_fr: &str, month: &str, n: u8| Bill {
            day: amount(&format!("21\u{a0}{month_fr}\u{a0}2026"), &format!("21\u{a0}{month}\u{a0}2026")),
            amount: amount("19,00\u{a0}€", "€19.00"),
            link: format!("https://invoice.stripe.com/i/acct_1/live_{n}"),
        };
        let warned = consequence == Consequence::Warned;
        Self {
            language: language.to_owned(),
            seller_name: "Atelier Exemple".to_owned(),
            contact: "contact@example.org".to_owned(),
            accent: "#1f3a5f".to_owned(),
            name: "Camille Spécimen".to_owned(),
            consequence,
            next: warned.then_some(Consequence::Ended),
            one_more: warned,
            bills: vec![bill("septembre", "September", 1), bill("octobre", "October", 2)],
            total: Some(amount("38,00\u{a0}€", "€38.00")),
        }
    }
}
