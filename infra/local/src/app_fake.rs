//! A stand-in for the seller's app: keeps what it is sent, as it came, and answers as it is told. It verifies nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    pub fn take(&self, headers: &HeaderMap, body: &Bytes) -> Response<Body> {
        let headers: BTreeMap<String, String> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let body = String::from_utf8_lossy(body).into_owned();
        let topic =
            serde_json::from_str::<Value>(&body).ok().and_then(|body| Some(body.get("type")?.as_str()?.to_owned()));
        let id = headers.get("webhook-id").cloned().unwrap_or_default();
        let state = &mut *self.state();
        let status = state.answer();
        match state.received.iter_mut().find(|received| received.id == id) {
            Some(before) => {
                before.attempts += 1;
                (before.status, before.body, before.headers) = (status, body, headers);
            }
            None => state.received.push(Received {
                id,
                topic: topic.unwrap_or_default(),
                at: self.clock.now().to_string(),
                attempts: 1,
                status,
                body,
                headers,
            }),
        }
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The status of the next answer.
    fn answer(&mut self) -> u16 {
        let Some(first) = self.failures.front_mut() else { return 204 };
        let status = first.status;
        first.times = first.times.saturating_sub(1);
        if first.times == 0 {
            self.failures.pop_front();
        }
        status
    }
}
