//! Requests that DynamoDB rejects before it reads an item: its documented limits, with its own messages.
//!
//! The stand-in for AWS enforces only some; a limit not enforced locally is first hit in production, by a sale.
//! Sources: the developer guide's "Quotas in Amazon DynamoDB" (ServiceQuotas), the API reference of each operation,
//! and for for the messages, observed answers (github.com/nubo-db/dynamodb-conformance, tests/tier3). Where no message
//! is known, the code is AWS's and the message is ours: the size of a transaction and of a batch.
//!
//! The size of an item after an update depends on the stored item: that limit is left to the stand-in
//! (`tests/it/limits.rs` tests it).

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::units::{self, Item, Table};

/// Most bytes of an item, names and values (400 KB).
const ITEM_BYTES: u64 = 400 * 1024;
/// Most bytes of the items of a transaction (4 MB).
const TRANSACTION_BYTES: u64 = 4 * 1024 * 1024;
/// Most actions of a transaction, and most keys of a batch that reads.
const HUNDRED: usize = 100;
/// Most writes of a batch, and most bytes of its request (16 MB).
const BATCH_WRITES: usize = 25;
const BATCH_BYTES: usize = 16 * 1024 * 1024;
/// Most bytes of the attributes of a key.
const PARTITION_KEY_BYTES: usize = 2048;
const SORT_KEY_BYTES: usize = 1024;
/// Most bytes of an expression.
const EXPRESSION_BYTES: usize = 4096;

const EXPRESSIONS: [&str; 5] =
    ["KeyConditionExpression", "ConditionExpression", "FilterExpression", "ProjectionExpression", "UpdateExpression"];

/// One action of a request: its kind, its table and its item.
struct Action<'a> {
    table: &'a str,
    /// Holds `Item` or `Key`, expressions, names and values.
    asked: &'a Value,
}

/// The tables a request names.
pub fn tables(operation: &str, request: &Value) -> BTreeSet<String> {
    actions(operation, request).iter().map(|action| action.table.to_owned()).collect()
}

/// Rejects the request if DynamoDB would reject it before reading any item.
///
/// # Errors
/// The message of its `ValidationException`.
pub fn check(operation: &str, request: &Value, length: usize, known: &HashMap<String, Table>) -> Result<(), String> {
    counted(operation, request, length)?;
    let actions = actions(operation, request);
    for action in &actions {
        expressions(action.asked)?;
        if let (Some(table), Some(item)) = (known.get(action.table), item_or_key(action.asked)) {
            keys(table, item, action.asked.get("Item").is_some())?;
        }
        let item = action.asked.get("Item").and_then(Value::as_object);
        if item.map_or(0, units::item_size) > ITEM_BYTES {
            return Err("Item size has exceeded the maximum allowed size".to_owned());
        }
    }
    if operation.starts_with("Transact") {
        if has_twice(&actions, known) {
            return Err("Transaction request cannot include multiple operations on one item".to_owned());
        }
        // For an update the request contains the key and the new values; the resulting item may be larger.
        if actions.iter().map(|action| told_size(action.asked)).sum::<u64>() > TRANSACTION_BYTES {
            return Err("The aggregate size of the items in the transaction exceeds 4 MB".to_owned());
        }
    }
    if operation.starts_with("Batch") && has_twice(&actions, known) {
        return Err("Provided list of item keys contains duplicates".to_owned());
    }
    Ok(())
}

