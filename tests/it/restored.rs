//! Tables that were restored, replaced or mixed up with others, on the real stores: no number is given twice, the work
//! waits, and one alarm says what to do. A table that is lost is rebuilt from the archive.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, Result, ensure};
use comptoir_local::checkout::{Checkout, Purchase, event};
use comptoir_tests::Shop;
use serde_json::{Value, json};

/// The Billing table as it stands, in DynamoDB's typed form.
async fn billing(shop: &Shop) -> Result<(String, Vec<Value>)> {
    table(shop, "BillingTable").await
}

/// A table by its logical id, and its items.
async fn table(shop: &Shop, logical: &str) -> Result<(String, Vec<Value>)> {
    let table = shop.bundle.aws().resources("comptoir-dev").await?[logical].clone();
    let items = shop.bundle.aws().scan(&table).await?;
    Ok((table, items))
}

/// Makes the Billing table hold `items` and nothing else, as a restored table that the stack was pointed at; the
/// renderer starts anew.
async fn restore(shop: &Shop, items: &[Value]) -> Result<()> {
    restore_table(shop, "BillingTable", items).await
}

async fn restore_table(shop: &Shop, logical: &str, items: &[Value]) -> Result<()> {
    let (table, now) = table(shop, logical).await?;
    shop.bundle.pause_streams();
    let key = |item: &Value| json!({"pk": item["pk"], "sk": item["sk"]});
    for item in &now {
        shop.bundle.aws().dynamodb("DeleteItem", &json!({"TableName": table, "Key": key(item)})).await?;
    }
    for item in items {
        shop.bundle.aws().dynamodb("PutItem", &json!({"TableName": table, "Item": item})).await?;
    }
    // A new table has a new stream.
    shop.bundle.lose_streams();
    tokio::time::sleep(Duration::from_millis(500)).await;
    shop.bundle.function("invoice-renderer").context("no renderer")?.kill();
    Ok(())
}

/// Pays once more and checks that it is neither invoiced nor parked, for this reason, which is said once.
async fn waits(shop: &Shop, code: &str, numbers: &[String]) -> Result<()> {
    let log = shop.bundle.function("invoice-renderer").unwrap().log();
    let before = fs::read_to_string(&log)?.len();
    let mails = shop.mails().await?.len();
    shop.pay(&Purchase::default()).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(shop.numbers().await? == numbers, "{code}: a number was given: {:?}", shop.numbers().await?);
    ensure!(shop.mails().await?.len() == mails, "{code}: something was mailed");
    let said = fs::read_to_string(&log)?;
    let said = said.get(before..).unwrap_or_default();
    let held = said.lines().filter(|line| line.contains("\"held: ") && line.contains(code)).count();
    ensure!(held == 1 && said.matches("\"Parked\":1").count() == 1, "{code} is said {held} times:\n{said}");
    ensure!(said.contains("The books do not fit"), "it says where to read on: {said}");
    Ok(())
}

