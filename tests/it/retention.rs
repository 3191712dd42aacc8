//! How long things are kept: the table in infra/OPERATIONS.md against what the code writes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Result, ensure};
use comptoir::{
    accounting::term::Expire,
    billing::ledger::Ledger,
    numbering::InvoiceNumber,
    outcome::Reason,
    payment::{PaymentLog, SETTLED_KEPT},
};
use comptoir_local::{
    checkout::{Checkout, Purchase},
    forget::{self, Forget},
    paths, replay,
};
use comptoir_tests::{
    Shop,
    members::{creation, freelancer},
    site::SOLO,
    stores::Stores,
};
use serde_json::{Value, json};

/// By table and kind, when a row expires: `always`, `once settled`, `at its term`, `never`.
fn told() -> Result<BTreeMap<(String, String), String>> {
    let text = fs::read_to_string(paths::repository().join("infra/OPERATIONS.md"))?;
    let section = text.split("\n## How long things are kept").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut told = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, table, kind, expires, why, _] = cells[..] else { anyhow::bail!("{line}") };
        ensure!(["always", "once settled", "at its term", "never"].contains(&expires) && !why.is_empty(), "{line}");
        let twice = told.insert((table.to_owned(), kind.trim_matches('`').to_owned()), expires.to_owned());
        ensure!(twice.is_none(), "{line}");
    }
    Ok(told)
}

/// The words in capitals on the lines that `of` chooses in a folder's code.
fn words(folder: &Path, of: fn(&&str) -> bool, words_found: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            words(&path, of, words_found)?;
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        for line in fs::read_to_string(&path)?.lines().filter(of) {
            let quoted = line.split('"').skip(1).step_by(2);
            let kind = |word: &&str| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            words_found.extend(quoted.filter(kind).map(str::to_owned));
        }
    }
    Ok(())
}

#[test]
fn every_kind_of_row_stands_in_the_table() -> Result<()> {
    let told: BTreeSet<String> = told()?.into_keys().map(|(_, kind)| kind).collect();
    let (mut kinds, mut known) = (BTreeSet::new(), BTreeSet::new());
    for folder in ["shared/aws/src", "shared/members/aws/src"] {
        words(&paths::repository().join(folder), |line| line.contains("item("), &mut kinds)?;
    }
    let adapters = paths::repository().join("shared/plans/adapters/src");
    words(&adapters, |line| line.contains("const ") && line.contains(": &str = \""), &mut kinds)?;
    words(&paths::repository().join("shared"), |_| true, &mut known)?;
    ensure!(kinds.len() > 12, "{kinds:?}");
    let missing: Vec<_> = kinds.difference(&told).collect();
    ensure!(missing.is_empty(), "infra/OPERATIONS.md does not say how long these are kept: {missing:?}");
    let gone: Vec<_> = told.difference(&known).collect();
    ensure!(gone.is_empty(), "infra/OPERATIONS.md speaks of rows that no code writes: {gone:?}");
    Ok(())
}

async fn rows(shop: &Shop) -> Result<Vec<(String, Value)>> {
    let mut rows = Vec::new();
    for table in ["Access", "Billing", "Outbox", "Notices", "Profiles"] {
        let items = shop.client.table(&format!("{table}Table")).await?.1;
        rows.extend(items.into_iter().map(|item| (table.to_owned(), item)));
    }
    Ok(rows)
}

/// A large event lies in parts, which have names and addresses in them as well.
#[tokio::test]
async fn parts_of_a_settled_event_end_with_it() -> Result<()> {
    let shop = Shop::open_with("retention-parts", |options| options.wire = true).await?;
    let payments = Stores::of(&shop).await?.payments;
    let now = comptoir_local::clock::now();
    let reason = Reason::new("dispute_lost", "read it");
    let parts = async || -> Result<Vec<bool>> {
        // As they are stored: the page shows a value and not its parts.
        let (table, _) = shop.client.table("BillingTable").await?;
        let rows = shop.bundle.aws().scan(&table).await?;
        let parts = rows.into_iter().filter(|item| item["kind"]["S"] == "PART");
        Ok(parts.map(|item| item["text"]["S"].is_string() && item["expires_at"]["N"].is_string()).collect())
    };
    for (id, settle) in [("evt_settled", true), ("evt_read", false)] {
        let dispute = json!({"id": "du_1", "object": "dispute", "status": "lost", "payment_intent": "pi_1",
            "evidence": "Zoé ".repeat(100_000)});
        let body = json!({"id": id, "object": "event", "type": "charge.dispute.closed", "livemode": false,
            "created": now.as_second(), "data": {"object": dispute}})
        .to_string();
        payments.park_event(id, &body, &reason, now).await?;
        let parked: Vec<bool> = parts().await?.into_iter().filter(|ends| !ends).collect();
        ensure!(parked.len() == 2, "while it is parked, nothing ends: {parked:?}");
        if settle {
            payments.settle_event(id, now).await?;
        } else {
            ensure!(replay::run(&shop.client).await? == 1);
        }
        ensure!(parts().await?.into_iter().all(|ends| ends), "{id}: {:?}", parts().await?);
    }
    Ok(())
}

