//! `cargo rebuild`: rebuilds the Billing table from the archive, or says what it would write.
//!
//! It invokes the function that does it on AWS.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::client::BundleClient;

/// What to do.
#[derive(Clone, Debug, clap::Args)]
pub struct Rebuild {
    /// Write what is missing; without it, only say what would be written
    #[arg(long)]
    write: bool,
    /// A number whose snapshot is lost for good, such as 2026-11-0042; may be given again
    #[arg(long, value_name = "NUMBER")]
    without: Vec<String>,
}

/// Rebuilds, and prints what was found.
///
/// # Errors
/// One sentence; also when something waits for a person.
pub async fn run(wish: &Rebuild, client: &BundleClient) -> anyhow::Result<()> {
    let request = json!({"rebuild": {"dry_run": !wish.write, "without": wish.without}});
    let answer = client.invoke("ledger-export", &request).await?;
    for line in told(&answer) {
        crate::print(line);
    }
    ensure!(answer.get("waits") != Some(&json!(true)), "something waits for you: see above");
    Ok(())
}

/// The answer in lines for a person.
fn told(answer: &Value) -> Vec<String> {
    let list = |name: &str| answer.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
    let is = |name: &str| answer.get(name) == Some(&Value::Bool(true));
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut lines = Vec::new();
    for (name, what) in [("refusals", "nothing is written"), ("differences", "left as it is")] {
        let found = list(name);
        let line =
            |one: &Value| format!("{}: {} ({}; {what})", text(one, "subject"), text(one, "text"), text(one, "code"));
        lines.extend(found.iter().map(line));
    }
    for counter in list("counters") {
        let n = |name| counter.get(name).and_then(Value::as_u64).unwrap_or_default();
        lines.push(format!("The counter of {} goes from {} to {}.", text(&counter, "series"), n("from"), n("to")));
    }
    if is("begins") {
        lines.push("The table gets the identity of the archive's books.".to_owned());
    }
    let mails = list("mails");
    let mails: Vec<&str> = mails.iter().filter_map(Value::as_str).collect();
    if !mails.is_empty() {
        lines.push(format!("Whether these mails were sent is not known, and none is sent: {}", mails.join(", ")));
    }
    if count("uncounted") > 0 {
        let n = count("uncounted");
        lines.push(format!(
            "{n} documents have numbers of another pattern than the settings: no counter is raised for them."
        ));
    }
    if count("in_flight") > 0 {
        lines.push(format!("{} documents are being issued at this moment.", count("in_flight")));
    }
    let unknown = list("unknown");
    if !unknown.is_empty() {
        lines.push("The archive cannot tell:".to_owned());
        lines.extend(unknown.iter().filter_map(Value::as_str).map(|one| format!("  - {one}")));
    }
    if is("unfinished") {
        lines.push("It was not finished: run it again, it goes on where it stopped.".to_owned());
    }
    let (documents, missing, credited) = (count("documents"), count("missing"), count("credited"));
    let lacks = missing + credited > 0 || is("begins") || !list("counters").is_empty();
    let of = format!("{missing} of {documents} documents, {credited} credited amounts");
    lines.push(match (lacks, is("written")) {
        (false, _) if !list("refusals").is_empty() => format!("{documents} documents were examined."),
        (false, _) => format!("The table has all {documents} documents of the archive."),
        (true, true) => format!("Written: {of}."),
        (true, false) => {
            format!("Missing in the table: {of}. `cargo rebuild --write` writes it, if nothing above forbids it.")
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_what_is_missing_and_what_waits() {
        let finding = json!([{"subject": "2026-11-0003", "code": "number_missing", "text": "it is not there"}]);
        let answer = json!({
            "documents": 5, "missing": 3, "credited": 1, "begins": true, "written": false, "refusals": finding,
            "counters": [{"series": "2026-11-#", "from": 2, "to": 5}], "mails": ["invoice/2026-11-0005"],
            "unknown": ["payments"], "unfinished": true, "in_flight": 1, "uncounted": 2,
        });
        let lines = told(&answer).join("\n");
        for part in [
            "2026-11-0003: it is not there (number_missing; nothing is written)",
            "from 2 to 5",
            "identity",
            "invoice/2026-11-0005",
            "  - payments",
            "run it again",
            "2 documents have numbers of another pattern",
            "Missing in the table: 3 of 5 documents",
        ] {
            assert!(lines.contains(part), "{part}: {lines}");
        }
        assert_eq!(told(&json!({"documents": 5, "written": true})), ["The table has all 5 documents of the archive."]);
    }
}
