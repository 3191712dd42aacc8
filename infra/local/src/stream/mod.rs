//! DynamoDB streams to functions, as Lambda's event source mappings do it.
//!
//! The stand-in's own mappings count a failed record as done, so they are switched off and this module reads the
//! streams.

pub mod filter;
pub mod give_up;
pub mod pump;
pub mod reread;
pub mod retry;

use std::time::Duration;

use filter::Filter;

/// The state shared by all pumps of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// False while the streams are paused.
    pub running: bool,
    /// How often the stand-in for AWS was restarted: its streams start empty each time.
    pub restarts: u64,
    /// How often the streams lost what was in them: a mapping that is disabled and enabled at `LATEST` does.
    pub losses: u64,
}

/// A stream that triggers a function, with Lambda's settings for it.
#[derive(Clone, Debug)]
pub struct StreamSource {
    /// The event's name in the template.
    pub name: String,
    /// Logical id of the table.
    pub table: String,
    /// Records that pass one of these are delivered; all are when there is none.
    pub filters: Vec<Filter>,
    /// Most records of one invocation.
    pub batch_size: usize,
    /// How long records wait for more of them before they are delivered.
    pub window: Duration,
    /// Whether the function may name the records that failed.
    pub partial_failures: bool,
    /// Whether a batch is halved when the function fails as a whole.
    pub bisect: bool,
    /// How often a batch is tried again; `None` is forever.
    pub retries: Option<u32>,
    /// Records older than this are given up; `None` is never.
    pub max_age: Option<Duration>,
    /// Logical id of the on-failure queue.
    pub on_failure: Option<String>,
}
