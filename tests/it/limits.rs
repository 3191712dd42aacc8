//! What DynamoDB rejects is rejected here too, by the local AWS and by a second implementation, and the stores keep
//! their contract on both.
//!
//! The local AWS is ministack. Alternatives without a container engine (2026-11): DynamoDB Local, Amazon's own, is a
//! Java archive under terms of its own, and no registry of packages carries it; dynalite (npm) knows no transactions;
//! moto (PyPI) loses updates under contention and ignores the token of a transaction; extenddb and dynein are on no
//! registry of packages; dynoxide (crates.io: dynoxide-rs, MIT or Apache-2.0) has transactions, indexes and the
//! service's words, and its authors run one public suite against it and against AWS. That one is used here, as a
//! program: linked into a test, its features would apply to every crate. Neither emulates contention between
//! transactions: the wire injects that (`tests/it/contract.rs`).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::sync::Arc;

use anyhow::{Result, ensure};
use comptoir::{
    memory::InMemoryArchive,
    seller::SettingsDocument,
    settings::{
        cache::{CachedSettings, SETTINGS_KEPT},
        change::{Change, save},
    },
    testing::{FRANCHISE_TOML, contract},
};
use comptoir_aws::{
    ledger::DynamoLedger, outbox::DynamoOutbox, payments::DynamoPayments, settings_store::DynamoSettings,
};
use comptoir_local::{aws::Aws, checkout::Purchase};
use comptoir_members::testing::profiles;
use comptoir_members_aws::directory::DynamoDirectory;
use comptoir_tests::{Shop, second::Second, stores::CALLER};
use serde_json::{Value, json};

