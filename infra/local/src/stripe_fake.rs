//! A stand-in for api.stripe.com: it returns the objects placed in it, in Stripe's shapes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::faults::{Fault, Faults, lost_answer};

mod lists;

/// Stripe as the functions see it.
#[derive(Debug, Default)]
pub struct StripeFake {
    objects: Mutex<HashMap<String, Value>>,
    /// The fault plan.
    pub faults: Faults,
}

impl StripeFake {
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
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).insert(path.trim_matches('/').to_owned(), object);
    }

    /// `GET /v1/...?query`.
    pub async fn get(&self, path: &str, query: &str, headers: &HeaderMap) -> Response<Body> {
        let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if authorization.strip_prefix("Bearer ").is_none_or(|key| key.trim().is_empty()) {
            return error(StatusCode::UNAUTHORIZED, "invalid_request_error", "You did not provide an API key.", None);
        }
        match self.faults.next().await {
            Some(Fault::Throttle) => {
                return error(
                    StatusCode::TOO_MANY_REQUESTS,
                    "invalid_request_error",
                    "Too many requests.",
                    Some("rate_limit"),
                );
            }
            Some(Fault::Fail) => {
                return error(StatusCode::INTERNAL_SERVER_ERROR, "api_error", "An unknown error occurred.", None);
            }
            Some(Fault::Reject) => {
                return error(StatusCode::UNAUTHORIZED, "invalid_request_error", "Invalid API Key provided.", None);
            }
            Some(Fault::LoseAnswer) => return lost_answer(),
            Some(Fault::Delay(_)) | None => {}
        }
        let path = path.trim_matches('/');
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
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

fn error(status: StatusCode, kind: &str, message: &str, code: Option<&str>) -> Response<Body> {
    let mut error = json!({"type": kind, "message": message});
    if let (Some(code), Some(fields)) = (code, error.as_object_mut()) {
        fields.insert("code".to_owned(), json!(code));
    }
    (status, [("request-id", "req_local")], Json(json!({"error": error}))).into_response()
}
