//! Services that fail, are slow, or whose answers are lost: everything completes by itself, nothing happens twice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Result, ensure};
use comptoir_local::{
    checkout::{Checkout, Purchase},
    faults::Fault,
};
use comptoir_tests::Shop;

#[tokio::test]
async fn stripe_away_or_slow_means_announced_and_recorded_once_it_is_back() -> Result<()> {
    let shop = Shop::open("faults-stripe").await?;
    let faults = [Fault::Fail, Fault::LoseAnswer, Fault::Delay(4000), Fault::Throttle];
    for fault in faults {
        let checkout = Checkout::of(&Purchase::default());
        shop.client.tell_stripe(&checkout).await?;
        shop.bundle.stripe().faults.order(fault, 1);
        let event = checkout.event("checkout.session.completed");
        let (status, answer) = shop.post(&event).await?;
        ensure!(status == 200 && answer["result"] == "announced", "{fault:?}: {status} {answer}");
        let payments = shop.items("PAYMENT").await?;
        ensure!(
            !payments.iter().any(|payment| payment["pk"] == format!("PAYMENT#{}", checkout.session_id)),
            "{fault:?}"
        );
        // Nothing is delivered again, and it is completed all the same.
        shop.delivered(&checkout.session_id).await?;
        ensure!(shop.deliver(&event).await? == 1, "{fault:?}: a delivery that comes later changes nothing");
    }
    shop.wait_for("every event to be settled", async |shop: &Shop| {
        Ok(shop.items("ANNOUNCED").await?.is_empty().then_some(()))
    })
    .await?;
    ensure!(shop.numbers().await?.len() == faults.len() && shop.mails().await?.len() == faults.len());
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn ses_throttling_delays_a_mail_and_sends_it_once() -> Result<()> {
    let shop = Shop::open("faults-ses").await?;
    shop.bundle.ses_faults().order(Fault::Throttle, 4);
    shop.still_sells().await?;
    shop.bundle.ses_faults().order(Fault::Delay(6000), 1);
    shop.still_sells().await?;
    ensure!(shop.mails().await?.len() == 2);
    ensure!(shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_mail_that_ses_refuses_waits_and_is_sent_on_replay() -> Result<()> {
    let shop = Shop::open("faults-ses-reject").await?;
    shop.bundle.ses_faults().order(Fault::Reject, 1);
    let (checkout, _) = shop.pay(&Purchase::default()).await?;
    let (source, reason) = shop.parked(&checkout.session_id).await?;
    ensure!(source == "mail-sender" && reason.starts_with("mail_refused"), "{source} {reason}");
    shop.still_sells().await?;
    ensure!(comptoir_local::replay::run(&shop.client).await? == 1);
    shop.delivered(&checkout.session_id).await?;
    ensure!(shop.mails().await?.len() == 2);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_mail_that_ses_may_have_taken_is_flagged_and_never_sent_again() -> Result<()> {
    let shop = Shop::open("faults-ses-lost").await?;
    // As if the delivery events were lost too; `delivery.rs` has the other case.
    shop.bundle.ses_events().hold();
    // Its answer is lost, or is a failure (500), which does not say whether the mail was sent.
    for (place, fault) in [Fault::LoseAnswer, Fault::Fail].into_iter().enumerate() {
        shop.bundle.ses_faults().order(fault, 1);
        shop.pay(&Purchase::default()).await?;
        shop.wait_for("the mail to be flagged", async |shop: &Shop| {
            let unknown = shop.items("MAIL").await?.into_iter().filter(|mail| mail["status"] == "unknown").count();
            Ok((unknown == place + 1).then_some(()))
        })
        .await?;
    }
    shop.still_sells().await?;
    ensure!(shop.mails().await?.len() == 2, "one from the lost answer, none from the failure, one after them");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn aws_away_means_500_and_everything_goes_on_when_it_is_back() -> Result<()> {
    let shop = Shop::open("faults-aws").await?;
    shop.still_sells().await?;
    // Recorded, but not yet seen by the renderer when AWS goes down.
    shop.bundle.pause_streams();
    let (waiting, status) = shop.pay(&Purchase::default()).await?;
    ensure!(status == 200);
    let checkout = Checkout::of(&Purchase::default());
    shop.client.tell_stripe(&checkout).await?;
    shop.bundle.stop_aws().await;
    shop.bundle.resume_streams();
    let event = checkout.event("checkout.session.completed");
    let (status, answer) = shop.post(&event).await?;
    ensure!(status == 500, "{status} {answer}");
    shop.bundle.resume_aws().await?;
    shop.deliver(&event).await?;
    shop.delivered(&checkout.session_id).await?;
    shop.delivered(&waiting.session_id).await?;
    ensure!(shop.numbers().await?.len() == 3 && shop.mails().await?.len() == 3);
    shop.bundle.stop().await;
    Ok(())
}
