//! `cargo told`: the messages for the seller's app, each with its state, its attempts and why it has not arrived.

use comptoir::app::KIND;
use jiff::Timestamp;
use serde_json::Value;

use crate::client::BundleClient;

/// Which messages.
#[derive(Clone, Debug, clap::Args)]
pub struct Told {
    /// Only those that have not arrived: what waits, and what is parked
    #[arg(long)]
    open: bool,
    /// With the body that is signed
    #[arg(long)]
    body: bool,
}

/// Prints the messages, the oldest first.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(wish: &Told, client: &BundleClient) -> anyhow::Result<()> {
    let (_, items) = client.table("NoticesTable").await?;
    let mut items: Vec<&Value> = items.iter().filter(|item| text(item, "kind") == KIND).collect();
    items.sort_by_key(|item| (text(item, "queued_at"), text(item, "pk")));
    let shown: Vec<&&Value> = items.iter().filter(|item| !wish.open || state(item) != "delivered").collect();
    for item in &shown {
        crate::print(line(item));
        if wish.body {
            let body = item.pointer("/data/body").and_then(Value::as_str).unwrap_or_default();
            crate::print(format!("  {body}"));
        }
    }
    crate::print(match (shown.len(), items.len()) {
        (0, 0) => "The app was told nothing yet.".to_owned(),
        (0, all) => format!("All {all} messages have arrived."),
        (shown, _) => format!("{shown} messages. What is parked is sent again by `cargo replay`."),
    });
    Ok(())
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn state(item: &Value) -> &str {
    if item.get("parked_at").is_some() { "parked" } else { text(item, "status") }
}

/// One message: when it was queued, its type, its state, its attempts, its id, and what hinders it.
fn line(item: &Value) -> String {
    let attempts = item.get("attempts").and_then(Value::as_u64).unwrap_or_default();
    let id = text(item, "pk").split_once('#').map_or("", |(_, id)| id);
    let due = item.get("due_at").and_then(Value::as_i64).and_then(|at| Timestamp::from_second(at).ok());
    let due = due.map(|due| format!(", next try {due}")).unwrap_or_default();
    let why = match text(item, "last_failure") {
        "" => String::new(),
        why => format!(": {why}"),
    };
    let sent = if attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
    format!("{}  {:<18} {:<9} sent {sent}  {id}{due}{why}", text(item, "queued_at"), text(item, "type"), state(item))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_says_its_state_and_what_hinders_it() {
        let mut item = json!({
            "pk": "HOOK#access-granted-sub_1-2", "kind": "HOOK", "type": "access.granted", "status": "queued",
            "attempts": 2, "queued_at": "2026-11-27T10:00:00Z", "due_at": 1_795_257_900,
            "last_failure": "app_refuses: the app answered 500; see its log",
        });
        let said = line(&item);
        assert!(
            said.contains("access.granted     queued    sent 2 times  access-granted-sub_1-2, next try 2026-"),
            "{said}"
        );
        assert!(said.ends_with(": app_refuses: the app answered 500; see its log"), "{said}");
        item = json!({"pk": "HOOK#a", "status": "queued", "parked_at": "t", "attempts": 1});
        assert_eq!(state(&item), "parked");
        assert!(line(&item).contains("sent once"), "{}", line(&item));
    }
}
