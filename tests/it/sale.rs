//! From a payment to its mail: the whole flow, each sale once however often it is announced, and the parked sales.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::time::Duration;

use anyhow::{Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use comptoir::{archive::sha256, testing::readme::says};
use comptoir_local::checkout::{Checkout, Purchase};
use comptoir_tests::{Shop, seller_file};
use serde_json::{Value, json};

/// The reason of a parked sale, and its cause.
type Unfit<'a> = (&'a str, &'a dyn Fn(&mut Value));

#[tokio::test]
async fn a_payment_becomes_a_numbered_archived_and_mailed_invoice() -> Result<()> {
    let shop = Shop::open("sale").await?;
    let purchase = Purchase { amount: 12_345, lines: 3, email: Some("zoe@example.org".into()), ..Purchase::default() };
    let (checkout, status) = shop.pay(&purchase).await?;
    ensure!(status == 200);
    let delivered = shop.delivered(&checkout.session_id).await?;
    ensure!(delivered.number.ends_with("-0001"), "{}", delivered.number);
    ensure!(delivered.document.ends_with(&format!("/{}.pdf", delivered.number)), "{}", delivered.document);
    let named = &delivered.mail.attachments[0].filename;
    ensure!(*named == format!("{}-DURAND.pdf", delivered.number), "{named}");
    let pdf = shop.client.document(&delivered.document).await?;
    ensure!(pdf.starts_with(b"%PDF-1.7"), "a PDF");
    let attached = STANDARD.decode(&delivered.mail.attachments[0].base64)?;
    ensure!(attached == pdf, "the mail brings the archived bytes");
    ensure!(delivered.mail.attachments[0].content_type == "application/pdf");
    ensure!(delivered.mail.to.contains("zoe@example.org") && delivered.mail.from.contains("facturation@example.org"));
    for part in [&delivered.mail.text, &delivered.mail.html, &delivered.mail.subject] {
        ensure!(part.contains(&delivered.number), "{part}");
    }
    ensure!(delivered.mail.text.contains("123,45"), "{}", delivered.mail.text);
    ensure!(
        delivered.mail.configuration_set.is_some() && !delivered.mail.tags.is_empty(),
        "delivery events find the mail"
    );
    let invoice = shop.items("INVOICE").await?.remove(0);
    ensure!(invoice["document_sha256"] == sha256(&pdf), "the ledger holds the archive's hash");
    ensure!(invoice["data"]["lines"].as_array().unwrap().len() == 3);
    shop.bundle.stop().await;
    Ok(())
}

/// Concurrent announcements of a sale.
const TIMES: usize = 32;

#[tokio::test]
async fn one_sale_is_one_invoice_however_it_is_announced() -> Result<()> {
    let shop = Shop::open("sale-once").await?;
    let checkout = Checkout::of(&Purchase::default());
    shop.client.tell_stripe(&checkout).await?;
    let completed = checkout.event("checkout.session.completed");
    let mut settled = checkout.event("checkout.session.async_payment_succeeded");
    settled["id"] = json!("evt_another");
    let mut posts = tokio::task::JoinSet::new();
    says(TIMES, "times at once");
    for round in 0..TIMES {
        let event = if round % 2 == 0 { completed.clone() } else { settled.clone() };
        let client = shop.client.clone();
        posts.spawn(async move { client.post_event(event.to_string().as_bytes()).await });
    }
    while let Some(posted) = posts.join_next().await {
        let (status, body) = posted??;
        ensure!(status == 200, "{status} {body}");
    }
    for event in [&completed, &settled] {
        ensure!(shop.post(event).await?.0 == 200, "a repeated delivery is acknowledged");
    }
    shop.delivered(&checkout.session_id).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    ensure!(shop.items("PAYMENT").await?.len() == 1);
    ensure!(shop.numbers().await?.len() == 1);
    ensure!(shop.mails().await?.len() == 1);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_session_with_a_stripe_invoice_is_billed_by_that_invoice() -> Result<()> {
    let shop = Shop::open("sale-by-invoice").await?;
    let checkout = Checkout::of(&Purchase::default());
    let mut completed = checkout.event("checkout.session.completed");
    completed["data"]["object"]["invoice"] = json!("in_1");
    let paid = json!({
        "id": "evt_in_1", "object": "event", "api_version": "2026-09-30.endive", "type": "invoice.paid", "livemode": false,
        "created": 1_795_257_000, "data": { "object": {
            "id": "in_1", "object": "invoice", "currency": "eur", "total": 5900, "amount_paid": 5900, "status": "paid",
            "customer": "cus_1", "customer_name": "Association Les Amis", "customer_email": "amis@example.org",
            "customer_address": { "line1": "3 rue du Port", "line2": null, "postal_code": "13002", "city": "Marseille", "state": null, "country": "FR" },
            "status_transitions": { "paid_at": 1_795_257_000 },
            "lines": { "object": "list", "has_more": false, "data": [
                { "id": "il_1", "object": "line_item", "amount": 6400, "quantity": 2, "description": "Abonnement novembre", "discount_amounts": [{ "amount": 500, "discount": "di_1" }], "taxes": [] },
            ] },
        } },
    });
    // Out of order: the invoice first, then the session, then both again.
    for (event, result) in
        [(&paid, "recorded"), (&completed, "ignored"), (&paid, "recorded_before"), (&completed, "ignored")]
    {
        let (status, answer) = shop.post(event).await?;
        ensure!(status == 200 && answer["result"] == result, "{status} {answer}");
    }
    let delivered = shop.delivered("in_1").await?;
    ensure!(delivered.mail.to.contains("amis@example.org"));
    ensure!(shop.numbers().await?.len() == 1 && shop.items("PAYMENT").await?.len() == 1);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn sales_that_cannot_be_invoiced_wait_with_their_reason_and_stop_nobody() -> Result<()> {
    let seller = seller_file("sale-parked", &[])?;
    let shop = Shop::open_with("sale-parked", |options| options.seller_file = Some(seller)).await?;
    let unfit: [Unfit; 5] = [
        ("unknown_currency", &|session| session["currency"] = json!("zzz")),
        ("customer_unnamed", &|session| session["customer_details"] = json!({ "email": "a@example.org" })),
        ("customer_unnamed", &|session| session["customer_details"] = Value::Null),
        ("negative_amount", &|session| session["amount_total"] = json!(-4900)),
        ("amounts_differ", &|session| session["amount_total"] = json!(5000)),
    ];
    let mut waiting = Vec::new();
    for (word, change) in unfit {
        let mut checkout = Checkout::of(&Purchase::default());
        change(&mut checkout.session);
        shop.client.tell_stripe(&checkout).await?;
        let (status, answer) = shop.post(&checkout.event("checkout.session.completed")).await?;
        ensure!(status == 200 && answer["result"] == "recorded", "{word}: {status} {answer}");
        waiting.push((word, checkout.session_id));
    }
    shop.still_sells().await?;
    for (word, session) in &waiting {
        let (source, reason) = shop.parked(session).await?;
        ensure!(source == "invoice-renderer" && reason.starts_with(word), "{word}: {source} {reason}");
    }
    ensure!(shop.numbers().await?.len() == 1, "a refused sale costs no number");
    ensure!(shop.client.parked().await?.len() == waiting.len());
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn without_an_address_the_invoice_is_issued_and_its_mail_waits() -> Result<()> {
    let shop = Shop::open("sale-no-email").await?;
    let (checkout, status) = shop.pay(&Purchase { email: None, ..Purchase::default() }).await?;
    ensure!(status == 200);
    let (_, reason) = shop.parked(&checkout.session_id).await?;
    ensure!(reason.starts_with("recipient_missing"), "{reason}");
    ensure!(shop.numbers().await?.len() == 1, "issued");
    let archived = shop.items("INVOICE").await?.remove(0);
    ensure!(archived["document_key"].is_string(), "and archived");
    let next = shop.still_sells().await?;
    ensure!(next.number.ends_with("-0002"), "{}", next.number);
    ensure!(shop.mails().await?.len() == 1);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_was_parked_is_finished_once_its_cause_is_mended() -> Result<()> {
    let seller = seller_file("sale-replayed", &[])?;
    let options = |options: &mut comptoir_local::Options| {
        options.keep = true;
        options.seller_file = Some(seller.clone());
    };
    let folder = comptoir_local::paths::local().join("tests/sale-replayed");
    std::fs::remove_dir_all(&folder).ok();
    let shop = Shop::open_with("sale-replayed", options).await?;
    let (checkout, _) = shop.pay(&Purchase { name: None, ..Purchase::default() }).await?;
    shop.parked(&checkout.session_id).await?;
    shop.bundle.stop().await;

    let shop = Shop::open_with("sale-replayed", options).await?;
    shop.save_settings(&seller_file("sale-replayed", &[("# unnamed_customer", "unnamed_customer")])?).await?;
    ensure!(comptoir_local::replay::run(&shop.client).await? == 1);
    let delivered = shop.delivered(&checkout.session_id).await?;
    ensure!(delivered.mail.attachments[0].filename.ends_with("-COMPTOIR.pdf"));
    ensure!(comptoir_local::replay::run(&shop.client).await? == 0, "nothing is left to replay");
    ensure!(shop.mails().await?.len() == 1);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn without_an_api_key_one_line_stands_for_the_total() -> Result<()> {
    let shop = Shop::open_with("sale-no-key", |options| options.stripe_api_key = None).await?;
    let delivered = shop.still_sells().await?;
    ensure!(delivered.mail.text.contains("Vente en ligne"), "{}", delivered.mail.text);
    let log = std::fs::read_to_string(shop.bundle.dir.join("logs/payment-webhook.log"))?;
    ensure!(log.contains("one line stands for the total"), "and it is logged");
    shop.bundle.stop().await;
    Ok(())
}
