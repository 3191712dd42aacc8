//! `cargo replay`: replays parked records (dead letters), once their cause is fixed.
//!
//! A parked payment, refund or mail loses its parked mark; the stream reports the change and the function retries it. A
//! parked event is posted again with a new signature; one that only notifies the owner is closed. Records that a stream
//! gave up are found in their table and sent through the stream again the same way.

use anyhow::Context;
use comptoir::{payment::SETTLED_KEPT, sweep::partition};
use serde_json::{Value, json};

use crate::client::BundleClient;

/// Reasons of parked events that need no further work: the operator of the replay has read them.
const NOTICES: [&str; 2] = ["dispute_lost", "refund_failed"];

/// Replays everything and prints it; returns the number of records.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(client: &BundleClient) -> anyhow::Result<usize> {
    // First, because it has the better error message when no bundle is running.
    client.parked().await?;
    let mut count = 0;
    for logical in ["BillingTable", "OutboxTable", "NoticesTable", "AccessTable"] {
        let (table, items) = client.table(logical).await?;
        for item in items.iter().filter(|item| item.get("parked_at").is_some()) {
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
    count += given_up(client).await?;
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
    let now = crate::clock::now();
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
    let since = crate::clock::now().as_second().to_string();
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
    let now = crate::clock::now();
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
    let expires = crate::clock::now().as_second().saturating_add(SETTLED_KEPT.as_secs());
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
        if let (Some(key), "PAYMENT" | "REFUND" | "MAIL" | "NOTICE" | "TEAM" | "SLACK" | "ACCESS" | "RECOVERY") =
            (key, kind)
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
    let input = json!({
        "TableName": table, "Key": {"pk": {"S": key}, "sk": {"S": "-"}},
        "UpdateExpression": "SET parked_source = :who, parked_reason = :why, parked_at = :now",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":who": {"S": "replay"}, ":why": {"S": "given up by its stream"}, ":now": {"S": crate::clock::now().to_string()}},
    });
    client.aws.dynamodb("UpdateItem", &input).await.map(drop)
}
