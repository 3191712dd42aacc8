//! A stand-in for the incoming webhooks of Slack: messages are captured, and it fails in each of Slack's ways.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;

use crate::clock::BundleClock;
use crate::faults::{Fault, Faults, lost_answer};

/// Longest text that Slack accepts without truncation, in characters.
const LONGEST: usize = 40_000;

/// An accepted message.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// The path of the webhook that accepted it.
    pub webhook: String,
    /// Its text, as sent.
    pub text: String,
    /// When it was accepted, RFC 3339.
    pub at: String,
}

/// Slack as the functions see it.
#[derive(Debug, Default)]
pub struct SlackFake {
    messages: Mutex<Vec<Message>>,
    clock: Arc<BundleClock>,
    /// The faults to inject.
    pub faults: Faults,
}

impl SlackFake {
    /// A stand-in that goes by this clock.
    pub fn new(clock: Arc<BundleClock>) -> Self {
        Self { clock, ..Self::default() }
    }

    /// Every message, oldest first.
    pub fn all(&self) -> Vec<Message> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `POST /services/...`. Slack answers with one plain word.
    pub async fn post(&self, path: &str, body: &Bytes) -> Response<Body> {
        let fault = self.faults.next().await;
        match fault {
            Some(Fault::Throttle) => {
                return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "rate_limited").into_response();
            }
            Some(Fault::Fail) => return (StatusCode::INTERNAL_SERVER_ERROR, "rollup_error").into_response(),
            Some(Fault::Reject) => return (StatusCode::NOT_FOUND, "no_service").into_response(),
            Some(Fault::LoseAnswer | Fault::Delay(_)) | None => {}
        }
        let Ok(message) = serde_json::from_slice::<Value>(body) else {
            return (StatusCode::BAD_REQUEST, "invalid_payload").into_response();
        };
        let text = message.get("text").and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() || text.chars().count() > LONGEST {
            return (StatusCode::BAD_REQUEST, "no_text").into_response();
        }
        let taken = Message { webhook: path.to_owned(), text: text.to_owned(), at: self.clock.now().to_string() };
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
        if fault == Some(Fault::LoseAnswer) {
            return lost_answer();
        }
        "ok".into_response()
    }
}
