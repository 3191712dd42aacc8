//! API Gateway's HTTP API: a request becomes an event of payload version 2.0, the function's answer becomes the
//! response.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Shared;
use crate::lambda::pool::{Function, request_id};
use crate::minute::{Early, leaves_work};

/// API Gateway's own limits.
const LARGEST: usize = 10 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// A route of the template.
#[derive(Debug)]
pub struct Route {
    /// `POST`, or `ANY`.
    pub method: String,
    /// The path, exactly.
    pub path: String,
    /// The function that answers.
    pub function: Arc<Function>,
}

/// The routes of the template.
#[derive(Debug)]
pub struct HttpApi {
    /// All of them.
    pub routes: Vec<Route>,
    /// Told when a function leaves work to the schedule of a minute.
    pub early: Early,
}

/// Any request that is not the runner's own.
pub async fn invoke(State(front): Shared, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let matches = |route: &&Route| {
        route.path == parts.uri.path() && (route.method == "ANY" || route.method == parts.method.as_str())
    };
    let Some(route) = front.api.routes.iter().find(matches) else {
        return refused(StatusCode::NOT_FOUND, "Not Found");
    };
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let payload = Bytes::from(event(route, &parts, &body, front.moved.clock().now()).to_string());
    let function = route.function.clone();
    // In a task of its own: on AWS too, an invocation continues when its caller disconnects.
    let invocation = tokio::spawn(async move { function.invoke(payload).await });
    match tokio::time::timeout(PATIENCE, invocation).await {
        Err(_) => refused(StatusCode::SERVICE_UNAVAILABLE, "Service ServiceError"),
        Ok(Ok(Ok(answer))) => respond(&answer, &front.api.early),
        Ok(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

fn event(route: &Route, parts: &Parts, body: &Bytes, now: Timestamp) -> Value {
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let route_key = format!("{} {}", route.method, route.path);
    let headers = headers(&parts.headers);
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": headers.get("host"),
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
            },
            "requestId": request_id(),
            "routeKey": route_key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    if let Some(fields) = event.as_object_mut() {
        if !query.is_empty() {
            fields.insert("queryStringParameters".to_owned(), json!(query_parameters(query)));
        }
        if !body.is_empty() {
            let (text, encoded) = encode(headers.get("content-type").map_or("", String::as_str), body);
            fields.insert("body".to_owned(), json!(text));
            fields.insert("isBase64Encoded".to_owned(), json!(encoded));
        }
    }
    event
}

/// Names in lower case, several values of one name joined by commas.
fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|all| *all = format!("{all},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    joined
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    let url = reqwest::Url::parse(&format!("http://query/?{query}"));
    for (name, value) in url.iter().flat_map(reqwest::Url::query_pairs) {
        joined
            .entry(name.into_owned())
            .and_modify(|all| *all = format!("{all},{value}"))
            .or_insert_with(|| value.to_string());
    }
    joined
}

/// Text stays text; types that API Gateway treats as binary, and what is not UTF-8, become base64.
fn encode(content_type: &str, body: &Bytes) -> (String, bool) {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let textual = kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(kind.as_str(), "application/json" | "application/xml" | "application/javascript");
    match std::str::from_utf8(body) {
        Ok(text) if textual => (text.to_owned(), false),
        _ => (STANDARD.encode(body), true),
    }
}

/// An answer with a `statusCode` is a response; any other JSON is the body of a 200.
fn respond(answer: &[u8], early: &Early) -> Response<Body> {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    };
    if leaves_work(&answer) {
        early.notify_one();
    }
    let Some(status) = answer.get("statusCode").and_then(Value::as_u64) else {
        return Json(answer).into_response();
    };
    let text = answer.get("body").and_then(Value::as_str).unwrap_or_default();
    let encoded = answer.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    let body = if encoded { STANDARD.decode(text).unwrap_or_default() } else { text.as_bytes().to_vec() };
    let mut response = Response::builder().status(u16::try_from(status).unwrap_or(500));
    for (name, value) in answer.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        response = response.header(name, value);
    }
    for cookie in answer.get("cookies").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        response = response.header("set-cookie", cookie);
    }
    response
        .body(Body::from(body))
        .unwrap_or_else(|_| refused(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
}

fn refused(status: StatusCode, message: &str) -> Response<Body> {
    (status, Json(json!({"message": message}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_handed_on_as_text_and_forms_as_base64() {
        let body = Bytes::from_static(b"{\"a\":1}");
        assert_eq!(encode("application/json; charset=utf-8", &body), ("{\"a\":1}".to_owned(), false));
        assert!(!encode("text/plain", &body).1);
        assert_eq!(encode("application/x-www-form-urlencoded", &body), (STANDARD.encode(&body), true));
        assert!(encode("", &body).1);
        let broken = Bytes::from_static(&[0xff, 0xfe]);
        assert_eq!(encode("application/json", &broken), (STANDARD.encode(&broken), true));
    }

    #[test]
    fn answers_become_responses() {
        assert_eq!(
            respond(b"{\"statusCode\":400,\"body\":\"stale\",\"headers\":{\"x\":\"y\"}}", &Early::default()).status(),
            400
        );
        assert_eq!(respond(b"{\"ok\":true}", &Early::default()).status(), 200);
        assert_eq!(respond(b"oops", &Early::default()).status(), 500);
    }
}
