//! Each limit: the largest request that passes, and the smallest that does not.

use serde_json::json;

use super::*;

fn tables() -> HashMap<String, Table> {
    let sorted = Table::of(&json!({
        "KeySchema": [{"AttributeName": "pk"}, {"AttributeName": "sk"}],
        "GlobalSecondaryIndexes": [{
            "IndexName": "open", "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": "source"}, {"AttributeName": "at"}],
        }],
    }));
    HashMap::from([("t".to_owned(), sorted)])
}

fn asked(operation: &str, request: &Value) -> Result<(), String> {
    check(operation, request, request.to_string().len(), &tables())
}

fn text(length: usize) -> Value {
    json!({ "S": "x".repeat(length) })
}

/// An item of this many bytes: three names of two letters, a key of one byte each.
fn item(bytes: usize) -> Value {
    json!({"pk": text(1), "sk": text(1), "da": text(bytes - 8)})
}

fn put(item: &Value) -> Value {
    json!({"TableName": "t", "Item": item})
}

fn puts(count: usize, bytes: usize) -> Value {
    let one = |n: usize| {
        let mut item = item(bytes - 3);
        item["sk"] = json!({ "S": format!("{n:04}") });
        json!({ "Put": put(&item) })
    };
    json!({ "TransactItems": (0..count).map(one).collect::<Vec<_>>() })
}

#[test]
fn an_item_has_at_most_400_kb() {
    assert_eq!(asked("PutItem", &put(&item(409_600))), Ok(()));
    let told = asked("PutItem", &put(&item(409_601))).unwrap_err();
    assert_eq!(told, "Item size has exceeded the maximum allowed size");
    // Bytes of UTF-8, not characters: Japanese text takes three bytes per character.
    let japanese = json!({"pk": text(1), "sk": text(1), "da": {"S": "請".repeat(136_531)}});
    assert!(asked("PutItem", &put(&japanese)).is_err());
    let batch = |bytes| json!({"RequestItems": {"t": [{"PutRequest": {"Item": item(bytes)}}]}});
    assert_eq!(asked("BatchWriteItem", &batch(409_600)), Ok(()));
    assert!(asked("BatchWriteItem", &batch(409_601)).is_err());
    assert!(asked("TransactWriteItems", &puts(1, 409_600)).is_ok());
    assert!(asked("TransactWriteItems", &puts(1, 409_601)).is_err());
}

#[test]
fn a_transaction_has_at_most_a_hundred_items_and_4_mb() {
    assert_eq!(asked("TransactWriteItems", &puts(100, 100)), Ok(()));
    let told = asked("TransactWriteItems", &puts(101, 100)).unwrap_err();
    assert!(told.ends_with(
        "at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100"
    ));
    assert!(
        asked("TransactWriteItems", &json!({"TransactItems": []})).unwrap_err().contains("greater than or equal to 1")
    );
    // 4 MB are 4,194,304 bytes, of the items and not of the request.
    assert_eq!(asked("TransactWriteItems", &puts(16, 262_144)), Ok(()));
    assert!(asked("TransactWriteItems", &puts(16, 262_145)).unwrap_err().contains("4 MB"));
    let update = |n: usize| {
        json!({"Update": {
            "TableName": "t", "Key": {"pk": text(1), "sk": {"S": format!("{n:04}")}},
            "UpdateExpression": "SET da = :d", "ExpressionAttributeValues": {":d": text(400_000)},
        }})
    };
    let updates = |count| json!({ "TransactItems": (0..count).map(update).collect::<Vec<_>>() });
    assert_eq!(asked("TransactWriteItems", &updates(10)), Ok(()));
    assert!(asked("TransactWriteItems", &updates(11)).unwrap_err().contains("4 MB"));
}

