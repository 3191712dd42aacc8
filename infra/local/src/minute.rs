//! The schedule of a minute. A minute is too long to wait for on one machine: it comes a second after an event was
//! announced, and from then on as on AWS; before that it would find nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::Value;
use tokio::sync::Notify;

use crate::lambda::pool::Function;

/// From an announced event to the run that completes it.
const SOON: Duration = Duration::from_secs(1);

const MINUTE: Duration = Duration::from_secs(60);

/// Wakes the schedule of a minute.
pub type Early = Arc<Notify>;

/// Whether an answer of a function says that work is left to the next minute.
pub fn leaves_work(answer: &Value) -> bool {
    let body = answer.get("body").and_then(Value::as_str).and_then(|body| serde_json::from_str::<Value>(body).ok());
    let announced = body.is_some_and(|body| body.get("result").is_some_and(|result| result == "announced"));
    announced || answer.get("unfinished") == Some(&Value::Bool(true))
}

/// Invokes a function each minute, and early when woken.
pub async fn run(function: Arc<Function>, input: Bytes, early: Early) {
    early.notified().await;
    let mut soon = true;
    loop {
        if soon || tokio::time::timeout(MINUTE, early.notified()).await.is_ok() {
            tokio::time::sleep(SOON).await;
        }
        // A run that fails is in the function's log, and the next one goes on.
        let answer = function.invoke(input.clone()).await.ok();
        let answer = answer.and_then(|answer| serde_json::from_slice::<Value>(&answer).ok());
        soon = answer.is_some_and(|answer| leaves_work(&answer));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_is_seen() {
        let answer = |body: &str| json!({"statusCode": 200, "body": body});
        assert!(leaves_work(&answer(r#"{"result":"announced"}"#)));
        assert!(!leaves_work(&answer(r#"{"result":"recorded"}"#)) && !leaves_work(&answer("announced")));
        assert!(leaves_work(&json!({"completed": 1, "waiting": 0, "unfinished": true})));
        assert!(!leaves_work(&json!({"completed": 1, "waiting": 0, "unfinished": false})));
    }
}
