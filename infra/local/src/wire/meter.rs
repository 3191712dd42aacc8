//! Meters each call to DynamoDB: reads the items it concerns before and after, and computes the units of both.
//!
//! An update contains the change and not the item's size, so the item must be read. That takes time, so it is done only
//! if metering was requested.

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use super::tables::Tables;
use super::units::{self, Consistency, Item, Table, Units};
use crate::aws::Aws;

/// One item that a call wrote, or the result of a read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touched {
    /// Its kind: the key up to the first `#`, such as `INVOICE`; `scan` and `query` for reads.
    pub kind: String,
    /// Its bytes, the larger of before and after.
    pub bytes: u64,
    /// Its billed units.
    pub units: Units,
}

/// Reads the items.
#[derive(Debug)]
pub(super) struct Meter {
    aws: Aws,
    tables: Tables,
}

/// An item that a call is about to write.
#[derive(Debug)]
struct Write {
    table: Table,
    name: String,
    key: Item,
    /// What a put replaces it with.
    given: Option<Item>,
    before: Option<Item>,
    in_transaction: bool,
}

/// A call in progress.
#[derive(Debug, Default)]
pub(super) struct Reading {
    writes: Vec<Write>,
    reads: Vec<Touched>,
}

impl Meter {
    pub(super) fn new(aws: Aws) -> Self {
        Self { tables: Tables::new(aws.clone()), aws }
    }

    /// Before the call; `None` for operations without known units.
    pub(super) async fn before(&self, operation: &str, body: &Bytes) -> anyhow::Result<Option<Reading>> {
        let Ok(input) = serde_json::from_slice::<Value>(body) else { return Ok(None) };
        let mut reading = Reading::default();
        match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" => reading.writes.push(self.write(&input, false).await?),
            "TransactWriteItems" => {
                for one in list(&input, "TransactItems").filter_map(|one| one.as_object()?.values().next()) {
                    reading.writes.push(self.write(one, true).await?);
                }
            }
            "GetItem" => reading.reads.push(self.get(&input, consistency(&input)).await?),
            "TransactGetItems" => {
                for one in list(&input, "TransactItems").filter_map(|one| one.get("Get")) {
                    reading.reads.push(self.get(one, Consistency::Transaction).await?);
                }
            }
            "Query" | "Scan" => reading.reads.push(self.pages(operation, &input).await?),
            _ => return Ok(None),
        }
        Ok(Some(reading))
    }

    /// After the call: the items and their units.
    pub(super) async fn after(&self, reading: Reading, succeeded: bool) -> anyhow::Result<Vec<Touched>> {
        let mut touched = reading.reads;
        for write in reading.writes {
            let after = match &write.given {
                Some(given) => Some(given.clone()),
                None if succeeded => self.look(&write.name, &write.key).await?,
                None => write.before.clone(),
            };
            let size = |item: &Option<Item>| item.as_ref().map_or(0, units::item_size);
            touched.push(Touched {
                kind: kind(&write.key),
                bytes: size(&write.before).max(size(&after)),
                units: Units {
                    writes: units::write(&write.table, write.before.as_ref(), after.as_ref(), write.in_transaction),
                    half_reads: 0,
                },
            });
        }
        Ok(touched)
    }

    async fn write(&self, input: &Value, in_transaction: bool) -> anyhow::Result<Write> {
        let name = text(input, "TableName");
        let table = self.tables.named(&name).await?;
        let given = input.get("Item").and_then(Value::as_object).cloned();
        let key = match &given {
            Some(item) => table.key_of(item),
            None => input.get("Key").and_then(Value::as_object).cloned().unwrap_or_default(),
        };
        let before = self.look(&name, &key).await?;
        Ok(Write { table, name, key, given, before, in_transaction })
    }

    async fn get(&self, input: &Value, consistency: Consistency) -> anyhow::Result<Touched> {
        let key = input.get("Key").and_then(Value::as_object).cloned().unwrap_or_default();
        let bytes = self.look(&text(input, "TableName"), &key).await?.as_ref().map_or(0, units::item_size);
        let units = Units { writes: 0, half_reads: units::half_reads(bytes, consistency) };
        Ok(Touched { kind: kind(&key), bytes, units })
    }

    /// A page is billed by the data read, before filter and projection.
    async fn pages(&self, operation: &str, input: &Value) -> anyhow::Result<Touched> {
        let page = self.aws.dynamodb(operation, &unfiltered(input)).await?;
        let bytes = list(&page, "Items").filter_map(Value::as_object).map(units::item_size).sum();
        let units = Units { writes: 0, half_reads: units::half_reads(bytes, consistency(input)) };
        Ok(Touched { kind: operation.to_lowercase(), bytes, units })
    }

    async fn look(&self, table: &str, key: &Item) -> anyhow::Result<Option<Item>> {
        let input = json!({"TableName": table, "Key": key, "ConsistentRead": true});
        let answer = self.aws.dynamodb("GetItem", &input).await?;
        Ok(answer.get("Item").and_then(Value::as_object).cloned())
    }
}

/// The same query without filter and projection, and without the names that are then unused.
fn unfiltered(input: &Value) -> Value {
    let mut open = input.as_object().cloned().unwrap_or_default();
    for narrowing in ["FilterExpression", "ProjectionExpression", "Select", "ReturnConsumedCapacity"] {
        open.remove(narrowing);
    }
    let condition = text(input, "KeyConditionExpression");
    for names in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
        let used: Map<String, Value> = input
            .get(names)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(name, _)| uses(&condition, name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        open.remove(names);
        if !used.is_empty() {
            open.insert(names.to_owned(), Value::Object(used));
        }
    }
    Value::Object(open)
}

/// Whether an expression uses exactly this name, not a longer one with the same prefix.
fn uses(expression: &str, name: &str) -> bool {
    expression.split(|c: char| !(c.is_ascii_alphanumeric() || "_:#".contains(c))).any(|word| word == name)
}

fn consistency(input: &Value) -> Consistency {
    match input.get("ConsistentRead").and_then(Value::as_bool) {
        Some(true) => Consistency::Strong,
        _ => Consistency::Eventual,
    }
}

fn kind(key: &Item) -> String {
    let text = key.get("pk").or_else(|| key.values().next()).and_then(|value| value.get("S")).and_then(Value::as_str);
    text.unwrap_or_default().split('#').next().unwrap_or_default().to_owned()
}

fn text(input: &Value, name: &str) -> String {
    input.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(input: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    input.get(name).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_without_what_narrows_it() {
        let asked = json!({
            "TableName": "t", "KeyConditionExpression": "#p = :p", "FilterExpression": "kind = :pk",
            "ProjectionExpression": "#data", "ConsistentRead": true,
            "ExpressionAttributeNames": {"#p": "pk", "#data": "data"},
            "ExpressionAttributeValues": {":p": {"S": "1"}, ":pk": {"S": "2"}},
        });
        let open = unfiltered(&asked);
        let left = json!({
            "TableName": "t", "KeyConditionExpression": "#p = :p", "ConsistentRead": true,
            "ExpressionAttributeNames": {"#p": "pk"}, "ExpressionAttributeValues": {":p": {"S": "1"}},
        });
        assert_eq!(open, left);
        let scan = unfiltered(
            &json!({"TableName": "t", "FilterExpression": "a = :a", "ExpressionAttributeValues": {":a": {"S": ""}}}),
        );
        assert_eq!(scan, json!({"TableName": "t"}));
    }
}
