//! The stores on AWS keep the contract of the in-memory ones, and report correctly when AWS fails. On a second
//! implementation of DynamoDB: `tests/it/limits.rs`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use comptoir::{
    app::AppMessage,
    billing::{
        draft::draft,
        ledger::{AllocationResult, Ledger, NumberClaim},
    },
    invoice::Invoice,
    mail::{
        MailId,
        delivery::{Deliveries, DeliveryEvent, Report},
        outbox::{self, Outbox},
    },
    numbering::{InvoiceNumber, Series},
    outcome::Reason,
    payment::{PaymentLog, Recorded},
    sale::{Sale, SaleKey},
    seller::Seller,
    testing::{self, FRANCHISE_TOML, contract},
};
use comptoir_local::wire::{Cut, Order};
use comptoir_members::{
    profile::{
        directory::{Committed, Directory, Leaving},
        handle::HandleKey,
    },
    testing::profiles,
};
use comptoir_plans::{
    person::{Person, PersonId},
    store::{AccessStore, Grant, GrantResult, UseResult},
    tokens::Use,
};
use comptoir_tests::{
    Shop,
    stores::{CALLER, Stores},
};
use jiff::{SignedDuration, Timestamp};

/// Attempts of the SDK at one operation.
const ATTEMPTS: usize = 3;

async fn quiet(name: &str) -> Result<(Shop, Stores)> {
    let shop = Shop::open_with(name, |options| options.wire = true).await?;
    // Functions would send the mails that these tests use.
    shop.bundle.pause_streams();
    let stores = Stores::of(&shop).await?;
    Ok((shop, stores))
}

