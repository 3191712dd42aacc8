//! Stripe's errors.

use serde_json::{Value, json};

/// An error that Stripe answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The member `error` of the answer.
    pub error: Value,
    /// Whether the request was refused before anything was tried: such an answer is not kept under its key.
    pub unstarted: bool,
}

impl Refusal {
    fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        Self { status, error: json!({"type": kind, "message": message.into()}), unstarted: false }
    }

    /// A parameter that is wrong: named, and nothing was tried.
    pub fn parameter(param: &str, code: &str, message: impl Into<String>) -> Self {
        let refusal = Self::new(400, "invalid_request_error", message).with("param", param);
        Self { unstarted: true, ..if code.is_empty() { refusal } else { refusal.with("code", code) } }
    }

    /// A parameter that is missing.
    pub fn missing(param: &str) -> Self {
        Self::parameter(param, "parameter_missing", format!("Missing required param: {param}."))
    }

    /// An object that a parameter names and that is not there.
    pub fn no_such(kind: &str, id: &str, param: &str) -> Self {
        let refusal = Self::parameter(param, "resource_missing", format!("No such {kind}: '{id}'"));
        Self { unstarted: false, ..refusal }
    }

    /// A path that leads to nothing.
    pub fn not_found(kind: &str, id: &str) -> Self {
        Self { status: 404, ..Self::no_such(kind, id, "id") }
    }

    /// What cannot be done with an object in its state.
    pub fn state(code: &str, message: impl Into<String>) -> Self {
        let refusal = Self::new(400, "invalid_request_error", message);
        if code.is_empty() { refusal } else { refusal.with("code", code) }
    }

    /// A card that does not pay.
    pub fn card(code: &str, message: impl Into<String>) -> Self {
        Self::new(402, "card_error", message).with("code", code)
    }

    /// A key that was used with other parameters.
    pub fn other_parameters(key: &str) -> Self {
        let text = "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                    Try using a key other than";
        Self::new(400, "idempotency_error", format!("{text} '{key}' if you meant to execute a different request."))
    }

    /// A key whose first request is still being answered.
    pub fn in_flight(key: &str) -> Self {
        let text = format!(
            "There is currently another in-progress request using this Idempotency Key ({key}). Please try again later."
        );
        Self::new(409, "idempotency_error", text).with("code", "idempotency_key_in_use")
    }

    /// Stripe's own failure.
    pub fn failure() -> Self {
        Self::new(500, "api_error", "An unknown error occurred.")
    }

    /// Too many requests.
    pub fn throttled() -> Self {
        let refusal = Self::new(429, "invalid_request_error", "Too many requests.").with("code", "rate_limit");
        Self { unstarted: true, ..refusal }
    }

    /// A key that is missing or wrong.
    pub fn unauthorized(message: &str) -> Self {
        Self { unstarted: true, ..Self::new(401, "invalid_request_error", message) }
    }

    /// The same with a further member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Some(fields) = self.error.as_object_mut() {
            fields.insert(name.to_owned(), value.into());
        }
        self
    }
}
