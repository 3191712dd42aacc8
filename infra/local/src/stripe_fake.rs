//! A stand-in for api.stripe.com: it returns the objects placed in it, in Stripe's shapes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::faults::{Fault, Faults, lost_answer};

mod limit;
mod lists;

use limit::Limit;

/// Stripe as the functions see it.
#[derive(Debug, Default)]
pub struct StripeFake {
    objects: Mutex<HashMap<String, Value>>,
    limit: Mutex<Limit>,
    /// The fault plan.
    pub faults: Faults,
}

impl StripeFake {
    /// A stand-in that answers so many reads a second of each endpoint; without a limit if `None`.
    pub fn limited(per_second: Option<usize>) -> Self {
        Self { limit: Mutex::new(Limit::new(per_second)), ..Self::default() }
    }

    /// How often each endpoint was asked, also in vain: `checkout/sessions`, `checkout/sessions/{id}/line_items`.
    pub fn reads(&self) -> BTreeMap<String, u64> {
        locked(&self.limit).reads()
    }

    /// `PUT /_fake/v1/...`: sets what `GET /v1/...` returns from now on. A list is placed as a whole, or built from the
    /// objects placed below its path; either way it is filtered by the query.
    pub fn put(&self, path: &str, body: &Bytes) -> Response<Body> {
        match serde_json::from_slice::<Value>(body) {
            Ok(object) => {
                self.store(path, object);
                StatusCode::NO_CONTENT.into_response()
            }
            Err(problem) => error(
                StatusCode::BAD_REQUEST,
                "invalid_request_error",
                &format!("the body is not JSON: {problem}"),
                None,
            ),
        }
    }

    /// Stores an object under its path, such as `checkout/sessions/cs_1`.
    pub fn store(&self, path: &str, object: Value) {
        locked(&self.objects).insert(path.trim_matches('/').to_owned(), object);
    }

    /// `GET /v1/...?query`.
    pub async fn get(&self, path: &str, query: &str, headers: &HeaderMap) -> Response<Body> {
        let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if authorization.strip_prefix("Bearer ").is_none_or(|key| key.trim().is_empty()) {
            return error(StatusCode::UNAUTHORIZED, "invalid_request_error", "You did not provide an API key.", None);
        }
        let path = path.trim_matches('/');
        let granted = locked(&self.limit).read(path, Instant::now());
        match self.faults.next().await {
            Some(Fault::Throttle) => return throttled(),
            Some(Fault::Fail) => {
                return error(StatusCode::INTERNAL_SERVER_ERROR, "api_error", "An unknown error occurred.", None);
            }
            Some(Fault::Reject) => {
                return error(StatusCode::UNAUTHORIZED, "invalid_request_error", "Invalid API Key provided.", None);
            }
            Some(Fault::LoseAnswer) => return lost_answer(),
            Some(Fault::Delay(_)) | None => {}
        }
        if !granted {
            return throttled();
        }
        let objects = locked(&self.objects);
        match objects.get(path) {
            Some(object) => Json(lists::filtered(object, query)).into_response(),
            None if lists::is_list(path) => Json(lists::of(&objects, path, query)).into_response(),
            None => error(
                StatusCode::NOT_FOUND,
                "invalid_request_error",
                &format!("No such object: '{path}'"),
                Some("resource_missing"),
            ),
        }
    }
}

fn throttled() -> Response<Body> {
    error(StatusCode::TOO_MANY_REQUESTS, "invalid_request_error", "Too many requests.", Some("rate_limit"))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn error(status: StatusCode, kind: &str, message: &str, code: Option<&str>) -> Response<Body> {
    let mut error = json!({"type": kind, "message": message});
    if let (Some(code), Some(fields)) = (code, error.as_object_mut()) {
        fields.insert("code".to_owned(), json!(code));
    }
    (status, [("request-id", "req_local")], Json(json!({"error": error}))).into_response()
}
