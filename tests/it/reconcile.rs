//! Deliveries that never arrive: Stripe's list of events tells what is missing, and each of it is received once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Context, Result, ensure};
use comptoir::reconcile::{Reconciliation, ReconciliationLog};
use comptoir_local::checkout::{Checkout, Purchase, event};
use comptoir_tests::{Shop, promises, site::SOLO, stores::Stores};
use serde_json::{Value, json};

const SALES: usize = 30;

/// Invokes the function as its schedule, or a person, does.
async fn invoke(shop: &Shop, request: Value) -> Result<Value> {
    let function = shop.bundle.function("payment-webhook").context("template.yaml has no payment-webhook")?;
    let answer = function.invoke(request.to_string().into()).await;
    Ok(serde_json::from_slice(&answer.map_err(|failure| anyhow::anyhow!("{failure}"))?)?)
}

/// Places an event in Stripe's list; `failed` says whether its delivery is known to have failed.
fn list(shop: &Shop, event: &Value, failed: bool) {
    let mut listed = event.clone();
    listed["pending_webhooks"] = json!(usize::from(failed));
    shop.bundle.stripe().store(&format!("events/{}", event["id"].as_str().unwrap()), listed);
}

#[tokio::test]
async fn one_in_three_deliveries_is_dropped_for_good_and_none_is_missing_after_a_day() -> Result<()> {
    let shop = Shop::open_with("reconcile", |options| options.limits_of_stripe = true).await?;
    let mut sales = Vec::new();
    for n in 0..SALES {
        let purchase = Purchase { email: Some(format!("c{n}@example.org")), ..Purchase::default() };
        let checkout = Checkout::of(&purchase);
        shop.client.tell_stripe(&checkout).await?;
        let mut event = checkout.event("checkout.session.completed");
        sales.push(checkout.session_id);
        let dropped = n % 3 == 1;
        if dropped {
            event["created"] = json!(comptoir_local::clock::now().as_second() - 3600);
        }
        if !dropped {
            ensure!(shop.post(&event).await?.0 == 200);
        } else if n % 2 == 1 {
            // Listed in the version of the account, which names and means other things.
            event["api_version"] = json!("2019-05-16");
            event["data"]["object"]["amount_total"] = json!("unknown");
        }
        list(&shop, &event, dropped && n % 4 == 0);
    }
    // One in another mode, one that is no sale, and pages of what is not looked for.
    let mut live = Checkout::of(&Purchase::default()).event("checkout.session.completed");
    live["livemode"] = json!(true);
    let mut free = Checkout::of(&Purchase::default()).event("checkout.session.completed");
    free["data"]["object"]["amount_total"] = json!(0);
    for event in [&live, &free] {
        list(&shop, event, true);
    }
    for n in 0..150 {
        list(&shop, &event(&format!("evt_other_{n}"), "customer.created", &json!({"id": "cus_1"})), true);
    }
    // The first night finds none of it: what was sold before the first sale here was invoiced elsewhere.
    let first = invoke(&shop, json!({"task": "reconcile"})).await?;
    ensure!(first["reconciled"]["missing"] == 0 && first["reconciled"]["done"] == true, "{first}");
    let answer = invoke(&shop, json!({"task": "reconcile", "days": 1})).await?;
    ensure!(answer["reconciled"]["done"] == true && answer["unfinished"] == false, "{answer}");
    // The run of the minute may work on the same page at the same time: both find an event, which is received once.
    ensure!(answer["reconciled"]["missing"].as_u64() >= Some(SALES as u64 / 3), "{answer}");
    promises::at_rest(&shop, &sales).await?;
    promises::kept(&shop, &sales, 0).await?;
    let log = std::fs::read_to_string(shop.bundle.function("payment-webhook").unwrap().log())?;
    let missed = log.matches("\"EventMissed\":1").count();
    ensure!(missed == SALES / 3, "each that came late rings once: {missed}");
    let again = invoke(&shop, json!({"task": "reconcile"})).await?;
    ensure!(again["reconciled"]["missing"] == 0 && again["completed"] == 0, "{again}");
    ensure!(again["reconciled"]["listed"].as_u64() > Some(SALES as u64), "from now on every night looks: {again}");
    let kept = shop.items("RECONCILE").await?;
    ensure!(shop.items("ANNOUNCED").await?.is_empty() && kept.len() == 1 && kept[0]["open_shard"].is_null());
    promises::kept(&shop, &sales, 0).await?;
    shop.bundle.stop().await;
    Ok(())
}

