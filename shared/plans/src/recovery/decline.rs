//! What a code of a declined charge means for the same card: tried later, never again, or the customer has to be there.

use serde::{Deserialize, Serialize};

/// Codes after which the same card is not charged again, for any invoice
/// (docs.stripe.com/billing/revenue-recovery/smart-retries, "Hard decline codes", without `authentication_required`: the
/// customer may confirm it, and the card is as good as before).
const HARD: [&str; 8] = [
    "highest_risk_level",
    "incorrect_number",
    "lost_card",
    "pickup_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "stolen_card",
    "transaction_not_allowed",
];

/// Codes that ask for the customer (docs.stripe.com/error-codes, docs.stripe.com/declines/codes).
const CONFIRM: [&str; 3] =
    ["authentication_required", "invoice_payment_intent_requires_action", "payment_intent_action_required"];

/// Why a charge was declined, in codes: a word of Stripe's is neither stored nor logged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// Stripe's code, as `card_declined`.
    pub code: String,
    /// The bank's, as `insufficient_funds`.
    pub decline_code: Option<String>,
}

impl Decline {
    /// Of these codes.
    pub fn of(code: Option<&str>, decline_code: Option<&str>) -> Self {
        Self { code: code.unwrap_or("unknown").to_owned(), decline_code: decline_code.map(str::to_owned) }
    }

    fn is_one_of(&self, codes: &[&str]) -> bool {
        codes.contains(&self.code.as_str()) || self.decline_code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether the instrument is never charged again.
    pub fn is_hard(&self) -> bool {
        self.is_one_of(&HARD)
    }

    /// Whether the customer has to confirm.
    pub fn asks_for_customer(&self) -> bool {
        self.is_one_of(&CONFIRM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_whether_a_card_is_tried_again() {
        for (code, decline_code, hard, confirm) in [
            ("card_declined", Some("insufficient_funds"), false, false),
            ("card_declined", Some("lost_card"), true, false),
            ("incorrect_number", None, true, false),
            ("authentication_required", Some("authentication_required"), false, true),
            ("invoice_payment_intent_requires_action", None, false, true),
            ("expired_card", Some("expired_card"), false, false),
        ] {
            let decline = Decline::of(Some(code), decline_code);
            assert_eq!((decline.is_hard(), decline.asks_for_customer()), (hard, confirm), "{decline:?}");
        }
        assert_eq!(Decline::of(None, None).code, "unknown");
    }
}
