//! `cargo verify`: checks a month's books against the archive. `cargo sweep`: wakes open work now.
//!
//! Both invoke the function that does it on AWS.

use anyhow::ensure;
use comptoir::accounting::Month;
use serde_json::{Value, json};

use crate::client::BundleClient;

/// Which month.
#[derive(Clone, Debug, clap::Args)]
pub struct Verify {
    /// The month, such as 2026-11
    #[arg(long)]
    month: Month,
}

/// Verifies the month and prints what is wrong.
///
/// # Errors
/// One sentence; also when something is wrong with the books.
pub async fn verify(wish: &Verify, client: &BundleClient) -> anyhow::Result<()> {
    let answer = client.invoke("ledger-export", &json!({"month": wish.month, "verify": true})).await?;
    let findings = answer.get("findings").and_then(Value::as_array).cloned().unwrap_or_default();
    for finding in &findings {
        let field = |name: &str| finding.get(name).and_then(Value::as_str).unwrap_or_default();
        crate::print(format!("{}: {} ({})", field("subject"), field("text"), field("code")));
    }
    let documents = answer.get("documents").and_then(Value::as_u64).unwrap_or_default();
    ensure!(findings.is_empty(), "{} of {documents} documents of {} are not as issued", findings.len(), wish.month);
    crate::print(format!("{documents} documents of {} are in the archive as they were issued.", wish.month));
    Ok(())
}

/// Wakes everything that is open.
///
/// # Errors
/// One sentence that says what to do.
pub async fn sweep(client: &BundleClient) -> anyhow::Result<()> {
    let answer = client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    let woken = answer.get("woken").and_then(Value::as_u64).unwrap_or_default();
    crate::print(match woken {
        0 => "Nothing is open.".to_owned(),
        1 => "One record was woken.".to_owned(),
        _ => format!("{woken} records were woken."),
    });
    Ok(())
}
