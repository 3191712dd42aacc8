//! How items are written in DynamoDB: key, kind, the value as JSON, and the few attributes that conditions read.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, CancellationReason},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};

use comptoir::{
    outcome::{Reason, ServiceError},
    record::{NEEDS, VERSION, Versions},
    sweep,
};

/// An item: attributes by name.
pub type Item = HashMap<String, AttributeValue>;

/// A text attribute.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// When an item expires that is kept this long from `now` on, for the table's time to live.
pub fn expiry(now: Timestamp, kept: SignedDuration) -> AttributeValue {
    number(now.saturating_add(kept).unwrap_or(Timestamp::MAX).as_second())
}

/// The key of an item: `PAYMENT#cs_1`.
pub fn key(kind: &str, id: &str) -> AttributeValue {
    text(format!("{kind}#{id}"))
}

/// The identity of the books.
pub(crate) const IDENTITY: (&str, &str) = ("LEDGER", "identity");

/// What a final export leaves: no number is given any more.
pub(crate) const CLOSED: (&str, &str) = ("LEDGER", "closed");

/// The sort key of a record that is alone under its partition key.
pub const ALONE: &str = "-";

/// The whole key of a record that is alone under its partition key.
pub fn place(kind: &str, id: &str) -> Item {
    below(kind, id, ALONE)
}

/// The whole key of an item that lies beside a record, under the same partition key.
pub fn below(kind: &str, id: &str, sort_key: &str) -> Item {
    HashMap::from([("pk".to_owned(), key(kind, id)), ("sk".to_owned(), text(sort_key))])
}

/// A new item of a kind, alone under its partition key.
pub fn item(kind: &str, id: &str) -> Item {
    new_item(place(kind, id), kind)
}

/// A new item of a kind with this key, and with the versions of this code.
pub fn new_item(mut key: Item, kind: &str) -> Item {
    key.insert("kind".to_owned(), text(kind));
    key.insert("v".to_owned(), number(VERSION));
    key.insert("needs".to_owned(), number(NEEDS));
    key
}

/// The versions stored on an item.
fn versions(item: &Item) -> Versions {
    let Versions { v, needs } = Versions::default();
    Versions { v: read_number(item, "v").unwrap_or(v), needs: read_number(item, "needs").unwrap_or(needs) }
}

/// An item that this code may act on.
///
/// # Errors
/// Held: a newer version has to process it.
pub fn ours(item: Item, what: &'static str) -> Result<Item, ServiceError> {
    versions(&item).check(what)?;
    Ok(item)
}

/// The record with this key as it stands now, if there is one and this code may act on it.
///
/// # Errors
/// Held: a newer version has to process it. And when the table does not answer.
pub async fn read(client: &Client, table: &str, key: Item, what: &'static str) -> Result<Option<Item>, ServiceError> {
    let get = client.get_item().table_name(table).set_key(Some(key)).consistent_read(true);
    // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
    let got = Box::pin(get.send()).await.map_err(|error| trouble(what, &error))?;
    got.item.map(|item| ours(item, what)).transpose()
}

/// A value as JSON.
///
/// # Errors
/// Permanent: it cannot be serialized.
pub(crate) fn written(value: &impl Serialize, what: &'static str) -> Result<String, ServiceError> {
    serde_json::to_string(value).map_err(|error| ServiceError::permanent(what, "record_unwritable", error.to_string()))
}

/// A value as a text attribute of JSON.
///
/// # Errors
/// Permanent: it cannot be serialized.
pub fn json(value: &impl Serialize, what: &'static str) -> Result<AttributeValue, ServiceError> {
    written(value, what).map(text)
}

/// The value that an item stores.
///
/// # Errors
/// Permanent: it is missing or has another shape. Held: a newer version has to process it.
pub fn data<T: DeserializeOwned>(item: &Item, what: &'static str) -> Result<T, ServiceError> {
    versions(item).check(what)?;
    let text = read_text(item, "data").ok_or_else(|| unreadable(item, what, "an item has no data"))?;
    parsed(text, item, what)
}