/// A request that is rejected, and a part of the message.
type Refused = (&'static str, &'static str, Value, &'static str);

fn text(length: usize) -> Value {
    json!({ "S": "x".repeat(length) })
}

/// Requests against a table of ours.
fn refused(table: &str) -> Vec<Refused> {
    let put = |item: Value| json!({"TableName": table, "Item": item});
    let action = |pk: &str| json!({"Put": put(json!({"pk": {"S": pk}, "sk": {"S": "-"}}))});
    let update = |expression: &str, names: Value, values: Value| {
        let mut update =
            json!({"TableName": table, "Key": {"pk": {"S": "a"}, "sk": {"S": "-"}}, "UpdateExpression": expression});
        for (member, given) in [("ExpressionAttributeNames", names), ("ExpressionAttributeValues", values)] {
            if !given.is_null() {
                update[member] = given;
            }
        }
        update
    };
    let deletes: Vec<Value> =
        (0..26).map(|n| json!({"DeleteRequest": {"Key": {"pk": {"S": n.to_string()}, "sk": {"S": "-"}}}})).collect();
    let reads: Vec<Value> = (0..101).map(|n| json!({"pk": {"S": n.to_string()}, "sk": {"S": "-"}})).collect();
    let large: Vec<Value> = (0..12)
        .map(|n| json!({"Put": put(json!({"pk": {"S": format!("l{n}")}, "sk": {"S": "-"}, "data": text(350_000)}))}))
        .collect();
    let many: Vec<Value> = (0..101).map(|n| action(&format!("m{n}"))).collect();
    let value = json!({":v": {"S": "1"}});
    vec![
        (
            "an item of 400 KB and a byte",
            "PutItem",
            put(json!({"pk": text(1), "sk": text(1), "da": text(409_600 - 7)})),
            "Item size has exceeded the maximum allowed size",
        ),
        (
            "Japanese text",
            "PutItem",
            put(json!({"pk": text(1), "sk": text(1), "da": {"S": "請".repeat(136_531)}})),
            "Item size has exceeded",
        ),
        ("a transaction of 4.2 MB", "TransactWriteItems", json!({"TransactItems": large}), "4"),
        ("a transaction of 101 items", "TransactWriteItems", json!({"TransactItems": many}), "1 validation error"),
        ("an empty transaction", "TransactWriteItems", json!({"TransactItems": []}), "greater than or equal to 1"),
        (
            "an item twice",
            "TransactWriteItems",
            json!({"TransactItems": [action("t"), action("t")]}),
            "cannot include multiple operations on one item",
        ),
        (
            "a name unused",
            "UpdateItem",
            update("SET a = :v", json!({"#s": "s"}), value.clone()),
            "ExpressionAttributeNames unused in expressions: keys: {#s}",
        ),
        (
            "a value unused",
            "UpdateItem",
            update("SET a = b", Value::Null, value.clone()),
            "ExpressionAttributeValues unused in expressions: keys: {:v}",
        ),
        (
            "a value that only begins like another",
            "UpdateItem",
            update("SET a = :va", Value::Null, json!({":v": {"S": "1"}, ":va": {"S": "2"}})),
            "unused in expressions: keys: {:v}",
        ),
        ("a name missing", "UpdateItem", update("SET #s = :v", Value::Null, value.clone()), "attribute name: #s"),
        ("a value missing", "UpdateItem", update("SET a = :w, b = :v", Value::Null, value), "attribute value: :w"),
        (
            "an empty key",
            "PutItem",
            put(json!({"pk": {"S": ""}, "sk": {"S": "-"}})),
            "cannot contain an empty string value. Key: pk",
        ),
        (
            "an empty key of an index",
            "PutItem",
            put(json!({"pk": {"S": "i"}, "sk": {"S": "-"}, "parked_source": {"S": ""}, "parked_at": {"S": "1"}})),
            "IndexKey: parked_source",
        ),
        (
            "an empty key asked for",
            "GetItem",
            json!({"TableName": table, "Key": {"pk": {"S": ""}, "sk": {"S": "-"}}}),
            "cannot contain an empty string value. Key: pk",
        ),
        ("a long key", "PutItem", put(json!({"pk": text(2049), "sk": text(1)})), "exceeded"),
        (
            "a long sort key",
            "PutItem",
            put(json!({"pk": text(1), "sk": text(1025)})),
            "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        ),
        ("26 writes", "BatchWriteItem", json!({"RequestItems": {table: deletes}}), "1 validation error"),
        (
            "101 reads",
            "BatchGetItem",
            json!({"RequestItems": {table: {"Keys": reads}}}),
            "length less than or equal to 100",
        ),
        (
            "an item twice in a batch",
            "BatchGetItem",
            json!({"RequestItems": {table: {"Keys": [{"pk": text(1), "sk": text(1)}, {"pk": text(1), "sk": text(1)}]}}}),
            "Provided list of item keys contains duplicates",
        ),
    ]
}

async fn all_are_refused(aws: &Aws, table: &str) -> Result<()> {
    for (name, operation, request, words) in refused(table) {
        let answer = aws.dynamodb(operation, &request).await;
        let told = answer.err().map_or_else(|| "it was taken".to_owned(), |error| error.to_string());
        ensure!(told.contains("400") && told.contains("ValidationException"), "{name}: {told}");
        // For a long list the service repeats all of it before the message, which is cut off here.
        ensure!(told.contains(words), "{name}: {told}");
    }
    // The largest accepted, for the two limits reached first.
    for item in
        [json!({"pk": text(1), "sk": text(1), "da": text(409_600 - 8)}), json!({"pk": text(2048), "sk": text(1)})]
    {
        aws.dynamodb("PutItem", &json!({"TableName": table, "Item": item})).await?;
    }
    // An update that makes an item too large: the request alone does not show it.
    let grow = |name: &str| {
        json!({
            "TableName": table, "Key": {"pk": {"S": "grown"}, "sk": {"S": "-"}}, "UpdateExpression": format!("SET {name} = :v"),
            "ExpressionAttributeValues": {":v": text(300_000)},
        })
    };
    aws.dynamodb("UpdateItem", &grow("a")).await?;
    let told = aws.dynamodb("UpdateItem", &grow("b")).await.unwrap_err().to_string();
    ensure!(told.contains("Item size to update has exceeded the maximum allowed size"), "{told}");
    let grown = json!({"TransactItems": [{"Update": grow("b")}]});
    let told = aws.dynamodb("TransactWriteItems", &grown).await.unwrap_err().to_string();
    ensure!(told.contains("TransactionCanceledException") && told.contains("ValidationError"), "{told}");
    Ok(())
}

#[tokio::test]
async fn the_local_aws_refuses_what_dynamodb_refuses() -> Result<()> {
    let shop = Shop::open_with("limits", |options| options.wire = true).await?;
    shop.bundle.pause_streams();
    let resources = shop.bundle.aws().resources("comptoir-dev").await?;
    let address = shop.bundle.wire().unwrap().address(CALLER, "aws");
    let wire = Aws::new(address.trim_end_matches('/').to_owned(), shop.bundle.aws().key.clone());
    all_are_refused(&wire, &resources["BillingTable"]).await?;
    shop.bundle.stop().await;
    Ok(())
}

/// Each sale is one that a stranger pays for, followed by an honest one.
#[tokio::test]
async fn text_of_any_size_is_billed_and_holds_up_nobody() -> Result<()> {
    let shop = Shop::open("limits-texts").await?;
    shop.bundle.pause_streams();
    let mut honest = Vec::new();
    for kilobytes in [100, 200, 300, 399] {
        let name = format!("www.evil.example {}", "é".repeat(kilobytes * 512));
        let (_, status) = shop.pay(&Purchase { name: Some(name), ..Purchase::default() }).await?;
        ensure!(status == 200, "{kilobytes} KB: {status}");
        let (session, status) = shop.pay(&Purchase::default()).await?;
        ensure!(status == 200);
        honest.push(session);
    }
    let nobodys = format!("{}@example.org", "e".repeat(399 * 1024));
    ensure!(shop.pay(&Purchase { email: Some(nobodys), ..Purchase::default() }).await?.1 == 200);
    shop.bundle.resume_streams();
    for session in &honest {
        shop.delivered(&session.session_id).await?;
    }
    shop.wait_for("the others", async |shop: &Shop| Ok((shop.mails().await?.len() == 8).then_some(()))).await?;
    let parked = shop.client.parked().await?;
    let malformed =
        |one: &Value| one["reason"].as_str().is_some_and(|reason| reason.starts_with("recipient_malformed"));
    ensure!(parked.len() == 1 && malformed(&parked[0]), "an address that is none: {parked:.2000?}");
    ensure!(shop.numbers().await?.len() == 9, "its invoice is issued");
    let long: Vec<_> = shop.mails().await?.into_iter().filter(|mail| mail.text.contains("www evil. example")).collect();
    ensure!(long.len() == 4 && long.iter().all(|mail| mail.text.len() < 2_000 && mail.text.contains("…,")), "{long:?}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_second_implementation_refuses_the_same() -> Result<()> {
    let Some(second) = Second::start().await? else { return Ok(()) };
    all_are_refused(&second.aws, "BillingTable").await
}

#[tokio::test]
async fn the_stores_keep_their_contract_on_a_second_implementation() -> Result<()> {
    let Some(second) = Second::start().await? else { return Ok(()) };
    let (client, billing, outbox) = (second.client(), "BillingTable".to_owned(), "OutboxTable".to_owned());
    let all = contract::Stores {
        payments: &DynamoPayments::new(client.clone(), billing.clone()),
        ledger: &DynamoLedger::new(client.clone(), billing.clone(), outbox.clone()),
        outbox: &DynamoOutbox::new(client.clone(), outbox.clone()),
        // Documents are stored in S3.
        archive: &InMemoryArchive::default(),
    };
    all.keep_the_contract("a").await?;
    all.keep_the_contract("b").await?;
    let settings = DynamoSettings::new(client.clone(), billing.clone());
    contract::settings(&settings).await?;
    let document = SettingsDocument::from_toml(FRANCHISE_TOML).unwrap();
    let change = Change { document, seen: None, by: "limits".to_owned(), past: false };
    save(&settings, change, comptoir_local::clock::now()).await?;
    let settings = Arc::new(CachedSettings::new(settings, SETTINGS_KEPT));
    let directory = DynamoDirectory::new(client, "ProfilesTable".to_owned(), outbox, settings);
    profiles::contract(&directory, "one").await?;
    Ok(profiles::contract(&directory, "two").await?)
}
