//! Records of every release: written once, never edited, and read by all later code to the same draft, page and export.
//!
//! `tests/records/<version>/` holds the items of the Billing and Outbox tables as that version wrote them, and what it
//! made of them. A release whose `comptoir::record::VERSION` rose writes a folder of its own:
//! `UPDATE_RECORDS=1 cargo test --test it records::`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use comptoir::{
    accounting::{Month, ledger},
    archive::sha256,
    billing::{draft::draft, identity::Identity},
    invoice::{Invoice, print},
    mail::Mail,
    record::VERSION,
    refund::Refund,
    sale::Sale,
    seller::{Seller, Settings, SettingsDocument},
    testing::{STANDARD_TOML, words},
};
use comptoir_local::{
    aws::dynamodb::plain_items,
    checkout::{Checkout, Purchase, event},
};
use comptoir_tests::Shop;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/records"))
}

fn data<T: DeserializeOwned>(item: &Value) -> Result<T> {
    serde_json::from_value(item["data"].clone()).with_context(|| format!("{} cannot be read", item["pk"]))
}

/// What this code makes of stored items.
fn made_of(items: &[Value]) -> Result<Value> {
    let seller = Seller::from_toml(STANDARD_TOML)?;
    let mut made = Map::new();
    let mut invoices: Vec<Invoice> = Vec::new();
    for item in plain_items(items) {
        let key = item["pk"].as_str().unwrap_or_default().to_owned();
        let value = match item["kind"].as_str().unwrap_or_default() {
            "PAYMENT" => {
                let sale: Sale = data(&item)?;
                let day = sale.paid_at.to_zoned(seller.time_zone.clone()).date();
                match draft(&sale, &seller, day) {
                    Ok(draft) => serde_json::to_value(draft)?,
                    Err(unfit) => json!(unfit.reason()),
                }
            }
            "REFUND" => serde_json::to_value(data::<Refund>(&item)?)?,
            "INVOICE" => {
                let invoice: Invoice = data(&item)?;
                let page = print::page(&invoice, &seller.look, &words());
                let value = json!({"invoice": invoice, "page": page});
                invoices.push(invoice);
                value
            }
            "MAIL" => serde_json::to_value(data::<Mail>(&item)?)?,
            "LEDGER" => serde_json::to_value(data::<Identity>(&item)?)?,
            "SETTINGS" if item["sk"] == "-" => {
                let document = SettingsDocument::stored(&item["data"].to_string())?;
                let settings = Settings::of(&document)?;
                json!({"document": document, "siren": settings.siren(), "charges_vat": settings.charges_vat()})
            }
            _ => continue,
        };
        made.insert(key, value);
    }
    let month = Month::of(invoices.first().context("no invoice")?.issued_on);
    let files = ledger(month, invoices, &seller)?.files;
    let hashes = files.iter().map(|file| (file.key.clone(), json!(sha256(&file.bytes)))).collect();
    made.insert("export".to_owned(), Value::Object(hashes));
    Ok(Value::Object(made))
}

/// The first member of `expected` that `found` lacks or has otherwise. Later code may only add members.
fn lost(expected: &Value, found: &Value, path: &str) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .find_map(|(name, value)| lost(value, found.get(name).unwrap_or(&Value::Null), &format!("{path}/{name}"))),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let pairs = expected.iter().zip(found).enumerate();
            pairs.into_iter().find_map(|(n, (expected, found))| lost(expected, found, &format!("{path}/{n}")))
        }
        _ if expected == found => None,
        _ => Some(format!("{path} was {expected}, and is {found}")),
    }
}

#[tokio::test]
async fn records_of_every_release_are_read_to_the_same() -> Result<()> {
    if comptoir::config::optional("UPDATE_RECORDS").is_some() {
        write().await?;
    }
    let mut versions = 0;
    for version in fs::read_dir(folder())? {
        let version = version?.path();
        let read = |name: &str| -> Result<Value> { Ok(serde_json::from_slice(&fs::read(version.join(name))?)?) };
        let items = read("items.json")?;
        let made = made_of(items.as_array().context("a list")?)?;
        let lost = lost(&read("made.json")?, &made, "");
        ensure!(lost.is_none(), "{}: {}", version.display(), lost.unwrap_or_default());
        versions += 1;
    }
    ensure!(versions >= VERSION, "records of version {VERSION} are missing; see the head of this file");
    Ok(())
}

