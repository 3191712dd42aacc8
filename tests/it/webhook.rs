//! What the webhook accepts and rejects: one bundle, every kind of bad request, and nothing recorded for any.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Result, ensure};
use comptoir::{stripe::classify::LONGEST_BODY, testing::readme::says};
use comptoir_local::checkout::{Checkout, Purchase};
use comptoir_tests::Shop;
use serde_json::{Value, json};

fn event() -> Value {
    Checkout::of(&Purchase::default()).event("checkout.session.completed")
}

#[tokio::test]
async fn nothing_forged_stale_or_malformed_is_recorded() -> Result<()> {
    let shop = Shop::open("webhook-forged").await?;
    let body = event().to_string().into_bytes();
    let right = shop.signature(&body, 0);
    let tampered = event().to_string().into_bytes();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes();
    let latin = b"{\"id\":\"evt_\xe9\"}".to_vec();
    let huge = vec![b' '; LONGEST_BODY + 1];
    // As long as a valid one.
    let wrong = format!("{},v1={}", right.split(',').next().unwrap(), "0".repeat(64));
    let others = comptoir::stripe::signature::sign(&body, "whsec_another", comptoir_local::clock::now());
    let signed = |body: &[u8]| Some(shop.signature(body, 0));
    // The future comes nearer while the cases before it are asked.
    let cases = [
        ("no signature", body.clone(), None, 400, "signature_missing"),
        (
            "a thousand signatures",
            vec![b' '; 1_000_000],
            Some(format!("{right}{}", ",v1=".repeat(1000))),
            400,
            "signature_malformed",
        ),
        ("empty signature", body.clone(), Some(String::new()), 400, "signature_malformed"),
        ("nonsense", body.clone(), Some("t=now,v1=yes".into()), 400, "signature_malformed"),
        ("wrong signature", body.clone(), Some(wrong), 400, "signature_mismatch"),
        ("another secret", body.clone(), Some(others), 400, "signature_mismatch"),
        ("stale", body.clone(), Some(shop.signature(&body, 302)), 400, "signature_stale"),
        ("future", body.clone(), Some(shop.signature(&body, -900)), 400, "signature_future"),
        ("tampered body", tampered, Some(right.clone()), 400, "signature_mismatch"),
        ("not JSON", b"hello".to_vec(), signed(b"hello"), 400, "not_an_event"),
        ("no event", b"{}".to_vec(), signed(b"{}"), 400, "not_an_event"),
        ("empty", Vec::new(), signed(b""), 400, "not_an_event"),
        ("not UTF-8", latin.clone(), signed(&latin), 400, "not_utf8"),
        ("deep nesting", deep.clone(), signed(&deep), 400, "not_an_event"),
        ("over 6 MB", huge.clone(), signed(&huge), 413, "body_too_large"),
    ];
    says(cases.len(), "kinds of bad request");
    for (name, body, signature, status, reason) in cases {
        let (got, answer) = shop.post_raw(body, signature.as_deref()).await?;
        ensure!(got == status, "{name}: {got} {answer}");
        ensure!(answer["reason"] == reason, "{name}: {answer}");
    }
    ensure!(shop.items("PAYMENT").await?.is_empty() && shop.items("EVENT").await?.is_empty());
    let log = std::fs::read_to_string(shop.bundle.dir.join("logs/payment-webhook.log"))?;
    ensure!(log.contains("SignatureRejected"), "a rejected signature is counted");
    ensure!(!log.contains("camille.durand") && !log.contains("whsec_"), "neither addresses nor secrets are logged");
    let (status, _) = shop.post_raw(body, Some(&right)).await?;
    ensure!(status == 200, "the true event still gets in");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_is_no_sale_is_ignored_with_its_reason() -> Result<()> {
    let shop = Shop::open("webhook-ignored").await?;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut event = event();
        change(&mut event);
        event
    };
    let cases: [(Value, &str, &str); 8] = [
        (with(&|event| event["type"] = json!("customer.created")), "ignored", "type_unused"),
        (with(&|event| event["livemode"] = json!(true)), "ignored", "wrong_mode"),
        (with(&|event| event["data"]["object"]["payment_status"] = json!("unpaid")), "ignored", "unpaid"),
        (with(&|event| event["data"]["object"]["amount_total"] = json!(0)), "ignored", "zero_amount"),
        (with(&|event| event["data"]["object"]["mode"] = json!("setup")), "ignored", "no_sale"),
        (with(&|event| event["data"]["object"]["mode"] = json!("subscription")), "ignored", "billed_by_stripe_invoice"),
        (with(&|event| event["data"]["object"]["invoice"] = json!("in_1")), "ignored", "billed_by_stripe_invoice"),
        (with(&|event| event["data"]["object"]["amount_total"] = json!("49")), "parked", "object_unreadable"),
    ];
    for (event, result, reason) in cases {
        let (status, answer) = shop.post(&event).await?;
        ensure!(
            status == 200 && answer["result"] == result && answer["reason"] == reason,
            "{reason}: {status} {answer}"
        );
    }
    ensure!(shop.items("PAYMENT").await?.is_empty());
    let parked = shop.client.parked().await?;
    ensure!(parked.len() == 1 && parked[0]["source"] == "payment-webhook", "{parked:?}");
    ensure!(parked[0]["record"]["body"].as_str().unwrap_or_default().contains("\"49\""), "the raw event is kept");
    let deep_event = format!(
        r#"{{"id":"evt_deep","type":"invoice.paid","created":1,"livemode":false,"data":{{"object":{}1{}}}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    let body = deep_event.into_bytes();
    let (status, answer) = shop.post_raw(body.clone(), Some(&shop.signature(&body, 0))).await?;
    ensure!(status == 200 && answer["result"] == "parked", "{status} {answer}");
    ensure!(shop.client.parked().await?.len() == 2, "what nests too deep to be read is kept too");
    // Ids that would make another path of Stripe's API, or another key.
    for (place, id) in [("id", "cs_1?expand[]=customer"), ("id", "../../customers"), ("payment_intent", "pi_1/../x")] {
        let mut event = event();
        event["data"]["object"][place] = json!(id);
        let (status, answer) = shop.post(&event).await?;
        ensure!(
            status == 200 && answer == json!({"result": "parked", "reason": "object_unreadable"}),
            "{id}: {answer}"
        );
    }
    let parked = shop.client.parked().await?;
    let kept = |id| parked.iter().any(|one| one["record"]["body"].as_str().is_some_and(|body| body.contains(id)));
    ensure!(parked.len() == 5 && kept("../../customers") && kept("pi_1/../x"), "{parked:?}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn secrets_rotate_without_losing_an_event() -> Result<()> {
    let shop = Shop::open("webhook-rotation").await?;
    shop.still_sells().await?;
    let old = shop.bundle.endpoints.stripe_webhook_secret.clone();
    shop.bundle.set_webhook_secrets(&format!("whsec_new {old}")).await?;
    let body = event().to_string().into_bytes();
    let new = comptoir::stripe::signature::sign(&body, "whsec_new", comptoir_local::clock::now());
    // The function may have cached its secrets just before; Stripe would deliver again, and so does the test.
    shop.wait_for("the new secret to be known", async |shop: &Shop| {
        let (status, _) = shop.post_raw(body.clone(), Some(&new)).await?;
        Ok((status == 200).then_some(()))
    })
    .await?;
    let body = event().to_string().into_bytes();
    let (status, _) = shop.post_raw(body.clone(), Some(&shop.signature(&body, 0))).await?;
    ensure!(status == 200, "the old secret is still in force");
    shop.bundle.stop().await;
    Ok(())
}
