//! More events than Stripe answers questions about: each is answered 200, completed by itself, and invoiced once.
//!
//! `cargo test --test it announced:: -- --ignored --nocapture` posts 5,000 in a minute and prints the figures.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may fail loudly, and its figures are worth reading"
)]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use comptoir_local::{
    checkout::{Checkout, Purchase, event},
    faults::Fault,
};
use comptoir_tests::{PATIENCE, Shop, promises};
use serde_json::{Value, json};

const CLIENTS: usize = 16;

/// Reads of single objects that Stripe may be asked for, however large the burst.
const MOST_READS: u64 = 100;

/// A shop whose stand-in for Stripe has Stripe's limits.
async fn limited(name: &str) -> Result<Shop> {
    Shop::open_with(name, |options| options.limits_of_stripe = true).await
}

/// Reads of Stripe, those of lists and the others.
fn reads(shop: &Shop) -> (u64, u64) {
    let reads = shop.bundle.stripe().reads();
    let lists = reads.get("checkout/sessions").copied().unwrap_or_default();
    (lists, reads.values().sum::<u64>() - lists)
}

/// Posts a sale each, `each` apart; returns the sales and how often each result was answered.
async fn post(shop: &Arc<Shop>, count: usize, each: Duration) -> Result<(Vec<String>, BTreeMap<String, usize>)> {
    let begun = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let shop = shop.clone();
        clients.spawn(async move {
            let mut posted = Vec::new();
            for n in (client..count).step_by(CLIENTS) {
                tokio::time::sleep_until((begun + each * u32::try_from(n)?).into()).await;
                // Some have more lines than a list brings.
                let lines = if n % 100 == 50 { 12 } else { 1 };
                let email = Some(format!("c{n}@example.org"));
                let checkout = Checkout::of(&Purchase { email, lines, ..Purchase::default() });
                for (path, object) in checkout.objects() {
                    shop.bundle.stripe().store(&path, object.clone());
                }
                let (status, answer) = shop.post(&checkout.event("checkout.session.completed")).await?;
                ensure!(status == 200, "sale {n}: {status} {answer}");
                posted.push((checkout.session_id, answer["result"].as_str().unwrap_or_default().to_owned()));
            }
            Ok(posted)
        });
    }
    let (mut sales, mut results) = (Vec::new(), BTreeMap::new());
    while let Some(client) = clients.join_next().await {
        for (sale, result) in client?? {
            sales.push(sale);
            *results.entry(result).or_default() += 1;
        }
    }
    Ok((sales, results))
}

/// Waits as long as a count grows, until it is `all`.
async fn grown(shop: &Shop, what: &str, all: usize, count: impl AsyncFn(&Shop) -> Result<usize>) -> Result<()> {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let now = count(shop).await?;
        if now >= all {
            return Ok(());
        }
        if now > last {
            (last, since) = (now, Instant::now());
        }
        ensure!(since.elapsed() < PATIENCE, "waited in vain for {what}: {now} of {all}");
        // Looking reads whole tables: seldom, where there is much in them.
        tokio::time::sleep(Duration::from_millis(u64::try_from(all)?)).await;
    }
}