/// At the end of its legal term a document's row goes, with that of its sale and with their parts; what the numbers need stays.
#[tokio::test]
async fn a_document_and_its_sale_end_at_their_term_and_nothing_else_does() -> Result<()> {
    let shop = Shop::open_with("retention-term", |options| options.wire = true).await?;
    let ledger = Stores::of(&shop).await?.ledger;
    let (mut checkout, kept) = (Checkout::of(&Purchase::default()), shop.sell().await?);
    let line = checkout.line_items["data"][0].clone();
    let many: Vec<Value> = (0..4)
        .map(|n| {
            let mut line = line.clone();
            (line["id"], line["description"]) = (json!(format!("li_{n}")), json!("x".repeat(120_000)));
            line
        })
        .collect();
    checkout.session["amount_total"] = json!(4 * line["amount_total"].as_i64().unwrap());
    checkout.session["amount_subtotal"] = checkout.session["amount_total"].clone();
    checkout.line_items["data"] = json!(many);
    shop.client.tell_stripe(&checkout).await?;
    shop.deliver(&checkout.event("checkout.session.completed")).await?;
    let delivered = shop.delivered(&checkout.session_id).await?;
    shop.delivered(&kept).await?;
    let entry = ledger.document(&InvoiceNumber(delivered.number.clone())).await?.unwrap();
    let at = comptoir_local::clock::now() + jiff::SignedDuration::from_hours(24);
    for _ in 0..2 {
        ledger.expire(&entry.invoice, at).await?;
    }
    let (table, _) = shop.client.table("BillingTable").await?;
    let mut ended = BTreeSet::new();
    for item in shop.bundle.aws().scan(&table).await? {
        if item["expires_at"]["N"] == json!(at.as_second().to_string()) {
            ended.insert(item["kind"]["S"].as_str().unwrap().to_owned());
            let (kind, key) = (&item["kind"]["S"], item["pk"]["S"].as_str().unwrap());
            let its = key.ends_with(&delivered.number) || key.ends_with(&checkout.session_id) || kind == "PART";
            ensure!(its, "{key} is of another sale");
        }
    }
    ensure!(ended == BTreeSet::from(["INVOICE", "PART", "PAYMENT"].map(str::to_owned)), "{ended:?}");
    let answer = shop.client.invoke("ledger-export", &json!({"term": {}})).await?;
    let year = comptoir_local::clock::now().to_zoned(jiff::tz::TimeZone::UTC).year();
    ensure!(answer["years"] == json!([]) && answer["this_year_from"] == format!("{}-01-01", year + 12), "{answer}");
    shop.bundle.stop().await;
    Ok(())
}

