//! `cargo replay`: replays parked records (dead letters), once their cause is fixed.
//!
//! A parked payment, refund or mail loses its parked mark; the stream reports the change and the function retries it. A
//! parked event is posted again with a new signature; one that only notifies the owner is closed. Records that a stream
//! gave up are found in their table and sent through the stream again the same way.

use std::collections::BTreeMap;

use anyhow::Context;
use comptoir::{payment::SETTLED_KEPT, sweep::partition};
use serde_json::{Value, json};

use crate::client::BundleClient;

/// Reasons of parked events that need no further work: the operator of the replay has read them.
const NOTICES: [&str; 2] = ["dispute_lost", "refund_failed"];

/// The tables in which records are parked.
pub const TABLES: [&str; 4] = ["BillingTable", "OutboxTable", "NoticesTable", "AccessTable"];

/// What to replay.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Replay {
    /// Only count what is parked, by who parked it and why
    #[arg(long)]
    pub dry_run: bool,
    /// Only what is parked for this reason, such as recipient_malformed
    #[arg(long, value_name = "CODE")]
    pub reason: Option<String>,
    /// At most so many records: thousands of mails at once would use up the day's quota of SES
    #[arg(long, value_name = "NUMBER")]
    pub at_most: Option<usize>,
}

impl Replay {
    fn takes(&self, item: &Value) -> bool {
        item.get("parked_at").is_some() && self.reason.as_deref().is_none_or(|reason| reason == code_of(item))
    }
}

/// The code of the reason for which a record is parked.
fn code_of(item: &Value) -> &str {
    let reason = item.get("parked_reason").and_then(Value::as_str).unwrap_or_default();
    reason.split_once(':').map_or(reason, |(code, _)| code)
}

/// Counts what is parked, by who parked it and why, the most frequent first.
fn counted<'a>(items: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for item in items {
        let source = item.get("parked_source").and_then(Value::as_str).unwrap_or_default();
        *counts.entry((source.to_owned(), code_of(item).to_owned())).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().map(|((source, code), count)| format!("{count} parked by {source}: {code}")).collect()
}

/// Replays what is wished, or counts it.
///
/// # Errors
/// One sentence that says what to do.
pub async fn some(wish: &Replay, client: &BundleClient) -> anyhow::Result<usize> {
    if wish.dry_run {
        client.parked().await?;
        let mut items = Vec::new();
        for logical in TABLES {
            items.extend(client.table(logical).await?.1.into_iter().filter(|item| wish.takes(item)));
        }
        counted(items.iter()).into_iter().for_each(crate::print);
        crate::print(format!("{} records are parked; nothing was put back.", items.len()));
        return Ok(0);
    }
    replay(wish, client).await
}

/// Replays everything and prints it; returns the number of records.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(client: &BundleClient) -> anyhow::Result<usize> {
    replay(&Replay::default(), client).await
}

async fn replay(wish: &Replay, client: &BundleClient) -> anyhow::Result<usize> {
    // First, because it has the better error message when no bundle is running.
    client.parked().await?;
    let mut count = 0;
    let most = wish.at_most.unwrap_or(usize::MAX);
    for logical in TABLES {
        let (table, items) = client.table(logical).await?;
        for item in items.iter().filter(|item| wish.takes(item)) {
            if count >= most {
                break;
            }
            let key = item.get("pk").and_then(Value::as_str).context("a parked record has no key")?;
            // Sales of other sellers are printed without their event, whose data is not ours.
            match item.get("body").and_then(Value::as_str).filter(|body| !body.is_empty()) {
                Some(body) => {
                    if post_again(client, key, body).await? {
                        expire_parts(client, &table, item).await?;
                        unpark(client, &table, key).await?;
                        count += 1;
                    }
                }
                None => {
                    if put_back(client, &table, item, key).await? {
                        crate::print(format!("{key} is put back"));
                    }
                    count += 1;
                }
            }
        }
    }
    // What a stream gave up has no reason of its own.
    if wish.reason.is_none() && wish.at_most.is_none() {
        count += given_up(client).await?;
    }
    crate::print(match count {
        0 => "Nothing was parked.".to_owned(),
        1 => "One record was put back.".to_owned(),
        _ => format!("{count} records were put back."),
    });
    Ok(count)
}

