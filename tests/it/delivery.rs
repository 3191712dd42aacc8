//! The happened of a mail after SES accepted it: delivered, bounced, reported as spam, or unknown and later resolved.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Result, ensure};
use comptoir::mail::{MailId, delivery::AddressHash};
use comptoir_local::{checkout::Purchase, faults::Fault};
use comptoir_tests::Shop;
use serde_json::{Value, json};

/// Buys under `email` and waits until the mail has `status`; returns its item.
async fn buy(shop: &Shop, email: &str, status: &str) -> Result<Value> {
    let purchase = Purchase { email: Some(email.to_owned()), ..Purchase::default() };
    ensure!(shop.pay(&purchase).await?.1 == 200);
    stands(shop, email, status).await
}

async fn stands(shop: &Shop, email: &str, status: &str) -> Result<Value> {
    shop.wait_for(&format!("the mail of {email} to be {status}"), async |shop: &Shop| {
        let mut mails = shop.items("MAIL").await?.into_iter();
        Ok(mails.find(|mail| mail["data"]["to"] == email && mail["status"] == status))
    })
    .await
}

/// Why this address is suppressed for routine mails, if it is.
async fn suppressed(shop: &Shop, email: &str) -> Result<Option<String>> {
    let (_, items) = shop.client.table("NoticesTable").await?;
    let key = format!("SUPPRESSED#{}", AddressHash::of(email).as_str());
    let found = items.into_iter().find(|item| item["pk"] == key);
    Ok(found.map(|item| {
        assert!(!item.to_string().contains('@'), "no address in clear: {item}");
        item["reason"].as_str().unwrap().to_owned()
    }))
}

