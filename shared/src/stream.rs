//! A batch of DynamoDB stream records: what each record is about, and the partial batch response.
//!
//! The stream resumes from the lowest sequence number reported, so only the first `Retry` is reported; later records
//! are delivered again and are idempotent. A `Reject` is parked in its own item and the stream continues.

use jiff::Timestamp;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use crate::timing::in_time;
use crate::{
    outcome::{Outcome, ServiceError},
    record::Versions,
    sweep::STALE_SECONDS,
};

const WHAT: &str = "the stream";

/// A number of seconds, which may be written as `1.795257E9`.
fn seconds(number: &serde_json::Number) -> Option<i64> {
    let text = number.to_string();
    let exact = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text)).ok()?;
    exact.trunc().to_i64()
}

/// The event (docs.aws.amazon.com/lambda, "Process Amazon DynamoDB records").
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    /// In stream order.
    #[serde(rename = "Records", default)]
    pub records: Vec<Record>,
}

/// One change of one item.
#[derive(Debug, Deserialize)]
pub struct Record {
    /// The change.
    pub dynamodb: Change,
}

/// What changed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Change {
    /// The sequence number, from which the stream can resume.
    pub sequence_number: String,
    /// When the change was made, in seconds (a JSON number, with or without an exponent).
    #[serde(rename = "ApproximateCreationDateTime")]
    pub created: Option<serde_json::Number>,
    /// The key.
    #[serde(default)]
    pub keys: Image,
    /// The old image of the item.
    #[serde(default)]
    pub old_image: Image,
    /// The new image of the item.
    #[serde(default)]
    pub new_image: Image,
}

/// The attributes read from an item.
#[derive(Debug, Default, Deserialize)]
pub struct Image {
    /// The key.
    pub pk: Option<Text>,
    /// The value as JSON.
    pub data: Option<Text>,
    /// Why the item is parked, if it is.
    pub parked_reason: Option<Text>,
    /// When the item was recorded; a parked sale is recorded again by each delivery of its events.
    pub recorded_at: Option<Text>,
    /// The partition of open work that it is in, if it is open.
    pub open_shard: Option<Text>,
    /// The version that wrote it.
    pub v: Option<Number>,
    /// The least version that may act on it.
    pub needs: Option<Number>,
}

/// A text attribute.
#[derive(Debug, Deserialize)]
pub struct Text {
    /// The text.
    #[serde(rename = "S")]
    pub s: String,
}

/// A number attribute.
#[derive(Debug, Deserialize)]
pub struct Number {
    /// The number, as DynamoDB writes it.
    #[serde(rename = "N")]
    pub n: String,
}

impl Record {
    /// The kind in the record's key: `PAYMENT` of `PAYMENT#cs_1`.
    pub fn kind(&self) -> Option<&str> {
        self.key().map(|(kind, _)| kind)
    }

    /// The id after the kind in the record's key: `cs_1` of `PAYMENT#cs_1`.
    pub fn id(&self) -> Option<&str> {
        self.key().map(|(_, id)| id)
    }

    fn key(&self) -> Option<(&str, &str)> {
        self.dynamodb.keys.pk.as_ref().or(self.dynamodb.new_image.pk.as_ref())?.s.split_once('#')
    }

    /// Whether its item says that it is open, so that the sweep wakes it.
    pub fn is_open(&self) -> bool {
        self.dynamodb.new_image.open_shard.is_some()
    }

    /// Whether it was retried for long enough, and the sweep will wake it.
    fn is_left_to_the_sweep(&self, now: Timestamp) -> bool {
        let created = self.dynamodb.created.as_ref().and_then(seconds);
        let age = created.map(|created| now.as_second().saturating_sub(created));
        self.is_open() && age.is_some_and(|age| age > STALE_SECONDS.cast_signed())
    }

    /// Why the item was parked before it was recorded again, if it was; the same reason is not reported twice.
    pub fn parked_before(&self) -> Option<&str> {
        let Change { old_image: old, new_image: new, .. } = &self.dynamodb;
        let at = |image: &Image| image.recorded_at.as_ref().map(|at| at.s.clone());
        let anew = at(old) != at(new);
        old.parked_reason.as_ref().filter(|_| anew).map(|reason| reason.s.as_str())
    }

