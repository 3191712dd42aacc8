//! `cargo forget`: what is held about a buyer, what of it may go now, and until when the law keeps the rest; with `--write` it
//! removes what may go.
//!
//! The function that looks through the archive on AWS does so here. Members are erased by themselves, or by their page.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use comptoir_plans::person::PersonId;
use serde_json::{Value, json};

use crate::client::BundleClient;

/// Whose data.
#[derive(Clone, Debug, clap::Args)]
pub struct Forget {
    /// The buyer's address
    #[arg(long)]
    pub email: String,
    /// Remove what may go; without it, only say what is held
    #[arg(long)]
    pub write: bool,
    /// Write what is held into this file, for the answer to the buyer
    #[arg(long)]
    pub out: Option<PathBuf>,
}

/// A row that may go now, or once its work is done.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    logical: &'static str,
    key: String,
    sort: String,
    /// Settled: it has an end, and is not parked. Of a plan: it is over.
    settled: bool,
}

/// Looks, prints, and removes what may go if that is wished.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(wish: &Forget, client: &BundleClient) -> anyhow::Result<()> {
    let held = held(&wish.email, client).await?;
    let rows = rows(&wish.email, client).await?;
    if let Some(out) = &wish.out {
        crate::private::write(out, serde_json::to_string_pretty(&held)?.as_bytes())
            .with_context(|| crate::lock::cannot_write(out))?;
    }
    for line in told(&held, &rows) {
        crate::print(line);
    }
    if !wish.write {
        crate::print("Nothing was removed: `cargo forget --write` removes what may go.");
        return Ok(());
    }
    let mut removed = 0;
    for row in rows.iter().filter(|row| row.settled) {
        removed += usize::from(remove(client, row).await?);
    }
    crate::print(format!("{removed} rows were removed."));
    Ok(())
}

/// What the archive holds, all pages of the answer in one.
async fn held(email: &str, client: &BundleClient) -> anyhow::Result<Value> {
    let mut whole = json!({"documents": [], "records": [], "mails": [], "unread": []});
    let mut after = Value::Null;
    loop {
        let answer = client.invoke("ledger-export", &json!({"about": {"email": email, "after": after}})).await?;
        for (name, list) in whole.as_object_mut().into_iter().flatten() {
            let more = answer.get(name).and_then(Value::as_array).into_iter().flatten().cloned();
            list.as_array_mut().into_iter().for_each(|list| list.extend(more.clone()));
        }
        after = answer.get("next").cloned().unwrap_or_default();
        if after.is_null() {
            return Ok(whole);
        }
    }
}

/// The rows about this address that no law keeps: mails, and events that were parked.
async fn rows(email: &str, client: &BundleClient) -> anyhow::Result<Vec<Row>> {
    let email = email.trim().to_lowercase();
    ensure!(email.contains('@'), "{email:?} is no address: write --email zoe@example.org");
    let mut rows = Vec::new();
    for (logical, kind, field) in [
        ("OutboxTable", "MAIL", "data"),
        ("NoticesTable", "NOTICE", "data"),
        ("NoticesTable", "HOOK", "data"),
        ("BillingTable", "EVENT", "body"),
    ] {
        for item in client.table(logical).await?.1 {
            let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
            // A value, or the text of one. Between quotation marks: `zoe@example.org` is not `azoe@example.org`.
            let value = item.get(field).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            // A body within a value is written with its quotation marks escaped.
            let value = value.unwrap_or_default().to_lowercase().replace('\\', "");
            let names = value.contains(&format!("\"{email}\""));
            if text("kind") == kind && names {
                let settled = item.get("expires_at").is_some()
                    && item.get("parked_at").is_none()
                    && (logical != "NoticesTable" || item.get("open_shard").is_none());
                rows.push(Row { logical, key: text("pk").to_owned(), sort: text("sk").to_owned(), settled });
            }
        }
    }
    if let Some(person) = PersonId::of(&email) {
        let access = client.table("AccessTable").await?.1;
        let (theirs, invoices) = of_plans(&person, &access);
        rows.extend(theirs);
        rows.extend(of_recovery(&invoices, &client.table("NoticesTable").await?.1));
        rows.sort_by(|one, other| (one.logical, &one.key, &one.sort).cmp(&(other.logical, &other.key, &other.sort)));
        rows.dedup_by(|one, other| (one.logical, &one.key, &one.sort) == (other.logical, &other.key, &other.sort));
    }
    Ok(rows)
}