#[tokio::test]
async fn a_mail_is_followed_until_it_arrives_comes_back_or_annoys() -> Result<()> {
    let shop = Shop::open("delivery").await?;

    let mail = buy(&shop, "zoe@example.org", "delivered").await?;
    ensure!(mail["message_id"] == shop.mails().await?[0].id, "{mail}");
    ensure!(mail.get("expires_at").is_some() && mail.get("lease_until").is_none(), "{mail}");
    ensure!(suppressed(&shop, "zoe@example.org").await?.is_none());

    let bounce = "bounce@simulator.amazonses.com";
    let mail = buy(&shop, bounce, "bounced").await?;
    ensure!(mail["parked_source"] == "mail-events", "{mail}");
    ensure!(mail["parked_reason"].as_str().unwrap().starts_with("mail_bounced"), "{mail}");
    ensure!(mail.get("expires_at").is_none(), "what waits for a person is kept: {mail}");
    shop.wait_for("the address to be left alone", async |shop: &Shop| suppressed(shop, bounce).await).await?;
    ensure!(suppressed(&shop, bounce).await?.as_deref() == Some("bounce"));

    let complaint = "complaint@simulator.amazonses.com";
    let mail = buy(&shop, complaint, "complained").await?;
    ensure!(mail.get("parked_at").is_none(), "the customer has the invoice: {mail}");
    shop.wait_for("the address to be left alone", async |shop: &Shop| suppressed(shop, complaint).await).await?;
    ensure!(suppressed(&shop, complaint).await?.as_deref() == Some("complaint"));

    let away = "ooto@simulator.amazonses.com";
    let mail = buy(&shop, away, "delivered").await?;
    let number = mail["pk"].as_str().unwrap().to_owned();
    shop.wait_for("the answer from out of office", async |shop: &Shop| {
        let items = shop.items("MAIL").await?;
        Ok(items
            .iter()
            .any(|item| item["pk"] == number && item["hindered"] == json!(["bounce/Transient/General"]))
            .then_some(()))
    })
    .await?;
    ensure!(suppressed(&shop, away).await?.is_none());

    let mail = buy(&shop, "reject@simulator.amazonses.com", "rejected").await?;
    ensure!(mail["parked_reason"].as_str().unwrap().starts_with("mail_rejected"), "{mail}");

    // An invoice is sent even to an address that is suppressed otherwise; each was tried once.
    ensure!(shop.mails().await?.len() == 5);
    let before = shop.client.parked().await?.len();
    ensure!(before == 2, "what came back waits: {before}");
    ensure!(comptoir_local::replay::run(&shop.client).await? == 2);
    shop.wait_for("both to be tried again and to come back", async |shop: &Shop| {
        Ok((shop.mails().await?.len() == 7 && shop.client.parked().await?.len() == 2).then_some(()))
    })
    .await?;
    let log = std::fs::read_to_string(shop.bundle.function("mail-events").unwrap().log())?;
    ensure!(log.contains("mail hindered on its way") && !log.contains('@'), "ids and words, never an address: {log}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_address_is_written_as_ses_takes_it_or_parked_before_it_is_tried() -> Result<()> {
    let shop = Shop::open("delivery-scripts").await?;
    buy(&shop, "zoe@müller.example", "delivered").await?;
    ensure!(shop.mails().await?[0].to == "zoe@xn--mller-kva.example");
    for (email, word) in
        [("jésus@example.org", "recipient_not_ascii"), ("zoe@my_host.example", "recipient_domain_invalid")]
    {
        let mail = buy(&shop, email, "queued").await?;
        let reason = mail["parked_reason"].as_str().unwrap_or_default();
        ensure!(reason.starts_with(word) && !reason.contains(email), "{mail}");
        ensure!(mail.get("expires_at").is_none(), "it waits for a person: {mail}");
    }
    ensure!(shop.mails().await?.len() == 1, "nothing else was tried");
    shop.bundle.stop().await;
    Ok(())
}

/// Overwrites the archive's object under a key, as an intruder might.
async fn overwrite(shop: &Shop, key: &str, bytes: &[u8]) -> Result<()> {
    let bucket = shop.bundle.aws().resources("comptoir-dev").await?["ArchiveBucket"].clone();
    shop.bundle.aws().put(&format!("{bucket}/{key}"), bytes.to_vec()).await
}

#[tokio::test]
async fn a_document_that_is_not_the_one_issued_is_never_mailed() -> Result<()> {
    let shop = Shop::open("delivery-differs").await?;
    // The mail is refused once, so that it is still queued while its document changes.
    shop.bundle.ses_faults().order(Fault::Reject, 1);
    let (checkout, _) = shop.pay(&Purchase::default()).await?;
    shop.parked(&checkout.session_id).await?;
    let mail = shop.items("MAIL").await?.remove(0);
    let document = &mail["data"]["attachment"]["document"];
    overwrite(&shop, document["key"].as_str().unwrap(), b"%PDF-1.7 somebody else's").await?;
    ensure!(comptoir_local::replay::run(&shop.client).await? == 1);
    let parked = shop
        .wait_for("the mail to be parked again", async |shop: &Shop| {
            let mails = shop.items("MAIL").await?.into_iter();
            Ok(mails.filter_map(|mail| Some(mail["parked_reason"].as_str()?.to_owned())).next())
        })
        .await?;
    ensure!(
        parked.starts_with("attachment_differs") && parked.contains(document["sha256"].as_str().unwrap()),
        "{parked}"
    );
    ensure!(shop.mails().await?.is_empty(), "nothing was mailed");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_its_events_and_strangers_settle_nothing() -> Result<()> {
    let shop = Shop::open("delivery-lost").await?;
    shop.bundle.ses_events().hold();
    shop.bundle.ses_faults().order(Fault::LoseAnswer, 1);
    let unknown = buy(&shop, "zoe@example.org", "unknown").await?;
    let id = MailId(unknown["pk"].as_str().unwrap().strip_prefix("MAIL#").unwrap().to_owned());
    let set = shop.mails().await?[0].configuration_set.clone().unwrap();

    // Another stack's mail of the same number, a mail without a tag, an unknown mail, and a malformed event.
    let event = |set: &str, tags: Value| {
        let mut tags = tags;
        tags["ses:configuration-set"] = json!([set]);
        json!({"source": "aws.ses", "detail-type": "Email Bounced", "detail": {
            "eventType": "Bounce",
            "bounce": {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": []},
            "mail": {"messageId": "stranger", "destination": ["zoe@example.org"], "tags": tags},
        }})
    };
    let strangers = [
        event("another-stack", json!({"mail": [id.tag()]})),
        event(&set, json!({})),
        event(&set, json!({"mail": ["***"]})),
        event(&set, json!({"mail": [MailId("invoice/1999-01-0001".to_owned()).tag()]})),
        json!({"source": "aws.ses", "detail": "?"}),
    ];
    let function = shop.bundle.function("mail-events").unwrap();
    for stranger in strangers {
        function.invoke(stranger.to_string().into()).await.unwrap();
    }
    ensure!(shop.items("MAIL").await? == [unknown], "nothing changed");
    ensure!(suppressed(&shop, "zoe@example.org").await?.is_none());

    shop.bundle.ses_events().release();
    stands(&shop, "zoe@example.org", "delivered").await?;
    shop.still_sells().await?;
    ensure!(shop.mails().await?.len() == 2, "one from the lost answer, one after it");
    ensure!(shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}
