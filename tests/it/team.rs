//! Notices to the team about members' profiles, by mail and in its Slack channel: each change once, in batches, also
//! when Slack fails or the function dies half-way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use comptoir::testing::readme::says;
use comptoir_local::{
    Options,
    faults::Fault,
    wire::{Cut, Order},
};
use comptoir_tests::{
    Shop,
    members::{creation, freelancer},
    seller_file,
};
use serde_json::{Value, json};

const TEAM: &str = "equipe@example.org";
const NOTIFIER: &str = "notice-sender";

/// A shop whose team has an address, and a webhook unless `change` removes it.
async fn shop(name: &str, change: impl FnOnce(&mut Options)) -> Result<Shop> {
    let team = format!("team = \"{TEAM}\"");
    let seller = seller_file(name, &[(&format!("# {team}"), &team)])?;
    Shop::open_with(name, |options| {
        options.seller_file = Some(seller);
        change(options);
    })
    .await
}

async fn kind(shop: &Shop, kind: &str) -> Result<Vec<Value>> {
    let (_, items) = shop.client.table("NoticesTable").await?;
    Ok(items.into_iter().filter(|item| item["kind"] == kind).collect())
}

async fn create(shop: &Shop, handle: &str) -> Result<Value> {
    shop.value(&freelancer(&format!("sub-{handle}")), "createProfile", creation(handle)).await
}

/// Waits until `count` notices are sent and no message is in progress.
async fn told(shop: &Shop, count: usize) -> Result<()> {
    shop.wait_for(&format!("{count} notices to be told"), async |shop: &Shop| {
        let done = kind(shop, "TEAM").await?.iter().filter(|item| item["status"] == "told").count();
        let settled = |item: &Value| ["sent", "unknown"].contains(&item["status"].as_str().unwrap_or_default());
        let said = kind(shop, "SLACK").await?.iter().all(|item| settled(item) || item.get("parked_at").is_some());
        let digests = kind(shop, "NOTICE").await?;
        let mut digests = digests.iter().filter(|item| item["pk"].as_str().unwrap_or_default().contains("#team/"));
        let mailed = digests.all(|item| item["status"] == "delivered");
        Ok((done == count && said && mailed).then_some(()))
    })
    .await
}

/// How often each of these handles appears in the mails to the team, and in its Slack messages.
async fn tellings(shop: &Shop, handles: &[String]) -> Result<(BTreeMap<String, usize>, BTreeMap<String, usize>)> {
    let mails: Vec<String> =
        shop.mails().await?.into_iter().filter(|mail| mail.to == TEAM).map(|mail| mail.text).collect();
    let messages: Vec<String> = shop.bundle.slack().all().into_iter().map(|message| message.text).collect();
    let count = |texts: &[String]| {
        let times = |handle: &String| texts.iter().map(|text| text.matches(&format!("({handle})")).count()).sum();
        handles.iter().map(|handle| (handle.clone(), times(handle))).collect()
    };
    Ok((count(&mails), count(&messages)))
}

/// Changes in quick succession.
const CHANGES: usize = 30;

