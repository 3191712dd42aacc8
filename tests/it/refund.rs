//! Refunds: credit notes in their own series, each refund once however often it is announced, never above the
//! invoice; refunds that arrive before their payment, or for unknown payments; those that only notify the owner.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Result, ensure};
use comptoir_local::checkout::{Checkout, Purchase, event};
use comptoir_tests::{Shop, seller_file};
use serde_json::{Value, json};

fn refund(id: &str, amount: i64, checkout: &Checkout) -> Value {
    json!({
        "id": id, "object": "refund", "amount": amount, "currency": "eur", "status": "succeeded", "charge": "ch_1",
        "payment_intent": checkout.session["payment_intent"], "created": comptoir_local::clock::now().as_second(),
    })
}

/// Waits for the document of this number and its mail; returns its record in the ledger.
async fn issued(shop: &Shop, number: &str) -> Result<Value> {
    shop.wait_for(number, async |shop: &Shop| {
        let mailed = shop.mails().await?.iter().any(|mail| mail.subject.contains(number));
        let found = shop.items("INVOICE").await?.into_iter().find(|item| item["pk"] == format!("INVOICE#{number}"));
        Ok(found.filter(|_| mailed))
    })
    .await
}

async fn parked(shop: &Shop, word: &str) -> Result<()> {
    shop.wait_for(word, async |shop: &Shop| {
        let parked = shop.client.parked().await?;
        Ok(parked.iter().any(|record| record["reason"].as_str().unwrap_or_default().starts_with(word)).then_some(()))
    })
    .await
}