    /// The value that the item holds.
    ///
    /// # Errors
    /// Permanent: there is none, or it does not have this shape; the reason never quotes it. Held: a newer version has to
    /// process it.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, ServiceError> {
        let image = &self.dynamodb.new_image;
        image.value()?.ok_or_else(|| image.versions().unreadable(WHAT, "the item has no data"))
    }

    /// Whether this code may act on the record.
    ///
    /// # Errors
    /// Held: a newer version has to process it.
    pub fn check(&self) -> Result<(), ServiceError> {
        self.dynamodb.new_image.versions().check(WHAT)
    }

    /// The item's old and new value; `None` where there was or is no item.
    ///
    /// # Errors
    /// Permanent: there is neither, or one does not have this shape; the reason never quotes it. Held: a newer version
    /// has to process it.
    pub fn step<T: DeserializeOwned>(&self) -> Result<(Option<T>, Option<T>), ServiceError> {
        let Change { old_image: old, new_image: new, .. } = &self.dynamodb;
        match (old.value()?, new.value()?) {
            (None, None) => Err(new.versions().unreadable(WHAT, "the item has no data, neither before nor after")),
            step => Ok(step),
        }
    }
}

impl Image {
    fn versions(&self) -> Versions {
        let read = |number: &Option<Number>| number.as_ref().and_then(|number| number.n.parse().ok());
        let Versions { v, needs } = Versions::default();
        Versions { v: read(&self.v).unwrap_or(v), needs: read(&self.needs).unwrap_or(needs) }
    }

    fn value<T: DeserializeOwned>(&self) -> Result<Option<T>, ServiceError> {
        self.versions().check(WHAT)?;
        let Some(data) = &self.data else { return Ok(None) };
        serde_json::from_str(&data.s).map(Some).map_err(|error| {
            let detail = format!("the item's data cannot be read at line {}, column {}", error.line(), error.column());
            self.versions().unreadable(WHAT, detail)
        })
    }
}

/// The partial batch response: the records that failed. An empty list means that all succeeded.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// The first record to retry, if any.
    pub batch_item_failures: Vec<Failure>,
}

/// A record to retry.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its sequence number.
    pub item_identifier: String,
}