/// What a plan left: who had what, tokens, whose subscriptions those were. It goes once the plan is over; a subscription that
/// lives is ended at Stripe first.
/// What was tried with their unpaid invoices, which are the second value, goes with it.
fn of_plans(person: &PersonId, items: &[Value]) -> (Vec<Row>, Vec<String>) {
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let theirs =
        |item: &&Value| text(item, "person") == person.as_str() || text(item, "pk") == format!("PERSON#{person}");
    let mut theirs: Vec<&Value> = items.iter().filter(theirs).collect();
    let keys = theirs.iter().map(|item| text(item, "pk"));
    let customers: Vec<String> = keys.filter_map(|key| key.strip_prefix("CUSTOMER#").map(str::to_owned)).collect();
    let is_theirs = |customer: &str| customers.iter().any(|known| known == customer);
    let subscriptions: Vec<String> =
        theirs.iter().filter_map(|item| text(item, "pk").strip_prefix("ACCESS#").map(str::to_owned)).collect();
    theirs.extend(items.iter().filter(|item| {
        let key = text(item, "pk");
        key.strip_prefix("EPISODE#").is_some_and(is_theirs)
            || key.strip_prefix("RENEWAL#").is_some_and(|id| subscriptions.iter().any(|known| known == id))
    }));
    let mut invoices = Vec::new();
    for item in items {
        let key = text(item, "pk");
        let Some(id) = key.strip_prefix("RECOVERY#") else { continue };
        if is_theirs(id) || customer_of(item).is_some_and(|customer| is_theirs(&customer)) {
            theirs.push(item);
            invoices.push(id.to_owned());
        }
    }
    let lives = |item: &&Value| match item.get("data") {
        Some(Value::String(text)) => text.contains("\"over\":false"),
        data => data.and_then(|data| data.pointer("/current/over")?.as_bool()) == Some(false),
    };
    let works = |item: &&Value| item.get("open_shard").is_some() || item.get("parked_at").is_some();
    // What was declared stands for itself: one that a person leaves parked keeps nothing else.
    let is_declaration = |item: &&Value| text(item, "pk").starts_with("DECLARATION#");
    let settled = !theirs.iter().any(|item| !is_declaration(item) && (lives(item) || works(item)));
    let row = |item: &&Value| Row {
        logical: "AccessTable",
        key: text(item, "pk"),
        sort: text(item, "sk"),
        settled: if is_declaration(item) { !works(item) } else { settled },
    };
    (theirs.iter().map(row).collect(), invoices)
}

/// The customer of an unpaid invoice's record, which is a value or the text of one.
fn customer_of(item: &Value) -> Option<String> {
    let data = match item.get("data")? {
        Value::String(text) => serde_json::from_str(text).ok()?,
        data => data.clone(),
    };
    data.get("customer")?.as_str().map(str::to_owned)
}

/// The mails about unpaid invoices, which end by themselves after a week.
fn of_recovery(invoices: &[String], items: &[Value]) -> Vec<Row> {
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let theirs = items.iter().filter(|item| {
        let key = text(item, "pk");
        key.strip_prefix("NOTICE#recovery/").is_some_and(|id| invoices.iter().any(|known| known == id))
    });
    let settled = |item: &Value| item.get("open_shard").is_none() && item.get("parked_at").is_none();
    let row = |item: &Value| Row {
        logical: "NoticesTable",
        key: text(item, "pk"),
        sort: text(item, "sk"),
        settled: settled(item),
    };
    theirs.map(row).collect()
}

/// Removes a row, unless it became work again.
async fn remove(client: &BundleClient, row: &Row) -> anyhow::Result<bool> {
    let (table, _) = client.table(row.logical).await?;
    let ended = if row.logical != "OutboxTable" && row.logical != "BillingTable" {
        "attribute_not_exists(open_shard)"
    } else {
        "attribute_exists(expires_at)"
    };
    let input = json!({
        "TableName": table, "Key": {"pk": {"S": row.key}, "sk": {"S": row.sort}},
        "ConditionExpression": format!("{ended} AND attribute_not_exists(parked_at)"),
    });
    client.aws.dynamodb_if("DeleteItem", &input).await
}

