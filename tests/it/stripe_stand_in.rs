//! The stand-in for Stripe, driven as outsiders do: over HTTP, in forms, with its events at the webhook.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Result, ensure};
use comptoir_tests::Shop;
use serde_json::{Value, json};

const DAY: i64 = 86_400;

/// Asks, and expects 200.
async fn ask(shop: &Shop, method: &str, path: &str, form: &[(&str, &str)]) -> Result<Value> {
    let (status, answer) = shop.client.stripe(method, path, form, None).await?;
    ensure!(status == 200, "{method} {path}: {status} {answer}");
    Ok(answer)
}

/// A customer with a card of this number.
async fn customer(shop: &Shop, number: &str) -> Result<(String, String)> {
    let customer = ask(
        shop,
        "POST",
        "customers",
        &[
            ("email", "zoe@example.org"),
            ("name", "Zoé Martin"),
            ("address[line1]", "1 rue du Port"),
            ("address[city]", "Brest"),
            ("address[postal_code]", "29200"),
            ("address[country]", "FR"),
            ("metadata[crm]", "7"),
        ],
    )
    .await?;
    let customer = customer["id"].as_str().unwrap().to_owned();
    let card = [("type", "card"), ("card[number]", number), ("card[exp_month]", "8"), ("card[exp_year]", "2034")];
    let method = ask(shop, "POST", "payment_methods", &card).await?;
    let method = method["id"].as_str().unwrap().to_owned();
    ask(shop, "POST", &format!("payment_methods/{method}/attach"), &[("customer", &customer)]).await?;
    let default = [("invoice_settings[default_payment_method]", method.as_str())];
    ask(shop, "POST", &format!("customers/{customer}"), &default).await?;
    Ok((customer, method))
}

async fn subscribe(shop: &Shop, customer: &str, more: &[(&str, &str)]) -> Result<Value> {
    let form = [&[("customer", customer), ("items[0][price]", "price_comptoir_solo")], more].concat();
    ask(shop, "POST", "subscriptions", &form).await
}

