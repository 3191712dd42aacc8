//! `cargo reconcile`: compares the events that Stripe lists with what was received, and completes those that never
//! arrived. Invokes the function that does it on AWS, until it is done.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::client::BundleClient;

/// Runs at most: each lists thousands of events.
const RUNS: usize = 100;

/// How far to look back.
#[derive(Clone, Debug, clap::Args)]
pub struct Reconcile {
    /// Days to look back
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=30))]
    days: u16,
}

/// Reconciles and prints what was found.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(wish: &Reconcile, client: &BundleClient) -> anyhow::Result<()> {
    let mut answer = client.invoke("payment-webhook", &json!({"task": "reconcile", "days": wish.days})).await?;
    let mut told = answer.get("reconciled").cloned();
    for _ in 0..RUNS {
        if answer.get("unfinished") != Some(&Value::Bool(true)) {
            break;
        }
        answer = client.invoke("payment-webhook", &json!({"task": "complete"})).await?;
        told = answer.get("reconciled").cloned().or(told);
    }
    let number = |name: &str| told.as_ref().and_then(|told| told.get(name)?.as_u64()).unwrap_or_default();
    let done = told.as_ref().and_then(|told| told.get("done")) == Some(&Value::Bool(true));
    ensure!(done, "Stripe's events could not be compared: read target/local/bundle/logs/payment-webhook.log");
    crate::print(match number("missing") {
        0 => format!("Nothing is missing of {} events that Stripe lists.", number("listed")),
        missing => format!(
            "{missing} of {} events that Stripe lists had not arrived; they are received now.",
            number("listed")
        ),
    });
    Ok(())
}
