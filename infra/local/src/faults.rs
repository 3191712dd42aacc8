//! The fault plan: a test orders faults, and the next calls to a stand-in get them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Response;
use serde::{Deserialize, Serialize};

/// The fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Throttled: nothing happened, retry later.
    Throttle,
    /// An internal error (500): nothing happened.
    Fail,
    /// The request is rejected permanently.
    Reject,
    /// It takes effect, but the answer never arrives.
    LoseAnswer,
    /// It succeeds, after this many milliseconds.
    Delay(u64),
}

/// The queued faults, first in, first out.
#[derive(Debug, Default)]
pub struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    /// Orders `fault` for each of the next `times` calls that have none ordered yet.
    pub fn order(&self, fault: Fault, times: usize) {
        self.queue().extend(std::iter::repeat_n(fault, times));
    }

    /// Cancels the ordered faults that have not happened.
    pub fn clear(&self) {
        self.queue().clear();
    }

    /// The fault for this call; a delay has already been waited for.
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
