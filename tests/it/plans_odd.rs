//! Plans where customers do what few do, and beside what is no plan.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::sync::Arc;

use anyhow::{Result, ensure};
use comptoir_tests::{
    Shop,
    site::{SOLO, wish},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ZOE: &str = "zoe@example.org";
const DAY: i64 = 24 * 3600;

/// The customer of a subscription.
async fn customer_of(shop: &Shop, subscription: &str) -> Result<String> {
    let (_, stands) = shop.client.stripe("GET", &format!("subscriptions/{subscription}"), &[], None).await?;
    Ok(stands["customer"].as_str().unwrap().to_owned())
}

async fn status_of(shop: &Shop, subscription: &str) -> Result<Value> {
    let (_, stands) = shop.client.stripe("GET", &format!("subscriptions/{subscription}"), &[], None).await?;
    Ok(stands["status"].clone())
}

#[tokio::test]
async fn a_subscription_of_no_plan_is_left_alone() -> Result<()> {
    let shop = Shop::open("plans-none").await?;
    let plan = shop.subscribes(SOLO, ZOE, "k1").await?;
    shop.access_in(ZOE, "active").await?;
    let customer = customer_of(&shop, &plan).await?;
    let product = [("currency", "eur"), ("unit_amount", "500"), ("recurring[interval]", "month")];
    let product = [&product[..], &[("product_data[name]", "Extra")]].concat();
    let (status, price) = shop.client.stripe("POST", "prices", &product, None).await?;
    ensure!(status == 200, "{price}");
    let (_, stands) = shop.client.stripe("GET", &format!("subscriptions/{plan}"), &[], None).await?;
    let method = stands["default_payment_method"].as_str().unwrap();
    let wanted = [("customer", customer.as_str()), ("items[0][price]", price["id"].as_str().unwrap())];
    let wanted = [&wanted[..], &[("default_payment_method", method)]].concat();
    let (status, other) = shop.client.stripe("POST", "subscriptions", &wanted, None).await?;
    ensure!(status == 200, "{other}");
    let other = other["id"].as_str().unwrap();
    shop.wait_for("the look at it", async |shop: &Shop| {
        let items = shop.items("ACCESS").await?;
        Ok((items.len() == 2 && items.iter().all(|item| item.get("open_shard").is_none())).then_some(()))
    })
    .await?;
    ensure!(status_of(&shop, other).await? == "active" && status_of(&shop, &plan).await? == "active");
    ensure!(shop.access(ZOE).await?["plan"] == "solo" && shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn who_cancels_moves_or_is_deleted_buys_again() -> Result<()> {
    let shop = Shop::open("plans-again").await?;
    let first = shop.subscribes(SOLO, ZOE, "k1").await?;
    shop.access_in(ZOE, "active").await?;
    let end = async |subscription: &str| {
        ensure!(shop.client.stripe("DELETE", &format!("subscriptions/{subscription}"), &[], None).await?.0 == 200);
        shop.access_in(ZOE, "withdrawn").await.map(drop)
    };
    end(&first).await?;
    // The page of a moment ago was paid on, and what was bought is over.
    let second = shop.subscribes(SOLO, ZOE, "k2").await?;
    shop.access_in(ZOE, "active").await?;
    end(&second).await?;
    // The customer has another address at Stripe.
    let customer = customer_of(&shop, &second).await?;
    let moved = [("email", "elsewhere@example.org")];
    ensure!(shop.client.stripe("POST", &format!("customers/{customer}"), &moved, None).await?.0 == 200);
    let third = shop.subscribes(SOLO, ZOE, "k3").await?;
    shop.access_in(ZOE, "active").await?;
    ensure!(customer_of(&shop, &third).await? == customer && shop.items("PERSON").await?.len() == 1);
    // Their subscription ends with them.
    ensure!(shop.client.stripe("DELETE", &format!("customers/{customer}"), &[], None).await?.0 == 200);
    shop.access_in(ZOE, "withdrawn").await?;
    let portal = json!({"customer": customer, "return_url": "https://example.org/compte"});
    ensure!(shop.door("POST", "/portal", &portal).await?.0 == 404);
    shop.subscribes(SOLO, ZOE, "k4").await?;
    shop.access_in(ZOE, "active").await?;
    // One who is deleted between two subscriptions leaves no event about any.
    shop.access_at_rest().await?;
    ensure!(shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_plan_behind_many_other_lines_brings_its_tokens() -> Result<()> {
    let shop = Shop::open("plans-lines").await?;
    let subscription = shop.subscribes(SOLO, ZOE, "k1").await?;
    shop.access_in(ZOE, "active").await?;
    let path = format!("subscriptions/{subscription}");
    let (_, stands) = shop.client.stripe("GET", &path, &[], None).await?;
    let item = stands["items"]["data"][0]["id"].as_str().unwrap();
    // Each change within the period settles two lines with the next invoice.
    for quantity in ["2", "3", "2", "3", "2", "1"] {
        let change = [("items[0][id]", item), ("items[0][quantity]", quantity)];
        let (status, changed) = shop.client.stripe("POST", &path, &change, None).await?;
        ensure!(status == 200, "{changed}");
    }
    shop.client.advance(31 * DAY + DAY / 12).await?;
    shop.wait_for("the second grant", async |shop: &Shop| Ok((shop.items("GRANT").await?.len() == 2).then_some(())))
        .await?;
    let (_, paid) = shop.client.stripe("GET", "invoices", &[("subscription", &subscription)], None).await?;
    ensure!(paid["data"][0]["lines"]["has_more"] == true, "the plan stands behind ten others: {paid}");
    ensure!(shop.access(ZOE).await?["tokens_left"] == 10);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn bad_requests_are_the_callers_and_named() -> Result<()> {
    let shop = Shop::open("plans-bad").await?;
    let long = "k".repeat(255);
    let page = shop.page(SOLO, Some(ZOE), &long).await?;
    ensure!(shop.page(SOLO, Some("Zoe@example.org"), &long).await? == page, "one key, one page");
    for url in ["https:example.org/x", "https:/example.org/x"] {
        let mut bad = wish(SOLO, Some(ZOE), "k1");
        bad["success_url"] = json!(url);
        let told = shop.door("POST", "/checkout", &bad).await?;
        ensure!(told.0 == 422 && told.1["field"] == "success_url", "{url}: {told:?}");
    }
    for customer in ["cus/../x", "", &"c".repeat(5000)] {
        let body = json!({"customer": customer, "return_url": "https://example.org/"});
        let told = shop.door("POST", "/portal", &body).await?;
        ensure!(told.0 == 422 && told.1["field"] == "customer", "{told:?}");
    }
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn of_twenty_pages_at_once_one_is_open() -> Result<()> {
    let shop = Arc::new(Shop::open("plans-twenty").await?);
    let mut asking = JoinSet::new();
    for n in 0..20 {
        let shop = shop.clone();
        asking.spawn(async move {
            let wish = wish(SOLO, Some(ZOE), &format!("k{n}"));
            // An answer of 500 says that the request may be made again: the store in the bundle gives way under so many.
            for _ in 0..3 {
                let answered = shop.door("POST", "/checkout", &wish).await?;
                if answered.0 != 500 {
                    return Ok(answered);
                }
            }
            shop.door("POST", "/checkout", &wish).await
        });
    }
    while let Some(answered) = asking.join_next().await {
        let answered = answered??;
        ensure!(answered.0 == 201, "{answered:?}");
    }
    let (_, pages) = shop.client.stripe("GET", "checkout/sessions", &[("limit", "100")], None).await?;
    let pages = pages["data"].as_array().unwrap();
    let open = pages.iter().filter(|page| page["status"] == "open").count();
    ensure!((pages.len(), open) == (20, 1), "{} of {}", open, pages.len());
    Arc::into_inner(shop).unwrap().bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_failure_that_stripe_keeps_stands_in_no_pages_way() -> Result<()> {
    let shop = Shop::open("plans-kept").await?;
    let kept = json!({"method": "POST", "path_prefix": "/v1/checkout/sessions", "kind": "500_stored", "times": 1});
    ensure!(shop.client.fake("POST", "faults", &kept).await?.0 == 204);
    let wanted = wish(SOLO, Some(ZOE), "k1");
    ensure!(shop.door("POST", "/checkout", &wanted).await?.0 == 500, "nobody knows what it made");
    let again = shop.door("POST", "/checkout", &wanted).await?;
    ensure!(again.0 == 201 && shop.door("POST", "/checkout", &wanted).await? == again, "{again:?}");
    shop.bundle.stop().await;
    Ok(())
}
