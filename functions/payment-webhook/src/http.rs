//! The request and response of an API Gateway HTTP API (payload format 2.0), as far as a webhook needs them.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// A request.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
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