#[tokio::test]
async fn refunds_become_credit_notes_once_and_never_exceed_the_invoice() -> Result<()> {
    let shop = Shop::open("refund").await?;
    let (checkout, _) = shop.pay(&Purchase { amount: 4900, lines: 2, ..Purchase::default() }).await?;
    let invoice = shop.delivered(&checkout.session_id).await?;
    let month = invoice.number.rsplit_once('-').unwrap().0;
    let part = refund("re_1", 1900, &checkout);
    // As newer API versions send it: without its refunds, which the function fetches from Stripe.
    let charge = json!({"id": "ch_1", "object": "charge", "balance_transaction": "txn_1", "refunds": null});
    shop.bundle.stripe().store("refunds", json!({"object": "list", "data": [part.clone()], "has_more": false}));
    for (id, kind, object) in [
        ("evt_r1", "refund.created", &part),
        ("evt_r2", "charge.refunded", &charge),
        ("evt_r3", "refund.updated", &part),
        ("evt_r1", "refund.created", &part),
    ] {
        ensure!(shop.post(&event(id, kind, object)).await?.0 == 200, "{kind}");
    }
    let first = issued(&shop, &format!("A{month}-0001")).await?;
    ensure!(first["data"]["corrects"]["number"] == invoice.number, "{first}");
    ensure!(first["data"]["totals"]["gross"] == 1900, "{first}");
    let pdf = shop.client.document(first["document_key"].as_str().unwrap()).await?;
    let text = String::from_utf8_lossy(&pdf);
    ensure!(text.contains("(factur-x.xml)") && text.contains("<fx:DocumentType>INVOICE</fx:DocumentType>"));

    ensure!(shop.post(&event("evt_r4", "refund.created", &refund("re_2", 3000, &checkout))).await?.0 == 200);
    let second = issued(&shop, &format!("A{month}-0002")).await?;
    ensure!(second["data"]["totals"]["gross"] == 3000, "{second}");
    ensure!(shop.post(&event("evt_r5", "refund.created", &refund("re_3", 1, &checkout))).await?.0 == 200);
    parked(&shop, "refund_exceeds").await?;
    ensure!(shop.still_sells().await?.number.ends_with("-0002"), "invoices count on in their own series");
    ensure!(shop.numbers().await?.len() == 4 && shop.mails().await?.len() == 4);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_refund_waits_for_its_payment_and_one_of_a_strangers_payment_is_kept() -> Result<()> {
    let shop = Shop::open("refund-early").await?;
    let checkout = Checkout::of(&Purchase::default());
    shop.client.tell_stripe(&checkout).await?;
    let early = event("evt_r1", "refund.created", &refund("re_1", 4900, &checkout));
    ensure!(shop.post(&early).await?.0 == 500, "Stripe is asked to come again");
    // Neither a session nor a Stripe invoice made this payment, so no event will announce it.
    let stranger = event("evt_r2", "refund.created", &refund("re_2", 100, &Checkout::of(&Purchase::default())));
    let (status, answer) = shop.post(&stranger).await?;
    ensure!(status == 200 && answer["reason"] == "sale_unknown", "{status} {answer}");

    ensure!(shop.post(&checkout.event("checkout.session.completed")).await?.0 == 200);
    ensure!(shop.post(&early).await?.0 == 200);
    let invoice = shop.delivered(&checkout.session_id).await?;
    let month = invoice.number.rsplit_once('-').unwrap().0;
    issued(&shop, &format!("A{month}-0001")).await?;
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_only_the_owner_has_to_hear_waits_until_it_is_read() -> Result<()> {
    let shop = Shop::open("refund-notices").await?;
    let dispute = json!({"id": "du_1", "object": "dispute", "status": "lost", "payment_intent": "pi_1"});
    let failed = json!({"id": "re_1", "object": "refund", "amount": 1, "currency": "eur", "status": "failed", "payment_intent": "pi_1"});
    for (id, kind, object, word) in [
        ("evt_1", "charge.dispute.closed", &dispute, "dispute_lost"),
        ("evt_2", "refund.failed", &failed, "refund_failed"),
    ] {
        let (status, answer) = shop.post(&event(id, kind, object)).await?;
        ensure!(status == 200 && answer["reason"] == word, "{status} {answer}");
    }
    ensure!(shop.client.parked().await?.len() == 2);
    ensure!(comptoir_local::replay::run(&shop.client).await? == 2);
    ensure!(shop.client.parked().await?.is_empty(), "read is put away");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn stripe_tax_at_two_rates_in_dollars_is_billed_and_credited_as_charged() -> Result<()> {
    let vat = [("regime = \"franchise\"", "regime = \"stripe_tax\"\nnumber = \"FR11123456782\"")];
    let seller = seller_file("refund-tax", &vat)?;
    let shop = Shop::open_with("refund-tax", |options| options.seller_file = Some(seller)).await?;
    let mut checkout =
        Checkout::of(&Purchase { amount: 17_275, lines: 2, currency: "usd".into(), ..Purchase::default() });
    let tax = |amount, percentage: f64| {
        json!([{"amount": amount, "taxability_reason": "standard_rated", "taxable_amount": 0,
            "rate": {"id": "txr_1", "object": "tax_rate", "inclusive": false, "percentage": percentage}}])
    };
    checkout.session["total_details"]["amount_tax"] = json!(2275);
    for (item, total, amount, rate) in [(0, 12_000, 2000, 20.0), (1, 5275, 275, 5.5)] {
        let item = &mut checkout.line_items["data"][item];
        item["amount_total"] = json!(total);
        item["amount_tax"] = json!(amount);
        item["taxes"] = tax(amount, rate);
    }
    shop.client.tell_stripe(&checkout).await?;
    let intent = checkout.session["payment_intent"].as_str().unwrap().to_owned();
    let settled =
        |settled: Value| json!({"id": intent, "latest_charge": {"id": "ch_1", "balance_transaction": settled}});
    let stripe = shop.bundle.stripe();
    stripe.store(&format!("payment_intents/{intent}"), settled(Value::Null));
    let completed = checkout.event("checkout.session.completed");
    ensure!(shop.post(&completed).await?.0 == 500, "the rate is not known yet");
    stripe.store(&format!("payment_intents/{intent}"), settled(json!({"currency": "eur", "exchange_rate": 0.9215})));
    ensure!(shop.post(&completed).await?.0 == 200);
    let invoice = shop.delivered(&checkout.session_id).await?;
    let invoice = issued(&shop, &invoice.number).await?;
    let rows: Vec<_> =
        invoice["data"]["taxes"].as_array().unwrap().iter().map(|row| (&row["base"], &row["tax"])).collect();
    ensure!(rows == [(&json!(10_000), &json!(2000)), (&json!(5000), &json!(275))], "{rows:?}");
    ensure!(invoice["data"]["in_euros"]["tax"] == 2096, "22.75 USD at 0.9215: {}", invoice["data"]["in_euros"]);

    let mut whole = refund("re_1", 17_275, &checkout);
    whole["currency"] = json!("usd");
    ensure!(shop.post(&event("evt_r1", "refund.created", &whole)).await?.0 == 200);
    let month = invoice["data"]["number"].as_str().unwrap().rsplit_once('-').unwrap().0.to_owned();
    let credit = issued(&shop, &format!("A{month}-0001")).await?;
    ensure!(
        credit["data"]["taxes"] == invoice["data"]["taxes"]
            && credit["data"]["in_euros"] == invoice["data"]["in_euros"]
    );
    shop.bundle.stop().await;
    Ok(())
}
