//! `cargo replay`: puts back what was parked, once its cause is mended.
//!
//! A parked payment or mail loses its mark; the stream announces the change and the function works on it again. A parked
//! event is posted again, newly signed. What a stream gave up on is found in its table and announced the same way.

use anyhow::Context;
use serde_json::{Value, json};

use crate::client::BundleClient;

/// Puts everything back and says what; answers how many records there were.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(client: &BundleClient) -> anyhow::Result<usize> {
    // Asked first, because it answers with the better sentence when nothing is running.
    client.parked().await?;
    let mut count = 0;
    for logical in ["BillingTable", "OutboxTable"] {
        let (table, items) = client.table(logical).await?;
        for item in items.iter().filter(|item| item.get("parked_at").is_some()) {
            let key = item.get("pk").and_then(Value::as_str).context("a parked record has no key")?;
            match item.get("body").and_then(Value::as_str) {
                Some(body) => count += usize::from(post_again(client, key, body).await?),
                None => {
                    unpark(client, &table, key).await?;
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

/// Takes the mark away; the condition spares a record that somebody else has put back meanwhile.
async fn unpark(client: &BundleClient, table: &str, key: &str) -> anyhow::Result<()> {
    let input = json!({
        "TableName": table, "Key": {"pk": {"S": key}},
        "UpdateExpression": "REMOVE parked_source, parked_reason, parked_at SET replayed_at = :now",
        "ConditionExpression": "attribute_exists(parked_at)",
        "ExpressionAttributeValues": {":now": {"S": crate::clock::now().to_string()}},
    });
    match client.aws.dynamodb("UpdateItem", &input).await {
        Ok(_) => crate::print(format!("{key} is put back")),
        Err(error) if error.to_string().contains("ConditionalCheckFailed") => {
            crate::print(format!("{key} was put back by somebody else"))
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// An event is not in a stream: it has to knock at the door again. It keeps its mark, by which the webhook tells it from
/// work already done; recording the event takes the mark away.
async fn post_again(client: &BundleClient, key: &str, body: &str) -> anyhow::Result<bool> {
    let (status, answer) = client.post_event(body.as_bytes()).await?;
    crate::print(format!("{key} was posted again, the webhook answered {status} {answer}").trim_end());
    let result = serde_json::from_str::<Value>(&answer).ok();
    Ok(result.as_ref().and_then(|answer| answer.get("result")).is_some_and(|result| result == "recorded"))
}

/// Lambda's messages say where in the stream the records are; their items are marked and unmarked, which announces them.
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
        if let (Some(key), "PAYMENT" | "MAIL") = (key, kind) {
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
        "TableName": table, "Key": {"pk": {"S": key}},
        "UpdateExpression": "SET parked_source = :who, parked_reason = :why, parked_at = :now",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":who": {"S": "replay"}, ":why": {"S": "given up by its stream"}, ":now": {"S": crate::clock::now().to_string()}},
    });
    client.aws.dynamodb("UpdateItem", &input).await.map(drop)
}