/// The value in a record's JSON.
///
/// # Errors
/// Permanent: it has another shape. Held: a newer version has to process it.
pub(crate) fn parsed<T: DeserializeOwned>(text: &str, record: &Item, what: &'static str) -> Result<T, ServiceError> {
    serde_json::from_str(text).map_err(|error| {
        unreadable(record, what, format!("an item's data cannot be read at column {}", error.column()))
    })
}

/// The error for a record that cannot be read; no retry by this version can make it readable.
pub(crate) fn unreadable(record: &Item, what: &'static str, detail: impl Into<String>) -> ServiceError {
    versions(record).unreadable(what, detail)
}

/// A text attribute.
pub fn read_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A number attribute, if it fits.
pub fn read_number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// The attributes that mark a new item as open, for the sweep to find.
pub fn opened(kind: &str, id: &str, now: Timestamp) -> [(String, AttributeValue); 2] {
    [("open_shard".to_owned(), text(sweep::partition(kind, id))), ("open_since".to_owned(), number(now.as_second()))]
}

/// Removes the mark: within `REMOVE`.
pub const CLOSE: &str = "open_shard, open_since, woken_at, wakes";

/// The attributes that park a new item.
pub(crate) fn parked(source: &str, reason: &Reason, now: Timestamp) -> [(String, AttributeValue); 3] {
    [
        ("parked_source".to_owned(), text(source)),
        ("parked_reason".to_owned(), text(reason.to_string())),
        ("parked_at".to_owned(), text(now.to_string())),
    ]
}

/// The same for an existing item: `SET` these.
pub const PARK: &str = "SET parked_source = :source, parked_reason = :reason, parked_at = :at";

/// The update that removes the parked mark.
pub const UNPARK: &str = "REMOVE parked_source, parked_reason, parked_at";

/// Whether a write of a cancelled transaction failed its condition.
pub fn condition_failed(reasons: &[CancellationReason], place: usize) -> bool {
    reasons.get(place).and_then(CancellationReason::code) == Some("ConditionalCheckFailed")
}

/// Whether another transaction locked an item, or the store was briefly throttled.
pub fn is_contention(reasons: &[CancellationReason]) -> bool {
    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    reasons.iter().filter_map(CancellationReason::code).any(|code| passing.contains(&code))
}

/// Classifies a cancelled transaction whose failed conditions the caller did not explain: temporary reasons are
/// retried, a failed condition or a rejected item is not.
pub fn cancelled(what: &'static str, reasons: &[CancellationReason]) -> ServiceError {
    let codes: Vec<_> = reasons.iter().filter_map(CancellationReason::code).filter(|code| *code != "None").collect();
    let detail = format!("transaction cancelled: {}", codes.join(", "));
    match () {
        () if codes.contains(&"ValidationError") => ServiceError::permanent(what, "record_refused", detail),
        () if is_contention(reasons) => ServiceError::transient(what, detail),
        () if codes.contains(&"ConditionalCheckFailed") => ServiceError::permanent(what, "record_conflict", detail),
        () => ServiceError::transient(what, detail),
    }
}

