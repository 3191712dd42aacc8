//! How our items are written in DynamoDB: key, kind, the value as JSON, and the few attributes that conditions read.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::outcome::{Reason, ServiceError};

pub(super) type Item = HashMap<String, AttributeValue>;

/// The text attribute.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// The number attribute.
pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The key of an item: `PAYMENT#cs_1`.
pub(super) fn key(kind: &str, id: &str) -> AttributeValue {
    text(format!("{kind}#{id}"))
}

/// A new item of a kind.
pub(super) fn item(kind: &str, id: &str) -> Item {
    HashMap::from([("pk".to_owned(), key(kind, id)), ("kind".to_owned(), text(kind))])
}

/// A value as JSON text.
pub(super) fn json(value: &impl Serialize, what: &'static str) -> Result<AttributeValue, ServiceError> {
    serde_json::to_string(value).map(text).map_err(|error| ServiceError::transient(what, error.to_string()))
}

/// The value that an item holds.
pub(super) fn data<T: DeserializeOwned>(item: &Item, what: &'static str) -> Result<T, ServiceError> {
    let text = read_text(item, "data").ok_or_else(|| ServiceError::transient(what, "an item has no data"))?;
    serde_json::from_str(text).map_err(|error| {
        ServiceError::transient(what, format!("an item's data cannot be read at column {}", error.column()))
    })
}

pub(super) fn read_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(super) fn read_number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// The attributes that park an item, for a new one.
pub(super) fn parked(source: &str, reason: &Reason, now: Timestamp) -> [(String, AttributeValue); 3] {
    [
        ("parked_source".to_owned(), text(source)),
        ("parked_reason".to_owned(), text(reason.to_string())),
        ("parked_at".to_owned(), text(now.to_string())),
    ]
}

/// The same for an item that stands: `SET` these.
pub(super) const PARK: &str = "SET parked_source = :source, parked_reason = :reason, parked_at = :at";

/// Whether a write of a cancelled transaction failed its condition.
pub(super) fn condition_failed(reasons: &[CancellationReason], place: usize) -> bool {
    reasons.get(place).and_then(CancellationReason::code) == Some("ConditionalCheckFailed")
}

/// Whether another transaction held an item, or the store was briefly over its rate.
pub(super) fn is_contention(reasons: &[CancellationReason]) -> bool {
    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    reasons.iter().filter_map(CancellationReason::code).any(|code| passing.contains(&code))
}

/// The codes of a cancelled transaction, for an operator.
pub(super) fn codes(reasons: &[CancellationReason]) -> String {
    let codes: Vec<_> = reasons.iter().filter_map(CancellationReason::code).filter(|code| *code != "None").collect();
    format!("transaction cancelled: {}", codes.join(", "))
}

/// A service error in one line: its code and message, never the request.
pub(super) fn trouble<E, R>(what: &'static str, error: &aws_sdk_dynamodb::error::SdkError<E, R>) -> ServiceError
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    use aws_sdk_dynamodb::error::SdkError;
    let detail = match error {
        SdkError::ServiceError(service) => service.err().code().unwrap_or("unnamed error").to_owned(),
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(_) => "the connection failed".to_owned(),
        SdkError::ResponseError(_) => "the answer broke off".to_owned(),
        _ => "the request could not be made".to_owned(),
    };
    ServiceError::transient(what, detail)
}
