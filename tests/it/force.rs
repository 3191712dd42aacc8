//! Fault injection: each function is killed at each of its calls to AWS, before and after it took effect, its answers
//! are lost, its calls throttled and failed; then the faults stop, and every promise must hold.
//!
//! `cargo test` kills at each call. `cargo test --test it force:: -- --ignored` injects the other faults at each call.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Result, ensure};
use comptoir_local::{
    checkout::{Checkout, Purchase},
    wire::{CUTS, Call, Cut, Order},
};
use comptoir_tests::{Shop, promises};
use serde_json::Value;

/// Attempts of the SDK at one operation: this many faults reach our own code.
const ATTEMPTS: usize = 3;

/// A call during a sale: the operation, and how many of the same name come before it.
type Step = (String, usize);

fn steps(calls: &[Call], function: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for call in calls.iter().filter(|call| call.function == function) {
        let before = steps.iter().filter(|(operation, _)| *operation == call.operation).count();
        steps.push((call.operation.clone(), before));
    }
    steps
}

/// A fault, and for how many calls.
type Way = (Cut, usize);

/// The fault a function cannot see: its death.
const DEATHS: [Way; 2] = [(Cut::KillBefore, 1), (Cut::KillAfter, 1)];
/// The faults it sees.
const FAILURES: [Way; 5] =
    [(Cut::LoseAnswer, 1), (Cut::LoseAnswer, ATTEMPTS), (Cut::Throttle, 1), (Cut::Throttle, ATTEMPTS), (Cut::Fail, 1)];