#[tokio::test]
async fn the_stores_on_aws_keep_the_contract() -> Result<()> {
    let (shop, stores) = quiet("contract").await?;
    let all = contract::Stores {
        payments: &stores.payments,
        ledger: &stores.ledger,
        outbox: &stores.outbox,
        archive: &stores.archive,
    };
    all.keep_the_contract("a").await?;
    all.keep_the_contract("b").await?;
    contract::settings(&stores.settings).await?;
    contract::settings(&stores.settings).await?;
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_access_table_keeps_the_contract() -> Result<()> {
    let (shop, stores) = quiet("contract-access").await?;
    for name in ["a", "b"] {
        comptoir_plans::testing::contract(&stores.access, name).await.map_err(anyhow::Error::msg)?;
    }
    // Two transactions at once look like a changed balance: it is decided again.
    let wire = shop.bundle.wire().unwrap();
    let cut = Order {
        function: CALLER.to_owned(),
        operation: Some("TransactWriteItems".to_owned()),
        after: 0,
        times: 1,
        cut: Cut::Conflict,
    };
    wire.order(cut);
    let id = PersonId::of("zoe-a@example.org").unwrap();
    let used = Use { amount: 1, left: 5 };
    let first = stores.access.use_tokens(&id, "u9", used, None, now()).await?;
    let again = stores.access.use_tokens(&id, "u9", used, None, now()).await?;
    ensure!((first, again) == (UseResult::Conflict, UseResult::Done), "{first:?} {again:?}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn messages_for_the_app_keep_the_contract_and_a_cause_does_not_fail_for_them() -> Result<()> {
    let (shop, stores) = quiet("contract-told").await?;
    let id = PersonId::of("told@example.org").unwrap();
    stores.access.save_person(&id, &Person::new("told@example.org"), 0).await?;
    let grant = Grant { invoice: "in_told", id: &id, version: 1, before: 0, after: 100 };
    ensure!(stores.access.grant(&grant, now()).await? == GrantResult::Done);
    let tokens = AtomicU64::new(100);
    // A use of tokens is the cause; where the message stands already, the use is recorded all the same.
    let queue = async |message: &AppMessage| {
        let used = Use { amount: 1, left: tokens.fetch_sub(1, Ordering::Relaxed) - 1 };
        let done = stores.access.use_tokens(&id, &format!("u{}", used.left), used, Some(message), now()).await?;
        assert_eq!(done, UseResult::Done);
        Ok(())
    };
    for name in ["a", "b"] {
        testing::app_messages::contract(&stores.told, queue, name).await?;
    }
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_directory_on_aws_keeps_the_contract() -> Result<()> {
    let (shop, stores) = quiet("contract-profiles").await?;
    comptoir_members::testing::profiles::contract(&stores.directory, "one").await?;
    comptoir_members::testing::profiles::contract(&stores.directory, "two").await?;
    comptoir_members::testing::files::contract(&stores.files, "one").await?;
    let directory = &stores.directory;
    let made = profiles::new_profile("three", 1, "three-collects");
    directory.commit(&profiles::commit(&made, None), now()).await?;
    let (second, _) = profiles::collected(directory, &made.profile, "a").await?;
    let collects = MailId(format!("profile/{}/2/member", second.id));
    stores.notices.claim(&collects, "sender", now(), SignedDuration::from_secs(120)).await?;
    let (_, sent) = profiles::collected(directory, &second, "b").await?;
    ensure!(sent == Committed::NoticeSent, "it is being sent: {sent:?}");
    // The sweep woke it, and the mail service was busy: the stream still has it as it was.
    stores.notices.release(&collects, "sender").await?;
    let (table, _) = shop.client.table("NoticesTable").await?;
    let woken = serde_json::json!({
        "TableName": table, "Key": {"pk": {"S": format!("NOTICE#{}", collects.0)}, "sk": {"S": "-"}},
        "UpdateExpression": "SET wakes = :one", "ExpressionAttributeValues": {":one": {"N": "1"}},
    });
    shop.client.aws.dynamodb("UpdateItem", &woken).await?;
    let (_, sent) = profiles::collected(directory, &second, "b").await?;
    ensure!(sent == Committed::NoticeSent, "it was woken: {sent:?}");
    let (_, queued) = shop.client.table("NoticesTable").await?;
    ensure!(
        !queued.is_empty() && queued.iter().all(|item| ["NOTICE", "TEAM"].contains(&item["kind"].as_str().unwrap())),
        "what is told of profiles is of a kind of its own"
    );
    ensure!(queued.iter().all(|item| item["expires_at"].is_number()), "nothing that names people stays for good");
    shop.bundle.stop().await;
    Ok(())
}

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn sold(name: &str) -> Sale {
    Sale { key: SaleKey(format!("cs_{name}")), event: format!("evt_{name}"), payment_intent: None, ..testing::sale() }
}

/// The next number for a recorded sale.
async fn claim(stores: &Stores, name: &str) -> Result<NumberClaim> {
    let series = Series(name.to_owned());
    let counter = stores.ledger.counter(&series).await?;
    let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
    let day = "2026-11-21".parse()?;
    let number = InvoiceNumber(format!("{name}-{:04}", counter.last + 1));
    let invoices = vec![Invoice::new(number, day, draft(&sold(name), &seller, day).unwrap())];
    Ok(NumberClaim { series, counter, invoices, crediting: None })
}

fn order(shop: &Shop, operation: &str, cut: Cut, times: usize) {
    let (function, operation) = (CALLER.to_owned(), Some(operation.to_owned()));
    shop.bundle.wire().unwrap().order(Order { function, operation, after: 0, times, cut });
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_is_the_same() -> Result<()> {
    let (shop, stores) = quiet("contract-lost").await?;
    // The client repeats a transaction under the same token, so the second time changes nothing and returns the first
    // answer.
    order(&shop, "TransactWriteItems", Cut::LoseAnswer, 1);
    ensure!(stores.payments.record(&sold("lost"), now()).await? == Recorded::New);
    order(&shop, "TransactWriteItems", Cut::LoseAnswer, 2);
    ensure!(stores.ledger.claim(&claim(&stores, "lost").await?).await? == AllocationResult::All);
    // All answers lost: it took effect, and a retry by the caller reports that.
    order(&shop, "TransactWriteItems", Cut::LoseAnswer, ATTEMPTS);
    let unheard = stores.payments.record(&sold("unheard"), now()).await;
    ensure!(unheard.is_err(), "{unheard:?}");
    ensure!(stores.payments.record(&sold("unheard"), now()).await? == Recorded::AlreadyRecorded);
    let twice = claim(&stores, "unheard").await?;
    order(&shop, "TransactWriteItems", Cut::LoseAnswer, ATTEMPTS);
    ensure!(stores.ledger.claim(&twice).await.is_err());
    let found = stores.ledger.claim(&twice).await?;
    ensure!(matches!(&found, AllocationResult::Taken(taken) if taken.len() == 1), "{found:?}");
    // An update has no token: its own first attempt conflicts with it, and the caller recognises the lease as its own.
    let mail = queue(&stores, "lost-mail").await?;
    order(&shop, "UpdateItem", Cut::LoseAnswer, 1);
    let lease = SignedDuration::from_secs(120);
    ensure!(stores.outbox.claim(&mail, "a", now(), lease).await? == outbox::Claim::Ours);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_profile_is_written_once_whatever_becomes_of_answers() -> Result<()> {
    let (shop, stores) = quiet("contract-profiles-lost").await?;
    let directory = &stores.directory;
    let write = |n, handle: &str| profiles::commit(&profiles::new_profile("lost", n, handle), None);
    for (n, cut) in [Cut::LoseAnswer, Cut::Conflict, Cut::Throttle, Cut::Fail].into_iter().enumerate() {
        order(&shop, "TransactWriteItems", cut, 1);
        let found = directory.commit(&write(n, &format!("lost-{cut:?}")), now()).await?;
        ensure!(found == Committed::Done, "{cut:?}: {found:?}");
    }
    // All answers lost: it took effect, and a later read finds it.
    let unheard = write(8, "unheard");
    order(&shop, "TransactWriteItems", Cut::LoseAnswer, ATTEMPTS);
    ensure!(directory.commit(&unheard, now()).await.is_err());
    let found = directory.commit(&unheard, now()).await?;
    ensure!(found == Committed::Moved(Some(Box::new(unheard.profile.clone()))), "{found:?}");
    // Permanent conflicts on the same items: reported as conflicts, and nothing is written.
    order(&shop, "TransactWriteItems", Cut::Conflict, 100);
    let told = directory.commit(&write(9, "conflicts"), now()).await.unwrap_err().to_string();
    ensure!(told.contains("TransactionConflict") && !told.contains("example.org"), "{told}");
    shop.bundle.wire().unwrap().clear();
    ensure!(directory.by_handle(&HandleKey::of("conflicts"), now()).await?.is_none());
    // Erasing resumes where it stopped.
    let leaving = Leaving { profile: unheard.profile.clone(), notices: Vec::new(), account: None };
    order(&shop, "TransactWriteItems", Cut::LoseAnswer, ATTEMPTS);
    ensure!(directory.leave(&leaving, now()).await.is_err());
    ensure!(directory.leave(&leaving, now()).await? == Committed::Done, "it had left");
    order(&shop, "TransactWriteItems", Cut::Fail, ATTEMPTS);
    ensure!(directory.erase(&unheard.profile.id).await.is_err());
    while !directory.erase(&unheard.profile.id).await? {}
    let (_, items) = shop.client.table("ProfilesTable").await?;
    let left: Vec<_> = items.iter().filter(|item| item.to_string().contains("lost-0008")).collect();
    ensure!(left.len() == 1 && left[0]["kind"] == "LEAVER", "{left:?}");
    shop.bundle.stop().await;
    Ok(())
}

async fn queue(stores: &Stores, name: &str) -> Result<MailId> {
    stores.payments.record(&sold(name), now()).await?;
    let claim = claim(stores, name).await?;
    ensure!(stores.ledger.claim(&claim).await? == AllocationResult::All);
    let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
    let page = comptoir::invoice::print::page(&claim.invoices[0], &seller.look, &testing::words());
    let document = comptoir::archive::Document { key: format!("{name}.pdf"), sha256: String::new(), size: 1 };
    let mail = comptoir::mail::Mail::of_invoice(&claim.invoices[0], &page, &document, &seller, now());
    stores.ledger.finish(&claim.invoices[0].number, &document, &mail, None).await?;
    Ok(mail.id)
}

#[tokio::test]
async fn a_mail_of_a_newer_version_is_not_written() -> Result<()> {
    let (shop, stores) = quiet("contract-newer").await?;
    let mail = queue(&stores, "newer").await?;
    stores.outbox.close(&mail).await?;
    let open = shop.items("MAIL").await?[0]["open_shard"].is_string();
    ensure!(open, "a mail that waits stays open, whoever saw it settled before");
    let (table, before) = shop.client.table("OutboxTable").await?;
    let newer = serde_json::json!({
        "TableName": table, "Key": {"pk": {"S": format!("MAIL#{}", mail.0)}, "sk": {"S": "-"}},
        "UpdateExpression": "SET needs = :newer",
        "ExpressionAttributeValues": {":newer": {"N": (comptoir::record::VERSION + 1).to_string()}},
    });
    shop.client.aws.dynamodb("UpdateItem", &newer).await?;
    let report = |happened| Report { mail: mail.clone(), message_id: "m1".to_owned(), happened, suppress: None };
    let reason = Reason::new("mail_refused", "it is refused");
    let (outbox, lease) = (&stores.outbox, SignedDuration::from_secs(120));
    let refused = [
        outbox.claim(&mail, "a", now(), lease).await.map(drop),
        outbox.sent(&mail, "m1", now()).await,
        outbox.close(&mail).await,
        outbox.park(&mail, &reason, now()).await.map(drop),
        outbox.note(&report(DeliveryEvent::Delivered), now()).await.map(drop),
        outbox.note(&report(DeliveryEvent::Deferred("later".to_owned())), now()).await.map(drop),
    ];
    for (n, refused) in refused.into_iter().enumerate() {
        let code = refused.err().map(|error| error.reason().code);
        ensure!(code.as_deref() == Some("record_newer"), "write {n}: {code:?}");
    }
    let (_, mut after) = shop.client.table("OutboxTable").await?;
    for item in &mut after {
        item["needs"] = before[0]["needs"].clone();
    }
    ensure!(after == before, "nothing was written: {after:?}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn busy_and_broken_means_unavailable_and_nothing_happened() -> Result<()> {
    let (shop, stores) = quiet("contract-busy").await?;
    for (n, cut) in [Cut::Throttle, Cut::Fail].into_iter().enumerate() {
        let name = format!("busy-{n}");
        order(&shop, "TransactWriteItems", cut, 1);
        ensure!(stores.payments.record(&sold(&name), now()).await? == Recorded::New, "the client tries again");
        order(&shop, "TransactWriteItems", cut, ATTEMPTS);
        let next = claim(&stores, &name).await?;
        let busy = stores.ledger.claim(&next).await;
        ensure!(busy.is_err(), "{busy:?}");
        ensure!(stores.ledger.claim(&next).await? == AllocationResult::All, "nothing had happened");
        let told = busy.unwrap_err().to_string();
        ensure!(!told.contains("cs_") && !told.contains("Lefèvre"), "no payload in it: {told}");
    }
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_conflict_is_another_writer_and_no_failure() -> Result<()> {
    let (shop, stores) = quiet("contract-conflict").await?;
    // Once: the log waits for the other delivery and retries.
    order(&shop, "TransactWriteItems", Cut::Conflict, 1);
    ensure!(stores.payments.record(&sold("conflict"), now()).await? == Recorded::New);
    // The ledger reads the counter again.
    let next = claim(&stores, "conflict").await?;
    order(&shop, "TransactWriteItems", Cut::Conflict, 1);
    ensure!(stores.ledger.claim(&next).await? == AllocationResult::Moved);
    ensure!(stores.ledger.claim(&next).await? == AllocationResult::All);
    // Permanent: reported as a conflict.
    order(&shop, "TransactWriteItems", Cut::Conflict, 100);
    let told = stores.payments.record(&sold("conflicts"), now()).await.unwrap_err().to_string();
    ensure!(told.contains("TransactionConflict"), "{told}");
    shop.bundle.wire().unwrap().clear();
    ensure!(!stores.payments.has(&sold("conflicts").key).await?);
    shop.bundle.stop().await;
    Ok(())
}