/// The types of the events so far, oldest first.
async fn events(shop: &Shop) -> Result<Vec<String>> {
    let list = ask(shop, "GET", "events", &[("limit", "100")]).await?;
    let mut types: Vec<String> =
        list["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    types.reverse();
    Ok(types)
}

#[tokio::test]
async fn a_customer_buys_a_plan_at_checkout_and_gets_the_house_s_invoice() -> Result<()> {
    let shop = Shop::open("stripe-checkout").await?;
    let form = [
        ("mode", "subscription"),
        ("line_items[0][price]", "price_comptoir_studio"),
        ("line_items[0][quantity]", "1"),
        ("customer_email", "Zoe@example.org"),
        ("client_reference_id", "r-1"),
        ("success_url", "https://example.org/ok?s={CHECKOUT_SESSION_ID}"),
        ("cancel_url", "https://example.org/no"),
        ("subscription_data[metadata][plan]", "studio"),
    ];
    let session = ask(&shop, "POST", "checkout/sessions", &form).await?;
    let id = session["id"].as_str().unwrap();
    ensure!(session["status"] == "open" && session["amount_total"] == 2900 && session["url"].is_string(), "{session}");
    let (status, done) = shop.client.fake("POST", "complete", &json!({"session": id})).await?;
    ensure!(status == 200 && done["status"] == "complete" && done["payment_status"] == "paid", "{status} {done}");
    let subscription = ask(
        &shop,
        "GET",
        &format!("subscriptions/{}", done["subscription"].as_str().unwrap()),
        &[("expand[]", "latest_invoice.payments")],
    )
    .await?;
    ensure!(
        subscription["status"] == "active" && subscription["metadata"] == json!({"plan": "studio"}),
        "{subscription}"
    );
    let invoice = &subscription["latest_invoice"];
    ensure!(invoice["status"] == "paid" && invoice["billing_reason"] == "subscription_create", "{invoice}");
    ensure!(invoice["parent"]["subscription_details"]["subscription"] == subscription["id"], "{invoice}");
    ensure!(invoice["payments"]["data"][0]["payment"]["payment_intent"].is_string(), "{invoice}");
    let delivered = shop.delivered(invoice["id"].as_str().unwrap()).await?;
    ensure!(delivered.mail.to == "Zoe@example.org", "{:?}", delivered.mail.to);
    let told = events(&shop).await?;
    for kind in ["customer.created", "customer.subscription.created", "invoice.paid", "checkout.session.completed"] {
        ensure!(told.iter().filter(|told| *told == kind).count() == 1, "{kind}: {told:?}");
    }
    let (again, refused) = shop.client.fake("POST", "complete", &json!({"session": id})).await?;
    ensure!(again == 400 && refused["error"]["message"].is_string(), "{again} {refused}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_renewal_is_charged_after_an_hour_and_one_that_fails_is_retried_by_the_clock() -> Result<()> {
    let shop = Shop::open("stripe-clock").await?;
    let (customer, method) = customer(&shop, "4242424242424242").await?;
    let subscription = subscribe(&shop, &customer, &[]).await?;
    ensure!(subscription["status"] == "active", "{subscription}");
    let id = subscription["id"].as_str().unwrap();
    let end = subscription["items"]["data"][0]["current_period_end"].as_i64().unwrap();
    let outcome = json!({"outcome": "decline:insufficient_funds"});
    ensure!(shop.client.fake("PUT", &format!("payment_methods/{method}"), &outcome).await?.0 == 204);
    let now = shop.client.now().await?.as_second();
    let swept = shop.bundle.function("sweep").unwrap().invocations();
    let reached = shop.client.advance(end - now + 60).await?;
    ensure!(reached.as_second() >= end + 60);
    ensure!(shop.bundle.function("sweep").unwrap().invocations() > swept, "its schedule was passed");
    let invoices = ask(&shop, "GET", "invoices", &[("subscription", id), ("status", "draft")]).await?;
    let invoice = invoices["data"][0]["id"].as_str().unwrap().to_owned();
    ensure!(ask(&shop, "GET", &format!("subscriptions/{id}"), &[]).await?["status"] == "active");
    shop.client.advance(3_600).await?;
    let due = ask(&shop, "GET", &format!("invoices/{invoice}"), &[]).await?;
    ensure!(due["status"] == "open" && due["attempt_count"] == 1 && due["next_payment_attempt"].is_i64(), "{due}");
    ensure!(ask(&shop, "GET", &format!("subscriptions/{id}"), &[]).await?["status"] == "past_due");
    // A try of the seller's own is no retry of Stripe's.
    let (status, refused) = shop
        .client
        .stripe("POST", &format!("invoices/{invoice}/pay"), &[("payment_method", &method)], Some("k1"))
        .await?;
    ensure!(status == 402 && refused["error"]["decline_code"] == "insufficient_funds", "{status} {refused}");
    ensure!(ask(&shop, "GET", &format!("invoices/{invoice}"), &[]).await?["attempt_count"] == 1);
    let list = ask(&shop, "GET", "events", &[("types[]", "invoice.payment_failed")]).await?;
    let keys: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|event| event["request"]["idempotency_key"].clone()).collect();
    ensure!(keys == [json!("k1"), Value::Null], "{keys:?}");
    shop.client.advance(3 * DAY).await?;
    ensure!(ask(&shop, "GET", &format!("invoices/{invoice}"), &[]).await?["attempt_count"] == 2);
    shop.client.advance(13 * DAY).await?;
    ensure!(ask(&shop, "GET", &format!("subscriptions/{id}"), &[]).await?["status"] == "canceled");
    // The functions go by the same clock: a signature of now is neither stale nor from the future.
    let sold = shop.still_sells().await?;
    let sent: jiff::Timestamp = sold.mail.sent_at.parse()?;
    ensure!(sent.as_second() > end + 16 * DAY, "the mail is of {sent}");
    let month = sent.in_tz("Europe/Paris")?.strftime("%Y-%m").to_string();
    ensure!(sold.number.starts_with(&month), "{} is numbered by the functions' clock", sold.number);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_key_is_answered_once_whatever_becomes_of_the_answer() -> Result<()> {
    let shop = Shop::open("stripe-keys").await?;
    let (customer, _) = customer(&shop, "4242424242424242").await?;
    let form = [("customer", customer.as_str()), ("items[0][price]", "price_comptoir_solo")];
    let fault = |kind: &str| json!({"method": "POST", "path_prefix": "/v1/subscriptions", "kind": kind, "times": 1});
    for (kind, made) in [("fail_before", 0), ("lose_answer", 1)] {
        ensure!(shop.client.fake("POST", "faults", &fault(kind)).await?.0 == 204);
        ensure!(shop.client.stripe("POST", "subscriptions", &form, Some("k1")).await.is_err(), "{kind}");
        let list = ask(&shop, "GET", "subscriptions", &[("customer", &customer)]).await?;
        ensure!(list["data"].as_array().unwrap().len() == made, "{kind}: {list}");
    }
    let (status, first) = shop.client.stripe("POST", "subscriptions", &form, Some("k1")).await?;
    let (_, second) = shop.client.stripe("POST", "subscriptions", &form, Some("k1")).await?;
    ensure!(status == 200 && first == second);
    let (status, other) = shop.client.stripe("POST", "subscriptions", &form[..1], Some("k1")).await?;
    ensure!(status == 400 && other["error"]["type"] == "idempotency_error", "{status} {other}");
    ensure!(shop.client.fake("POST", "faults", &fault("500_stored")).await?.0 == 204);
    for _ in 0..2 {
        ensure!(shop.client.stripe("POST", "subscriptions", &form, Some("k2")).await?.0 == 500);
    }
    let (_, calls) = shop.client.fake("GET", "calls", &Value::Null).await?;
    let told: Vec<_> = calls
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["method"] == "POST" && call["path"] == "/v1/subscriptions")
        .map(|call| (call["idempotency_key"].clone(), call["status"].clone(), call["replayed"].clone()))
        .collect();
    let call = |key: &str, status: Value, replayed: bool| (json!(key), status, json!(replayed));
    let expected = [
        call("k1", Value::Null, false),
        call("k1", json!(200), false),
        call("k1", json!(200), true),
        call("k1", json!(200), true),
        call("k1", json!(400), false),
        call("k2", json!(500), false),
        call("k2", json!(500), true),
    ];
    ensure!(told == expected, "{told:?}");
    ensure!(calls[0]["n"] == 1 && calls[0]["form"]["metadata"] == json!({"crm": "7"}), "{calls}");
    // Of two at once one waits in vain.
    let slow = json!({"path_prefix": "/v1/subscriptions", "kind": "slow", "milliseconds": 3000});
    ensure!(shop.client.fake("POST", "faults", &slow).await?.0 == 204);
    let both = tokio::join!(
        shop.client.stripe("POST", "subscriptions", &form, Some("k3")),
        shop.client.stripe("POST", "subscriptions", &form, Some("k3"))
    );
    let (one, other) = (both.0?, both.1?);
    let (done, early) = if one.0 == 200 { (one, other) } else { (other, one) };
    ensure!(done.0 == 200 && early.0 == 409, "{done:?} {early:?}");
    ensure!(early.1["error"]["code"] == "idempotency_key_in_use", "{early:?}");
    // A day later the key is free again.
    shop.client.advance(DAY + 1).await?;
    ensure!(shop.client.stripe("POST", "subscriptions", &form, Some("k2")).await?.0 == 200);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn events_are_held_shuffled_and_doubled_and_delivered_signed() -> Result<()> {
    let shop = Shop::open("stripe-events").await?;
    let (status, told) =
        shop.client.fake("POST", "events", &json!({"hold": true, "shuffle": true, "duplicate": 3})).await?;
    ensure!(status == 200 && told["hold"] == true && told["duplicate"] == 3, "{status} {told}");
    let (customer, _) = customer(&shop, "4242424242424242").await?;
    let subscription = subscribe(&shop, &customer, &[]).await?;
    let invoice = subscription["latest_invoice"].as_str().unwrap();
    let waiting = ask(&shop, "GET", "events", &[("delivery_success", "false"), ("limit", "100")]).await?;
    let count = waiting["data"].as_array().unwrap().len();
    ensure!(count > 8, "{waiting}");
    ensure!(shop.items("PAYMENT").await?.is_empty(), "nothing was delivered");
    let (_, told) = shop.client.fake("POST", "events", &json!({"hold": false})).await?;
    ensure!(told["waiting"] == count, "{told}");
    shop.delivered(invoice).await?;
    shop.wait_for("every event to be delivered", async |shop: &Shop| {
        let waiting = ask(shop, "GET", "events", &[("delivery_success", "false")]).await?;
        Ok(waiting["data"].as_array().unwrap().is_empty().then_some(()))
    })
    .await?;
    ensure!(shop.numbers().await?.len() == 1 && shop.mails().await?.len() == 1, "three of each made one");
    ensure!(shop.client.fake("POST", "events", &json!({"held": true})).await?.0 == 422);
    for wrong in [json!({"advance_seconds": -1}), json!({"advance_seconds": i64::MAX}), json!({"advance": 1}), json!(1)]
    {
        let (status, answer) = shop.client.fake("POST", "clock", &wrong).await?;
        ensure!(status == 422 && answer["field"] == "advance_seconds", "{wrong}: {status} {answer}");
    }
    let (status, answer) = shop.client.fake("POST", "clock", &json!({"advance_seconds": 0})).await?;
    ensure!(status == 200 && answer["now"].is_string(), "{status} {answer}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_trial_is_announced_and_ends_active_before_it_is_paid() -> Result<()> {
    let shop = Shop::open("stripe-trial").await?;
    let (customer, method) = customer(&shop, "4000000000009987").await?;
    let trial = subscribe(&shop, &customer, &[("trial_period_days", "14")]).await?;
    let id = trial["id"].as_str().unwrap();
    ensure!(trial["status"] == "trialing", "{trial}");
    let first = ask(&shop, "GET", &format!("invoices/{}", trial["latest_invoice"].as_str().unwrap()), &[]).await?;
    ensure!(first["status"] == "paid" && first["total"] == 0, "{first}");
    shop.client.advance(11 * DAY + 60).await?;
    ensure!(events(&shop).await?.contains(&"customer.subscription.trial_will_end".to_owned()));
    shop.client.advance(3 * DAY).await?;
    ensure!(ask(&shop, "GET", &format!("subscriptions/{id}"), &[]).await?["status"] == "active");
    shop.client.advance(3_600).await?;
    let known = ask(&shop, "GET", &format!("subscriptions/{id}"), &[("expand[]", "latest_invoice")]).await?;
    ensure!(known["status"] == "past_due" && known["latest_invoice"]["status"] == "open", "{known}");
    // The customer's bank says no for good, then pays.
    ensure!(
        shop.client.fake("PUT", &format!("payment_methods/{method}"), &json!({"outcome": "succeed"})).await?.0 == 204
    );
    let invoice = known["latest_invoice"]["id"].as_str().unwrap();
    ask(&shop, "POST", &format!("invoices/{invoice}/pay"), &[]).await?;
    ensure!(ask(&shop, "GET", &format!("subscriptions/{id}"), &[]).await?["status"] == "active");
    let (status, refused) = shop.client.stripe("POST", &format!("invoices/{invoice}/pay"), &[], None).await?;
    ensure!(status == 400 && refused["error"]["code"] == "invoice_already_paid", "{status} {refused}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_person_clicks_through_checkout_and_the_portal() -> Result<()> {
    let shop = Shop::open("stripe-pages").await?;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let form = [
        ("mode", "subscription"),
        ("line_items[0][price]", "price_comptoir_essai"),
        ("success_url", "https://example.org/ok?s={CHECKOUT_SESSION_ID}"),
        ("cancel_url", "https://example.org/no"),
        ("locale", "fr"),
    ];
    let session = ask(&shop, "POST", "checkout/sessions", &form).await?;
    let url = session["url"].as_str().unwrap();
    let shown = http.get(url).send().await?.text().await?;
    ensure!(shown.contains("lang=\"fr\"") && shown.contains("Comptoir Essai") && shown.contains("19,00"), "{shown}");
    ensure!(!shown.contains("<script") && shown.contains("width=device-width"), "{shown}");
    let press = async |url: &str, body: &str| {
        let request = http.post(url).header("content-type", "application/x-www-form-urlencoded").body(body.to_owned());
        anyhow::Ok(request.send().await?)
    };
    let led = |answer: &reqwest::Response| answer.headers()["location"].to_str().unwrap().to_owned();
    let cancelled = press(url, "act=cancel").await?;
    ensure!(cancelled.status() == 303 && led(&cancelled) == "https://example.org/no");
    let declined = press(url, "act=decline&email=zoe%40example.org&number=4242424242424242").await?;
    ensure!(declined.status() == 200 && declined.text().await?.contains("Your card was declined."));
    let paid = press(url, "act=pay&email=zoe%40example.org&number=4242+4242+4242+4242").await?;
    let id = session["id"].as_str().unwrap();
    ensure!(paid.status() == 303 && led(&paid) == format!("https://example.org/ok?s={id}"));
    let done = ask(&shop, "GET", &format!("checkout/sessions/{id}"), &[]).await?;
    let (customer, subscription) = (done["customer"].as_str().unwrap(), done["subscription"].as_str().unwrap());
    let form = [("customer", customer), ("return_url", "https://example.org/back")];
    let portal = ask(&shop, "POST", "billing_portal/sessions", &form).await?;
    let url = portal["url"].as_str().unwrap();
    let shown = http.get(url).header("accept-language", "en").send().await?.text().await?;
    ensure!(shown.contains("https:&#x2f;&#x2f;example.org&#x2f;back") && shown.contains(subscription), "{shown}");
    let stopped = press(url, &format!("act=stop&of={subscription}")).await?;
    ensure!(stopped.status() == 200, "{}", stopped.status());
    ensure!(ask(&shop, "GET", &format!("subscriptions/{subscription}"), &[]).await?["cancel_at_period_end"] == true);
    press(url, "act=card&number=5555555555554444").await?;
    let cards = ask(&shop, "GET", "payment_methods", &[("customer", customer), ("type", "card")]).await?;
    ensure!(cards["data"][0]["card"]["brand"] == "mastercard", "{cards}");
    let (status, _) = shop.client.stripe("GET", "subscriptions/sub_other", &[], None).await?;
    ensure!(status == 404 && http.get(format!("{url}x")).send().await?.status() == 404);
    shop.bundle.stop().await;
    Ok(())
}