async fn burst(name: &str, count: usize, each: Duration) -> Result<()> {
    let shop = Arc::new(limited(name).await?);
    let begun = Instant::now();
    let (sales, results) = post(&shop, count, each).await?;
    let posted = begun.elapsed().as_secs_f64();
    ensure!(results.get("announced").copied().unwrap_or_default() * 10 >= count, "{results:?}");
    grown(&shop, "every event to be completed", count, async |shop: &Shop| Ok(shop.items("PAYMENT").await?.len()))
        .await?;
    let (lists, others) = reads(&shop);
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!(
        "{count} events in {posted:.0} s: {results:?}, recorded after {seconds:.0} s, {lists} lists, {others} reads"
    );
    ensure!(others <= MOST_READS, "{others} reads beside {lists} lists");
    grown(&shop, "every mail", count, async |shop: &Shop| Ok(shop.bundle.mailbox().count())).await?;
    ensure!(shop.items("ANNOUNCED").await?.is_empty(), "what is completed is settled");
    promises::at_rest(&shop, &sales).await?;
    promises::kept(&shop, &sales, 0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_answered_200_and_invoiced_once_by_lists() -> Result<()> {
    burst("announced-burst", 300, Duration::ZERO).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "five thousand invoices take many minutes"]
async fn five_thousand_events_in_a_minute_are_answered_200_and_invoiced_once() -> Result<()> {
    burst("announced-five-thousand", 5000, Duration::from_millis(12)).await
}

#[tokio::test]
async fn a_lone_sale_is_completed_at_once_and_a_body_of_any_size_later() -> Result<()> {
    let shop = limited("announced-sizes").await?;
    let checkout = Checkout::of(&Purchase::default());
    shop.client.tell_stripe(&checkout).await?;
    let (status, answer) = shop.post(&checkout.event("checkout.session.completed")).await?;
    ensure!(status == 200 && answer == json!({"result": "recorded"}), "{status} {answer}");
    shop.delivered(&checkout.session_id).await?;

    let checkout = Checkout::of(&Purchase::default());
    shop.client.tell_stripe(&checkout).await?;
    shop.bundle.stripe().faults.order(Fault::Throttle, 1);
    let mut event = checkout.event("checkout.session.completed");
    event["data"]["object"]["metadata"] = json!({"notes": "é".repeat(1024 * 1024)});
    ensure!(shop.post(&event).await?.1 == json!({"result": "announced"}));
    ensure!(shop.post(&event).await?.1["result"] != "retry", "whether or not it is completed by now");
    shop.delivered(&checkout.session_id).await?;
    shop.wait_for("it to be settled", async |shop: &Shop| Ok(shop.items("ANNOUNCED").await?.is_empty().then_some(())))
        .await?;
    ensure!(shop.numbers().await?.len() == 2 && shop.mails().await?.len() == 2);
    shop.bundle.stop().await;
    Ok(())
}

/// Invokes the function as its schedule does.
async fn complete(shop: &Shop) -> Result<Value> {
    let function = shop.bundle.function("payment-webhook").context("template.yaml has no payment-webhook")?;
    let answer = function.invoke(json!({"task": "complete"}).to_string().into()).await;
    Ok(serde_json::from_slice(&answer.map_err(|failure| anyhow::anyhow!("{failure}"))?)?)
}

#[tokio::test]
async fn what_fails_for_good_is_parked_and_what_waits_stays_open() -> Result<()> {
    let shop = Shop::open("announced-parked").await?;
    let checkout = Checkout::of(&Purchase::default());
    let items = format!("checkout/sessions/{}/line_items", checkout.session_id);
    shop.bundle.stripe().store(&items, json!({"object": "list", "data": [{"amount_total": "much"}]}));
    shop.bundle.stripe().faults.order(Fault::Fail, 1);
    ensure!(shop.post(&checkout.event("checkout.session.completed")).await?.1["result"] == "announced");
    // It is refunded before anybody knows of it.
    let refund = json!({"id": "re_1", "object": "refund", "amount": 4900, "currency": "eur", "status": "succeeded",
        "charge": "ch_1", "payment_intent": checkout.session["payment_intent"], "created": checkout.session["created"]});
    shop.bundle.stripe().store(&format!("checkout/sessions/{}", checkout.session_id), checkout.session.clone());
    shop.bundle.stripe().faults.order(Fault::Fail, 1);
    ensure!(shop.post(&event("evt_r1", "refund.created", &refund)).await?.1["result"] == "announced");
    let parked = shop
        .wait_for("the sale to be parked", async |shop: &Shop| {
            Ok(shop.client.parked().await?.into_iter().find(|one| one["source"] == "payment-webhook"))
        })
        .await?;
    ensure!(parked["reason"].as_str().unwrap_or_default().starts_with("stripe_unreadable"), "{parked}");
    let stored = shop
        .wait_for("the refund to wait", async |shop: &Shop| {
            let stored = shop.items("ANNOUNCED").await?;
            Ok((stored.len() == 1 && stored[0]["wakes"].is_number()).then_some(stored))
        })
        .await?;
    ensure!(stored[0]["pk"] == "ANNOUNCED#evt_r1" && stored[0]["open_shard"].is_string(), "{stored:?}");
    ensure!(complete(&shop).await? == json!({"completed": 0, "waiting": 0, "unfinished": false}), "it rests");
    shop.client.tell_stripe(&checkout).await?;
    ensure!(comptoir_local::replay::run(&shop.client).await? == 1);
    shop.delivered(&checkout.session_id).await?;
    // As if it had rested.
    let (table, _) = shop.client.table("BillingTable").await?;
    let due = json!({"TableName": table, "Key": {"pk": {"S": "ANNOUNCED#evt_r1"}, "sk": {"S": "-"}},
        "UpdateExpression": "SET open_since = :then", "ExpressionAttributeValues": {":then": {"N": "1"}}});
    shop.client.aws.dynamodb("UpdateItem", &due).await?;
    ensure!(complete(&shop).await? == json!({"completed": 1, "waiting": 0, "unfinished": false}));
    shop.wait_for("the credit note", async |shop: &Shop| Ok((shop.mails().await?.len() == 2).then_some(()))).await?;
    ensure!(shop.items("ANNOUNCED").await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}
