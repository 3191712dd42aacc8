//! Logs as JSON lines and metrics in CloudWatch's embedded format, both on standard output.
//!
//! Log ids, words and counts; never a payload, an address or a secret.

use serde_json::json;
use tracing_subscriber::{EnvFilter, fmt};

use crate::clock::{Clock, SystemClock};

/// Starts JSON logs at the level of `RUST_LOG`, by default `info`.
pub fn start() {
    let level = crate::config::optional("RUST_LOG").unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    fmt().json().flatten_event(true).with_current_span(false).with_target(false).with_env_filter(filter).init();
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
