//! What the seller's app is told, as the app sees it: signed messages, each of its cause once, also where it fails.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use comptoir_local::{
    app_fake::{Failure, Received},
    checkout::{Purchase, event},
    replay,
};
use comptoir_tests::{
    Shop,
    members::{creation, freelancer},
    site::SOLO,
};
use ring::hmac;
use serde_json::{Value, json};

const ZOE: &str = "zoe@example.org";
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A shop whose app is told; the wire denies what the functions' roles do not allow.
async fn open(name: &str) -> Result<Shop> {
    Shop::open_with(name, |options| (options.tells_the_app, options.wire) = (true, true)).await
}

/// Nothing was denied, and the bundle stops.
async fn leave(shop: Shop) -> Result<()> {
    let denied = shop.bundle.wire().context("a wire")?.denied();
    ensure!(denied.is_empty(), "{denied:#?}");
    shop.bundle.stop().await;
    Ok(())
}

/// Waits until the app was sent messages of these types, each as often as it stands here, and no others.
async fn told(shop: &Shop, topics: &[&str]) -> Result<Vec<Received>> {
    let mut expected: Vec<&str> = topics.to_vec();
    expected.sort_unstable();
    shop.wait_for(&format!("{topics:?}"), async |shop: &Shop| {
        let all = shop.bundle.app().all();
        let mut found: Vec<&str> = all.iter().map(|message| message.topic.as_str()).collect();
        found.sort_unstable();
        ensure!(found.len() <= expected.len(), "{found:?}");
        let settled = all.iter().all(|message| message.status == 204);
        Ok((found == expected && settled).then_some(all))
    })
    .await
}

/// The message of a type.
fn of<'a>(all: &'a [Received], topic: &str) -> &'a Received {
    all.iter().find(|message| message.topic == topic).unwrap()
}

/// The data of a message, whose signature is computed anew by another library.
fn verified(message: &Received, secret: &str) -> Result<Value> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").context("a secret begins with whsec_")?)?;
    let header = |name: &str| message.headers.get(name).map(String::as_str).with_context(|| format!("no {name}"));
    ensure!(header("webhook-id")? == message.id && header("content-type")? == "application/json");
    let signed = format!("{}.{}.{}", message.id, header("webhook-timestamp")?, message.body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let genuine = header("webhook-signature")?.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    let genuine = genuine.filter_map(|signature| STANDARD.decode(signature).ok());
    let genuine = genuine.filter(|signature| hmac::verify(&key, signed.as_bytes(), signature).is_ok()).count();
    ensure!(genuine == 1, "{genuine} signatures fit: {message:?}");
    let body: Value = serde_json::from_str(&message.body)?;
    ensure!(body["type"] == message.topic.as_str() && body["timestamp"].is_string(), "{body}");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    ensure!(!message.id.is_empty() && message.id.len() <= 255 && message.id.bytes().all(plain), "{}", message.id);
    Ok(body["data"].clone())
}

#[tokio::test]
async fn a_plan_its_tokens_and_its_end_are_told_once_each() -> Result<()> {
    let shop = open("told-plan").await?;
    let secret = shop.bundle.endpoints.webhooks_out_secret.clone();
    shop.client.fake("POST", "events", &json!({"duplicate": 4})).await?;
    let subscription = shop.subscribes(SOLO, ZOE, "k1").await?;
    let all = told(&shop, &["access.granted", "invoice.issued", "member.joined"]).await?;
    let granted = verified(of(&all, "access.granted"), &secret)?;
    ensure!(granted["email"] == ZOE && granted["plan"] == "solo" && granted["state"] == "active", "{granted}");
    ensure!(granted["features"] == json!(["courses"]) && granted["subscription"] == subscription.as_str(), "{granted}");
    let issued = verified(of(&all, "invoice.issued"), &secret)?;
    ensure!(Some(issued["number"].as_str().unwrap()) == shop.numbers().await?.first().map(String::as_str), "{issued}");
    ensure!(issued["gross"].is_i64() && issued["document"]["sha256"].as_str().unwrap().len() == 64, "{issued}");

    for (amount, id) in [(6, "u1"), (2, "u2"), (2, "u2"), (1, "u3")] {
        let used = shop.door("POST", "/tokens/use", &json!({"email": ZOE, "amount": amount, "id": id})).await?;
        ensure!(used.0 == 200, "{used:?}");
    }
    let all = told(&shop, &["access.granted", "invoice.issued", "member.joined", "tokens.low"]).await?;
    let low = verified(of(&all, "tokens.low"), &secret)?;
    ensure!(low["tokens_left"] == 2 && low["tokens_low"] == 3 && low["email"] == ZOE, "{low}");

    shop.client.advance(DAY).await?;
    ensure!(shop.client.stripe("DELETE", &format!("subscriptions/{subscription}"), &[], None).await?.0 == 200);
    let all =
        told(&shop, &["access.granted", "invoice.issued", "member.joined", "tokens.low", "access.withdrawn"]).await?;
    let withdrawn = verified(of(&all, "access.withdrawn"), &secret)?;
    ensure!(withdrawn["plan"].is_null() && withdrawn["features"] == json!([]), "{withdrawn}");
    ensure!(withdrawn["state"] == "withdrawn", "{withdrawn}");
    shop.access_at_rest().await?;
    let all =
        told(&shop, &["access.granted", "invoice.issued", "member.joined", "tokens.low", "access.withdrawn"]).await?;
    let ids: BTreeSet<&str> = all.iter().map(|message| message.id.as_str()).collect();
    ensure!(ids.len() == 5 && all.iter().all(|message| message.attempts == 1), "{all:?}");
    ensure!(
        shop.items("HOOK").await?.iter().all(|item| item["status"] == "delivered" && item["expires_at"].is_number())
    );
    leave(shop).await
}