fn actions<'a>(operation: &str, request: &'a Value) -> Vec<Action<'a>> {
    let of = |asked: &'a Value| asked.get("TableName").and_then(Value::as_str).map(|table| Action { table, asked });
    let entries = |member: &str| request.get(member).and_then(Value::as_object).into_iter().flatten();
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" | "GetItem" | "Query" | "Scan" => of(request).into_iter().collect(),
        "TransactWriteItems" | "TransactGetItems" => {
            list(request, "TransactItems").filter_map(|one| one.as_object()?.values().next()).filter_map(of).collect()
        }
        "BatchWriteItem" => entries("RequestItems")
            .flat_map(|(table, writes)| writes.as_array().into_iter().flatten().map(move |write| (table, write)))
            .filter_map(|(table, write)| Some(Action { table, asked: write.as_object()?.values().next()? }))
            .collect(),
        "BatchGetItem" => entries("RequestItems")
            .flat_map(|(table, gets)| {
                let keys = list(gets, "Keys").map(move |asked| Action { table, asked });
                keys.chain(std::iter::once(Action { table, asked: gets }))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The number of actions, and their total size.
fn counted(operation: &str, request: &Value, length: usize) -> Result<(), String> {
    let failed = |at: &str, constraint: &str| {
        Err(format!("1 validation error detected: Value '[...]' at '{at}' failed to satisfy constraint: {constraint}"))
    };
    match operation {
        "TransactWriteItems" | "TransactGetItems" => match list(request, "TransactItems").count() {
            0 => Err(
                "1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: Member must \
                      have length greater than or equal to 1"
                    .to_owned(),
            ),
            count if count > HUNDRED => failed("transactItems", "Member must have length less than or equal to 100"),
            _ => Ok(()),
        },
        "BatchWriteItem" => {
            let tables = request.get("RequestItems").and_then(Value::as_object).into_iter().flatten();
            let counts: Vec<_> = tables.map(|(_, writes)| writes.as_array().map_or(0, Vec::len)).collect();
            match counts.iter().sum::<usize>() {
                0 => Err("The requestItems parameter is required for BatchWriteItem".to_owned()),
                _ if counts.iter().any(|count| *count > BATCH_WRITES) => failed(
                    "requestItems",
                    "Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have \
                     length greater than or equal to 1]",
                ),
                count if count > BATCH_WRITES => Err("Too many items requested for the BatchWriteItem call".to_owned()),
                _ if length > BATCH_BYTES => Err("The total request size exceeds 16 MB".to_owned()),
                _ => Ok(()),
            }
        }
        "BatchGetItem" => {
            let tables = request.get("RequestItems").and_then(Value::as_object).into_iter().flatten();
            let mut all = 0;
            for (table, gets) in tables {
                let count = list(gets, "Keys").count();
                if count > HUNDRED {
                    return Err(format!(
                        "1 validation error detected: Value at 'RequestItems.{table}.member.Keys' failed to satisfy \
                         constraint: Member must have length less than or equal to 100"
                    ));
                }
                all += count;
            }
            match all {
                0 => Err("The requestItems parameter is required for BatchGetItem".to_owned()),
                count if count > HUNDRED => Err("Too many items requested for the BatchGetItem call".to_owned()),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Every name and value that expressions use is defined, and no others are.
fn expressions(asked: &Value) -> Result<(), String> {
    let written = || EXPRESSIONS.into_iter().filter_map(|name| Some((name, asked.get(name)?.as_str()?)));
    let given = |member: &str| asked.get(member).and_then(Value::as_object);
    let (names, values) = (given("ExpressionAttributeNames"), given("ExpressionAttributeValues"));
    for (member, given) in [("ExpressionAttributeNames", names), ("ExpressionAttributeValues", values)] {
        if given.is_some() && written().next().is_none() {
            return Err(format!("{member} can only be specified when using expressions"));
        }
        if given.is_some_and(Map::is_empty) {
            return Err(format!("{member} must not be empty"));
        }
    }
    let mut used = BTreeSet::new();
    for (field, expression) in written() {
        let size = expression.len();
        if size == 0 {
            return Err(format!("Invalid {field}: The expression can not be empty;"));
        }
        if size > EXPRESSION_BYTES {
            return Err(format!(
                "Invalid {field}: Expression size has exceeded the maximum allowed size; expression size: {size}"
            ));
        }
        for word in placeholders(expression) {
            if word.starts_with('#') && !names.is_some_and(|names| names.contains_key(word)) {
                return Err(format!(
                    "Invalid {field}: An expression attribute name used in the document path is not defined; attribute \
                     name: {word}"
                ));
            }
            if word.starts_with(':') && !values.is_some_and(|values| values.contains_key(word)) {
                return Err(format!(
                    "Invalid {field}: An expression attribute value used in expression is not defined; attribute value: \
                     {word}"
                ));
            }
            used.insert(word);
        }
    }
    for (member, given) in [("ExpressionAttributeNames", names), ("ExpressionAttributeValues", values)] {
        let unused: Vec<_> =
            given.into_iter().flatten().map(|(name, _)| name.as_str()).filter(|name| !used.contains(name)).collect();
        if !unused.is_empty() {
            return Err(format!("Value provided in {member} unused in expressions: keys: {{{}}}", unused.join(", ")));
        }
    }
    Ok(())
}

/// `#name` and `:value`, as complete tokens.
fn placeholders(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '#')));
    words.filter(|word| word.starts_with(['#', ':']))
}

/// Key attributes are neither empty nor too long, in the table and, where a whole item is written, in its indexes.
fn keys(table: &Table, item: &Item, is_whole: bool) -> Result<(), String> {
    for (place, name) in table.key.iter().enumerate() {
        match item.get(name).map_or(Length::Other, length) {
            Length::Empty(kind) => {
                return Err(format!(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an \
                     empty {kind} value. Key: {name}"
                ));
            }
            // Without the space before the number, as in AWS's message.
            Length::Bytes(length) if place == 0 && length > PARTITION_KEY_BYTES => {
                return Err(
                    "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit \
                            of2048 bytes"
                        .to_owned(),
                );
            }
            Length::Bytes(length) if place > 0 && length > SORT_KEY_BYTES => {
                return Err(
                    "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the \
                            size limit of 1024 bytes"
                        .to_owned(),
                );
            }
            _ => {}
        }
    }
    let indexed = table.indexes.iter().filter(|_| is_whole);
    for (index, place, name) in
        indexed.flat_map(|index| index.key.iter().enumerate().map(move |(n, key)| (index, n, key)))
    {
        let most = if place == 0 { PARTITION_KEY_BYTES } else { SORT_KEY_BYTES };
        match item.get(name).map_or(Length::Other, length) {
            Length::Empty(kind) => {
                return Err(format!(
                    "One or more parameter values are not valid. A value specified for a secondary index key is not \
                     supported. The AttributeValue for a key attribute cannot contain an empty {kind} value. IndexName: {}, \
                     IndexKey: {name}",
                    index.name
                ));
            }
            Length::Bytes(length) if length > most => {
                return Err(format!(
                    "One or more parameter values were invalid: Size limit exceeded for Index Key {name} Actual Size: \
                     {length} bytes Max Size: {most} bytes IndexName: {}",
                    index.name
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

enum Length {
    /// Empty: a `string` or a `binary`.
    Empty(&'static str),
    Bytes(usize),
    /// A number, or no key at all.
    Other,
}

fn length(value: &Value) -> Length {
    let own = Item::from_iter([(String::new(), value.clone())]);
    let bytes = || usize::try_from(units::item_size(&own)).unwrap_or(usize::MAX);
    let kind = match (value.get("S"), value.get("B")) {
        (Some(_), _) => "string",
        (_, Some(_)) => "binary",
        _ => return Length::Other,
    };
    match bytes() {
        0 => Length::Empty(kind),
        bytes => Length::Bytes(bytes),
    }
}

/// Whether two actions concern one item. Unknown tables are left to the stand-in to reject.
fn has_twice(actions: &[Action<'_>], known: &HashMap<String, Table>) -> bool {
    let mut seen = BTreeSet::new();
    let keyed =
        actions.iter().filter_map(|action| Some((action.table, known.get(action.table)?, key_of(action.asked)?)));
    let mut keys = keyed.map(|(name, table, item)| {
        let key = table.key_of(item);
        (name, table.key.iter().map(|part| key.get(part).map(Value::to_string)).collect::<Vec<_>>())
    });
    keys.any(|key| !seen.insert(key))
}

fn item_or_key(asked: &Value) -> Option<&Item> {
    ["Item", "Key"].into_iter().find_map(|member| asked.get(member)?.as_object())
}

/// The item, its key, or (of a batch that reads) the action itself.
fn key_of(asked: &Value) -> Option<&Item> {
    if asked.get("Keys").is_some_and(Value::is_array) {
        return None;
    }
    item_or_key(asked).or_else(|| asked.as_object())
}

fn told_size(asked: &Value) -> u64 {
    let values = asked.get("ExpressionAttributeValues").and_then(Value::as_object);
    let whole = asked.get("Item").is_some();
    let values = values.filter(|_| !whole && asked.get("UpdateExpression").is_some());
    item_or_key(asked).map_or(0, units::item_size) + values.map_or(0, |values| values.values().map(size_of).sum())
}

fn size_of(value: &Value) -> u64 {
    units::item_size(&Item::from_iter([(String::new(), value.clone())]))
}

fn list<'a>(of: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    of.get(member).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests;
