//! The values of a mail about what a consumer declared: kept in the outbox, composed when it is sent.

use serde::{Deserialize, Serialize};

/// What became of a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclarationOutcome {
    /// The contract ends, on `day`.
    Ends,
    /// It ends at the end of the period in which the day wished for lies.
    EndsLater,
    /// It was over already, since `day`.
    Over,
    /// It will be withdrawn from, unless whose contract it is objects.
    Received,
    /// It is withdrawn from, and what was paid is refunded.
    Withdrawn,
    /// It was withdrawn from too late; `day` was the last one.
    TooLate,
    /// No contract was found; a person looks for it.
    Unmatched,
    /// It was revoked: the contract goes on.
    Revoked,
}

impl DeclarationOutcome {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Ends,
        Self::EndsLater,
        Self::Over,
        Self::Received,
        Self::Withdrawn,
        Self::TooLate,
        Self::Unmatched,
        Self::Revoked,
    ];
}

/// The words and values of a mail about a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclarationMail {
    /// `fr` or `en`.
    pub language: String,
    /// The seller's name.
    pub seller_name: String,
    /// The contact address for the reader.
    pub contact: String,
    /// `#rrggbb`.
    pub accent: String,
    /// Who reads it; empty where that is not known.
    pub name: String,
    /// Whether the contract is withdrawn from; else it is to end.
    pub withdrawal: bool,
    /// What became of it.
    pub outcome: DeclarationOutcome,
    /// The name that was typed; none where nobody knows who reads it.
    pub declared_by: Option<String>,
    /// Day and time of the declaration, as they are read.
    pub declared_at: String,
    /// The reference that was typed.
    pub reference: Option<String>,
    /// The day wished for, as it is read.
    pub wished: Option<String>,
    /// The day that the outcome speaks of, as it is read.
    pub day: String,
    /// Where whose contract it is can say that they did not declare it.
    pub link: Option<String>,
}

#[cfg(feature = "mail-compose")]
impl DeclarationMail {
    /// A mail that uses every part of the templates.
    pub(super) fn sample(language: &str, outcome: DeclarationOutcome) -> Self {
        let french = language == "fr";
        let day = |in_french: &str, in_english: &str| if french { in_french } else { in_english }.to_owned();
        let withdrawal = matches!(
            outcome,
            DeclarationOutcome::Received | DeclarationOutcome::Withdrawn | DeclarationOutcome::TooLate
        );
        let known = outcome != DeclarationOutcome::Unmatched;
        let revocable =
            matches!(outcome, DeclarationOutcome::Ends | DeclarationOutcome::EndsLater | DeclarationOutcome::Received);
        Self {
            language: language.to_owned(),
            seller_name: "Atelier Exemple".to_owned(),
            contact: "contact@example.org".to_owned(),
            accent: "#1f3a5f".to_owned(),
            name: "Camille Spécimen".to_owned(),
            withdrawal,
            outcome,
            declared_by: known.then(|| "Camille Spécimen".to_owned()),
            declared_at: day(
                "27\u{a0}novembre\u{a0}2026 à 11:04 (UTC+01:00)",
                "27\u{a0}November\u{a0}2026 at 11:04 (UTC+01:00)",
            ),
            reference: known.then(|| "2026-11-0042".to_owned()),
            wished: (known && !withdrawal).then(|| day("15\u{a0}janvier\u{a0}2027", "15\u{a0}January\u{a0}2027")),
            day: day("21\u{a0}décembre\u{a0}2026", "21\u{a0}December\u{a0}2026"),
            link: revocable.then(|| "https://shop.example.org/annuler?d=0123&s=abcd".to_owned()),
        }
    }
}
