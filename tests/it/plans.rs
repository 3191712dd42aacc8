//! Plans, access and tokens, as the seller's site and Stripe's customers see them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::{Result, ensure};
use comptoir_local::wire::{Cut, Order};
use comptoir_tests::{
    Shop,
    site::{SOLO, wish},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ZOE: &str = "zoe@example.org";
const ESSAI: &str = "price_comptoir_essai";
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

#[tokio::test]
async fn who_buys_a_plan_has_it_with_its_tokens_and_anew_each_period() -> Result<()> {
    let shop = Shop::open("plans-bought").await?;
    let nobody = shop.access(ZOE).await?;
    let nothing =
        json!({"plan": null, "plan_name": null, "features": [], "state": "none", "until": null, "tokens_left": 0});
    ensure!(nobody == nothing, "{nobody}");
    shop.subscribes(SOLO, ZOE, "k1").await?;
    let has = shop.access_in(ZOE, "active").await?;
    ensure!(has["plan"] == "solo" && has["plan_name"] == "Solo" && has["tokens_left"] == 10, "{has}");
    ensure!(has["features"] == json!(["courses"]) && has["until"].is_string(), "{has}");
    ensure!(shop.access("ZOE@Example.org").await? == has, "an address has no case");
    let use_three = json!({"email": ZOE, "amount": 3, "id": "u1"});
    ensure!(shop.door("POST", "/tokens/use", &use_three).await? == (200, json!({"tokens_left": 7})));
    // The next period: charged an hour after it begins.
    shop.client.advance(31 * DAY + 2 * HOUR).await?;
    shop.wait_for("the tokens of the second period", async |shop: &Shop| {
        Ok((shop.access(ZOE).await?["tokens_left"] == 10).then_some(()))
    })
    .await?;
    let later = shop.access(ZOE).await?;
    ensure!(later["state"] == "active" && later["until"].as_str() > has["until"].as_str(), "{later}");
    ensure!(shop.items("GRANT").await?.len() == 2, "one grant a period");
    let invoices = shop.wait_for("two invoices", async |shop: &Shop| {
        let numbers = shop.numbers().await?;
        Ok((numbers.len() == 2).then_some(numbers))
    });
    invoices.await?;
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn events_held_shuffled_and_repeated_end_in_the_same_state() -> Result<()> {
    let shop = Shop::open("plans-shuffled").await?;
    shop.client.fake("POST", "events", &json!({"hold": true})).await?;
    let subscription = shop.subscribes(SOLO, ZOE, "k1").await?;
    let changed = [("cancel_at_period_end", "true")];
    ensure!(shop.client.stripe("POST", &format!("subscriptions/{subscription}"), &changed, None).await?.0 == 200);
    shop.client.fake("POST", "events", &json!({"hold": false, "shuffle": true, "duplicate": 8})).await?;
    let has = shop.access_in(ZOE, "active").await?;
    shop.access_at_rest().await?;
    ensure!(has["tokens_left"] == 10 && shop.access(ZOE).await? == has, "{has}");
    ensure!(shop.items("GRANT").await?.len() == 1 && shop.items("PERSON").await?.len() == 1);
    ensure!(shop.client.stripe("DELETE", &format!("subscriptions/{subscription}"), &[], None).await?.0 == 200);
    shop.access_in(ZOE, "withdrawn").await?;
    shop.access_at_rest().await?;
    let over = shop.access(ZOE).await?;
    ensure!(over["plan"].is_null() && over["features"] == json!([]) && over["tokens_left"] == 0, "{over}");
    ensure!(shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn of_a_hundred_at_once_on_ten_tokens_ten_succeed() -> Result<()> {
    let shop = Shop::open("plans-tokens").await?;
    shop.subscribes(SOLO, ZOE, "k1").await?;
    shop.access_in(ZOE, "active").await?;
    let shop = Arc::new(shop);
    let mut asking = JoinSet::new();
    for n in 0..100 {
        let shop = shop.clone();
        asking.spawn(async move { (n, shop.door("POST", "/tokens/use", &one(n)).await) });
    }
    let mut answers = BTreeMap::new();
    while let Some(answered) = asking.join_next().await {
        let (n, answer) = answered?;
        answers.insert(n, answer?);
    }
    let used: BTreeSet<u64> = answers
        .values()
        .filter(|(status, _)| *status == 200)
        .map(|(_, body)| body["tokens_left"].as_u64().unwrap())
        .collect();
    ensure!(used == (0..10).collect(), "each left another balance: {used:?}");
    ensure!(answers.values().filter(|(status, body)| *status == 402 && body["tokens_left"] == 0).count() == 90);
    // Each is answered again as it was.
    for (n, (status, body)) in &answers {
        let again = shop.door("POST", "/tokens/use", &one(*n)).await?;
        ensure!(again.0 == *status && again.1["tokens_left"] == body["tokens_left"], "{n}: {again:?}");
        ensure!((again.1["repeated"] == true) == (*status == 200), "{n}: {again:?}");
    }
    let other = json!({"email": ZOE, "amount": 2, "id": "u0"});
    let reused = shop.door("POST", "/tokens/use", &other).await?;
    ensure!([402, 409].contains(&reused.0), "{reused:?}");
    ensure!(shop.access(ZOE).await?["tokens_left"] == 0);
    Arc::into_inner(shop).unwrap().bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn of_two_tabs_one_subscription_lives_and_the_owner_is_told() -> Result<()> {
    let shop = Shop::open("plans-tabs").await?;
    // Without an address nothing can be reserved: both pages are open.
    let tabs = [shop.page(SOLO, None, "t1").await?, shop.page("price_comptoir_studio", None, "t2").await?];
    for tab in &tabs {
        shop.pays(&json!({"session": tab, "email": "Zoe@example.org"})).await?;
    }
    let parked = shop.wait_for("the second one parked", async |shop: &Shop| {
        Ok(shop.client.parked().await?.into_iter().find(|parked| parked["source"] == "access-worker"))
    });
    let parked = parked.await?;
    ensure!(parked["reason"].as_str().unwrap().contains("second_subscription"), "{parked}");
    shop.access_at_rest().await?;
    let (_, all) = shop.client.stripe("GET", "subscriptions", &[("status", "all")], None).await?;
    let live: Vec<&Value> =
        all["data"].as_array().unwrap().iter().filter(|subscription| subscription["status"] == "active").collect();
    ensure!(live.len() == 1 && all["data"].as_array().unwrap().len() == 2, "{all}");
    let has = shop.access(ZOE).await?;
    let plan = if live[0]["items"]["data"][0]["price"]["id"] == SOLO { "solo" } else { "studio" };
    ensure!(has["state"] == "active" && has["plan"] == plan, "{has}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn pages_are_reserved_and_bad_requests_make_nothing() -> Result<()> {
    let shop = Shop::open("plans-pages").await?;
    let first = shop.page(SOLO, Some(ZOE), "k1").await?;
    ensure!(shop.page(SOLO, Some(ZOE), "k1").await? == first, "the same key, the same page");
    let second = shop.page(SOLO, Some("ZOE@example.org"), "k2").await?;
    let (_, former) = shop.client.stripe("GET", &format!("checkout/sessions/{first}"), &[], None).await?;
    ensure!(former["status"] == "expired" && second != first, "{former}");
    let other = shop.door("POST", "/checkout", &wish("price_comptoir_studio", Some(ZOE), "k2")).await?;
    ensure!(other.0 == 409 && other.1["error"] == "idempotency_key_reused", "{other:?}");
    let somebody = shop.door("POST", "/checkout", &wish(SOLO, Some("ada@example.org"), "k2")).await?;
    ensure!(somebody.0 == 409 && somebody.1["error"] == "idempotency_key_reused", "{somebody:?}");
    let before = calls(&shop).await?;
    for (field, value, status, error) in [
        ("price", json!("price_other"), 422, "unknown_price"),
        ("success_url", json!("https://evil.example/"), 422, "origin_not_allowed"),
        ("email", json!("zoe"), 422, "bad_email"),
        ("coupon", json!("x"), 422, "unknown_field"),
        ("cancel_url", json!(null), 422, "missing_field"),
    ] {
        let mut bad = wish(SOLO, Some(ZOE), "k3");
        bad[field] = value;
        let told = shop.door("POST", "/checkout", &bad).await?;
        ensure!(told.0 == status && told.1["error"] == error && told.1["field"] == field, "{told:?}");
    }
    let unknown = json!({"email": "ada@example.org", "return_url": "https://example.org/compte"});
    let portal = shop.door("POST", "/portal", &unknown).await?;
    ensure!(portal.0 == 404 && calls(&shop).await? == before, "nothing is made at Stripe: {portal:?}");
    let mut answers = BTreeSet::new();
    for key in ["", "wrong", "site_0000", "x x"] {
        for (method, path) in [("GET", "/access?email=zoe@example.org"), ("POST", "/checkout"), ("POST", "/tokens/use")]
        {
            let (status, body) = shop.knock(key, method, path, &json!({})).await?;
            ensure!(status == 401, "{key} {path}: {status}");
            answers.insert(body.to_string());
        }
    }
    ensure!(answers.len() == 1, "{answers:?}");
    shop.pays(&json!({"session": second})).await?;
    shop.access_in(ZOE, "active").await?;
    let twice = shop.door("POST", "/checkout", &wish(SOLO, Some(ZOE), "k4")).await?;
    ensure!(twice.0 == 409 && twice.1["error"] == "already_subscribed", "{twice:?}");
    let known = json!({"email": ZOE, "return_url": "https://example.org/compte"});
    let portal = shop.door("POST", "/portal", &known).await?;
    ensure!(portal.0 == 201 && portal.1["url"].is_string(), "{portal:?}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_trial_gives_its_tokens_once_and_its_failed_payment_none() -> Result<()> {
    let shop = Shop::open("plans-trial").await?;
    let session = shop.page(ESSAI, Some(ZOE), "k1").await?;
    let done = shop.pays(&json!({"session": session})).await?;
    let has = shop.access_in(ZOE, "trialing").await?;
    ensure!(has["plan"] == "essai" && has["tokens_left"] == 20, "{has}");
    ensure!(shop.numbers().await?.is_empty(), "an invoice of 0 makes no document");
    let subscription = done["subscription"].as_str().unwrap();
    let (_, stands) = shop.client.stripe("GET", &format!("subscriptions/{subscription}"), &[], None).await?;
    let method = stands["default_payment_method"].as_str().unwrap();
    let declines = json!({"outcome": "decline:insufficient_funds"});
    ensure!(shop.client.fake("PUT", &format!("payment_methods/{method}"), &declines).await?.0 == 204);
    shop.client.advance(14 * DAY + 2 * HOUR).await?;
    let unpaid = shop.access_in(ZOE, "past_due").await?;
    shop.access_at_rest().await?;
    ensure!(unpaid["plan"] == "essai" && shop.items("GRANT").await?.len() == 1, "nothing was paid: {unpaid}");
    ensure!(shop.client.stripe("DELETE", &format!("subscriptions/{subscription}"), &[], None).await?.0 == 200);
    shop.access_in(ZOE, "withdrawn").await?;
    let again = shop.page(ESSAI, Some(ZOE), "k2").await?;
    let (_, page) = shop.client.stripe("GET", &format!("checkout/sessions/{again}"), &[], None).await?;
    ensure!(page["customer"] == stands["customer"], "{page}");
    shop.pays(&json!({"session": again, "outcome": "succeed", "number": "5555555555554444"})).await?;
    let paid = shop.access_in(ZOE, "active").await?;
    ensure!(paid["tokens_left"] == 20, "a trial is given once, and paying brings the period's tokens: {paid}");
    shop.bundle.stop().await;
    Ok(())
}

/// Its events never arrive; Stripe lists them.
#[tokio::test]
async fn a_lost_end_is_found_by_the_nightly_comparison() -> Result<()> {
    let shop = Shop::open("plans-lost").await?;
    let subscription = shop.subscribes(SOLO, ZOE, "k1").await?;
    shop.access_in(ZOE, "active").await?;
    shop.access_at_rest().await?;
    shop.client.fake("POST", "events", &json!({"hold": true})).await?;
    ensure!(shop.client.stripe("DELETE", &format!("subscriptions/{subscription}"), &[], None).await?.0 == 200);
    ensure!(shop.access(ZOE).await?["state"] == "active", "nobody said that it has ended");
    let found = shop.client.invoke("payment-webhook", &json!({"task": "reconcile", "days": 1})).await?;
    ensure!(found["reconciled"]["done"] == true, "{found}");
    shop.access_in(ZOE, "withdrawn").await?;
    shop.access_at_rest().await?;
    shop.bundle.stop().await;
    Ok(())
}

/// Each call of the functions to AWS is cut in turn: the process dies before it, or after it took effect.
#[tokio::test]
async fn the_worker_and_the_doors_survive_their_death_at_each_call() -> Result<()> {
    let shop = Shop::open_with("plans-deaths", |options| options.wire = true).await?;
    let wire = shop.bundle.wire().unwrap();
    let kill = |function: &str| shop.bundle.function(function).unwrap().kill();
    let buyer = |n: usize| format!("buyer{n}@example.org");
    kill("access-worker");
    let before = wire.calls().len();
    shop.subscribes(SOLO, &buyer(0), "first").await?;
    shop.access_in(&buyer(0), "active").await?;
    shop.access_at_rest().await?;
    let mut steps: Vec<(String, usize)> = Vec::new();
    for call in wire.calls().into_iter().skip(before).filter(|call| call.function == "access-worker") {
        let same = steps.iter().filter(|(operation, _)| *operation == call.operation).count();
        steps.push((call.operation, same));
    }
    ensure!(steps.len() > 5, "{steps:?}");
    let mut buyers = 1;
    for cut in [Cut::KillBefore, Cut::KillAfter] {
        for (operation, after) in &steps {
            kill("access-worker");
            let (function, operation) = ("access-worker".to_owned(), Some(operation.clone()));
            wire.order(Order { function, operation, after: *after, times: 1, cut });
            shop.subscribes(SOLO, &buyer(buyers), &format!("k{buyers}")).await?;
            shop.wait_for(&format!("{cut:?} {after}"), async |_: &Shop| Ok(wire.is_done().then_some(()))).await?;
            buyers += 1;
        }
    }
    for n in 0..buyers {
        let has = shop.access_in(&buyer(n), "active").await?;
        ensure!(has["plan"] == "solo" && has["tokens_left"] == 10, "{n}: {has}");
    }
    shop.access_at_rest().await?;
    ensure!(shop.items("GRANT").await?.len() == buyers && shop.client.parked().await?.is_empty());
    // A door that dies with a request is asked again, with the same key or id.
    for (cut, n) in [Cut::KillBefore, Cut::KillAfter].into_iter().zip(0..) {
        kill("billing-api");
        let (function, operation) = ("billing-api".to_owned(), Some("TransactWriteItems".to_owned()));
        wire.order(Order { function, operation, after: 0, times: 1, cut });
        let body = json!({"email": buyer(n), "amount": 4, "id": "u1"});
        let first = shop.door("POST", "/tokens/use", &body).await?;
        ensure!(first.0 == 500, "{first:?}");
        let again = shop.door("POST", "/tokens/use", &body).await?;
        ensure!(again.0 == 200 && again.1["tokens_left"] == 6, "{cut:?}: {again:?}");
    }
    ensure!(wire.denied().is_empty(), "{:#?}", wire.denied());
    shop.bundle.stop().await;
    Ok(())
}

/// How often Stripe was asked by others.
async fn calls(shop: &Shop) -> Result<usize> {
    let (_, calls) = shop.client.fake("GET", "calls", &Value::Null).await?;
    Ok(calls.as_array().unwrap().len())
}

/// A use of one token.
fn one(n: u32) -> Value {
    json!({"email": ZOE, "amount": 1, "id": format!("u{n}")})
}
