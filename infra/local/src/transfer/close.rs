//! Closing the books of a stack for good, without a moment in which a number could still be given unseen.
//!
//! First `LEDGER#closed` is written, which the claim of a series' first number checks in its transaction. Then every
//! counter is marked, on which each further claim is conditional. A claim that was faster is in the table before the
//! export reads it; one that is slower finds the mark.

use anyhow::Context;
use comptoir::record::{NEEDS, VERSION};
use serde_json::{Value, json};

use super::Stack;
use super::format::{CLOSED, kind};

/// Closes the books, for this export. Closing them again changes nothing.
///
/// # Errors
/// When the table does not answer; closing again goes on.
pub async fn close(stack: &Stack, export: &str) -> anyhow::Result<()> {
    let table = stack.id("BillingTable")?;
    let data = json!({"export": export, "closed_at": crate::clock::now().to_string()});
    let put = json!({
        "TableName": table,
        "Item": {
            "pk": {"S": CLOSED}, "sk": {"S": "-"}, "kind": {"S": "LEDGER"},
            "v": {"N": VERSION.to_string()}, "needs": {"N": NEEDS.to_string()}, "data": {"S": data.to_string()},
        },
        "ConditionExpression": "attribute_not_exists(pk)",
    });
    stack.aws.dynamodb_if("PutItem", &put).await.context("the books were not closed; run the command again")?;
    let mut from = None;
    loop {
        let (items, next) = stack.aws.scan_page(table, from.as_ref()).await?;
        for counter in items.iter().filter(|item| kind(item) == "COUNTER" && item.get("closed").is_none()) {
            mark(stack, table, counter, export).await?;
        }
        from = next;
        if from.is_none() {
            return Ok(());
        }
    }
}

async fn mark(stack: &Stack, table: &str, counter: &Value, export: &str) -> anyhow::Result<()> {
    let update = json!({
        "TableName": table,
        "Key": {"pk": counter.get("pk"), "sk": counter.get("sk")},
        "UpdateExpression": "SET closed = :export",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":export": {"S": export}},
    });
    let marked = stack.aws.dynamodb_if("UpdateItem", &update).await;
    marked.map(drop).context("not every series is closed; run the command again")
}
