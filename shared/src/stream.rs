//! A batch of DynamoDB stream records: what each is about, and the partial batch response.
//!
//! The stream goes on from the lowest sequence number that is reported, so the first `Retry` is what is answered; every
//! record after it comes again and finds its work done. A `Reject` is parked where its item lies and the stream goes on.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::outcome::{Outcome, Reason};
pub use crate::timing::in_time;

/// The event (docs.aws.amazon.com/lambda, "Process Amazon DynamoDB records").
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    /// In the order of the stream.
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
    /// Where the stream may go on from.
    pub sequence_number: String,
    /// The key.
    #[serde(default)]
    pub keys: Image,
    /// The item before.
    #[serde(default)]
    pub old_image: Image,
    /// The item afterwards.
    #[serde(default)]
    pub new_image: Image,
}

/// The attributes we read of an item.
#[derive(Debug, Default, Deserialize)]
pub struct Image {
    /// The key.
    pub pk: Option<Text>,
    /// The value as JSON.
    pub data: Option<Text>,
    /// Why the item is parked, if it is.
    pub parked_reason: Option<Text>,
    /// When the item was recorded; a sale that waits is recorded anew by each delivery of its events.
    pub recorded_at: Option<Text>,
    /// The hash of a value that is too large for the item; its parts lie beside it.
    pub data_sha256: Option<Text>,
}

/// A text attribute.
#[derive(Debug, Deserialize)]
pub struct Text {
    /// The text.
    #[serde(rename = "S")]
    pub s: String,
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

    /// Whether the item's value is too large for it, so that the record does not carry it.
    pub fn is_in_parts(&self) -> bool {
        self.dynamodb.new_image.data.is_none() && self.dynamodb.new_image.data_sha256.is_some()
    }

    /// Why the item was parked before it was recorded anew, if it was: parked for the same reason again, it is no news.
    pub fn parked_before(&self) -> Option<&str> {
        let Change { old_image: old, new_image: new, .. } = &self.dynamodb;
        let at = |image: &Image| image.recorded_at.as_ref().map(|at| at.s.clone());
        let anew = at(old) != at(new);
        old.parked_reason.as_ref().filter(|_| anew).map(|reason| reason.s.as_str())
    }

    /// The value that the item holds.
    ///
    /// # Errors
    /// When there is none, or it is not of this shape; the reason never quotes it.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Reason> {
        self.dynamodb.new_image.value()?.ok_or_else(|| unreadable("the item has no data".to_owned()))
    }

    /// The value that the item held before, and the one it holds since; none where there was or is no item.
    ///
    /// # Errors
    /// When there is neither, or one of them is not of this shape; the reason never quotes it.
    pub fn step<T: DeserializeOwned>(&self) -> Result<(Option<T>, Option<T>), Reason> {
        match (self.dynamodb.old_image.value()?, self.dynamodb.new_image.value()?) {
            (None, None) => Err(unreadable("the item has no data, neither before nor after".to_owned())),
            step => Ok(step),
        }
    }
}

impl Image {
    fn value<T: DeserializeOwned>(&self) -> Result<Option<T>, Reason> {
        let Some(data) = &self.data else { return Ok(None) };
        serde_json::from_str(&data.s).map(Some).map_err(|error| {
            unreadable(format!("the item's data cannot be read at line {}, column {}", error.line(), error.column()))
        })
    }
}

fn unreadable(text: String) -> Reason {
    Reason::new("record_unreadable", text)
}

/// The answer: what failed. Nothing listed means all is done.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// The first record to try again, if any.
    pub batch_item_failures: Vec<Failure>,
}

/// A record to try again.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its sequence number.
    pub item_identifier: String,
}

/// The answer for `outcomes`, one a record, in the order of `records`.
pub fn answer<'a>(records: &[Record], outcomes: impl IntoIterator<Item = &'a Outcome>) -> BatchAnswer {
    let first = records.iter().zip(outcomes).find(|(_, outcome)| matches!(outcome, Outcome::Retry(_)));
    let failure = first.map(|(record, _)| Failure { item_identifier: record.dynamodb.sequence_number.clone() });
    BatchAnswer { batch_item_failures: failure.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let answered = answer(&records, &[Outcome::Reject(why()), Outcome::Retry(why()), Outcome::Retry(why())]);
        assert_eq!(serde_json::to_string(&answered).unwrap(), r#"{"batchItemFailures":[{"itemIdentifier":"2"}]}"#);
        let answered = answer(&records, &[Outcome::Done, Outcome::AlreadyDone, Outcome::Reject(why())]);
        assert_eq!(answered, BatchAnswer::default());
    }

    #[test]
    fn a_record_tells_its_id_and_its_value() {
        let record = record("1");
        assert_eq!((record.kind(), record.id()), (Some("PAYMENT"), Some("cs_1#odd")));
        assert_eq!(record.data::<serde_json::Value>().unwrap()["a"], 1);
        let reason = record.data::<String>().unwrap_err();
        assert_eq!(reason.word, "record_unreadable");
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
            assert_eq!(step(before, after).unwrap_err().word, "record_unreadable");
        }
    }
}