/// Injects each fault at each call of `function`, one sale each; returns the sales.
async fn cut_everywhere(shop: &Shop, function: &str, ways: &[Way]) -> Result<Vec<String>> {
    let wire = shop.bundle.wire().unwrap();
    let mut sales = Vec::new();
    let mut before = 0;
    // The first sale begins the books; the second is that of a new process in books that are begun, as all after it.
    for _ in 0..2 {
        before = wire.calls().len();
        shop.bundle.function(function).unwrap().kill();
        sales.push(shop.sell().await?);
        promises::at_rest(shop, &sales).await?;
        // Delivery events may still be in flight.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let way = steps(wire.calls().get(before..).unwrap_or_default(), function);
    ensure!(!way.is_empty(), "{function} makes no calls");
    for (cut, times) in ways.iter().copied() {
        for (operation, after) in &way {
            // What a process asks once is asked again by the next one.
            shop.bundle.function(function).unwrap().kill();
            let operation_name = operation;
            let (function, operation) = (function.to_owned(), Some(operation.clone()));
            wire.order(Order { function, operation, after: *after, times, cut });
            let sale = shop.sell().await?;
            under_way(shop, &sale).await?;
            let what = format!("{cut:?} at {operation_name} {after}, {times} times");
            shop.wait_for(&what, async |_: &Shop| Ok(wire.is_done().then_some(()))).await?;
            sales.push(sale);
        }
    }
    let happened: BTreeSet<_> = wire.happened();
    for (operation, _) in &way {
        for (cut, _) in ways {
            let seen = happened.contains(&(function.to_owned(), operation.clone(), *cut));
            ensure!(seen, "{operation} of {function} was never cut by {cut:?}");
        }
    }
    Ok(sales)
}

/// Waits until a sale's mail is sent, or claimed by a sender that may have died with it.
async fn under_way(shop: &Shop, sale: &str) -> Result<()> {
    shop.wait_for(&format!("the mail of {sale}"), async |shop: &Shop| {
        let invoices = shop.items("INVOICE").await?;
        let of_sale = invoices.iter().find(|invoice| invoice.get("sale").and_then(Value::as_str) == Some(sale));
        let Some(number) = of_sale.and_then(|invoice| invoice.get("pk")?.as_str()?.strip_prefix("INVOICE#")) else {
            return Ok(None);
        };
        let key = format!("MAIL#invoice/{number}");
        let mails = shop.items("MAIL").await?;
        let mail = mails.iter().find(|mail| mail.get("pk").and_then(Value::as_str) == Some(&key));
        Ok(mail.filter(|mail| mail.get("status").and_then(Value::as_str) != Some("queued")).map(drop))
    })
    .await?;
    tokio::time::sleep(Duration::from_millis(150)).await;
    Ok(())
}

async fn survives(function: &str, what: &str, ways: &[Way]) -> Result<()> {
    let shop = Shop::open_with(&format!("force-{what}-{function}"), |options| options.wire = true).await?;
    let sales = cut_everywhere(&shop, function, ways).await?;
    promises::at_rest(&shop, &sales).await?;
    // A sender can die between claiming a mail and sending it only after the answer to its claim, or before its call.
    let died = if function == "mail-sender" { ways.len() * 2 } else { 0 };
    promises::kept(&shop, &sales, died).await?;
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_webhook_survives_its_death_at_each_call() -> Result<()> {
    survives("payment-webhook", "deaths", &DEATHS).await
}

#[tokio::test]
async fn the_renderer_survives_its_death_at_each_call() -> Result<()> {
    survives("invoice-renderer", "deaths", &DEATHS).await
}

#[tokio::test]
async fn the_sender_survives_its_death_at_each_call() -> Result<()> {
    survives("mail-sender", "deaths", &DEATHS).await
}

#[tokio::test]
async fn the_keeper_of_mail_events_survives_its_death_at_each_call() -> Result<()> {
    survives("mail-events", "deaths", &DEATHS).await
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn the_webhook_survives_the_failure_of_each_call() -> Result<()> {
    survives("payment-webhook", "failures", &FAILURES).await
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn the_renderer_survives_the_failure_of_each_call() -> Result<()> {
    survives("invoice-renderer", "failures", &FAILURES).await
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn the_sender_survives_the_failure_of_each_call() -> Result<()> {
    survives("mail-sender", "failures", &FAILURES).await
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn the_keeper_of_mail_events_survives_the_failure_of_each_call() -> Result<()> {
    survives("mail-events", "failures", &FAILURES).await
}

/// Number of concurrent sales.
const CROWD: usize = 24;
/// Concurrent posts of each event.
const POSTS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_repeated_events_survives_functions_dying_and_aws_starting_again() -> Result<()> {
    let shop = Shop::open_with("force-crowd", |options| options.wire = true).await?;
    let functions = ["payment-webhook", "invoice-renderer", "mail-sender", "mail-events"];
    let mut sales = Vec::new();
    for n in 0..CROWD {
        let checkout = Checkout::of(&Purchase::default());
        shop.client.tell_stripe(&checkout).await?;
        let event = checkout.event("checkout.session.completed");
        for function in functions {
            let cut = CUTS[n % CUTS.len()];
            let order = Order { function: function.to_owned(), operation: None, after: n % 4, times: 1, cut };
            shop.bundle.wire().unwrap().order(order);
        }
        let mut posts = tokio::task::JoinSet::new();
        for _ in 0..if n == 0 { POSTS } else { 4 } {
            let (client, body) = (shop.client.clone(), event.to_string());
            posts.spawn(async move { client.post_event(body.as_bytes()).await });
        }
        if n == CROWD / 2 {
            shop.bundle.stop_aws().await;
            shop.bundle.resume_aws().await?;
        }
        while posts.join_next().await.is_some() {}
        shop.deliver(&event).await?;
        sales.push(checkout.session_id);
    }
    let wire = shop.bundle.wire().unwrap();
    shop.wait_for("every function to be struck", async |_: &Shop| {
        let struck: BTreeSet<String> = wire.happened().into_iter().map(|(function, _, _)| function).collect();
        Ok(functions.iter().all(|function| struck.contains(*function)).then_some(()))
    })
    .await?;
    wire.clear();
    promises::at_rest(&shop, &sales).await?;
    promises::kept(&shop, &sales, CROWD).await?;
    shop.bundle.stop().await;
    Ok(())
}