#[tokio::test]
async fn a_failing_app_is_told_again_and_both_secrets_of_a_rotation_sign() -> Result<()> {
    let shop = open("told-again").await?;
    let old = shop.bundle.endpoints.webhooks_out_secret.clone();
    shop.bundle.app().fail(Failure { status: 500, times: 2, milliseconds: 0 });
    shop.sell().await?;
    let sent = async |attempts: usize| {
        shop.wait_for(&format!("{attempts} attempts"), async |shop: &Shop| {
            let items = shop.items("HOOK").await?;
            Ok(items.into_iter().find(|item| item["attempts"] == attempts))
        })
        .await
    };
    let first = sent(1).await?;
    ensure!(first["last_failure"].as_str().unwrap().starts_with("app_refuses"), "{first}");
    let new = format!("whsec_{}", STANDARD.encode([7; 32]));
    shop.bundle.set_app_secrets(&format!("{new} {old}")).await?;
    // The first pause is a quarter of an hour, which the sweep ends; the second one is as long again.
    shop.client.advance(16 * MINUTE).await?;
    sent(2).await?;
    shop.client.advance(5 * MINUTE).await?;
    ensure!(sent(2).await?["status"] == "queued", "it is not due");
    shop.client.advance(31 * MINUTE).await?;
    let all = told(&shop, &["invoice.issued"]).await?;
    ensure!(all.len() == 1 && all[0].attempts == 3, "{all:?}");
    for secret in [&old, &new] {
        verified(&all[0], secret)?;
    }
    let items = shop.items("HOOK").await?;
    ensure!(items.len() == 1 && items[0]["attempts"] == 3 && items[0]["status"] == "delivered", "{items:?}");
    ensure!(shop.client.parked().await?.is_empty());
    leave(shop).await
}

#[tokio::test]
async fn an_app_that_is_gone_holds_up_nobody_and_gets_its_messages_after_a_replay() -> Result<()> {
    let shop = open("told-gone").await?;
    shop.bundle.app().fail(Failure { status: 503, times: usize::MAX, milliseconds: 0 });
    let sold = shop.sell().await?;
    shop.delivered(&sold).await?;
    let other = shop.sell().await?;
    shop.delivered(&other).await?;
    shop.wait_for("a first try", async |shop: &Shop| Ok((!shop.bundle.app().all().is_empty()).then_some(()))).await?;
    for _ in 0..4 {
        shop.client.advance(20 * HOUR).await?;
    }
    let parked = shop.wait_for("both are parked", async |shop: &Shop| {
        let parked = shop.client.parked().await?;
        Ok((parked.len() == 2).then_some(parked))
    });
    for parked in parked.await? {
        ensure!(parked["source"] == "notice-sender", "{parked}");
        ensure!(parked["reason"].as_str().unwrap().starts_with("app_refuses: the app answered 503"), "{parked}");
    }
    let items = shop.items("HOOK").await?;
    ensure!(items.iter().all(|item| item.get("open_shard").is_none() && item.get("expires_at").is_none()), "{items:?}");
    shop.client.advance(DAY).await?;
    ensure!(shop.client.parked().await?.len() == 2, "nobody tries what is parked");
    shop.bundle.app().fail(Failure { status: 200, times: 0, milliseconds: 0 });
    ensure!(replay::run(&shop.client).await? == 2);
    let all = told(&shop, &["invoice.issued", "invoice.issued"]).await?;
    for message in &all {
        verified(message, &shop.bundle.endpoints.webhooks_out_secret)?;
    }
    ensure!(shop.client.parked().await?.is_empty());
    leave(shop).await
}

