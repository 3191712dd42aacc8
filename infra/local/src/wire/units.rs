//! The units that DynamoDB bills for a write or a read, from the items concerned: pure functions from values to
//! numbers.
//!
//! The rules are those of the developer guide: "DynamoDB item sizes and formats" (CapacityUnitCalculations), "Read and
//! write operations" (read-write-operations), "Using global secondary indexes" (GSI) and "DynamoDB transactions"
//! (transaction-apis).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// An item as the API writes it: attribute values by name.
pub type Item = Map<String, Value>;

/// A write is billed in steps of this many bytes, of the larger of the item before and after.
const WRITE_BYTES: u64 = 1024;
/// A read is billed in steps of this many bytes read.
const READ_BYTES: u64 = 4096;
/// The overhead of a list or a map, and of each of its elements.
const CONTAINER: u64 = 3;
const ELEMENT: u64 = 1;

/// The billed units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units {
    /// Write request units.
    pub writes: u64,
    /// Halves of a read request unit: an eventually consistent read of 4 KB is one, a consistent one is two.
    pub half_reads: u64,
}

impl std::ops::AddAssign for Units {
    fn add_assign(&mut self, other: Self) {
        self.writes += other.writes;
        self.half_reads += other.half_reads;
    }
}

/// A table's properties that determine the units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The attributes of its key.
    pub key: Vec<String>,
    /// Its global secondary indexes.
    pub indexes: Vec<Index>,
}

/// A global secondary index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// The attributes of its key: an item without one of them is not in it.
    pub key: Vec<String>,
    /// What it projects beside both keys; everything when `None`.
    pub projected: Option<Vec<String>>,
}

impl Table {
    /// From the answer of `DescribeTable`.
    pub fn of(described: &Value) -> Self {
        let key = |of: &Value| texts(of.get("KeySchema"), Some("AttributeName"));
        let table = described.get("Table").unwrap_or(described);
        let index = |index: &Value| {
            let kind = index.pointer("/Projection/ProjectionType").and_then(Value::as_str);
            let named = texts(index.pointer("/Projection/NonKeyAttributes"), None);
            let name = index.get("IndexName").and_then(Value::as_str).unwrap_or_default().to_owned();
            Index { name, key: key(index), projected: (kind != Some("ALL")).then_some(named) }
        };
        let indexes = table.get("GlobalSecondaryIndexes").and_then(Value::as_array).into_iter().flatten();
        Self { key: key(table), indexes: indexes.map(index).collect() }
    }

    /// The key of an item.
    pub fn key_of(&self, item: &Item) -> Item {
        self.key.iter().filter_map(|name| Some((name.clone(), item.get(name)?.clone()))).collect()
    }

