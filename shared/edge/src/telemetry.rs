//! JSON log lines and metrics in CloudWatch's embedded metric format, both on standard output.
//!
//! Log ids, words and counts; never a payload, an address or a secret.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use serde_json::json;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use comptoir::{
    clock::{Clock, SystemClock},
    outcome::Reason,
};

/// Starts JSON logging at the level of `RUST_LOG` (`debug`, or `info,hyper=debug`), by default `info`.
pub fn start() {
    let wanted = comptoir::config::optional("RUST_LOG").and_then(|levels| levels.parse::<Targets>().ok());
    let levels = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = fmt::layer().json().flatten_event(true).with_current_span(false).with_target(false);
    tracing_subscriber::registry().with(lines.with_filter(levels)).init();
}

/// Counts work that is held under `Parked`, which raises an alarm: once for each reason in each process, because it is
/// retried until a person put the system right. Returns whether it counted.
pub fn held(service: &str, reason: &Reason) -> bool {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if !reason.is_held() {
        return false;
    }
    let first = SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(reason.code.clone());
    if first {
        count(service, "Parked", 1);
    }
    first
}

/// Counts `value` under `name` for `service`, in namespace `Comptoir` (CloudWatch embedded metric format).
#[expect(clippy::print_stdout, reason = "a metric is a line on standard output")]
pub fn count(service: &str, name: &str, value: usize) {
    if value == 0 {
        return;
    }
    let line = json!({
        "_aws": {
            "Timestamp": SystemClock.now().as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "Comptoir",
                "Dimensions": [["service"]],
                "Metrics": [{ "Name": name, "Unit": "Count" }],
            }],
        },
        "service": service,
        (name): value,
    });
    println!("{line}");
}
