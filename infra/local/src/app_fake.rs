//! A stand-in for the seller's app: keeps what it is sent, as it came, and answers as it is told. It verifies nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::BundleClock;

/// Where messages are posted to.
pub const DOOR: &str = "/_app/inbox";

/// A message, by its `webhook-id`.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    /// The `webhook-id`.
    pub id: String,
    /// The `type` in its body.
    #[serde(rename = "type")]
    pub topic: String,
    /// When it came first, RFC 3339.
    pub at: String,
    /// How often it came.
    pub attempts: usize,
    /// The last answer.
    pub status: u16,
    /// The body of the last request, as it was signed.
    pub body: String,
    /// The headers of the last request.
    pub headers: BTreeMap<String, String>,
}

/// How the app is to fail.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The status that it answers.
    pub status: u16,
    /// How many requests get it; 0 cancels what was ordered.
    #[serde(default = "once")]
    pub times: usize,
    /// How long it thinks before.
    #[serde(default)]
    pub milliseconds: u64,
}

fn once() -> usize {
    1
}

/// The seller's app.
#[derive(Debug, Default)]
pub struct AppFake {
    state: Mutex<State>,
    clock: Arc<BundleClock>,
}

#[derive(Debug, Default)]
struct State {
    received: Vec<Received>,
    failures: VecDeque<Failure>,
}

impl AppFake {
    /// A stand-in that goes by this clock.
    pub fn new(clock: Arc<BundleClock>) -> Self {
        Self { clock, ..Self::default() }
    }

    /// Every message, each once, in the order in which they came first.
    pub fn all(&self) -> Vec<Received> {
        self.state().received.clone()
    }

    /// Makes the next requests fail.
    pub fn fail(&self, order: Failure) {
        let failures = &mut self.state().failures;
        match order.times {
            0 => failures.clear(),
            _ => failures.push_back(order),
        }
    }

    /// Takes a request.
    pub async fn take(&self, headers: &HeaderMap, body: &Bytes) -> Response<Body> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        let answer = self.keep(headers, text(body));
        tokio::time::sleep(Duration::from_millis(answer.milliseconds)).await;
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
    }

    /// Keeps a request; its answer.
    fn keep(&self, headers: BTreeMap<String, String>, body: String) -> Failure {
        let id = headers.get("webhook-id").cloned().unwrap_or_default();
        let read = serde_json::from_str::<Value>(&body).unwrap_or_default();
        let topic = read.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let state = &mut *self.state();
        let answer = state.answer();
        let status = answer.status;
        match state.received.iter_mut().find(|received| received.id == id) {
            Some(before) => {
                before.attempts += 1;
                (before.status, before.body, before.headers) = (status, body, headers);
            }
            None => {
                let at = self.clock.now().to_string();
                state.received.push(Received { id, topic, at, attempts: 1, status, body, headers });
            }
        }
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next answer.
    fn answer(&mut self) -> Failure {
        let Some(first) = self.failures.front_mut() else { return Failure { status: 204, times: 1, milliseconds: 0 } };
        let answer = *first;
        first.times = first.times.saturating_sub(1);
        if first.times == 0 {
            self.failures.pop_front();
        }
        answer
    }
}
