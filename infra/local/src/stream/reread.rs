//! After a restart the stand-in keeps its tables, but its streams are empty: what was written and not yet delivered
//! would be lost. So every item of the table is sent again, as an insert. A stream delivers at least once anyway, and
//! every function is idempotent; only parked items are skipped.

use serde_json::{Value, json};

use crate::aws::REGION;

/// The items of a table as records of its stream.
pub fn records(items: Vec<Value>) -> Vec<Value> {
    let waiting = items.into_iter().filter(|item| item.get("parked_at").is_none());
    waiting.enumerate().map(|(index, item)| record(index, &item)).collect()
}

fn record(index: usize, item: &Value) -> Value {
    json!({
        "eventID": crate::lambda::pool::request_id(),
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": crate::clock::now().as_second(),
            "Keys": keys(item),
            "NewImage": item,
            // Unique within the batch, and not a position in the real stream.
            "SequenceNumber": format!("again{index:025}"),
            "SizeBytes": item.to_string().len(),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    })
}

/// One key attribute or two, as the table has it.
fn keys(item: &Value) -> Value {
    let part = |name: &str| Some((name.to_owned(), item.get(name)?.clone()));
    Value::Object(["pk", "sk"].into_iter().filter_map(part).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_person_is_not_announced_again() {
        let items = vec![
            json!({"pk": {"S": "a"}}),
            json!({"pk": {"S": "b"}, "parked_at": {"S": "t"}}),
            json!({"pk": {"S": "c"}, "sk": {"S": "d"}}),
        ];
        let records = records(items);
        let keys: Vec<_> = records.iter().map(|record| record.pointer("/dynamodb/Keys/pk/S").unwrap()).collect();
        assert_eq!(keys, ["a", "c"]);
        assert_eq!(records[1].pointer("/dynamodb/Keys/sk/S").unwrap(), "d");
        assert_ne!(records[0].pointer("/dynamodb/SequenceNumber"), records[1].pointer("/dynamodb/SequenceNumber"));
    }
}