#[tokio::test]
async fn a_payment_that_fails_and_one_that_recovers_are_told_once_each() -> Result<()> {
    let shop = open("told-payment").await?;
    let secret = shop.bundle.endpoints.webhooks_out_secret.clone();
    let subscription = shop.subscribes(SOLO, ZOE, "k1").await?;
    told(&shop, &["access.granted", "invoice.issued", "member.joined"]).await?;
    let (_, stands) = shop.client.stripe("GET", &format!("subscriptions/{subscription}"), &[], None).await?;
    let method = stands["default_payment_method"].as_str().unwrap();
    let does = async |outcome: &str| {
        let outcome = json!({"outcome": outcome});
        shop.client.fake("PUT", &format!("payment_methods/{method}"), &outcome).await
    };
    does("decline:insufficient_funds").await?;
    shop.client.advance(31 * DAY + 2 * HOUR).await?;
    let all =
        told(&shop, &["access.granted", "invoice.issued", "member.joined", "access.changed", "payment.failed"]).await?;
    let failed = verified(of(&all, "payment.failed"), &secret)?;
    ensure!(failed["email"] == ZOE && failed["subscription"] == subscription.as_str(), "{failed}");
    let changed = verified(of(&all, "access.changed"), &secret)?;
    ensure!(changed["state"] == "past_due" && changed["plan"] == "solo", "{changed}");
    does("succeed").await?;
    let invoice = failed["invoice"].as_str().unwrap();
    ensure!(shop.client.stripe("POST", &format!("invoices/{invoice}/pay"), &[], None).await?.0 == 200);
    let topics =
        ["access.granted", "invoice.issued", "member.joined", "access.changed", "payment.failed", "payment.recovered"];
    let all = told(&shop, &[&topics[..], &["access.changed", "invoice.issued"]].concat()).await?;
    let recovered = verified(of(&all, "payment.recovered"), &secret)?;
    ensure!(recovered["invoice"] == invoice && recovered["email"] == ZOE, "{recovered}");
    leave(shop).await
}

#[tokio::test]
async fn a_member_who_joins_and_leaves_is_told_without_a_name_while_a_slow_app_holds_up_no_mail() -> Result<()> {
    let shop = open("told-member").await?;
    let zoe = freelancer("sub-zoe");
    let made = shop.value(&zoe, "createProfile", creation("zoe")).await?;
    let all = told(&shop, &["member.joined"]).await?;
    let joined = verified(of(&all, "member.joined"), &shop.bundle.endpoints.webhooks_out_secret)?;
    ensure!(joined == json!({"profile": made["id"], "sub": "sub-zoe"}), "{joined}");
    // Longer than anybody waits for it: each request ends without an answer.
    shop.bundle.app().fail(Failure { status: 204, times: 50, milliseconds: 20_000 });
    let (checkout, _) = shop.pay(&Purchase::default()).await?;
    shop.delivered(&checkout.session_id).await?;
    let silent = shop.wait_for("a request without an answer", async |shop: &Shop| {
        let items = shop.items("HOOK").await?;
        Ok(items.into_iter().find(|item| item.get("last_failure").is_some()))
    });
    let silent = silent.await?;
    ensure!(silent["last_failure"].as_str().unwrap().starts_with("app_silent"), "{silent}");
    shop.value(&zoe, "deleteProfile", json!({ "id": made["id"] })).await?;
    shop.wait_for("the farewell", async |shop: &Shop| {
        let mails = shop.mails().await?;
        Ok(mails.iter().any(|mail| mail.to == "zoe@example.org" && mail.attachments.is_empty()).then_some(()))
    })
    .await?;
    shop.bundle.app().fail(Failure { status: 204, times: 0, milliseconds: 0 });
    shop.client.advance(HOUR).await?;
    told(&shop, &["member.joined", "member.left", "invoice.issued"]).await?;
    leave(shop).await
}

#[tokio::test]
async fn nothing_is_written_for_an_app_that_has_no_address() -> Result<()> {
    let shop = Shop::open("told-nobody").await?;
    let (checkout, status) = shop.pay(&Purchase::default()).await?;
    ensure!(status == 200);
    shop.delivered(&checkout.session_id).await?;
    shop.subscribes(SOLO, ZOE, "k1").await?;
    shop.access_in(ZOE, "active").await?;
    shop.access_at_rest().await?;
    ensure!(shop.items("HOOK").await?.is_empty() && shop.bundle.app().all().is_empty());
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_refund_is_told_with_the_invoice_that_it_corrects() -> Result<()> {
    let shop = open("told-refund").await?;
    let (checkout, _) = shop.pay(&Purchase::default()).await?;
    let sold = shop.delivered(&checkout.session_id).await?;
    let refund = json!({
        "id": "re_1", "object": "refund", "amount": 1900, "currency": "eur", "status": "succeeded",
        "payment_intent": checkout.session["payment_intent"], "created": comptoir_local::clock::now().as_second(),
    });
    for id in ["evt_re_1", "evt_re_2"] {
        shop.deliver(&event(id, "refund.created", &refund)).await?;
    }
    let all = told(&shop, &["invoice.issued", "credit_note.issued"]).await?;
    let credited = verified(of(&all, "credit_note.issued"), &shop.bundle.endpoints.webhooks_out_secret)?;
    ensure!(credited["corrects"] == sold.number.as_str() && credited["refund"] == "re_1", "{credited}");
    ensure!(credited["gross"].as_i64().map(i64::abs) == Some(1900), "{credited}");
    leave(shop).await
}