#[tokio::test]
async fn a_restored_table_gives_no_number_until_it_is_the_right_one_again() -> Result<()> {
    let shop = Shop::open("restored").await?;
    let (_, empty) = billing(&shop).await?;
    for n in 0..5 {
        let (checkout, _) =
            shop.pay(&Purchase { email: Some(format!("c{n}@example.org")), ..Purchase::default() }).await?;
        shop.delivered(&checkout.session_id).await?;
        if n == 1 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    let (_, whole) = billing(&shop).await?;
    let all = shop.numbers().await?;
    // Restored to just after the second of five invoices.
    let early: Vec<Value> = whole
        .iter()
        .filter(|item| !all[2..].iter().any(|number| item["pk"]["S"] == format!("INVOICE#{number}")))
        .map(|item| match item["kind"]["S"].as_str() {
            Some("COUNTER") => {
                let mut counter = item.clone();
                counter["last_number"] = json!({"N": "2"});
                counter
            }
            _ => item.clone(),
        })
        .collect();
    restore(&shop, &early).await?;
    waits(&shop, "ledger_older", &all[..2]).await?;
    // Replaced: an empty table beside a full archive.
    restore(&shop, &empty).await?;
    waits(&shop, "ledger_unknown", &[]).await?;
    // The table of another stack.
    let mut other = whole.clone();
    for item in other.iter_mut().filter(|item| item["kind"]["S"] == "LEDGER") {
        let data = item["data"]["S"].as_str().unwrap().replace("\"id\":\"", "\"id\":\"x");
        item["data"] = json!({"S": data});
    }
    restore(&shop, &other).await?;
    waits(&shop, "ledger_unknown", &all).await?;
    // The archive alone is whole: a month that the ledger does not know is told by number.
    let month = all[0].get(..7).unwrap();
    restore(&shop, &empty).await?;
    let verdict = shop.client.invoke("ledger-export", &json!({"month": month, "verify": true})).await?;
    ensure!(verdict["documents"] == 5 && verdict["findings"].as_array().unwrap().len() == 5, "{verdict}");
    ensure!(verdict["findings"][0]["code"] == "not_in_ledger", "{verdict}");
    // The right one again: the next number is the next one.
    restore(&shop, &whole).await?;
    let delivered = shop.still_sells().await?;
    ensure!(delivered.number.ends_with("-0006"), "{}", delivered.number);
    let verdict = shop.client.invoke("ledger-export", &json!({"month": month, "verify": true})).await?;
    ensure!(verdict == json!({"month": month, "documents": 6, "findings": []}), "{verdict}");
    exported(&shop, month, &delivered.number).await?;
    shop.bundle.stop().await;
    Ok(())
}

/// The month is exported from the archive, and exported again it changes nothing.
async fn exported(shop: &Shop, month: &str, last: &str) -> Result<()> {
    let answer = shop.client.invoke("ledger-export", &json!({"month": month})).await?;
    ensure!(answer["invoices"] == 6 && answer["unconverted_count"] == 0 && answer["gaps"] == json!([]), "{answer}");
    let again = shop.client.invoke("ledger-export", &json!({"month": month})).await?;
    ensure!(again == answer, "{again}");
    let bucket = shop.bundle.aws().resources("comptoir-dev").await?["ArchiveBucket"].clone();
    for (file, rows) in answer["files"].as_array().unwrap().iter().zip([6, 24, 1]) {
        let key = file.as_str().unwrap();
        let (bytes, _) = shop.bundle.aws().object(&bucket, key).await?.context("a file of the ledger")?;
        let text = String::from_utf8(bytes)?;
        ensure!(text.lines().count() > rows, "{key}: {text}");
        ensure!(key.contains("ereporting") || text.contains(last), "{key} lacks {last}: {text}");
    }
    Ok(())
}

/// What a rebuilt record of a document must have as it was.
fn documents(items: &[Value]) -> BTreeMap<String, Value> {
    let kept = ["data", "sale", "issued_on", "document_key", "document_sha256", "document_size", "credited"];
    let invoices = items.iter().filter(|item| item["kind"]["S"] == "INVOICE");
    let of = |item: &Value| {
        let fields = kept.iter().map(|name| ((*name).to_owned(), item[*name].clone()));
        (item["pk"]["S"].as_str().unwrap().to_owned(), Value::Object(fields.collect()))
    };
    invoices.map(of).collect()
}

fn refund(id: &str, amount: i64, checkout: &Checkout) -> Value {
    let intent = &checkout.session["payment_intent"];
    let refund = json!({
        "id": id, "object": "refund", "amount": amount, "currency": "eur", "status": "succeeded",
        "payment_intent": intent, "created": comptoir_local::clock::now().as_second(),
    });
    event(&format!("evt_{id}"), "refund.created", &refund)
}

async fn credited(shop: &Shop, number: &str) -> Result<()> {
    let mailed =
        async |shop: &Shop| Ok(shop.mails().await?.iter().any(|mail| mail.subject.contains(number)).then_some(()));
    shop.wait_for(number, mailed).await
}

/// The archive alone is left: the table is made anew from it, old events bill nothing again, nobody is mailed twice, and
/// the next numbers are the next ones.
#[tokio::test]
async fn a_lost_table_is_rebuilt_from_the_archive_alone() -> Result<()> {
    let shop = Shop::open("rebuilt").await?;
    let mut sold = Vec::new();
    for n in 0..4 {
        let (checkout, _) =
            shop.pay(&Purchase { email: Some(format!("c{n}@example.org")), ..Purchase::default() }).await?;
        shop.delivered(&checkout.session_id).await?;
        sold.push(checkout);
    }
    let all = shop.numbers().await?;
    let month = all[0].get(..7).unwrap().to_owned();
    let first = refund("re_1", 1900, &sold[1]);
    shop.deliver(&first).await?;
    credited(&shop, &format!("A{month}-0001")).await?;
    let all = shop.numbers().await?;
    let (_, whole) = billing(&shop).await?;
    let mails = shop.mails().await?.len();
    ensure!((all.len(), mails) == (5, 5), "{all:?}");
    let rebuild =
        async |dry_run: bool| shop.client.invoke("ledger-export", &json!({"rebuild": {"dry_run": dry_run}})).await;
    let healthy = rebuild(true).await?;
    ensure!(healthy["documents"] == 5 && healthy["missing"] == 0 && healthy["waits"] == false, "{healthy}");

    restore(&shop, &[]).await?;
    // The settings lay in the table, too; they are saved anew, from the owner's file.
    ensure!(shop.save_settings(&comptoir_local::paths::seller()).await? == 1);
    // One sale is announced again before the table is rebuilt: it waits.
    shop.deliver(&sold[0].event("checkout.session.completed")).await?;
    let found = rebuild(true).await?;
    ensure!(found["missing"] == 5 && found["begins"] == true && found["waits"] == true, "{found}");
    ensure!(found["written"] == false && shop.numbers().await?.is_empty(), "a dry run writes nothing: {found}");
    let rebuilt = rebuild(false).await?;
    let expected = json!([
        {"series": format!("{month}-#"), "from": 0, "to": 4}, {"series": format!("A{month}-#"), "from": 0, "to": 1}
    ]);
    ensure!(rebuilt["written"] == true && rebuilt["counters"] == expected, "{rebuilt}");
    ensure!(rebuilt["credited"] == 1 && rebuilt["mails"] == json!([]) && rebuilt["waits"] == false, "{rebuilt}");
    ensure!(rebuilt["unknown"].as_array().is_some_and(|unknown| !unknown.is_empty()), "{rebuilt}");
    let (_, items) = billing(&shop).await?;
    ensure!(documents(&items) == documents(&whole), "each record is as it was");
    let again = rebuild(false).await?;
    ensure!(again["missing"] == 0 && again["waits"] == false, "{again}");

    for checkout in &sold {
        let (status, body) = shop.post(&checkout.event("checkout.session.completed")).await?;
        ensure!(status == 200, "{body}");
    }
    ensure!(shop.post(&first).await?.0 == 200);
    shop.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    // A refund of a rebuilt sale: Stripe says which session it paid.
    shop.deliver(&refund("re_2", 900, &sold[3])).await?;
    credited(&shop, &format!("A{month}-0002")).await?;
    let delivered = shop.still_sells().await?;
    ensure!(delivered.number.ends_with("-0005"), "{}", delivered.number);
    ensure!(shop.numbers().await?.len() == 7 && shop.mails().await?.len() == 7, "{:?}", shop.numbers().await?);
    ensure!(shop.client.parked().await?.is_empty(), "{:?}", shop.client.parked().await?);
    let verdict = shop.client.invoke("ledger-export", &json!({"month": month, "verify": true})).await?;
    ensure!(verdict == json!({"month": month, "documents": 7, "findings": []}), "{verdict}");
    shop.bundle.stop().await;
    Ok(())
}

/// The Outbox table is restored to a moment at which its mails were not sent yet, or not there. The runbook of
/// `infra/OPERATIONS.md` keeps the sweep from sending them again; what the table does not know is listed.
#[tokio::test]
async fn a_restored_outbox_mails_nobody_twice() -> Result<()> {
    let shop = Shop::open("outbox").await?;
    for n in 0..3 {
        let (checkout, _) =
            shop.pay(&Purchase { email: Some(format!("c{n}@example.org")), ..Purchase::default() }).await?;
        shop.delivered(&checkout.session_id).await?;
    }
    let all = shop.numbers().await?;
    let (_, items) = table(&shop, "OutboxTable").await?;
    // The third mail was not queued yet.
    let mails = items.iter().filter(|item| item["pk"]["S"] != format!("MAIL#invoice/{}", all[2]));
    let queued = mails.filter(|item| item["kind"]["S"] == "MAIL").map(|item| {
        let mut queued: serde_json::Map<String, Value> = ["pk", "sk", "kind", "v", "needs", "data"]
            .map(|name| (name.to_owned(), item[name].clone()))
            .into_iter()
            .collect();
        let id = item["pk"]["S"].as_str().unwrap().strip_prefix("MAIL#").unwrap();
        queued.insert("status".to_owned(), json!({"S": "queued"}));
        queued.insert("open_shard".to_owned(), json!({"S": comptoir::sweep::partition("MAIL", id)}));
        queued.insert("open_since".to_owned(), json!({"N": "1700000000"}));
        Value::Object(queued)
    });
    restore_table(&shop, "OutboxTable", &queued.collect::<Vec<_>>()).await?;

    // The runbook.
    let (outbox, _) = table(&shop, "OutboxTable").await?;
    let open = shop.bundle.aws().dynamodb("Scan", &json!({"TableName": outbox, "IndexName": "open"})).await?;
    let open = open["Items"].as_array().context("items")?.clone();
    ensure!(open.len() == 2, "{open:?}");
    for item in open {
        let update = json!({
            "TableName": outbox, "Key": {"pk": item["pk"], "sk": {"S": "-"}},
            "ConditionExpression": "#s IN (:q, :g)", "ExpressionAttributeNames": {"#s": "status"},
            "UpdateExpression":
                "SET #s = :u, unknown_since = :t REMOVE lease_until, claimed_by, open_shard, open_since, woken_at, wakes",
            "ExpressionAttributeValues": {
                ":q": {"S": "queued"}, ":g": {"S": "sending"}, ":u": {"S": "unknown"}, ":t": {"S": "2026-11-21T10:00:00Z"}
            },
        });
        shop.bundle.aws().dynamodb("UpdateItem", &update).await?;
    }
    let woken = shop.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    ensure!(woken["woken"] == 0, "{woken}");
    let found = shop.client.invoke("ledger-export", &json!({"rebuild": {}})).await?;
    ensure!(found["mails"] == json!([format!("invoice/{}", all[2])]) && found["missing"] == 0, "{found}");
    let delivered = shop.still_sells().await?;
    ensure!(delivered.number.ends_with("-0004") && shop.mails().await?.len() == 4, "each customer has one mail");
    shop.bundle.stop().await;
    Ok(())
}