    fn copy(&self, index: &Index, item: Option<&Item>) -> Option<Item> {
        let item = item?;
        if !index.key.iter().all(|name| item.contains_key(name)) {
            return None;
        }
        let kept = |name: &String| match &index.projected {
            None => true,
            Some(others) => others.contains(name) || index.key.contains(name) || self.key.contains(name),
        };
        Some(item.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

fn texts(list: Option<&Value>, field: Option<&str>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    let text = |value: &Value| Some(field.map_or(Some(value), |field| value.get(field))?.as_str()?.to_owned());
    list.filter_map(text).collect()
}

/// The bytes of an item: its attribute names and values.
pub fn item_size(item: &Item) -> u64 {
    item.iter().map(|(name, value)| bytes(name) + value_size(value)).sum()
}

fn value_size(value: &Value) -> u64 {
    let Some((kind, inner)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    let text = inner.as_str().unwrap_or_default();
    let each =
        |size: fn(&str) -> u64| inner.as_array().into_iter().flatten().filter_map(Value::as_str).map(size).sum::<u64>();
    match kind.as_str() {
        "S" => bytes(text),
        "N" => number_size(text),
        "B" => binary_size(text),
        "SS" => each(bytes),
        "NS" => each(number_size),
        "BS" => each(binary_size),
        "L" => CONTAINER + inner.as_array().into_iter().flatten().map(|one| ELEMENT + value_size(one)).sum::<u64>(),
        "M" => {
            let entries = inner.as_object().into_iter().flatten();
            CONTAINER + entries.map(|(name, one)| ELEMENT + bytes(name) + value_size(one)).sum::<u64>()
        }
        // BOOL and NULL.
        _ => 1,
    }
}

fn bytes(text: &str) -> u64 {
    text.len() as u64
}

/// The raw length; invalid base64 counts at its own length.
fn binary_size(text: &str) -> u64 {
    STANDARD.decode(text).map_or(text.len(), |raw| raw.len()) as u64
}

/// One byte for two significant digits and one more; a sign takes another. The guide says "approximately": measurements
/// round up, before and after the decimal point separately (github.com/nubo-db/dynamodb-conformance, numberByteSize).
fn number_size(text: &str) -> u64 {
    let digits = text.split(['e', 'E']).next().unwrap_or_default().trim_start_matches(['-', '+']);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    // Leading and trailing zeros of the number count for nothing.
    let whole = if fraction.is_empty() { whole.trim_end_matches('0') } else { whole };
    let fraction = if whole.is_empty() { fraction.trim_start_matches('0') } else { fraction };
    bytes(whole).div_ceil(2) + bytes(fraction).div_ceil(2) + 1 + u64::from(text.starts_with('-'))
}

/// The write units of one item that changes from `before` to `after`, in its table and in the table's indexes.
///
/// A failed conditional write is billed like a successful one: pass the item it would have written as `after` if
/// known, else the stored item. In a transaction everything counts twice, a condition check like a write.
pub fn write(table: &Table, before: Option<&Item>, after: Option<&Item>, in_transaction: bool) -> u64 {
    let blocks = |item: Option<&Item>| item.map_or(0, item_size).div_ceil(WRITE_BYTES).max(1);
    let own = blocks(before).max(blocks(after));
    let copies = table.indexes.iter().map(|index| {
        let (old, new) = (table.copy(index, before), table.copy(index, after));
        match (&old, &new) {
            (None, None) => 0,
            (Some(old), Some(new)) if old == new => 0,
            // Moving within an index is a deletion and a write.
            (Some(a), Some(b)) if index.key.iter().any(|name| a.get(name) != b.get(name)) => {
                blocks(old.as_ref()) + blocks(new.as_ref())
            }
            _ => blocks(old.as_ref()).max(blocks(new.as_ref())),
        }
    });
    (own + copies.sum::<u64>()) * if in_transaction { 2 } else { 1 }
}

/// The kind of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// The default.
    Eventual,
    /// `ConsistentRead`.
    Strong,
    /// Part of a transaction.
    Transaction,
}

/// Halves of a read unit for this many bytes read at once; an empty read is billed too.
pub fn half_reads(size: u64, consistency: Consistency) -> u64 {
    let halves = match consistency {
        Consistency::Eventual => 1,
        Consistency::Strong => 2,
        Consistency::Transaction => 4,
    };
    size.div_ceil(READ_BYTES).max(1) * halves
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(value: Value) -> Item {
        value.as_object().unwrap().clone()
    }

    fn text(length: usize) -> Value {
        json!({ "S": "x".repeat(length) })
    }

    #[test]
    fn items_are_as_large_as_the_guide_says() {
        for (value, size) in [
            // A string: the bytes of its name and of its value, not its characters.
            (json!({"name": {"S": "Zoé"}}), 4 + 4),
            // A number: a byte for two significant digits and one more; zeros at either end are trimmed.
            (json!({"n": {"N": "27"}}), 1 + 2),
            (json!({"n": {"N": "0027000"}}), 1 + 2),
            (json!({"n": {"N": "-27.5"}}), 1 + 4),
            (json!({"n": {"N": "123456"}}), 1 + 4),
            (json!({"n": {"N": "3.14159"}}), 1 + 5),
            (json!({"n": {"N": "0"}}), 1 + 1),
            // Binary: the raw bytes behind the base64.
            (json!({"b": {"B": "AAEC"}}), 1 + 3),
            (json!({"t": {"BOOL": true}}), 1 + 1),
            (json!({"z": {"NULL": true}}), 1 + 1),
            // Empty lists and maps take three bytes; each element one more than itself.
            (json!({"l": {"L": []}}), 1 + 3),
            (json!({"l": {"L": [{"S": "ab"}, {"N": "1"}]}}), 1 + 3 + (1 + 2) + (1 + 2)),
            (json!({"m": {"M": {"k": {"S": "ab"}}}}), 1 + 3 + 1 + 1 + 2),
            (json!({"s": {"SS": ["ab", "c"]}}), 1 + 3),
            (json!({"s": {"NS": ["1", "23"]}}), 1 + 2 + 2),
        ] {
            assert_eq!(item_size(&item(value.clone())), size, "{value}");
        }
    }

    #[test]
    fn writes_round_up_to_a_kilobyte_of_the_larger_item() {
        let table = Table::default();
        let of = |size: usize| item(json!({ "a": text(size - 1) }));
        let write = |before: Option<usize>, after: Option<usize>, twice| {
            write(&table, before.map(of).as_ref(), after.map(of).as_ref(), twice)
        };
        // The guide's own: 1 KB is one unit, 3 KB three, and six in a transaction.
        assert_eq!(write(None, Some(1024), false), 1);
        assert_eq!(write(None, Some(1025), false), 2);
        assert_eq!(write(None, Some(3 * 1024), false), 3);
        assert_eq!(write(None, Some(3 * 1024), true), 6);
        assert_eq!(write(Some(2000), Some(100), false), 2, "what it was counts too");
        assert_eq!(write(Some(2000), None, false), 2, "so it does when it goes");
        assert_eq!(write(None, None, false), 1, "and nothing is not free");
    }

    #[test]
    fn a_sparse_index_costs_only_what_is_in_it() {
        let table = Table::of(&json!({"Table": {
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [{
                "IndexName": "parked", "Projection": {"ProjectionType": "ALL"},
                "KeySchema": [{"AttributeName": "source"}, {"AttributeName": "at"}],
            }],
        }}));
        let plain = item(json!({"pk": {"S": "1"}, "data": text(1500)}));
        let with = |at: &str, more: Value| {
            let mut parked = plain.clone();
            parked.extend(item(json!({"source": {"S": "mail"}, "at": {"S": at}})));
            parked.extend(item(more));
            parked
        };
        let (first, later) = (with("1", json!({})), with("2", json!({})));
        let changed = with("1", json!({"status": {"S": "seen"}}));
        let units = |before: &Item, after: &Item| write(&table, Some(before), Some(after), false);
        assert_eq!(units(&plain, &plain), 2, "not in it");
        assert_eq!(units(&plain, &first), 2 + 2, "put into it");
        assert_eq!(units(&first, &plain), 2 + 2, "taken out of it");
        assert_eq!(units(&first, &first), 2, "nothing of its copy changes");
        assert_eq!(units(&first, &changed), 2 + 2, "its copy changes");
        assert_eq!(units(&first, &later), 2 + 2 + 2, "it moves: taken out and put in");
        assert_eq!(table.key_of(&first), item(json!({"pk": {"S": "1"}})));
        let keys_only = Table::of(&json!({
            "KeySchema": [{"AttributeName": "pk"}],
            "GlobalSecondaryIndexes": [{
                "Projection": {"ProjectionType": "KEYS_ONLY"}, "KeySchema": [{"AttributeName": "source"}],
            }],
        }));
        assert_eq!(write(&keys_only, Some(&plain), Some(&first), false), 2 + 1, "its copy is small");
        assert_eq!(write(&keys_only, Some(&first), Some(&changed), false), 2, "what changed is not copied");
    }

    #[test]
    fn reads_round_up_to_four_kilobytes_and_differ_by_consistency() {
        // The guide's own: 8 KB are two units, one if eventually consistent, four in a transaction.
        assert_eq!(half_reads(8 * 1024, Consistency::Strong), 2 * 2);
        assert_eq!(half_reads(8 * 1024, Consistency::Eventual), 2);
        assert_eq!(half_reads(8 * 1024, Consistency::Transaction), 4 * 2);
        assert_eq!(half_reads(4097, Consistency::Eventual), 2);
        assert_eq!(half_reads(0, Consistency::Eventual), 1, "what is not there is read too");
    }
}
