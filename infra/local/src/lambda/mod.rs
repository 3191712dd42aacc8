//! Lambda on one machine: the compiled functions as processes that speak the Lambda Runtime API with this program.
//!
//! [`host`] serves that API to the processes; [`slot`] is one process; [`pool`] gives an invocation
//! to a free one, or starts another, as Lambda does.

pub mod host;
pub mod pool;
pub mod slot;

use std::fmt;

/// Why an invocation has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The function returned an error: its JSON, with `errorType` and `errorMessage`.
    Function(serde_json::Value),
    /// The function's process ended.
    Exited(String),
    /// The function exceeded its timeout.
    TimedOut(u64),
    /// The function did not start.
    Init(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(error) => {
                let part = |name: &str| error.get(name).and_then(serde_json::Value::as_str).unwrap_or("?").to_owned();
                write!(f, "{}: {}", part("errorType"), part("errorMessage"))
            }
            Self::Exited(how) => write!(f, "the process ended ({how})"),
            Self::TimedOut(seconds) => write!(f, "timed out after {seconds} s"),
            Self::Init(why) => write!(f, "did not start: {why}"),
        }
    }
}
