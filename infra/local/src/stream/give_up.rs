//! Lambda's message for the on-failure queue: not the records, but their position in the stream.

use serde_json::{Value, json};

/// Why records were given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Retries exhausted.
    RetryAttemptsExhausted,
    /// Maximum age exceeded.
    MaximumRecordAgeExceeded,
}

/// The records given up and their circumstances.
#[derive(Debug)]
pub struct GivenUp<'a> {
    /// The reason.
    pub condition: Condition,
    /// The function that failed.
    pub function_arn: &'a str,
    /// Its stream.
    pub stream_arn: &'a str,
    /// Its shard.
    pub shard: &'a str,
    /// How often they were tried.
    pub attempts: u32,
    /// The records, never empty.
    pub records: &'a [Value],
}

/// The message, in Lambda's shape.
pub fn message(given_up: &GivenUp<'_>, now: jiff::Timestamp) -> Value {
    let condition = match given_up.condition {
        Condition::RetryAttemptsExhausted => "RetryAttemptsExhausted",
        Condition::MaximumRecordAgeExceeded => "MaximumRecordAgeExceeded",
    };
    let (first, last) = (given_up.records.first(), given_up.records.last());
    json!({
        "requestContext": {
            "requestId": crate::lambda::pool::request_id(),
            "functionArn": given_up.function_arn,
            "condition": condition,
            "approximateInvokeCount": given_up.attempts,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": now.to_string(),
        "DDBStreamBatchInfo": {
            "shardId": given_up.shard,
            "startSequenceNumber": first.and_then(sequence_number),
            "endSequenceNumber": last.and_then(sequence_number),
            "approximateArrivalOfFirstRecord": first.and_then(arrival).map(|at| at.to_string()),
            "approximateArrivalOfLastRecord": last.and_then(arrival).map(|at| at.to_string()),
            "batchSize": given_up.records.len(),
            "streamArn": given_up.stream_arn,
        }
    })
}

/// The record's position in its shard.
pub fn sequence_number(record: &Value) -> Option<&str> {
    record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str)
}

/// When the change was made.
pub fn arrival(record: &Value) -> Option<jiff::Timestamp> {
    let seconds = record.pointer("/dynamodb/ApproximateCreationDateTime")?;
    let whole = seconds.as_i64().or_else(|| seconds.to_string().split('.').next()?.parse().ok())?;
    jiff::Timestamp::from_second(whole).ok()
}