/// Writes the records of this version, unless they exist.
async fn write() -> Result<()> {
    let folder = folder().join(VERSION.to_string());
    ensure!(!folder.exists(), "{} exists: a release's records are never edited", folder.display());
    let seller = comptoir_local::paths::local().join("records-seller.toml");
    fs::create_dir_all(comptoir_local::paths::local())?;
    fs::write(&seller, STANDARD_TOML)?;
    let shop = Shop::open_with("records", |options| options.seller_file = Some(seller.clone())).await?;
    let (first, _) = shop.pay(&Purchase { amount: 12_345, lines: 3, ..Purchase::default() }).await?;
    shop.delivered(&first.session_id).await?;
    let (nobody, _) = shop.pay(&Purchase { name: None, ..Purchase::default() }).await?;
    shop.parked(&nobody.session_id).await?;
    let (nowhere, _) = shop.pay(&Purchase { email: None, ..Purchase::default() }).await?;
    shop.wait_for("an invoice without an address", async |shop: &Shop| {
        Ok((shop.items("INVOICE").await?.len() == 2).then_some(()))
    })
    .await?;
    let refund = json!({
        "id": "re_records", "object": "refund", "amount": 2345, "currency": "eur", "status": "succeeded",
        "charge": "ch_1", "payment_intent": first.session["payment_intent"],
        "created": comptoir_local::clock::now().as_second(),
    });
    shop.post(&event("evt_records", "refund.created", &refund)).await?;
    shop.wait_for("the credit note", async |shop: &Shop| Ok((shop.mails().await?.len() == 2).then_some(()))).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut items = Vec::new();
    let resources = shop.bundle.aws().resources("comptoir-dev").await?;
    for table in ["BillingTable", "OutboxTable", "NoticesTable"] {
        items.extend(shop.bundle.aws().scan(&resources[table]).await?);
    }
    shop.bundle.stop().await;
    items.sort_by_key(|item| item["pk"].to_string() + &item["sk"].to_string());
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("items.json"), serde_json::to_string_pretty(&items)? + "\n")?;
    fs::write(folder.join("made.json"), serde_json::to_string_pretty(&made_of(&items)?)? + "\n")?;
    drop(nowhere);
    Ok(())
}

#[tokio::test]
async fn a_record_that_needs_a_newer_version_is_left_alone_by_every_function() -> Result<()> {
    let shop = Shop::open("records-newer").await?;
    let resources = shop.bundle.aws().resources("comptoir-dev").await?;
    let aws = shop.bundle.aws();
    // The payment of another sale, as a newer webhook would record it; and a mail of a newer renderer.
    shop.bundle.pause_streams();
    let checkout = Checkout::of(&Purchase::default());
    shop.client.tell_stripe(&checkout).await?;
    shop.deliver(&checkout.event("checkout.session.completed")).await?;
    let newer = async |table: &str, key: &str| {
        let input = json!({
            "TableName": resources[table], "Key": {"pk": {"S": key}, "sk": {"S": "-"}},
            "UpdateExpression": "SET needs = :newer, v = :newer", "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {":newer": {"N": (VERSION + 1).to_string()}},
        });
        aws.dynamodb("UpdateItem", &input).await
    };
    let payment = format!("PAYMENT#{}", checkout.session_id);
    newer("BillingTable", &payment).await?;
    shop.bundle.resume_streams();
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(
        shop.items("INVOICE").await?.is_empty() && shop.client.parked().await?.is_empty(),
        "neither done nor parked"
    );
    let log = fs::read_to_string(shop.bundle.function("invoice-renderer").unwrap().log())?;
    let said = log.lines().filter(|line| line.contains("held: ") && line.contains("record_newer")).count();
    ensure!(said == 1 && log.matches("\"Parked\":1").count() == 1, "it says so once: {said}");

    // The newer version is rolled back with its data: the record is of this version again, and everything is done.
    let back = json!({
        "TableName": resources["BillingTable"], "Key": {"pk": {"S": payment}, "sk": {"S": "-"}},
        "UpdateExpression": "SET needs = :ours", "ExpressionAttributeValues": {":ours": {"N": VERSION.to_string()}},
    });
    aws.dynamodb("UpdateItem", &back).await?;
    shop.delivered(&checkout.session_id).await?;
    shop.bundle.stop().await;
    Ok(())
}
