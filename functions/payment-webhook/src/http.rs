//! The request and response of an API Gateway HTTP API (payload format 2.0), as far as a webhook needs them; and what
//! EventBridge hands over, or a schedule or a person asks for, instead.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Work outside of a request, asked for by a schedule or a person. The gateway's events have no such member, whatever is
/// posted; nor have they those of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Complete the announced events.
    Complete,
    /// Compare Stripe's list of events with what was received.
    Reconcile,
}

/// A request.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// What to do instead of receiving an event.
    pub task: Option<Task>,
    /// How many days to look back at; of a reconciliation.
    pub days: Option<u16>,
    /// The event source, of an event that EventBridge hands over.
    pub source: String,
    /// The AWS account that such an event was put into.
    pub account: String,
    /// Stripe's event, as it came.
    pub detail: Option<Box<RawValue>>,
    /// Header names in lower case.
    pub headers: HashMap<String, String>,
    /// The body, as text or in base64.
    pub body: Option<String>,
    /// Whether the body is base64.
    pub is_base64_encoded: bool,
}

/// A response.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// Status.
    pub status_code: u16,
    /// Always JSON.
    pub headers: HashMap<&'static str, &'static str>,
    /// `{"result": "recorded"}`, with a `reason` where there is one.
    pub body: String,
}

/// The answer to either.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To a request.
    Response(Response),
    /// To a task.
    Completed(Completed),
}

/// What became of the announced events, for a person who asked for it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Completed {
    /// Events that are done: recorded, ignored or parked.
    pub completed: u64,
    /// Events that wait for something else, or for Stripe.
    pub waiting: u64,
    /// Whether time was up, or Stripe away, before the end; the next run goes on.
    pub unfinished: bool,
    /// What a reconciliation found, if one is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconciled: Option<Reconciled>,
}

/// How far a reconciliation came.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// Events that Stripe listed.
    pub listed: u64,
    /// Events among them that had not arrived; they are announced.
    pub missing: u64,
    /// Subscriptions that were not as Stripe has them; they are looked at again.
    #[serde(skip_serializing_if = "is_zero")]
    pub mended: u64,
    /// Whether everything was compared; the next run goes on otherwise.
    pub done: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Request {
    /// A header by its lower-case name, whatever case the request used.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The exact bytes received; `None` if they are marked as base64 and are not.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let body = self.body.as_deref().unwrap_or_default();
        if self.is_base64_encoded { STANDARD.decode(body).ok() } else { Some(body.as_bytes().to_vec()) }
    }
}

impl Response {
    /// A response of `status` that says what happened and, where useful, why.
    pub fn new(status_code: u16, result: &str, reason: Option<&str>) -> Self {
        let body = match reason {
            Some(reason) => serde_json::json!({ "result": result, "reason": reason }),
            None => serde_json::json!({ "result": result }),
        };
        Self { status_code, headers: HashMap::from([("content-type", "application/json")]), body: body.to_string() }
    }
}
