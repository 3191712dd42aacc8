//! What a payment method does when it is charged: by its number, until a test says otherwise.

use serde_json::{Value, json};

use super::refusal::Refusal;

/// What a charge leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is paid.
    Succeed,
    /// It is declined, with this code of the bank's.
    Decline(String),
    /// The customer has to confirm it (3-D Secure).
    RequiresAction,
    /// The bank takes days, and declines.
    ProcessingThenFail,
    /// The bank takes days, and pays.
    ProcessingThenSucceed,
}

/// Stripe's test numbers that do something other than pay (docs.stripe.com/testing), and its test IBAN that fails.
const NUMBERS: [(&str, &str); 14] = [
    ("4000000000000002", "decline:generic_decline"),
    ("4000000000000341", "decline:generic_decline"),
    ("4000000000009995", "decline:insufficient_funds"),
    ("4000000000009987", "decline:lost_card"),
    ("4000000000009979", "decline:stolen_card"),
    ("4000000000000069", "decline:expired_card"),
    ("4000000000000127", "decline:incorrect_cvc"),
    ("4000000000000119", "decline:processing_error"),
    ("4000000000004954", "decline:highest_risk_level"),
    ("4000002500003155", "requires_action"),
    ("4000002760003184", "requires_action"),
    ("4000008260003178", "decline:authentication_required"),
    ("AT861904300235473202", "processing_then_fail"),
    ("FR8420041010050500013M02607", "processing_then_fail"),
];

/// Codes after which the bank wants to see the same method never again.
const NEVER_AGAIN: [&str; 9] = [
    "incorrect_number",
    "lost_card",
    "pickup_card",
    "stolen_card",
    "revocation_of_authorization",
    "revocation_of_all_authorizations",
    "authentication_required",
    "highest_risk_level",
    "transaction_not_allowed",
];

/// Codes of the bank's that are codes of the error too; all others are `card_declined`.
const OWN_CODES: [&str; 5] =
    ["authentication_required", "expired_card", "incorrect_cvc", "incorrect_number", "processing_error"];

impl Outcome {
    /// Reads `succeed`, `decline:<decline_code>`, `requires_action`, `processing_then_fail`, `processing_then_succeed`.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "succeed" => Some(Self::Succeed),
            "requires_action" => Some(Self::RequiresAction),
            "processing_then_fail" => Some(Self::ProcessingThenFail),
            "processing_then_succeed" => Some(Self::ProcessingThenSucceed),
            _ => {
                text.strip_prefix("decline:").filter(|code| !code.is_empty()).map(|code| Self::Decline(code.to_owned()))
            }
        }
    }

    /// What the method with this number of a card or account does.
    pub fn of_number(number: &str, kind: &str) -> Self {
        let known = NUMBERS.iter().find(|(known, _)| *known == number).and_then(|(_, outcome)| Self::read(outcome));
        known.unwrap_or(if kind == "sepa_debit" { Self::ProcessingThenSucceed } else { Self::Succeed })
    }
}

/// The words and codes of a declined charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// The error's code.
    pub code: String,
    /// The bank's code.
    pub decline_code: String,
    /// Stripe's advice.
    pub advice: &'static str,
    /// What the customer reads.
    pub message: &'static str,
}

impl Declined {
    /// Of the bank's code.
    pub fn of(decline_code: &str) -> Self {
        let own = OWN_CODES.contains(&decline_code);
        let advice = match decline_code {
            code if NEVER_AGAIN.contains(&code) => "do_not_try_again",
            "incorrect_cvc" | "expired_card" | "incorrect_zip" => "confirm_card_data",
            _ => "try_again_later",
        };
        let message = match decline_code {
            "insufficient_funds" => "Your card has insufficient funds.",
            "expired_card" => "Your card has expired.",
            "incorrect_cvc" => "Your card's security code is incorrect.",
            "authentication_required" => "Your card was declined. This transaction requires authentication.",
            "processing_error" => "An error occurred while processing your card. Try again in a little bit.",
            _ => "Your card was declined.",
        };
        let code = if own { decline_code } else { "card_declined" };
        Self { code: code.to_owned(), decline_code: decline_code.to_owned(), advice, message }
    }

    /// As `last_payment_error` has it, with the charge and the method.
    pub fn error(&self, charge: &str, method: &Value) -> Value {
        json!({
            "type": "card_error", "code": self.code, "decline_code": self.decline_code, "advice_code": self.advice,
            "message": self.message, "charge": charge, "payment_method": method,
            "doc_url": format!("https://docs.stripe.com/error-codes/{}", self.code.replace('_', "-")),
        })
    }

    /// As the answer to the call that charged.
    pub fn refusal(&self, charge: &str, method: &Value) -> Refusal {
        let error = self.error(charge, method);
        let fields = error.as_object().cloned().unwrap_or_default();
        fields
            .into_iter()
            .fold(Refusal::card(&self.code, self.message), |refusal, (name, value)| refusal.with(&name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_and_known_by_number() {
        assert_eq!(Outcome::read("decline:lost_card"), Some(Outcome::Decline("lost_card".to_owned())));
        assert!(Outcome::read("decline:").is_none() && Outcome::read("maybe").is_none());
        assert_eq!(Outcome::of_number("4242424242424242", "card"), Outcome::Succeed);
        assert_eq!(Outcome::of_number("4000002760003184", "card"), Outcome::RequiresAction);
        assert_eq!(Outcome::of_number("FR1420041010050500013M02606", "sepa_debit"), Outcome::ProcessingThenSucceed);
        assert!(NUMBERS.iter().all(|(_, outcome)| Outcome::read(outcome).is_some()));
    }

    #[test]
    fn the_bank_s_code_decides_what_is_advised() {
        let lost = Declined::of("lost_card");
        assert_eq!(
            (lost.code.as_str(), lost.advice, lost.message),
            ("card_declined", "do_not_try_again", "Your card was declined.")
        );
        assert_eq!(Declined::of("expired_card").code, "expired_card");
        let refusal = Declined::of("insufficient_funds").refusal("ch_1", &json!({"id": "pm_1"}));
        assert_eq!((refusal.status, &refusal.error["decline_code"]), (402, &json!("insufficient_funds")));
        assert_eq!(refusal.error["payment_method"]["id"], "pm_1");
    }
}