/// The response at `now` for `outcomes`, in the order of `records`; a record without an outcome was not begun.
///
/// A record that was retried for a quarter of an hour is acknowledged if its item says that it is open: the stream goes on
/// to the records behind it, and the sweep wakes it again.
pub fn answer<'a>(records: &[Record], outcomes: impl IntoIterator<Item = &'a Outcome>, now: Timestamp) -> BatchAnswer {
    let mut outcomes = outcomes.into_iter();
    let first = records.iter().find(|record| match outcomes.next() {
        Some(Outcome::Retry(_)) => !record.is_left_to_the_sweep(now),
        Some(_) => false,
        None => true,
    });
    let failure = first.map(|record| Failure { item_identifier: record.dynamodb.sequence_number.clone() });
    BatchAnswer { batch_item_failures: failure.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Reason;

    fn record(sequence_number: &str) -> Record {
        serde_json::from_value(serde_json::json!({
            "eventName": "INSERT",
            "dynamodb": {
                "SequenceNumber": sequence_number,
                "Keys": { "pk": { "S": "PAYMENT#cs_1#odd" } },
                "NewImage": { "pk": { "S": "PAYMENT#cs_1#odd" }, "data": { "S": "{\"a\":1}" }, "n": { "N": "1" } },
            },
        }))
        .unwrap()
    }

    #[test]
    fn the_first_retry_is_reported_and_a_reject_is_not() {
        let records = [record("1"), record("2"), record("3")];
        let why = || Reason::new("w", "t");
        let now = Timestamp::UNIX_EPOCH;
        let answered = answer(&records, &[Outcome::Reject(why()), Outcome::Retry(why()), Outcome::Retry(why())], now);
        assert_eq!(serde_json::to_string(&answered).unwrap(), r#"{"batchItemFailures":[{"itemIdentifier":"2"}]}"#);
        let answered = answer(&records, &[Outcome::Done, Outcome::AlreadyDone, Outcome::Reject(why())], now);
        assert_eq!(answered, BatchAnswer::default());
        let answered = answer(&records, &[Outcome::Done], now);
        assert_eq!(answered.batch_item_failures[0].item_identifier, "2", "it was not begun");
    }

    #[test]
    fn an_old_record_that_the_sweep_wakes_does_not_hold_up_the_stream() {
        let record = |n: u32, created: serde_json::Value, open: bool| {
            let image = if open { serde_json::json!({"open_shard": {"S": "MAIL#0"}}) } else { serde_json::json!({}) };
            let change = serde_json::json!({
                "SequenceNumber": n.to_string(), "ApproximateCreationDateTime": created, "NewImage": image,
            });
            serde_json::from_value::<Record>(serde_json::json!({ "dynamodb": change })).unwrap()
        };
        let (old, young) = (serde_json::json!(1.795_257E9), serde_json::json!(1_795_257_600));
        let now = Timestamp::from_second(1_795_257_000 + 901).unwrap();
        let retry = || Outcome::Retry(Reason::new("unavailable", "S3"));
        let first = |records: &[Record], outcomes: &[Outcome]| {
            answer(records, outcomes, now).batch_item_failures.first().map(|failure| failure.item_identifier.clone())
        };
        let records = [record(1, old.clone(), true), record(2, young, true), record(3, old.clone(), false)];
        assert_eq!(first(&records, &[retry(), Outcome::Done, Outcome::Done]), None, "it is left to the sweep");
        assert_eq!(first(&records, &[retry(), retry(), Outcome::Done]).as_deref(), Some("2"), "this one is young");
        assert_eq!(first(&records, &[retry()]).as_deref(), Some("2"), "the rest was not begun");
        assert_eq!(first(&records, &[Outcome::Done, Outcome::Done, retry()]).as_deref(), Some("3"), "not swept");
    }

    #[test]
    fn a_record_tells_its_id_and_its_value() {
        let record = record("1");
        assert_eq!((record.kind(), record.id()), (Some("PAYMENT"), Some("cs_1#odd")));
        assert_eq!(record.data::<serde_json::Value>().unwrap()["a"], 1);
        let reason = record.data::<String>().unwrap_err().reason();
        assert_eq!(reason.code, "record_unreadable");
    }

    #[test]
    fn a_record_of_a_newer_version_is_held() {
        let image = |v: u32, needs: u32| {
            serde_json::json!({
                "data": {"S": "{\"a\":1}"}, "v": {"N": v.to_string()}, "needs": {"N": needs.to_string()},
            })
        };
        let record = |image| {
            let change = serde_json::json!({"SequenceNumber": "1", "NewImage": image});
            serde_json::from_value::<Record>(serde_json::json!({ "dynamodb": change })).unwrap()
        };
        let newer = crate::record::VERSION + 1;
        assert!(record(image(newer, 1)).data::<serde_json::Value>().is_ok());
        assert!(record(image(newer, 1)).data::<String>().unwrap_err().reason().is_held());
        assert!(record(image(newer, newer)).data::<serde_json::Value>().unwrap_err().reason().is_held());
        assert!(record(image(newer, newer)).check().is_err());
        assert!(record(image(newer, newer)).step::<serde_json::Value>().is_err());
    }

    #[test]
    fn a_record_tells_what_stood_before_and_what_stands_since() {
        let step = |before: Option<&str>, after: Option<&str>| {
            let image =
                |data: Option<&str>| data.map_or(serde_json::json!({}), |s| serde_json::json!({"data": {"S": s}}));
            let change =
                serde_json::json!({"SequenceNumber": "1", "OldImage": image(before), "NewImage": image(after)});
            serde_json::from_value::<Record>(serde_json::json!({ "dynamodb": change })).unwrap().step::<u8>()
        };
        assert_eq!(step(Some("1"), Some("2")), Ok((Some(1), Some(2))));
        assert_eq!((step(None, Some("2")), step(Some("1"), None)), (Ok((None, Some(2))), Ok((Some(1), None))));
        for (before, after) in [(None, None), (Some("?"), Some("2")), (Some("1"), Some("?"))] {
            assert_eq!(step(before, after).unwrap_err().reason().code, "record_unreadable");
        }
    }
}
