//! Failures on request: what a test orders, the next calls to a stand-in get.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Response;
use serde::{Deserialize, Serialize};

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Too many requests: nothing happened, try later.
    Throttle,
    /// An internal error (500): nothing happened.
    Fail,
    /// The request itself is refused for good.
    Reject,
    /// It takes effect, but the answer never arrives.
    LoseAnswer,
    /// It works, after this many milliseconds.
    Delay(u64),
}

/// The failures in waiting, first in, first out.
#[derive(Debug, Default)]
pub struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    /// Orders `fault` for each of the next `times` calls that have none ordered yet.
    pub fn order(&self, fault: Fault, times: usize) {
        self.queue().extend(std::iter::repeat_n(fault, times));
    }

    /// Takes back what was ordered and has not happened.
    pub fn clear(&self) {
        self.queue().clear();
    }

    /// What goes wrong with this call, after waiting where that is what goes wrong.
    pub async fn next(&self) -> Option<Fault> {
        let fault = self.queue().pop_front();
        match fault {
            Some(Fault::Delay(milliseconds)) => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                None
            }
            other => other,
        }
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that never arrives: its body fails before the first byte is sent, so the server closes the connection.
pub fn lost_answer() -> Response<Body> {
    Response::new(Body::new(Broken))
}

struct Broken;

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        std::task::Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}
