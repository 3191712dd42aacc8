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

/// What Stripe and Mastercard advise after which the same card is not charged again (docs.stripe.com/declines/codes, "Advice
/// codes"; 03: do not try again, 21: the customer has stopped what recurs).
const NEVER: &str = "do_not_try_again";
const NEVER_IN_NETWORK: [&str; 2] = ["03", "21"];

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
    /// Stripe's advice, as `try_again_later`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The network's advice, in two digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_advice: Option<String>,
}

impl Decline {
    /// Of these codes.
    pub fn of(code: Option<&str>, decline_code: Option<&str>) -> Self {
        let (code, decline_code) = (code.unwrap_or("unknown").to_owned(), decline_code.map(str::to_owned));
        Self { code, decline_code, advice: None, network_advice: None }
    }

    /// With what Stripe and the network advise.
    #[must_use]
    pub fn advised(self, advice: Option<&str>, network_advice: Option<&str>) -> Self {
        Self { advice: advice.map(str::to_owned), network_advice: network_advice.map(str::to_owned), ..self }
    }

    fn is_one_of(&self, codes: &[&str]) -> bool {
        codes.contains(&self.code.as_str()) || self.decline_code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether the instrument is never charged again.
    pub fn is_hard(&self) -> bool {
        let advised = self.network_advice.as_deref().is_some_and(|advice| NEVER_IN_NETWORK.contains(&advice));
        self.is_one_of(&HARD) || advised || self.advice.as_deref() == Some(NEVER)
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
        for (advice, network, hard) in [
            (Some("do_not_try_again"), None, true),
            (None, Some("03"), true),
            (None, Some("21"), true),
            (Some("try_again_later"), Some("02"), false),
            (Some("confirm_card_data"), None, false),
        ] {
            let decline = Decline::of(Some("card_declined"), Some("generic_decline")).advised(advice, network);
            assert_eq!(decline.is_hard(), hard, "{decline:?}");
            let stored = serde_json::to_string(&decline).unwrap();
            assert_eq!(serde_json::from_str::<Decline>(&stored).unwrap(), decline);
        }
        let before = r#"{"code":"card_declined","decline_code":null}"#;
        assert!(!serde_json::from_str::<Decline>(before).unwrap().is_hard(), "as it was stored before");
    }
}