/// Removes the mark if it is still there, and marks the work as open in the same write, so that the sweep finds it if the
/// stream loses it. A sale that has its number is done with its document, which is marked before.
async fn put_back(client: &BundleClient, table: &str, item: &Value, key: &str) -> anyhow::Result<bool> {
    let (kind, id) = key.split_once('#').context("a record's key has no kind")?;
    let number = item.get("invoice").and_then(Value::as_str);
    if let Some(number) = number {
        reopen(client, table, number).await?;
    }
    // No function works on an event that was read.
    if kind == "EVENT" || number.is_some() {
        return unpark(client, table, key).await;
    }
    let now = client.now().await?;
    let input = json!({
        "TableName": table, "Key": {"pk": {"S": key}, "sk": {"S": "-"}},
        "UpdateExpression": "REMOVE parked_source, parked_reason, parked_at \
                             SET replayed_at = :now, open_shard = :shard, open_since = :since",
        "ConditionExpression": "attribute_exists(parked_at)",
        "ExpressionAttributeValues": {
            ":now": {"S": now.to_string()}, ":shard": {"S": partition(kind, id)},
            ":since": {"N": now.as_second().to_string()},
        },
    });
    conditional(client, &input).await
}

/// Marks a document as open, unless it is recorded.
async fn reopen(client: &BundleClient, table: &str, number: &str) -> anyhow::Result<bool> {
    let since = client.now().await?.as_second().to_string();
    let input = json!({
        "TableName": table, "Key": {"pk": {"S": format!("INVOICE#{number}")}, "sk": {"S": "-"}},
        "UpdateExpression": "SET open_shard = :shard, open_since = :since",
        "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(document_key)",
        "ExpressionAttributeValues": {":shard": {"S": partition("INVOICE", number)}, ":since": {"N": since}},
    });
    conditional(client, &input).await
}

