//! `cargo term`: says which years of documents are over their legal term, or ends them.
//!
//! It invokes the function that does it on AWS.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::client::BundleClient;

/// What to do.
#[derive(Clone, Debug, clap::Args)]
pub struct Term {
    /// Note the last links and let the table's records expire; without it, only say what is over
    #[arg(long)]
    write: bool,
}

/// Looks, and prints what was found.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(wish: &Term, client: &BundleClient) -> anyhow::Result<()> {
    let answer = client.invoke("ledger-export", &json!({"term": {"dry_run": !wish.write}})).await?;
    for line in told(&answer) {
        crate::print(line);
    }
    ensure!(answer.get("unfinished") != Some(&json!(true)), "time was up: run it again, it goes on");
    Ok(())
}

/// The answer in lines for a person.
fn told(answer: &Value) -> Vec<String> {
    let years = answer.get("years").and_then(Value::as_array).cloned().unwrap_or_default();
    let is = |value: &Value, name: &str| value.get(name) == Some(&Value::Bool(true));
    let n = |value: &Value, name: &str| value.get(name).and_then(Value::as_i64).unwrap_or_default();
    let mut lines = Vec::new();
    for year in &years {
        let last = year.get("last").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let last: Vec<&str> = last.collect();
        let noted = if is(year, "noted") || is(answer, "written") { "noted" } else { "not noted yet" };
        let (name, documents) = (n(year, "year"), n(year, "documents"));
        lines.push(format!(
            "{name}: {documents} documents are over their term; last links {noted}: {}",
            last.join(", ")
        ));
        if n(year, "unlinked") > 0 {
            let unlinked = n(year, "unlinked");
            lines.push(format!("{name}: {unlinked} documents have numbers of another pattern than the settings."));
        }
    }
    if years.is_empty() {
        let from = answer.get("this_year_from").and_then(Value::as_str).unwrap_or_default();
        lines.push(format!("No document is over its term. Those of this year may go from {from}."));
    } else if is(answer, "written") {
        lines.push(
            "Their records in the table expire in a week. Then delete them from the archive: infra/OPERATIONS.md."
                .to_owned(),
        );
    } else {
        lines.push(
            "Nothing was written: `cargo term --write` notes the links and lets the table's records expire.".to_owned(),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_what_is_over_and_what_comes_next() {
        let none = json!({"years": [], "this_year_from": "2038-01-01", "written": false});
        assert_eq!(told(&none), ["No document is over its term. Those of this year may go from 2038-01-01."]);
        let year = json!({"year": 2026, "documents": 4, "unlinked": 1, "last": ["F# 4"], "noted": false});
        let found = told(&json!({"years": [year], "written": false})).join("\n");
        for part in ["2026: 4 documents", "not noted yet: F# 4", "1 documents have numbers", "Nothing was written"] {
            assert!(found.contains(part), "{part}: {found}");
        }
        assert!(told(&json!({"years": [year], "written": true})).join("\n").contains("expire in a week"));
    }
}
