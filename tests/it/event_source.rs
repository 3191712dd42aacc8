//! Stripe's events over EventBridge, the door without a public address: received as those that the webhook verifies, once
//! whichever doors they come through, and from the one event source that the stack names.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Context, Result, ensure};
use comptoir_local::{
    aws::ACCOUNT,
    checkout::{Checkout, Purchase, event},
};
use comptoir_tests::{Shop, promises};
use serde_json::{Value, json};

const SOURCE: &str = "aws.partner/stripe.com/ed_test_61PgtRTG5aTCIz985";

async fn open(name: &str) -> Result<Shop> {
    Shop::open_with(name, |options| options.stripe_event_source = SOURCE.to_owned()).await
}

async fn bought(shop: &Shop) -> Result<Checkout> {
    let checkout = Checkout::of(&Purchase::default());
    shop.client.tell_stripe(&checkout).await?;
    Ok(checkout)
}

#[tokio::test]
async fn an_event_is_received_once_whichever_door_it_comes_through() -> Result<()> {
    let shop = open("event-source").await?;
    let mut sales = Vec::new();
    let first = bought(&shop).await?;
    ensure!(shop.bundle.send_to_event_source(&first.event("checkout.session.completed")) == 1);
    shop.delivered(&first.session_id).await?;
    sales.push(first.session_id.clone());
    let (status, answer) = shop.post(&first.event("checkout.session.completed")).await?;
    ensure!(status == 200 && answer["result"] == "recorded_before", "{status} {answer}");

    // Both doors at once, in any order, some twice.
    for _ in 0..8 {
        let checkout = bought(&shop).await?;
        let event = checkout.event("checkout.session.completed");
        shop.bundle.send_to_event_source(&event);
        let posted = shop.deliver(&event);
        shop.bundle.send_to_event_source(&event);
        posted.await?;
        sales.push(checkout.session_id);
    }

    // The largest that EventBridge takes.
    let checkout = bought(&shop).await?;
    let mut large = checkout.event("checkout.session.completed");
    large["data"]["object"]["metadata"] = json!({"more": "x".repeat(1_000_000)});
    ensure!(shop.bundle.send_to_event_source(&large) == 1);
    sales.push(checkout.session_id);

    // A store that is away: the event comes again until it is received.
    let checkout = bought(&shop).await?;
    shop.bundle.stop_aws().await;
    ensure!(shop.bundle.send_to_event_source(&checkout.event("checkout.session.completed")) == 1);
    let log = shop.bundle.function("payment-webhook").context("no payment-webhook")?.log();
    shop.wait_for("a failed attempt", async |_: &Shop| {
        Ok(std::fs::read_to_string(&log)?.contains("to be delivered again").then_some(()))
    })
    .await?;
    shop.bundle.resume_aws().await?;
    shop.delivered(&checkout.session_id).await?;
    sales.push(checkout.session_id);

    promises::at_rest(&shop, &sales).await?;
    promises::kept(&shop, &sales, 0).await?;

    // What cannot be handled is parked, as one that was posted.
    let broken = event("evt_broken", "invoice.paid", &json!({"id": "in_1", "total": "much"}));
    shop.bundle.send_to_event_source(&broken);
    shop.wait_for("the broken event", async |shop: &Shop| Ok((shop.client.parked().await?.len() == 1).then_some(())))
        .await?;
    ensure!(shop.items("EVENT").await?.iter().any(|item| item["pk"] == "EVENT#evt_broken"));
    shop.bundle.stop().await;
    Ok(())
}

/// Invokes the function as a rule that somebody changed would.
async fn hand_over(shop: &Shop, envelope: &Value) -> Result<Value> {
    let function = shop.bundle.function("payment-webhook").context("template.yaml has no payment-webhook")?;
    let answer = function.invoke(envelope.to_string().into()).await;
    Ok(serde_json::from_slice(&answer.map_err(|failure| anyhow::anyhow!("{failure}"))?)?)
}

#[tokio::test]
async fn another_source_account_or_mode_gets_nothing_in() -> Result<()> {
    let shop = open("event-source-foreign").await?;
    let checkout = bought(&shop).await?;
    let told = checkout.event("checkout.session.completed");
    let envelope = json!({"version": "0", "source": SOURCE, "account": ACCOUNT, "detail": told});
    let with = |pointer: &str, value: Value| {
        let mut changed = envelope.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    let refused = [
        (with("/source", json!("aws.partner/stripe.com/ed_test_another")), "source_foreign"),
        (with("/source", json!("comptoir.example")), "source_foreign"),
        (with("/account", json!("210987654321")), "account_foreign"),
        (with("/detail", json!({"id": "evt_1", "object": "event"})), "not_an_event"),
        (with("/detail", json!("evt_1")), "not_an_event"),
    ];
    for (envelope, reason) in &refused {
        let answer = hand_over(&shop, envelope).await?;
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap())?;
        ensure!(answer["statusCode"] == 400 && body["reason"] == *reason, "{answer}");
    }
    let answer = hand_over(&shop, &with("/detail/livemode", json!(true))).await?;
    ensure!(answer["body"].as_str().unwrap().contains("wrong_mode"), "{answer}");
    let log = std::fs::read_to_string(shop.bundle.function("payment-webhook").unwrap().log())?;
    ensure!(log.matches("\"Parked\":1").count() == refused.len(), "each that is refused rings");
    ensure!(shop.items("PAYMENT").await?.is_empty() && shop.items("EVENT").await?.is_empty());
    // A source that no rule names reaches no function; the same event from the right one is a sale.
    ensure!(answer["statusCode"] == 200 && hand_over(&shop, &envelope).await?["statusCode"] == 200);
    promises::at_rest(&shop, std::slice::from_ref(&checkout.session_id)).await?;
    promises::kept(&shop, &[checkout.session_id], 0).await?;
    shop.bundle.stop().await;

    let shop = Shop::open("event-source-off").await?;
    ensure!(shop.bundle.send_to_event_source(&told) == 0, "without the parameter there is no rule");
    let answer = hand_over(&shop, &envelope).await?;
    ensure!(answer["body"].as_str().unwrap().contains("source_unconfigured"), "{answer}");
    shop.bundle.stop().await;
    Ok(())
}

/// Events that Stripe cannot be asked about are announced, and completed with those of the webhook.
#[tokio::test]
async fn a_burst_beyond_stripes_limits_is_announced_and_completed() -> Result<()> {
    let shop = Shop::open_with("event-source-burst", |options| {
        options.stripe_event_source = SOURCE.to_owned();
        options.limits_of_stripe = true;
    })
    .await?;
    let mut sales = Vec::new();
    for n in 0..60 {
        let checkout = Checkout::of(&Purchase { email: Some(format!("c{n}@example.org")), ..Purchase::default() });
        shop.client.tell_stripe(&checkout).await?;
        shop.bundle.send_to_event_source(&checkout.event("checkout.session.completed"));
        sales.push(checkout.session_id);
    }
    promises::at_rest(&shop, &sales).await?;
    promises::kept(&shop, &sales, 0).await?;
    let log = std::fs::read_to_string(shop.bundle.function("payment-webhook").unwrap().log())?;
    ensure!(log.contains("\"Announced\":1"), "some were announced");
    shop.bundle.stop().await;
    Ok(())
}