#[tokio::test]
async fn each_change_is_told_once_and_many_together() -> Result<()> {
    let shop = shop("team", |_| {}).await?;
    create(&shop, "zoe").await?;
    told(&shop, 1).await?;
    let messages = shop.bundle.slack().all();
    ensure!(messages.len() == 1 && messages[0].webhook.starts_with("services/"), "{messages:?}");
    let text = &messages[0].text;
    ensure!(text.contains("Zoé Lefèvre") && text.contains("(zoe)") && text.contains("téléphone"), "{text}");
    ensure!(!text.contains("+336") && !text.contains('@'), "fields, never what they hold: {text}");
    ensure!(shop.mails().await?.iter().filter(|mail| mail.to == TEAM).count() == 1);

    says(CHANGES, "changes in a burst");
    let handles: Vec<String> = (0..CHANGES).map(|n| format!("pigeon{n:02}")).collect();
    for handle in &handles {
        create(&shop, handle).await?;
    }
    told(&shop, CHANGES + 1).await?;
    let (mailed, said) = tellings(&shop, &handles).await?;
    ensure!(mailed.values().all(|times| *times == 1), "{mailed:?}");
    ensure!(said.values().all(|times| *times == 1), "{said:?}");
    let digests = shop.bundle.slack().all().len() - 1;
    ensure!(digests <= 15, "{digests} messages for {CHANGES} changes");
    for item in kind(&shop, "SLACK").await? {
        ensure!(!item.to_string().contains("Lefèvre"), "a digest holds nothing of anybody: {item}");
    }
    let log = std::fs::read_to_string(shop.bundle.function(NOTIFIER).unwrap().log())?;
    ensure!(!log.contains("hooks.slack.com") && !log.contains('@') && !log.contains("Lefèvre"), "{log}");
    ensure!(shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn slack_may_fail_in_each_of_its_ways() -> Result<()> {
    let shop = shop("team-slack", |_| {}).await?;
    let faults = &shop.bundle.slack().faults;
    // Nothing happened: it is retried.
    faults.order(Fault::Throttle, 3);
    create(&shop, "ana").await?;
    told(&shop, 1).await?;
    ensure!(shop.bundle.slack().all().len() == 1);
    // It may have happened: it is not retried.
    faults.order(Fault::LoseAnswer, 1);
    create(&shop, "ben").await?;
    told(&shop, 2).await?;
    // Slack failed (500), and may have posted it: not retried either.
    faults.order(Fault::Fail, 1);
    create(&shop, "cleo").await?;
    told(&shop, 3).await?;
    ensure!(shop.bundle.slack().all().len() == 2, "the second was said, the third was not");
    let states: Vec<_> = kind(&shop, "SLACK").await?.iter().map(|item| item["status"].clone()).collect();
    ensure!(states.contains(&json!("unknown")) && states.contains(&json!("sent")), "{states:?}");
    // The owner must act.
    faults.order(Fault::Reject, 1);
    create(&shop, "zoe").await?;
    told(&shop, 4).await?;
    let parked = shop.client.parked().await?;
    ensure!(parked.len() == 1, "{parked:?}");
    let parked = kind(&shop, "SLACK").await?.into_iter().find(|item| item.get("parked_at").is_some()).unwrap();
    ensure!(parked["parked_source"] == NOTIFIER, "{parked}");
    ensure!(parked["parked_reason"].as_str().unwrap().contains("make a new one in Slack"), "{parked}");
    ensure!(comptoir_local::replay::run(&shop.client).await? == 1);
    shop.wait_for("the message that was put back", async |shop: &Shop| {
        Ok((shop.bundle.slack().all().len() == 3).then_some(()))
    })
    .await?;
    told(&shop, 4).await?;
    let handles = ["ana", "ben", "zoe"].map(str::to_owned);
    let (mailed, said) = tellings(&shop, &handles).await?;
    ensure!(mailed.values().chain(said.values()).all(|times| *times == 1), "{mailed:?} {said:?}");
    let unsaid = tellings(&shop, &["cleo".to_owned()]).await?;
    ensure!(unsaid.0["cleo"] == 1 && unsaid.1["cleo"] == 0, "{unsaid:?}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn without_a_webhook_the_team_is_told_by_mail_alone() -> Result<()> {
    let shop = shop("team-mail", |options| options.slack_webhook = None).await?;
    create(&shop, "zoe").await?;
    told(&shop, 1).await?;
    ensure!(shop.bundle.slack().all().is_empty() && kind(&shop, "SLACK").await?.is_empty());
    ensure!(shop.mails().await?.iter().filter(|mail| mail.to == TEAM).count() == 1);
    ensure!(shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_notifier_may_die_half_way() -> Result<()> {
    let shop = shop("team-killed", |options| options.wire = true).await?;
    let cuts = [
        ("TransactWriteItems", Cut::KillBefore),
        ("TransactWriteItems", Cut::KillAfter),
        ("TransactWriteItems", Cut::LoseAnswer),
        ("TransactWriteItems", Cut::Conflict),
        ("UpdateItem", Cut::KillBefore),
        ("BatchGetItem", Cut::KillAfter),
    ];
    let mut handles = Vec::new();
    for (place, (operation, cut)) in cuts.into_iter().enumerate() {
        let order =
            Order { function: NOTIFIER.to_owned(), operation: Some(operation.to_owned()), after: 0, times: 1, cut };
        shop.bundle.wire().unwrap().order(order);
        handles.push(format!("victime{place}"));
        create(&shop, handles.last().unwrap()).await?;
        told(&shop, handles.len()).await?;
        let (mailed, said) = tellings(&shop, &handles).await?;
        ensure!(
            mailed.values().chain(said.values()).all(|times| *times == 1),
            "{operation} {cut:?}: {mailed:?} {said:?}"
        );
    }
    ensure!(shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}
