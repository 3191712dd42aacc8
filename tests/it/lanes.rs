//! Mails with documents and notices share neither a table nor a function nor the whole quota: whatever members do, an
//! invoice does not wait for it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use comptoir_local::checkout::Purchase;
use comptoir_tests::{
    Shop,
    members::{creation, freelancer},
};
use serde_json::{Value, json};

/// Changes of one member, twice as many as are taken in an hour.
const CHANGES: u32 = 120;

#[tokio::test]
async fn a_member_who_changes_all_the_time_holds_up_no_invoice() -> Result<()> {
    let shop = Shop::open("lanes").await?;
    shop.still_sells().await?;
    let zoe = freelancer("sub-zoe");
    let made = shop.value(&zoe, "createProfile", creation("zoe")).await?;
    let mut version = made["version"].as_u64().unwrap();
    let mut refused = 0;
    let mut slowest = Duration::ZERO;
    for n in 1..CHANGES {
        let change = json!({ "id": made["id"], "expectedVersion": version, "input": { "headline": format!("n {n}") } });
        if version < 60 {
            version = shop.value(&zoe, "updateProfile", change).await?["version"].as_u64().unwrap();
        } else {
            let info = shop.refusal(&zoe, "updateProfile", change, "TooMany").await?;
            ensure!(info["retryAt"].is_string(), "{info}");
            refused += 1;
        }
        if n % 40 == 0 {
            let begun = Instant::now();
            shop.still_sells().await?;
            slowest = slowest.max(begun.elapsed());
        }
    }
    ensure!(refused == 60, "{refused} changes were refused");
    shop.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    shop.wait_for("both notices", async |shop: &Shop| {
        let sent = notices(shop).await?.iter().filter(|notice| notice["status"] == "delivered").count();
        Ok((sent == 2).then_some(()))
    })
    .await?;
    let mails = shop.mails().await?;
    let to_zoe = mails.iter().filter(|mail| mail.to == "zoe@example.org" && mail.attachments.is_empty());
    ensure!(to_zoe.count() == 2, "{mails:?}");
    // Two seconds on an idle machine; ten times that where other tests run beside it.
    ensure!(slowest < Duration::from_secs(20), "an invoice took {slowest:?}");
    ensure!(shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}

async fn notices(shop: &Shop) -> Result<Vec<Value>> {
    let (_, items) = shop.client.table("NoticesTable").await?;
    Ok(items.into_iter().filter(|item| item["kind"] == "NOTICE").collect())
}

#[tokio::test]
async fn of_a_hundred_mails_a_day_every_invoice_goes_and_notices_wait() -> Result<()> {
    let shop = Shop::open("lanes-quota").await?;
    shop.bundle.limit_mails(20);
    for n in 0..14 {
        let handle = format!("pigeon{n:02}");
        shop.value(&freelancer(&format!("sub-{handle}")), "createProfile", creation(&handle)).await?;
    }
    let settled = async |shop: &Shop| {
        let sent = notices(shop).await?.iter().filter(|notice| notice["status"] == "delivered").count();
        Ok((sent == 10).then_some(()))
    };
    shop.wait_for("half of the quota", settled).await?;
    for n in 0..10 {
        shop.pay(&Purchase { email: Some(format!("c{n}@example.org")), ..Purchase::default() }).await?;
    }
    shop.wait_for("every invoice", async |shop: &Shop| {
        let mails = shop.mails().await?;
        Ok((mails.iter().filter(|mail| !mail.attachments.is_empty()).count() == 10).then_some(()))
    })
    .await?;
    // A sweep wakes none of the notices that wait, and they are neither parked nor lost.
    let swept = shop.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    ensure!(swept["left"] == 4, "{swept}");
    ensure!(shop.client.parked().await?.is_empty());
    // The next day.
    shop.bundle.limit_mails(1_000);
    tokio::time::sleep(Duration::from_secs(1)).await;
    shop.bundle.function("notice-sender").unwrap().kill();
    shop.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    shop.wait_for("the others", async |shop: &Shop| {
        let sent = notices(shop).await?.iter().filter(|notice| notice["status"] == "delivered").count();
        Ok((sent == 14).then_some(()))
    })
    .await?;
    ensure!(shop.mails().await?.len() == 24, "each once");
    shop.bundle.stop().await;
    Ok(())
}
