//! `clock_url`: moves the clock of the whole bundle, and starts what falls due.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{Shared, broken};
use crate::clock::BundleClock;
use crate::lambda::pool::Function;
use crate::schedule::Schedule;

/// How long the events of the stand-in for Stripe, and then the schedules, are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The clock, and the schedules that it may pass.
#[derive(Debug)]
pub struct Moved {
    clock: Arc<BundleClock>,
    schedules: Vec<(Schedule, Arc<Function>)>,
    /// One move at a time.
    one: Mutex<()>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    advance_seconds: i64,
}

impl Moved {
    /// This clock with these schedules.
    pub fn new(clock: Arc<BundleClock>, schedules: Vec<(Schedule, Arc<Function>)>) -> Self {
        Self { clock, schedules, one: Mutex::default() }
    }

    /// The clock.
    pub fn clock(&self) -> &BundleClock {
        &self.clock
    }
}

/// `GET clock_url`.
pub async fn tell(State(front): Shared) -> Response<Body> {
    Json(now(&front.moved)).into_response()
}

/// `POST clock_url {"advance_seconds": 3600}`: answers once Stripe's events were handed over, and the schedules that the
/// clock passed have run.
pub async fn advance(State(front): Shared, body: Bytes) -> Response<Body> {
    let Ok(wish) = serde_json::from_slice::<Value>(&body) else {
        return refused(StatusCode::BAD_REQUEST, "bad_json", "the body is not JSON");
    };
    let Ok(Wish { advance_seconds }) = serde_json::from_value(wish) else {
        return refused(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_request",
            "the body is {\"advance_seconds\": n}, a whole number",
        );
    };
    let moved = &front.moved;
    let _one = moved.one.lock().await;
    let before = moved.clock.now();
    if !moved.clock.advance(advance_seconds) {
        let text = "the clock goes ahead, by ten years in all at most: advance_seconds is too large, or negative";
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "bad_request", text);
    }
    front.stripe.tick();
    front.stripe.handed_over(PATIENCE).await;
    let until = moved.clock.now();
    let mut running = tokio::task::JoinSet::new();
    for (schedule, function) in &moved.schedules {
        match schedule.comes(before, until) {
            Ok(false) => {}
            Ok(true) => {
                let (function, input) = (function.clone(), Bytes::from(schedule.input.clone()));
                // In a task of its own: it goes on when nobody waits any more. What fails is in its log.
                let run = tokio::spawn(async move { drop(function.invoke(input).await) });
                running.spawn(async move { run.await.ok() });
            }
            Err(error) => return broken(&error),
        }
    }
    tokio::time::timeout(PATIENCE, async { while running.join_next().await.is_some() {} }).await.ok();
    Json(now(moved)).into_response()
}

fn now(moved: &Moved) -> Value {
    json!({"now": moved.clock.now().to_string(), "ahead_seconds": moved.clock.ahead()})
}

fn refused(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    (status, Json(json!({"error": code, "message": message, "field": "advance_seconds"}))).into_response()
}
