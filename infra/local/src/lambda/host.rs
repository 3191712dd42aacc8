//! The Lambda Runtime API: `/<key>/<function>/<slot>/2018-06-01/runtime/...`, one listener for all functions of a bundle.
//!
//! The path prefix identifies the process, and keeps everybody else out: the key is made at each start, and told to the
//! functions alone. The official runtime keeps it if the address has a scheme, which
//! Lambda's own has not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{Response, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Failure;
use super::slot::Desk;
use crate::request_filter::{Port, RequestFilter, filter};
use crate::runtime::AbortOnDrop;
use crate::secrets;
use crate::whole::read_whole;

/// Lambda limits an answer to 6 MB; an invocation record may be larger than the part we store.
const LARGEST: usize = 6 * 1024 * 1024 + 64 * 1024;

type Desks = Arc<Mutex<HashMap<(String, u64), Arc<Desk>>>>;

/// The running API.
#[derive(Debug)]
pub struct Host {
    /// `127.0.0.1:PORT/KEY`.
    pub address: String,
    desks: Desks,
    _server: AbortOnDrop<()>,
}

impl Host {
    /// Starts listening on a free port.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (rules, key) = (RequestFilter::of(&listener, Port::Runtime)?, secrets::random(""));
        let address = format!("{}/{key}", listener.local_addr()?);
        let desks = Desks::default();
        let api = "/{function}/{slot}/2018-06-01/runtime";
        let routes = Router::new()
            .route(&format!("{api}/invocation/next"), get(next))
            .route(&format!("{api}/invocation/{{id}}/response"), post(response))
            .route(&format!("{api}/invocation/{{id}}/error"), post(error))
            .route(&format!("{api}/init/error"), post(init_error));
        let router = Router::new()
            .nest(&format!("/{key}"), routes)
            .layer(DefaultBodyLimit::max(LARGEST))
            .layer(from_fn_with_state(rules, filter))
            .layer(from_fn(read_whole))
            .with_state(desks.clone());
        // Without TCP_NODELAY each invocation waits 40 ms for a delayed acknowledgement.
        let listener = listener.tap_io(|stream| {
            stream.set_nodelay(true).ok();
        });
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.ok();
        });
        Ok(Self { address, desks, _server: AbortOnDrop(server) })
    }

    /// The work queue of a slot's process.
    pub fn register(&self, function: &str, slot: u64, desk: Arc<Desk>) {
        lock(&self.desks).insert((function.to_owned(), slot), desk);
    }

    /// The slot is gone.
    pub fn forget(&self, function: &str, slot: u64) {
        lock(&self.desks).remove(&(function.to_owned(), slot));
    }
}

fn lock(desks: &Desks) -> std::sync::MutexGuard<'_, HashMap<(String, u64), Arc<Desk>>> {
    desks.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn next(State(desks): State<Desks>, Path((function, slot)): Path<(String, u64)>) -> Response<Body> {
    let Some(desk) = lock(&desks).get(&(function, slot)).cloned() else { return gone() };
    let Some(work) = desk.next().await else { return gone() };
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &work.request_id)
        .header("lambda-runtime-deadline-ms", work.deadline_ms.to_string())
        .header("lambda-runtime-invoked-function-arn", &work.function_arn)
        .header("lambda-runtime-trace-id", &work.trace_id)
        .body(Body::from(work.payload))
        .unwrap_or_else(|_| gone())
}

async fn response(
    State(desks): State<Desks>,
    Path((function, slot, id)): Path<(String, u64, String)>,
    body: Bytes,
) -> Response<Body> {
    settle(&desks, (function, slot), &id, Ok(body))
}

async fn error(
    State(desks): State<Desks>,
    Path((function, slot, id)): Path<(String, u64, String)>,
    body: Bytes,
) -> Response<Body> {
    settle(&desks, (function, slot), &id, Err(Failure::Function(as_json(&body))))
}

async fn init_error(
    State(desks): State<Desks>,
    Path((function, slot)): Path<(String, u64)>,
    body: Bytes,
) -> Response<Body> {
    let Some(desk) = lock(&desks).get(&(function, slot)).cloned() else { return gone() };
    desk.init_failed(Failure::Function(as_json(&body)).to_string());
    accepted()
}

fn settle(desks: &Desks, slot: (String, u64), id: &str, answer: Result<Bytes, Failure>) -> Response<Body> {
    match lock(desks).get(&slot) {
        Some(desk) if desk.settle(id, answer) => accepted(),
        // Answered too late: the invocation was cut off.
        _ => (
            StatusCode::BAD_REQUEST,
            json!({"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"}).to_string(),
        )
            .into_response(),
    }
}

fn as_json(body: &Bytes) -> Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|_| json!({"errorType": "Unknown", "errorMessage": String::from_utf8_lossy(body)}))
}

fn accepted() -> Response<Body> {
    (StatusCode::ACCEPTED, "{\"status\":\"OK\"}").into_response()
}

fn gone() -> Response<Body> {
    (StatusCode::GONE, "{\"errorType\":\"Gone\",\"errorMessage\":\"this slot has ended\"}").into_response()
}