/// The night after the first sale compares that day, too; and two runs at once do not undo each other.
#[tokio::test]
async fn the_first_night_compares_since_the_first_sale_and_runs_at_once_see_each_other() -> Result<()> {
    let shop = Shop::open_with("reconcile-first", |options| options.wire = true).await?;
    let first = shop.sell().await?;
    shop.delivered(&first).await?;
    let payments = Stores::of(&shop).await?.payments;
    let begun = payments.begun().await?.context("the books are begun")?;
    // Sold a moment after, and never delivered.
    let missed = Checkout::of(&Purchase::default());
    shop.client.tell_stripe(&missed).await?;
    let mut event = missed.event("checkout.session.completed");
    event["created"] = json!(begun.as_second() + 1);
    list(&shop, &event, false);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let night = invoke(&shop, json!({"task": "reconcile"})).await?;
    ensure!(night["reconciled"]["missing"] == 1, "{night}");
    shop.delivered(&missed.session_id).await?;

    let now = comptoir_local::clock::now();
    let last = payments.last().await?.context("it was remembered")?;
    let next = Reconciliation::daily(now, Some(&last), None);
    let mut stands = payments.remember(&next, now).await?.context("it follows the last one")?;
    ensure!(payments.remember(&next, now).await?.is_none(), "somebody began already");
    stands.give_up();
    ensure!(payments.remember(&stands, now).await?.is_some() && payments.remember(&stands, now).await?.is_none());
    let days = async || invoke(&shop, json!({"task": "reconcile", "days": 1})).await;
    let (one, two, three) = tokio::try_join!(days(), days(), days())?;
    ensure!([one, two, three].iter().all(|answer| answer["reconciled"]["missing"] == 0));
    let again = invoke(&shop, json!({"task": "reconcile"})).await?;
    ensure!(again["reconciled"]["done"] == true && again["unfinished"] == false, "{again}");
    promises::kept(&shop, &[first, missed.session_id], 0).await?;
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_is_parked_is_left_alone_and_a_lost_refund_is_found() -> Result<()> {
    let shop = Shop::open("reconcile-refund").await?;
    let (checkout, _) = shop.pay(&Purchase::default()).await?;
    shop.delivered(&checkout.session_id).await?;
    let mut unreadable = Checkout::of(&Purchase::default()).event("checkout.session.completed");
    unreadable["data"]["object"]["amount_total"] = json!("much");
    ensure!(shop.post(&unreadable).await?.1["result"] == "parked");
    let parked = shop.client.parked().await?;
    let refund = json!({"id": "re_1", "object": "refund", "amount": 1900, "currency": "eur", "status": "succeeded",
        "charge": "ch_1", "payment_intent": checkout.session["payment_intent"], "created": checkout.session["created"]});
    let refunded = event("evt_r1", "refund.created", &refund);
    for event in [&unreadable, &refunded, &checkout.event("checkout.session.completed")] {
        list(&shop, event, false);
    }
    let answer = invoke(&shop, json!({"task": "reconcile", "days": 2})).await?;
    ensure!(answer["reconciled"] == json!({"listed": 3, "missing": 1, "done": true}), "{answer}");
    shop.wait_for("the credit note", async |shop: &Shop| Ok((shop.mails().await?.len() == 2).then_some(()))).await?;
    ensure!(shop.client.parked().await? == parked, "it waits as it did, and nobody is told again");
    let again = invoke(&shop, json!({"task": "reconcile"})).await?;
    ensure!(again["reconciled"]["missing"] == 0, "{again}");
    ensure!(invoke(&shop, json!({"task": "reconcil"})).await.is_err(), "a misspelt task is an error");
    shop.bundle.stop().await;
    Ok(())
}

/// What Stripe changed without a word, an unknown subscription, and a trial whose end was never announced.
#[tokio::test]
#[ignore = "on an idle machine one night sees one or two of the three differences; why is not known yet"]
async fn subscriptions_are_compared_with_stripes_list_and_what_differs_is_mended() -> Result<()> {
    let shop = Shop::open_with("reconcile-plans", |options| options.wire = true).await?;
    let (zoe, ada, bob) = ("zoe@example.org", "ada@example.org", "bob@example.org");
    let ended = shop.subscribes(SOLO, zoe, "k1").await?;
    let trial = shop.subscribes("price_comptoir_essai", bob, "k2").await?;
    shop.access_in(zoe, "active").await?;
    shop.access_in(bob, "trialing").await?;
    shop.access_at_rest().await?;
    let night = async || invoke(&shop, json!({"task": "reconcile"})).await;
    let same = night().await?;
    ensure!(same["reconciled"]["done"] == true && same["reconciled"].get("mended").is_none(), "{same}");
    shop.access_at_rest().await?;
    let get = async |path: String| Ok::<Value, anyhow::Error>(shop.client.stripe("GET", &path, &[], None).await?.1);
    let now = shop.client.now().await?.as_second();
    let mut object = get(format!("subscriptions/{ended}")).await?;
    (object["status"], object["ended_at"]) = (json!("canceled"), json!(now));
    shop.bundle.stripe().store(&format!("subscriptions/{ended}"), object.clone());
    let (_, customer) = shop.client.stripe("POST", "customers", &[("email", ada)], None).await?;
    (object["id"], object["customer"]) = (json!("sub_never"), customer["id"].clone());
    (object["status"], object["ended_at"]) = (json!("active"), Value::Null);
    shop.bundle.stripe().store("subscriptions/sub_never", object);
    let mut object = get(format!("subscriptions/{trial}")).await?;
    (object["trial_end"], object["trial_start"]) = (json!(now + 2 * 86_400), json!(now - 12 * 86_400));
    shop.bundle.stripe().store(&format!("subscriptions/{trial}"), object);
    let mended = night().await?;
    ensure!(mended["reconciled"]["mended"] == 3 && mended["reconciled"]["done"] == true, "{mended}");
    shop.access_in(zoe, "withdrawn").await?;
    shop.access_in(ada, "active").await?;
    shop.wait_for("the mail", async |shop: &Shop| {
        let ids: Vec<_> =
            shop.mails().await?.iter().filter_map(|mail| mail.headers.get("X-Comptoir-Mail-Id").cloned()).collect();
        Ok(ids.contains(&format!("trial/{trial}/ending")).then_some(()))
    })
    .await?;
    shop.access_at_rest().await?;
    let log = std::fs::read_to_string(shop.bundle.function("payment-webhook").unwrap().log())?;
    ensure!(log.matches("\"SubscriptionsMended\":1").count() == 3, "{log}");
    let again = night().await?;
    ensure!(again["reconciled"]["done"] == true && again["reconciled"].get("mended").is_none(), "{again}");
    let denied = shop.bundle.wire().unwrap().denied();
    ensure!(denied.is_empty() && shop.client.parked().await?.is_empty(), "{denied:#?}");
    shop.bundle.stop().await;
    Ok(())
}