#[test]
fn no_item_is_named_twice() {
    let key = |sk: &str| json!({"pk": {"S": "a"}, "sk": {"S": sk}});
    let pair = |one: &str, other: &str| {
        json!({"TransactItems": [
            {"Put": {"TableName": "t", "Item": {"pk": {"S": "a"}, "sk": {"S": one}, "x": {"N": "1"}}}},
            {"ConditionCheck": {"TableName": "t", "Key": key(other), "ConditionExpression": "attribute_exists(pk)"}},
        ]})
    };
    assert_eq!(asked("TransactWriteItems", &pair("1", "2")), Ok(()));
    let told = asked("TransactWriteItems", &pair("1", "1")).unwrap_err();
    assert_eq!(told, "Transaction request cannot include multiple operations on one item");
    let batch = |one: &str, other: &str| json!({"RequestItems": {"t": {"Keys": [key(one), key(other)]}}});
    assert_eq!(asked("BatchGetItem", &batch("1", "2")), Ok(()));
    let told = asked("BatchGetItem", &batch("1", "1")).unwrap_err();
    assert_eq!(told, "Provided list of item keys contains duplicates");
    let writes =
        json!({"RequestItems": {"t": [{"PutRequest": {"Item": key("1")}}, {"DeleteRequest": {"Key": key("1")}}]}});
    assert_eq!(asked("BatchWriteItem", &writes).unwrap_err(), told);
}

#[test]
fn names_and_values_are_those_that_expressions_use() {
    let update = |expression: &str, names: Value, values: Value| {
        let mut update = json!({"TableName": "t", "Key": {"pk": text(1), "sk": text(1)}});
        for (member, value) in [
            ("UpdateExpression", json!(expression)),
            ("ExpressionAttributeNames", names),
            ("ExpressionAttributeValues", values),
        ] {
            if !value.is_null() && value != json!("none") {
                update[member] = value;
            }
        }
        asked("UpdateItem", &update).err().unwrap_or_default()
    };
    let (n, v) = (json!({"#s": "status"}), json!({":s": {"S": "sent"}}));
    assert_eq!(update("SET #s = :s", n.clone(), v.clone()), "");
    assert_eq!(update("SET #s=:s,a=if_not_exists(a, :s) REMOVE b[0].#s", n.clone(), v.clone()), "");
    for (expression, names, values, told) in [
        (
            "SET a = :s",
            n.clone(),
            v.clone(),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#s}",
        ),
        (
            "SET #s = a",
            n.clone(),
            v.clone(),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:s}",
        ),
        // A name that only starts like another is a different name.
        ("SET #s = :st", n.clone(), json!({":s": {"S": "1"}, ":st": {"S": "2"}}), "unused in expressions: keys: {:s}"),
        ("SET #s = :s", Value::Null, v.clone(), "used in the document path is not defined; attribute name: #s"),
        ("SET #s = :s", n.clone(), Value::Null, "used in expression is not defined; attribute value: :s"),
        ("none", n.clone(), Value::Null, "ExpressionAttributeNames can only be specified when using expressions"),
        ("none", Value::Null, v.clone(), "ExpressionAttributeValues can only be specified when using expressions"),
        ("SET a = b", json!({}), Value::Null, "ExpressionAttributeNames must not be empty"),
        ("", Value::Null, Value::Null, "Invalid UpdateExpression: The expression can not be empty;"),
    ] {
        let found = update(expression, names, values);
        assert!(found.contains(told), "{expression}: {found}");
    }
    let long = |length: usize| format!("SET {}=:s", "a".repeat(length - 7));
    assert_eq!(update(&long(4096), Value::Null, v.clone()), "");
    let told = update(&long(4097), Value::Null, v);
    assert!(told.ends_with("Expression size has exceeded the maximum allowed size; expression size: 4097"), "{told}");
}