/// What is held, in lines for a person.
fn told(held: &Value, rows: &[Row]) -> Vec<String> {
    let list = |name: &str| held.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut lines = Vec::new();
    for document in list("documents") {
        let (number, until) = (text(&document, "number"), text(&document, "kept_until"));
        lines.push(format!(
            "{number}: the document, its snapshot and the record of its sale are kept until {until} (C. com., art. L123-22)"
        ));
    }
    for key in list("unread") {
        lines.push(format!("{} cannot be read: verify its month", key.as_str().unwrap_or_default()));
    }
    for row in rows {
        lines.push(match row.settled {
            true => format!("{}: may go now", row.key),
            false if row.logical == "AccessTable" => {
                format!("{}: is of a plan that lives, and may go once the subscription has ended", row.key)
            }
            false => format!("{}: is work, and may go once it is settled", row.key),
        });
    }
    if lines.is_empty() {
        lines.push("Nothing is held about this address.".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_what_stays_until_when_and_what_may_go() {
        let row =
            |settled| Row { logical: "OutboxTable", key: "MAIL#invoice/1".to_owned(), sort: "-".to_owned(), settled };
        let held =
            json!({"documents": [{"number": "2026-11-0001", "kept_until": "2037-12-31"}], "unread": ["books/x"]});
        let lines = told(&held, &[row(true), row(false)]).join("\n");
        for part in ["2026-11-0001: the document", "until 2037-12-31", "books/x cannot", "may go now", "is work"] {
            assert!(lines.contains(part), "{part}: {lines}");
        }
        assert_eq!(told(&json!({}), &[]), ["Nothing is held about this address."]);
    }

    #[test]
    fn what_a_plan_left_goes_once_it_is_over() {
        let zoe = PersonId::of("zoe@example.org").unwrap();
        let pk = format!("PERSON#{zoe}");
        let items = |over: bool| {
            [
                json!({"pk": pk, "sk": "-", "data": {"current": {"over": over}}}),
                json!({"pk": pk, "sk": "USE#u1"}),
                json!({"pk": "GRANT#in_1", "sk": "-", "person": zoe.as_str()}),
                json!({"pk": "PERSON#other", "sk": "-", "data": {"current": {"over": false}}}),
            ]
        };
        let rows =
            |over| of_plans(&zoe, &items(over)).0.iter().map(|row| (row.sort.clone(), row.settled)).collect::<Vec<_>>();
        for over in [true, false] {
            assert_eq!(rows(over), [("-".to_owned(), over), ("USE#u1".to_owned(), over), ("-".to_owned(), over)]);
        }
    }

    #[test]
    fn what_was_tried_with_unpaid_invoices_goes_with_the_customer() {
        let zoe = PersonId::of("zoe@example.org").unwrap();
        let items = |open: bool| {
            let tried = json!({"pk": "RECOVERY#in_1", "sk": "-", "data": {"customer": "cus_1"}});
            let working = json!({"pk": "RECOVERY#in_2", "sk": "-", "data": "{\"customer\":\"cus_1\"}", "open_shard": "RECOVERY#1"});
            [
                json!({"pk": "CUSTOMER#cus_1", "sk": "-", "person": zoe.as_str()}),
                json!({"pk": "RECOVERY#cus_1", "sk": "-", "never": ["fp_1"]}),
                if open { working } else { tried },
                json!({"pk": "RECOVERY#in_3", "sk": "-", "data": {"customer": "cus_2"}}),
            ]
        };
        let keys = |open| {
            let (rows, invoices) = of_plans(&zoe, &items(open));
            (rows.into_iter().map(|row| (row.key, row.settled)).collect::<Vec<_>>(), invoices)
        };
        let expected =
            |id: &str, settled| ["CUSTOMER#cus_1", "RECOVERY#cus_1", id].map(|key| (key.to_owned(), settled)).to_vec();
        assert_eq!(keys(false), (expected("RECOVERY#in_1", true), vec!["cus_1".to_owned(), "in_1".to_owned()]));
        assert_eq!(keys(true).0, expected("RECOVERY#in_2", false), "work is ended first");
        let mails = [
            json!({"pk": "NOTICE#recovery/in_1", "sk": "-"}),
            json!({"pk": "NOTICE#recovery/in_3", "sk": "-"}),
            json!({"pk": "NOTICE#farewell/in_1", "sk": "-"}),
        ];
        let mails: Vec<String> = of_recovery(&keys(false).1, &mails).into_iter().map(|row| row.key).collect();
        assert_eq!(mails, ["NOTICE#recovery/in_1"]);
    }
}