/// Classifies a failed call: whether it may succeed later; carries its error code, never the request.
pub fn trouble<E, R>(what: &'static str, error: &SdkError<E, R>) -> ServiceError
where
    E: ProvideErrorMetadata,
    R: Status,
{
    match error {
        SdkError::ServiceError(service) => refusal(what, service.err().code(), service.raw().status()),
        SdkError::TimeoutError(_) => ServiceError::transient(what, "no answer in time"),
        SdkError::DispatchFailure(_) => ServiceError::transient(what, "the connection failed"),
        SdkError::ResponseError(_) => ServiceError::transient(what, "the answer broke off"),
        _ => ServiceError::permanent(what, "request_invalid", "the request could not be made"),
    }
}

/// Codes that DynamoDB returns with status 400 and that are worth a retry (Amazon DynamoDB Developer Guide, "Error
/// handling", "OK to retry"), and those of credentials that Lambda is about to renew or of a signature that aged while
/// the function was frozen.
const TRANSIENT: [&str; 12] = [
    "ExpiredTokenException",
    "InternalServerError",
    "InvalidSignatureException",
    "ItemCollectionSizeLimitExceededException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "UnrecognizedClientException",
];

fn refusal(what: &'static str, code: Option<&str>, status: u16) -> ServiceError {
    let detail = code.unwrap_or("unnamed error");
    if status == 429 || status >= 500 || TRANSIENT.contains(&detail) {
        return ServiceError::transient(what, detail);
    }
    let word = match detail {
        "ValidationException" | "RequestEntityTooLarge" => "record_refused",
        "AccessDeniedException" => "access_denied",
        "ResourceNotFoundException" => "table_missing",
        _ => "store_refused",
    };
    ServiceError::permanent(what, word, detail)
}

/// The status of an HTTP response, for each version of the type that clients use.
pub trait Status {
    /// As a number.
    fn status(&self) -> u16;
}

impl Status for HttpResponse {
    fn status(&self) -> u16 {
        HttpResponse::status(self).as_u16()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dynamodb_refuses_for_good_is_told_from_what_it_refuses_for_now() {
        let kind = |code, status| refusal("the ledger", code, status);
        for (code, status) in [
            (Some("ThrottlingException"), 400),
            (Some("ProvisionedThroughputExceededException"), 400),
            (Some("ExpiredTokenException"), 400),
            (Some("InternalServerError"), 500),
            (None, 503),
            (None, 429),
        ] {
            assert!(!kind(code, status).is_permanent(), "{code:?} {status}");
        }
        for (code, word) in [
            (Some("ValidationException"), "record_refused"),
            (Some("AccessDeniedException"), "access_denied"),
            (Some("ResourceNotFoundException"), "table_missing"),
            (Some("SomethingNew"), "store_refused"),
            (None, "store_refused"),
        ] {
            assert_eq!(kind(code, 400).reason().code, word, "{code:?}");
        }
    }

    #[test]
    fn records_of_a_newer_version_are_held() {
        let mut record = item("PAYMENT", "cs_1");
        record.insert("data".to_owned(), text("{}"));
        assert!(data::<serde_json::Value>(&record, "the ledger").is_ok());
        assert_eq!(data::<String>(&record, "the ledger").unwrap_err().reason().code, "record_unreadable");
        record.insert("v".to_owned(), number(VERSION + 1));
        assert!(data::<serde_json::Value>(&record, "the ledger").is_ok(), "fields were added");
        assert!(data::<String>(&record, "the ledger").unwrap_err().reason().is_held(), "a word was added");
        record.insert("needs".to_owned(), number(VERSION + 1));
        assert!(data::<serde_json::Value>(&record, "the ledger").unwrap_err().reason().is_held());
        assert!(ours(record, "the ledger").is_err());
    }

    #[test]
    fn a_cancelled_transaction_is_retried_only_if_its_reasons_pass() {
        let reason = |code: &str| CancellationReason::builder().code(code).build();
        let cancelled =
            |codes: &[&str]| cancelled("the ledger", &codes.iter().map(|code| reason(code)).collect::<Vec<_>>());
        assert!(!cancelled(&["None", "TransactionConflict"]).is_permanent());
        assert!(!cancelled(&["ThrottlingError", "None"]).is_permanent());
        assert_eq!(cancelled(&["None", "ValidationError"]).reason().code, "record_refused");
        assert_eq!(cancelled(&["TransactionConflict", "ValidationError"]).reason().code, "record_refused");
        assert_eq!(cancelled(&["ConditionalCheckFailed"]).reason().code, "record_conflict");
    }
}
