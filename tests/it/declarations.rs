//! What consumers declare without an account: a contract ends, or is withdrawn from, and whose contract it is has the last word.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::Result;
use comptoir_tests::{Shop, pages::link_in, site::SOLO};
use reqwest::Url;
use serde_json::{Value, json};

const ZOE: &str = "zoe@example.org";
const DAY: i64 = 24 * 3600;

async fn subscribed(name: &str) -> Result<(Shop, String)> {
    // The wire denies what the functions' roles do not allow.
    let shop = Shop::open_with(name, |options| options.wire = true).await?;
    let subscription = shop.subscribes(SOLO, ZOE, "k1").await?;
    shop.access_in(ZOE, "active").await?;
    Ok((shop, subscription))
}

async fn stands(shop: &Shop, subscription: &str) -> Result<Value> {
    Ok(shop.client.stripe("GET", &format!("subscriptions/{subscription}"), &[], None).await?.1)
}

async fn declared(shop: &Shop) -> Result<Vec<Value>> {
    let items = shop.items("DECLARATION").await?;
    Ok(items.into_iter().filter(|item| item.get("data").is_some()).collect())
}

/// Waits until no declaration is open but for those that wait for a later time.
async fn at_rest(shop: &Shop) -> Result<()> {
    shop.wait_for("the declarations", async |shop: &Shop| {
        Ok(declared(shop).await?.iter().all(|item| item.get("open_shard").is_none()).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_ends_with_what_is_paid_and_its_end_is_acknowledged_once() -> Result<()> {
    let (shop, subscription) = subscribed("declared-end").await?;
    let (status, page, policy) = shop.look("/resilier").await?;
    assert!(status == 200 && page.contains("Résilier votre contrat"), "{status} {page}");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    for _ in 0..3 {
        shop.declares("/resilier", "ZOE@example.org", &[("reason", "Je déménage.")]).await?;
    }
    let mail = shop.mails_about("termination/", 1).await?.remove(0);
    assert_eq!(mail.to, ZOE);
    assert!(mail.text.contains("Votre contrat prend fin le") && !mail.text.contains("Je déménage."), "{}", mail.text);
    let contract = stands(&shop, &subscription).await?;
    assert_eq!((&contract["cancel_at_period_end"], &contract["status"]), (&json!(true), &json!("active")));
    assert_eq!(shop.access(ZOE).await?["state"], "active", "what is paid stays");
    at_rest(&shop).await?;
    let story = comptoir_local::explain::story(&subscription, &shop.client).await?.join("\n");
    assert!(story.contains("termination declared") && story.contains("mail termination/"), "{story}");
    shop.client.advance(32 * DAY).await?;
    shop.access_in(ZOE, "withdrawn").await?;
    shop.mails_about("termination/", 1).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_is_refunded_a_day_later_with_a_credit_note() -> Result<()> {
    let (shop, subscription) = subscribed("declared-withdrawal").await?;
    shop.wait_for("the invoice", async |shop: &Shop| Ok((shop.numbers().await?.len() == 1).then_some(()))).await?;
    let page = shop.declares("/renoncer", ZOE, &[]).await?;
    assert!(page.contains("Votre rétractation est reçue"), "{page}");
    let mail = shop.mails_about("withdrawal/", 1).await?.remove(0);
    assert!(mail.text.contains("dans le délai") && mail.text.contains("/annuler?d="), "{}", mail.text);
    assert_eq!(stands(&shop, &subscription).await?["status"], "active", "there is a day to object");
    shop.client.advance(DAY + 3600).await?;
    let mails = shop.mails_about("withdrawal/", 2).await?;
    assert!(mails.iter().any(|mail| mail.text.contains("vous est remboursé")), "{mails:?}");
    assert_eq!(stands(&shop, &subscription).await?["status"], "canceled");
    shop.access_in(ZOE, "withdrawn").await?;
    let credited =
        async |shop: &Shop| Ok(shop.numbers().await?.iter().any(|number| number.starts_with('A')).then_some(()));
    shop.wait_for("the credit note", credited).await?;
    let (_, refunds) = shop.client.stripe("GET", "refunds", &[], None).await?;
    assert_eq!(refunds["data"].as_array().unwrap().len(), 1, "{refunds}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_contract_it_is_lets_it_go_on() -> Result<()> {
    let (shop, subscription) = subscribed("declared-revoked").await?;
    shop.declares("/resilier", ZOE, &[]).await?;
    let mail = shop.mails_about("termination/", 1).await?.remove(0);
    let link = link_in(&mail, "/annuler?")?;
    assert!(shop.look(link).await?.1.contains("Continuer le contrat"));
    assert_eq!(stands(&shop, &subscription).await?["cancel_at_period_end"], true, "asking changes nothing");
    let secrets: Vec<(String, String)> = Url::parse(link)?.query_pairs().into_owned().collect();
    let form: Vec<(&str, &str)> = secrets.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(shop.fill("/annuler", &[("d", form[0].1), ("s", "other")]).await?.0, 404);
    let (status, page) = shop.fill("/annuler", &form).await?;
    assert!(status == 200 && page.contains("Votre contrat continue"), "{status} {page}");
    let told = shop.mails_about("termination/", 2).await?;
    assert!(told.iter().any(|mail| mail.text.contains("votre contrat continue comme avant")), "{told:?}");
    assert_eq!(stands(&shop, &subscription).await?["cancel_at_period_end"], false);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_no_contract_is_acknowledged_and_waits_for_a_person() -> Result<()> {
    let (shop, subscription) = subscribed("declared-unmatched").await?;
    shop.declares("/resilier", "stranger@example.org", &[("reference", "2026-11-0042")]).await?;
    let mail = shop.mails_about("termination/", 1).await?.remove(0);
    assert_eq!(mail.to, "stranger@example.org");
    for absent in ["/annuler", "2026-11-0042", "Zoé"] {
        assert!(!mail.text.contains(absent), "a stranger is written nothing that strangers typed: {absent}");
    }
    let reason = shop
        .wait_for("the parked declaration", async |shop: &Shop| {
            let items = declared(shop).await?;
            Ok(items.iter().find_map(|item| item.get("parked_reason").and_then(Value::as_str).map(str::to_owned)))
        })
        .await?;
    assert!(reason.contains("declaration_unmatched") && !reason.contains("stranger"), "{reason}");
    assert_eq!(stands(&shop, &subscription).await?["cancel_at_period_end"], false);
    // Meanwhile the contract is there: replayed, it ends.
    shop.subscribes(SOLO, "stranger@example.org", "k2").await?;
    shop.access_in("stranger@example.org", "active").await?;
    assert_eq!(comptoir_local::replay::run(&shop.client).await?, 1);
    let ended = shop.mails_about("termination/", 2).await?;
    assert!(ended.iter().any(|mail| mail.text.contains("Votre contrat prend fin le")), "{ended:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_that_renews_itself_is_announced_once_two_months_before() -> Result<()> {
    let shop = Shop::open_with("declared-renewal", |options| options.wire = true).await?;
    // The price of the plan, as a year's.
    let (_, mut price) = shop.client.stripe("GET", &format!("prices/{SOLO}"), &[], None).await?;
    price["recurring"]["interval"] = json!("year");
    let (status, told) = shop.client.fake("PUT", &format!("v1/prices/{SOLO}"), &price).await?;
    anyhow::ensure!((200..300).contains(&status), "{status} {told}");
    let subscription = shop.subscribes(SOLO, ZOE, "k1").await?;
    shop.access_in(ZOE, "active").await?;
    shop.client.advance(300 * DAY).await?;
    assert!(shop.mails().await?.iter().all(|mail| !mail.text.contains("/resilier")), "not yet");
    shop.client.advance(7 * DAY).await?;
    let mail = shop.mails_about(&format!("renewal/{subscription}/"), 1).await?.remove(0);
    assert!(mail.to == ZOE && mail.text.contains("Date limite pour ne pas reconduire"), "{}", mail.text);
    shop.client.advance(50 * DAY).await?;
    shop.mails_about("renewal/", 1).await?;
    shop.client.advance(10 * DAY).await?;
    assert_eq!(stands(&shop, &subscription).await?["status"], "active");
    shop.mails_about("renewal/", 1).await?;
    Ok(())
}