/// A buyer who asks to be forgotten: what is held is named with its end, and what no law keeps goes.
#[tokio::test]
async fn a_buyer_is_told_what_stays_and_what_may_go_does() -> Result<()> {
    let shop = Shop::open("retention-buyer").await?;
    let mut numbers = Vec::new();
    for email in ["Zoe@Example.org", "zoe@example.org", "azoe@example.org"] {
        let (checkout, _) = shop.pay(&Purchase { email: Some(email.to_owned()), ..Purchase::default() }).await?;
        numbers.push(shop.delivered(&checkout.session_id).await?.number);
    }
    let dispute = json!({"id": "du_1", "object": "dispute", "status": "lost", "payment_intent": "pi_1",
        "customer_email": "zoe@example.org"});
    let event = json!({"id": "evt_dispute", "object": "event", "type": "charge.dispute.closed", "livemode": false,
        "created": comptoir_local::clock::now().as_second(), "data": {"object": dispute}});
    shop.post(&event).await?;
    let held = async || -> Result<BTreeSet<String>> {
        let rows = rows(&shop).await?.into_iter().filter(|(_, item)| {
            let text = item.to_string().to_lowercase();
            text.contains("zoe@example.org") && !text.contains("azoe@example.org")
        });
        Ok(rows.map(|(_, item)| item["pk"].as_str().unwrap().to_owned()).collect())
    };
    let mails: Vec<String> = numbers.iter().take(2).map(|number| format!("MAIL#invoice/{number}")).collect();
    shop.wait_for("settled mails", async |shop: &Shop| {
        let mails = shop.items("MAIL").await?;
        Ok(mails.iter().all(|mail| mail["expires_at"].is_number()).then_some(()))
    })
    .await?;
    let before = held().await?;
    ensure!(before.contains("EVENT#evt_dispute") && mails.iter().all(|mail| before.contains(mail)), "{before:?}");
    let answer = shop.client.invoke("ledger-export", &json!({"about": {"email": "ZOE@example.org"}})).await?;
    ensure!(answer["documents"].as_array().unwrap().len() == 2 && answer["records"].as_array().unwrap().len() == 2);
    ensure!(answer["mails"] == json!(mails) && answer["kept_until"].as_str().unwrap().ends_with("-12-31"), "{answer}");
    let out = shop.bundle.dir.join("zoe.json");
    let wish = |write, out| Forget { email: "zoe@example.org".to_owned(), write, out };
    forget::run(&wish(false, Some(out.clone())), &shop.client).await?;
    ensure!(held().await? == before, "a dry run removes nothing");
    ensure!(numbers.iter().take(2).all(|number| fs::read_to_string(&out).unwrap().contains(number.as_str())));
    forget::run(&wish(true, None), &shop.client).await?;
    let after = held().await?;
    ensure!(after.contains("EVENT#evt_dispute"), "what is parked is work: {after:?}");
    ensure!(!mails.iter().any(|mail| after.contains(mail)) && after.len() == before.len() - 2, "{after:?}");
    ensure!(replay::run(&shop.client).await? == 1);
    forget::run(&wish(true, None), &shop.client).await?;
    let after = held().await?;
    let kept = |key: &String| key.starts_with("PAYMENT#") || key.starts_with("INVOICE#");
    ensure!(after.len() == 4 && after.iter().all(kept), "only what the law keeps: {after:?}");
    let log = fs::read_to_string(shop.bundle.function("ledger-export").unwrap().log())?;
    ensure!(!log.to_lowercase().contains("zoe@"), "{log}");
    shop.still_sells().await?;
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn rows_expire_as_the_table_says_and_never_while_they_are_work() -> Result<()> {
    let shop = Shop::open("retention").await?;
    let zoe = freelancer("sub-zoe");
    let made = shop.value(&zoe, "createProfile", creation("zoe")).await?;
    let change = json!({ "id": made["id"], "expectedVersion": 1, "input": { "handle": "zoe-l" } });
    shop.value(&zoe, "updateProfile", change).await?;
    let png = json!({ "kind": "AVATAR", "contentType": "image/png", "size": 1, "sha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" });
    shop.value(&zoe, "requestUpload", png).await?;
    let left = shop.value(&freelancer("sub-ana"), "createProfile", creation("ana")).await?;
    shop.value(&freelancer("sub-ana"), "deleteProfile", json!({ "id": left["id"] })).await?;
    let sale = shop.sell().await?;
    shop.delivered(&sale).await?;
    shop.subscribes(SOLO, "zoe@example.org", "k1").await?;
    shop.access_in("zoe@example.org", "active").await?;
    let used = json!({"email": "zoe@example.org", "amount": 1, "id": "u1"});
    ensure!(shop.door("POST", "/tokens/use", &used).await?.0 == 200);
    shop.access_at_rest().await?;
    let dispute = json!({"id": "du_1", "object": "dispute", "status": "lost", "payment_intent": "pi_1"});
    let event = json!({"id": "evt_dispute", "object": "event", "type": "charge.dispute.closed", "livemode": false,
        "created": comptoir_local::clock::now().as_second(), "data": {"object": dispute}});
    let (status, answer) = shop.post(&event).await?;
    ensure!(status == 200 && answer["reason"] == "dispute_lost", "{status} {answer}");

    let told = told()?;
    let parked = |item: &Value| item.get("parked_at").is_some();
    for (table, item) in rows(&shop).await? {
        let kind = item["kind"].as_str().unwrap_or("?").to_owned();
        let Some(expires) = told.get(&(table.clone(), kind.clone())) else {
            anyhow::bail!("infra/OPERATIONS.md does not say how long {kind} is kept: {item}");
        };
        let has_end = item["expires_at"].is_number();
        let right = match expires.as_str() {
            "always" => has_end,
            "at its term" | "never" => !has_end,
            _ => !(has_end && parked(&item)),
        };
        ensure!(right, "{table} {kind} expires {expires}: {item}");
    }
    let of =
        async |key: &str| rows(&shop).await.map(|rows| rows.into_iter().find(|(_, item)| item["pk"] == key).unwrap().1);
    ensure!(parked(&of("EVENT#evt_dispute").await?));
    ensure!(replay::run(&shop.client).await? == 1);
    let settled = of("EVENT#evt_dispute").await?;
    ensure!(!parked(&settled) && settled["body"].is_string(), "it is kept for whoever asks: {settled}");
    let until = comptoir_local::clock::now().as_second() + SETTLED_KEPT.as_secs();
    ensure!((until - 600..=until).contains(&settled["expires_at"].as_i64().unwrap()), "for 90 days: {settled}");
    shop.bundle.stop().await;
    Ok(())
}
