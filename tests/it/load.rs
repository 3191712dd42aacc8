//! Sustained load: every sale is answered and mailed in time, by functions whose memory does not grow.
//!
//! `cargo test` runs a few hundred sales. `cargo test --test it load:: -- --ignored --nocapture` runs ten thousand,
//! and prints the figures.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may fail loudly, and its figures are worth reading"
)]

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use comptoir_local::checkout::{Checkout, Purchase};
use comptoir_tests::Shop;
use jiff::Timestamp;

const CLIENTS: usize = 8;
/// Concurrent sales: more would only measure the length of a queue.
const UNDER_WAY: usize = 40;
const FUNCTIONS: [&str; 4] = ["payment-webhook", "invoice-renderer", "mail-sender", "mail-events"];
/// Allowed growth of a function between the two measurements, in percent: the allocator's own variation.
const GROWTH: u64 = 15;

/// The largest resident set of each function's processes, in KiB.
fn memory(shop: &Shop) -> Result<BTreeMap<&'static str, u64>> {
    let mut largest = BTreeMap::new();
    for function in FUNCTIONS {
        for pid in shop.bundle.function(function).context(function)?.pids() {
            let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
            let resident: u64 = resident.context("a process has a resident set")?.parse()?;
            let known = largest.entry(function).or_default();
            *known = resident.max(*known);
        }
    }
    Ok(largest)
}

/// Sells until `until` are sold; returns when each was posted, by address, and how long each answer took.
async fn sell(shop: &Arc<Shop>, from: usize, until: usize) -> Result<(HashMap<String, Timestamp>, Vec<Duration>)> {
    let next = Arc::new(AtomicUsize::new(from));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (shop, next) = (shop.clone(), next.clone());
        clients.spawn(async move {
            let (mut posted, mut answered) = (Vec::new(), Vec::new());
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= until {
                    return anyhow::Ok((posted, answered));
                }
                while n > shop.bundle.mailbox().count() + UNDER_WAY {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                let email = format!("customer-{n}@example.org");
                let checkout = Checkout::of(&Purchase { email: Some(email.clone()), ..Purchase::default() });
                shop.client.tell_stripe(&checkout).await?;
                let (at, begun) = (comptoir_local::clock::now(), Instant::now());
                let (status, body) = shop.post(&checkout.event("checkout.session.completed")).await?;
                ensure!(status == 200, "sale {n}: {status} {body}");
                answered.push(begun.elapsed());
                posted.push((email, at));
            }
        });
    }
    let (mut posted, mut answered) = (HashMap::new(), Vec::new());
    while let Some(client) = clients.join_next().await {
        let (at, took) = client??;
        posted.extend(at);
        answered.extend(took);
    }
    let wanted = until;
    shop.wait_for("every mail", async |shop: &Shop| Ok((shop.bundle.mailbox().count() >= wanted).then_some(())))
        .await?;
    Ok((posted, answered))
}

fn percentile(sorted: &[Duration], part: usize) -> Duration {
    sorted[(sorted.len() - 1) * part / 100]
}

fn show(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let [p50, p99] = [50, 99].map(|part| percentile(&took, part).as_millis());
    let most = percentile(&took, 100).as_millis();
    eprintln!("{what}: p50 {p50} ms, p99 {p99} ms, longest {most} ms");
}

/// Sells `warm` and then up to `all`; the functions' memory must not grow in between.
async fn load(name: &str, warm: usize, all: usize) -> Result<()> {
    let shop = Arc::new(Shop::open(name).await?);
    let begun = Instant::now();
    let (mut posted, mut answered) = sell(&shop, 0, warm).await?;
    let before = memory(&shop)?;
    let (more, took) = sell(&shop, warm, all).await?;
    posted.extend(more);
    answered.extend(took);
    let after = memory(&shop)?;
    let seconds = begun.elapsed().as_secs_f64();
    let mut mailed = Vec::new();
    for mail in shop.mails().await? {
        let at = posted.remove(mail.to.as_str()).with_context(|| format!("{} was mailed twice", mail.to))?;
        mailed.push(mail.sent_at.parse::<Timestamp>()?.duration_since(at).unsigned_abs());
    }
    ensure!(posted.is_empty(), "{} sales were never mailed", posted.len());
    ensure!(shop.client.parked().await?.is_empty(), "something was parked");
    eprintln!("{all} sales by {CLIENTS} clients in {seconds:.0} s, 0 errors");
    show("the webhook's answer", answered);
    show("from the payment to its mail", mailed);
    for (function, resident) in &after {
        let earlier = before.get(function).copied().unwrap_or_default();
        let calls = shop.bundle.function(function).map_or(0, |function| function.invocations());
        eprintln!("{function}: {earlier} KiB after {warm} sales, {resident} KiB after {all} ({calls} invocations)");
        ensure!(*resident <= earlier + earlier * GROWTH / 100, "{function} grows");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_sales_are_answered_and_mailed_by_functions_that_do_not_grow() -> Result<()> {
    load("load", 80, 240).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "ten thousand sales take many minutes"]
async fn ten_thousand_sales_are_answered_and_mailed_by_functions_that_do_not_grow() -> Result<()> {
    load("load-long", 1_000, 10_000).await
}