/// Whether an update's condition held.
async fn conditional(client: &BundleClient, input: &Value) -> anyhow::Result<bool> {
    match client.aws.dynamodb("UpdateItem", input).await {
        Ok(_) => Ok(true),
        Err(error) if error.to_string().contains("ConditionalCheckFailed") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the mark if it is still there: recording an event, or a concurrent replay, removes it too. An event holds
/// what Stripe said, with names and addresses: from then on it is kept for as long as somebody may ask what it was.
async fn unpark(client: &BundleClient, table: &str, key: &str) -> anyhow::Result<bool> {
    let now = client.now().await?;
    let remove = "REMOVE parked_source, parked_reason, parked_at SET replayed_at = :now";
    let (update, values) = if key.starts_with("EVENT#") {
        let expires = now.as_second().saturating_add(SETTLED_KEPT.as_secs()).to_string();
        let values = json!({":now": {"S": now.to_string()}, ":expires": {"N": expires}});
        (format!("{remove}, expires_at = :expires"), values)
    } else {
        (remove.to_owned(), json!({":now": {"S": now.to_string()}}))
    };
    let input = json!({
        "TableName": table, "Key": {"pk": {"S": key}, "sk": {"S": "-"}},
        "UpdateExpression": update,
        "ConditionExpression": "attribute_exists(parked_at)",
        "ExpressionAttributeValues": values,
    });
    conditional(client, &input).await
}

/// The parts of a large event go with it.
async fn expire_parts(client: &BundleClient, table: &str, event: &Value) -> anyhow::Result<()> {
    let Some(hash) = event.get("body_sha256").and_then(Value::as_str) else { return Ok(()) };
    let expires = client.now().await?.as_second().saturating_add(SETTLED_KEPT.as_secs());
    for place in 0..event.get("body_parts").and_then(Value::as_u64).unwrap_or_default() {
        let input = json!({
            "TableName": table, "Key": {"pk": {"S": format!("PART#{hash}")}, "sk": {"S": format!("{place:04}")}},
            "UpdateExpression": "SET expires_at = :expires", "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {":expires": {"N": expires.to_string()}},
        });
        conditional(client, &input).await?;
    }
    Ok(())
}

/// An event is not in a stream: it must be posted to the webhook again. Returns whether it is done now.
async fn post_again(client: &BundleClient, key: &str, body: &str) -> anyhow::Result<bool> {
    let (status, answer) = client.post_event(body.as_bytes()).await?;
    crate::print(format!("{key} was posted again, the webhook answered {status} {answer}").trim_end());
    let answer = serde_json::from_str::<Value>(&answer).unwrap_or_default();
    let word = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(matches!(word("result").as_str(), "recorded" | "recorded_before" | "ignored" | "woken")
        || NOTICES.contains(&word("reason").as_str()))
}

/// Lambda's messages hold stream positions; the items there are marked and unmarked, so that the stream sends them
/// again.
async fn given_up(client: &BundleClient) -> anyhow::Result<usize> {
    let resources = client.aws.resources(&format!("comptoir-{}", client.endpoints.stage)).await?;
    let Some(queue) = resources.get("OnFailureQueue") else { return Ok(0) };
    let mut count = 0;
    loop {
        let answer = client
            .aws
            .json("sqs", "AmazonSQS.ReceiveMessage", &json!({"QueueUrl": queue, "MaxNumberOfMessages": 10}))
            .await?;
        let messages = answer.get("Messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if messages.is_empty() {
            return Ok(count);
        }
        for message in messages {
            let body = message
                .get("Body")
                .and_then(Value::as_str)
                .and_then(|body| serde_json::from_str::<Value>(body).ok())
                .unwrap_or_default();
            count += announce(client, &body).await?;
            let receipt = message.get("ReceiptHandle").cloned().unwrap_or_default();
            client
                .aws
                .json("sqs", "AmazonSQS.DeleteMessage", &json!({"QueueUrl": queue, "ReceiptHandle": receipt}))
                .await?;
        }
    }
}

async fn announce(client: &BundleClient, message: &Value) -> anyhow::Result<usize> {
    let info = |name: &str| {
        message.pointer(&format!("/DDBStreamBatchInfo/{name}")).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let (stream, first, last) = (info("streamArn"), info("startSequenceNumber"), info("endSequenceNumber"));
    let table = stream
        .split('/')
        .nth(1)
        .context("a message in the on-failure queue names no stream; look at it on the home page")?
        .to_owned();
    let at = json!({"StreamArn": stream, "ShardId": info("shardId"), "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": first});
    let iterator = client.aws.json("dynamodb", "DynamoDBStreams_20120810.GetShardIterator", &at).await?;
    let read = json!({"ShardIterator": iterator.get("ShardIterator"), "Limit": 1000});
    let page = client.aws.json("dynamodb", "DynamoDBStreams_20120810.GetRecords", &read).await?;
    let mut count = 0;
    for record in page.get("Records").and_then(Value::as_array).into_iter().flatten() {
        let kind = record.pointer("/dynamodb/NewImage/kind/S").and_then(Value::as_str).unwrap_or_default();
        let key = record.pointer("/dynamodb/Keys/pk/S").and_then(Value::as_str);
        if let (
            Some(key),
            "PAYMENT" | "REFUND" | "MAIL" | "NOTICE" | "TEAM" | "SLACK" | "HOOK" | "ACCESS" | "DECLARATION" | "EPISODE"
            | "JOIN" | "RECOVERY" | "RENEWAL",
        ) = (key, kind)
        {
            mark(client, &table, key).await?;
            unpark(client, &table, key).await?;
            count += 1;
        }
        if record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str) == Some(&last) {
            break;
        }
    }
    Ok(count)
}

async fn mark(client: &BundleClient, table: &str, key: &str) -> anyhow::Result<()> {
    let now = client.now().await?.to_string();
    let input = json!({
        "TableName": table, "Key": {"pk": {"S": key}, "sk": {"S": "-"}},
        "UpdateExpression": "SET parked_source = :who, parked_reason = :why, parked_at = :now",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":who": {"S": "replay"}, ":why": {"S": "given up by its stream"}, ":now": {"S": now}},
    });
    client.aws.dynamodb("UpdateItem", &input).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_parked_is_counted_by_who_and_why() {
        let parked =
            |source: &str, reason: &str| json!({"parked_at": "t", "parked_source": source, "parked_reason": reason});
        let items = [
            parked("mail-sender", "mail_refused: no"),
            parked("invoice-renderer", "place_unknown: say where"),
            parked("mail-sender", "mail_refused: not now"),
            json!({"pk": "PAYMENT#cs_1"}),
        ];
        let all = Replay::default();
        let told = counted(items.iter().filter(|item| all.takes(item)));
        assert_eq!(told, ["2 parked by mail-sender: mail_refused", "1 parked by invoice-renderer: place_unknown"]);
        let refused = Replay { reason: Some("mail_refused".to_owned()), ..all };
        assert_eq!(items.iter().filter(|item| refused.takes(item)).count(), 2);
    }
}
