//! What must hold of a shop at rest, whatever happened to it before: read from the tables, the archive and the
//! mailbox, as an auditor would.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use comptoir::{archive::sha256, mail::MailId, mail::TAG};
use serde_json::Value;

use crate::Shop;

/// Waits until each of these sales has its invoice, and each mail a final status.
///
/// # Errors
/// When they never do.
pub async fn at_rest(shop: &Shop, sales: &[String]) -> Result<()> {
    shop.wait_for("every sale to have its invoice", async |shop: &Shop| {
        let payments = by_key(shop.items("PAYMENT").await?);
        let billed =
            |sale: &String| payments.get(&format!("PAYMENT#{sale}")).is_some_and(|p| p.get("invoice").is_some());
        Ok(sales.iter().all(billed).then_some(()))
    })
    .await?;
    shop.wait_for("every mail to have its end", async |shop: &Shop| {
        let (invoices, mails) = (shop.items("INVOICE").await?, shop.items("MAIL").await?);
        let ended = |mail: &Value| !matches!(text(mail, "status"), "queued" | "sending");
        Ok((mails.len() == invoices.len() && mails.iter().all(ended)).then_some(()))
    })
    .await
}

/// Checks every promise for these sales, each of which can be invoiced and mailed. `died` is how often a sender may
/// have died between claiming a mail and sending it.
///
/// # Errors
/// The first broken promise.
pub async fn kept(shop: &Shop, sales: &[String], died: usize) -> Result<()> {
    let (payments, invoices) = (by_key(shop.items("PAYMENT").await?), by_key(shop.items("INVOICE").await?));
    ensure!(payments.len() == sales.len(), "{} sales, {} payments", sales.len(), payments.len());
    ensure!(invoices.len() == sales.len(), "{} sales, {} invoices", sales.len(), invoices.len());
    for sale in sales {
        let payment = payments.get(&format!("PAYMENT#{sale}")).with_context(|| format!("{sale} is lost"))?;
        let number = text(payment, "invoice");
        let invoice = invoices.get(&format!("INVOICE#{number}")).with_context(|| format!("{sale} has no {number}"))?;
        ensure!(text(invoice, "sale") == sale, "{number} is another sale's");
        let pdf = shop.client.document(text(invoice, "document_key")).await?;
        ensure!(text(invoice, "document_sha256") == sha256(&pdf), "{number}: the archive holds other bytes");
        ensure!(invoice.get("open_shard").is_none(), "{number} is settled and still open");
    }
    numbers(&invoices)?;
    chained(shop, &invoices).await?;
    mails(shop, &invoices, died).await?;
    let parked = shop.client.parked().await?;
    ensure!(parked.is_empty(), "something waits for nothing: {parked:?}");
    Ok(())
}

fn numbers(invoices: &BTreeMap<String, Value>) -> Result<()> {
    let mut last: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for (key, invoice) in invoices {
        let (series, number) = key.rsplit_once('-').context("a number has its series")?;
        let (before, day) = last.get(series).copied().unwrap_or_default();
        ensure!(number.parse() == Ok(before + 1), "{key} follows {before}");
        ensure!(day <= text(invoice, "issued_on"), "{key} is dated before the one before it");
        last.insert(series, (before + 1, text(invoice, "issued_on")));
    }
    Ok(())
}

/// The archive keeps a snapshot of each invoice, which holds the hash of the one before it.
async fn chained(shop: &Shop, invoices: &BTreeMap<String, Value>) -> Result<()> {
    let mut last: BTreeMap<&str, String> = BTreeMap::new();
    for (key, invoice) in invoices {
        let (series, _) = key.rsplit_once('-').context("a number has its series")?;
        let number = key.strip_prefix("INVOICE#").context("an invoice has its number")?;
        let month = text(invoice, "issued_on").get(..7).unwrap_or_default().replace('-', "/");
        let snapshot = shop.client.document(&format!("books/{month}/{number}.json")).await?;
        let told: Value = serde_json::from_slice(&snapshot)?;
        let previous = last.insert(series, sha256(&snapshot));
        let holds = told.get("previous").and_then(Value::as_str);
        ensure!(holds == previous.as_deref(), "{number} does not follow the snapshot before it");
    }
    Ok(())
}

async fn mails(shop: &Shop, invoices: &BTreeMap<String, Value>, died: usize) -> Result<()> {
    let mut unknown = 0;
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for mail in shop.mails().await? {
        let id = mail.tags.get(TAG).and_then(|tag| MailId::of_tag(tag)).context("a mail without its tag")?;
        *taken.entry(format!("MAIL#{id}")).or_default() += 1;
    }
    let queued = by_key(shop.items("MAIL").await?);
    ensure!(queued.len() == invoices.len(), "{} invoices, {} mails", invoices.len(), queued.len());
    for (key, mail) in queued {
        let times = taken.get(&key).copied().unwrap_or_default();
        ensure!(times <= 1, "{key} was sent {times} times");
        let status = text(&mail, "status");
        let told = match status {
            "sent" | "delivered" => times == 1,
            // Its sender died between claim and call: the result is unknown, and the mail is not sent again
            // automatically.
            "unknown" => {
                unknown += 1;
                times == 0 && unknown <= died
            }
            _ => false,
        };
        ensure!(told, "{key} is {status}, and was sent {times} times");
    }
    Ok(())
}

fn by_key(items: Vec<Value>) -> BTreeMap<String, Value> {
    items.into_iter().map(|item| (text(&item, "pk").to_owned(), item)).collect()
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}
