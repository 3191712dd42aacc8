//! Trials of plans, as customers see their end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Context, Result, ensure};
use comptoir_local::mail::Mail;
use comptoir_tests::Shop;
use serde_json::{Value, json};

const ZOE: &str = "zoe@example.org";
const ESSAI: &str = "price_comptoir_essai";
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

async fn opened(name: &str) -> Result<Shop> {
    // The wire denies what the functions' roles do not allow.
    Shop::open_with(name, |options| options.wire = true).await
}

async fn queued(shop: &Shop) -> Result<usize> {
    let notices = shop.items("NOTICE").await?;
    Ok(notices.iter().filter(|item| item["pk"].as_str().unwrap().starts_with("NOTICE#trial/")).count())
}

async fn leaves(shop: Shop) -> Result<()> {
    let denied = shop.bundle.wire().context("a wire")?.denied();
    ensure!(denied.is_empty(), "{denied:#?}");
    ensure!(shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}

async fn subscription(shop: &Shop, id: &str) -> Result<Value> {
    Ok(shop.client.stripe("GET", &format!("subscriptions/{id}"), &[], None).await?.1)
}

#[tokio::test]
async fn the_end_of_a_trial_is_told_once_three_days_before_and_the_payment_makes_it_active() -> Result<()> {
    let shop = opened("trials-told").await?;
    let id = shop.subscribes(ESSAI, ZOE, "k1").await?;
    shop.access_in(ZOE, "trialing").await?;
    shop.client.advance(10 * DAY).await?;
    shop.access_at_rest().await?;
    ensure!(queued(&shop).await? == 0, "too early");
    shop.client.fake("POST", "events", &json!({"duplicate": 8, "shuffle": true})).await?;
    shop.client.advance(DAY + HOUR).await?;
    let told = shop.wait_for("the mail", async |shop: &Shop| {
        let mails = shop.mails().await?.into_iter();
        let of: Vec<Mail> = mails
            .filter(|mail| mail.headers.get("X-Comptoir-Mail-Id") == Some(&format!("trial/{id}/ending")))
            .collect();
        Ok((!of.is_empty()).then_some(of))
    });
    let told = told.await?;
    ensure!(told.len() == 1 && told[0].to == ZOE, "{} mails", told.len());
    let (_, price) = shop.client.stripe("GET", &format!("prices/{ESSAI}"), &[], None).await?;
    let euros = format!(
        "{},{:02}\u{a0}€",
        price["unit_amount"].as_i64().unwrap() / 100,
        price["unit_amount"].as_i64().unwrap() % 100
    );
    let text = &told[0].text;
    ensure!(text.contains(&euros) && text.contains("chaque mois") && text.contains("résiliez"), "{text}");
    ensure!(text.contains("example.org"), "{text}");
    shop.access_at_rest().await?;
    ensure!(queued(&shop).await? == 1);
    // The trial becomes a subscription that is paid.
    shop.client.advance(3 * DAY + 2 * HOUR).await?;
    shop.wait_for("what is paid", async |shop: &Shop| {
        let has = shop.access(ZOE).await?;
        Ok((has["state"] == "active" && has["tokens_left"] == 20).then_some(()))
    })
    .await?;
    ensure!(queued(&shop).await? == 1);
    leaves(shop).await
}

#[tokio::test]
async fn who_leaves_or_has_paid_or_has_just_begun_is_not_told() -> Result<()> {
    let shop = opened("trials-untold").await?;
    // One leaves within the trial.
    let leaves_early = shop.subscribes(ESSAI, "ada@example.org", "k1").await?;
    let form = [("cancel_at_period_end", "true")];
    ensure!(shop.client.stripe("POST", &format!("subscriptions/{leaves_early}"), &form, None).await?.0 == 200);
    // One ends the trial and pays before it would be announced.
    let pays_early = shop.subscribes(ESSAI, ZOE, "k2").await?;
    shop.access_in(ZOE, "trialing").await?;
    shop.client.fake("POST", "events", &json!({"hold": true})).await?;
    shop.client.advance(10 * DAY).await?;
    let form = [("trial_end", "now")];
    let (status, ended) = shop.client.stripe("POST", &format!("subscriptions/{pays_early}"), &form, None).await?;
    ensure!(status == 200, "{ended}");
    shop.client.advance(2 * HOUR).await?;
    ensure!(subscription(&shop, &pays_early).await?["status"] == "active");
    shop.client.fake("POST", "events", &json!({"hold": false, "shuffle": true})).await?;
    shop.access_in(ZOE, "active").await?;
    // One has a trial of two days, announced at once: the page that it began on has said everything.
    let (_, stands) = shop.client.stripe("POST", "customers", &[("email", "bob@example.org")], None).await?;
    let customer = stands["id"].as_str().unwrap();
    let short = [("customer", customer), ("items[0][price]", ESSAI), ("trial_period_days", "2")];
    let (status, short) = shop.client.stripe("POST", "subscriptions", &short, None).await?;
    ensure!(status == 200, "{short}");
    shop.access_in("bob@example.org", "trialing").await?;
    shop.client.advance(DAY).await?;
    shop.access_at_rest().await?;
    ensure!(queued(&shop).await? == 0);
    shop.client.advance(3 * DAY + HOUR).await?;
    shop.access_in("ada@example.org", "withdrawn").await?;
    ensure!(subscription(&shop, &leaves_early).await?["status"] == "canceled");
    ensure!(queued(&shop).await? == 0);
    leaves(shop).await
}

#[tokio::test]
async fn a_trial_without_a_method_says_how_to_stay_and_ends_as_the_owner_wants() -> Result<()> {
    let shop = opened("trials-without").await?;
    let (_, stands) = shop.client.stripe("POST", "customers", &[("email", ZOE)], None).await?;
    let customer = stands["id"].as_str().unwrap();
    let form = [
        ("customer", customer),
        ("items[0][price]", ESSAI),
        ("trial_period_days", "14"),
        ("trial_settings[end_behavior][missing_payment_method]", "cancel"),
    ];
    let (status, made) = shop.client.stripe("POST", "subscriptions", &form, None).await?;
    ensure!(status == 200, "{made}");
    shop.access_in(ZOE, "trialing").await?;
    shop.client.advance(11 * DAY + HOUR).await?;
    let id = format!("trial/{}/ending", made["id"].as_str().unwrap());
    let mail = shop.wait_for("the mail", async |shop: &Shop| {
        Ok(shop.mails().await?.into_iter().find(|mail| mail.headers.get("X-Comptoir-Mail-Id") == Some(&id)))
    });
    let mail = mail.await?;
    ensure!(mail.text.contains("ajoutez un moyen de paiement") && !mail.text.contains("débités"), "{}", mail.text);
    shop.client.advance(3 * DAY + 2 * HOUR).await?;
    let has = shop.access_in(ZOE, "withdrawn").await?;
    ensure!(has["plan"].is_null() && has["tokens_left"] == 0, "{has}");
    ensure!(shop.items("GRANT").await?.len() == 1 && queued(&shop).await? == 1, "the trial's own tokens alone");
    leaves(shop).await
}