#[test]
fn keys_are_neither_empty_nor_long() {
    let told = |operation: &str, member: &str, item: Value| {
        let mut request = json!({"TableName": "t"});
        request[member] = item;
        asked(operation, &request).err().unwrap_or_default()
    };
    let key = |pk: usize, sk: usize| json!({"pk": text(pk), "sk": text(sk)});
    for (operation, member) in [("PutItem", "Item"), ("GetItem", "Key"), ("DeleteItem", "Key"), ("UpdateItem", "Key")] {
        assert_eq!(told(operation, member, key(2048, 1024)), "", "{operation}");
        assert!(
            told(operation, member, key(2049, 1))
                .contains("Size of hashkey has exceeded the maximum size limit of2048")
        );
        assert!(told(operation, member, key(1, 1025)).contains("size limit of 1024 bytes"), "{operation}");
        assert!(told(operation, member, key(0, 1)).ends_with("cannot contain an empty string value. Key: pk"));
        assert!(told(operation, member, key(1, 0)).ends_with("cannot contain an empty string value. Key: sk"));
    }
    let empty_binary = json!({"pk": {"B": ""}, "sk": text(1)});
    assert!(told("PutItem", "Item", empty_binary).ends_with("cannot contain an empty binary value. Key: pk"));
    let indexed = |source: usize| json!({"pk": text(1), "sk": text(1), "source": text(source), "at": text(1)});
    assert_eq!(told("PutItem", "Item", indexed(2048)), "");
    assert!(told("PutItem", "Item", indexed(0)).ends_with("IndexName: open, IndexKey: source"));
    assert!(
        told("PutItem", "Item", indexed(2049)).contains("Actual Size: 2049 bytes Max Size: 2048 bytes IndexName: open")
    );
    // Elsewhere an empty string is a value like any other.
    assert_eq!(told("PutItem", "Item", json!({"pk": text(1), "sk": text(1), "note": text(0)})), "");
}

#[test]
fn a_batch_has_at_most_25_writes_or_100_keys() {
    let key = |n: usize| json!({"pk": {"S": "a"}, "sk": {"S": n.to_string()}});
    let write = |n: usize| json!({ "DeleteRequest": {"Key": key(n)} });
    let writes = |count| json!({"RequestItems": {"t": (0..count).map(write).collect::<Vec<_>>()}});
    assert_eq!(asked("BatchWriteItem", &writes(25)), Ok(()));
    assert!(asked("BatchWriteItem", &writes(26)).unwrap_err().contains("length less than or equal to 25"));
    let two = json!({"RequestItems": {"t": (0..13).map(write).collect::<Vec<_>>(), "u": (0..13).map(write).collect::<Vec<_>>()}});
    assert_eq!(asked("BatchWriteItem", &two).unwrap_err(), "Too many items requested for the BatchWriteItem call");
    let reads = |count| json!({"RequestItems": {"t": {"Keys": (0..count).map(key).collect::<Vec<_>>()}}});
    assert_eq!(asked("BatchGetItem", &reads(100)), Ok(()));
    assert!(asked("BatchGetItem", &reads(101)).unwrap_err().contains("'RequestItems.t.member.Keys'"));
    let large = writes(1);
    assert!(check("BatchWriteItem", &large, BATCH_BYTES, &tables()).is_ok());
    assert!(check("BatchWriteItem", &large, BATCH_BYTES + 1, &tables()).unwrap_err().contains("16 MB"));
    for operation in ["BatchWriteItem", "BatchGetItem"] {
        assert!(asked(operation, &json!({"RequestItems": {}})).unwrap_err().contains("is required"), "{operation}");
    }
}

#[test]
fn the_tables_of_a_request_are_known() {
    let request = json!({"TransactItems": [{"Put": put(&item(20))}, {"Get": {"TableName": "u", "Key": {}}}]});
    assert_eq!(super::tables("TransactWriteItems", &request), BTreeSet::from(["t".to_owned(), "u".to_owned()]));
    let request = json!({"RequestItems": {"t": {"Keys": []}}});
    assert_eq!(super::tables("BatchGetItem", &request), BTreeSet::from(["t".to_owned()]));
    assert!(super::tables("DescribeTable", &json!({"TableName": "t"})).is_empty());
}
