//! Sixty-four writers and one series, over a network of ten milliseconds: no gap, no duplicate, and what claiming numbers
//! in groups is worth.
//!
//! `cargo test --test contention -- --nocapture` prints the figure.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::float_arithmetic,
    reason = "a test may fail loudly, and its figure is worth reading"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use comptoir::{
    invoice::{
        Invoice, InvoiceNumber,
        draft::draft,
        ledger::{Claim, Claimed, LARGEST_CLAIM, Ledger},
        number::Series,
    },
    payment::PaymentLog,
    sale::{Sale, SaleKey},
    seller::Seller,
    testing::{self, FRANCHISE_TOML},
};
use comptoir_tests::{Shop, stores::Stores};
use jiff::{Timestamp, civil::Date};
use tokio::task::JoinSet;

const WRITERS: usize = 64;
/// What a call takes longer.
const NETWORK: Duration = Duration::from_millis(10);
/// Numbers that are claimed one by one, enough for a rate.
const SINGLES: usize = 32;
/// Groups that are claimed.
const GROUPS: usize = 32;
/// The ratio below which grouping would have stopped working; the measured one is printed.
const LEAST: f64 = 8.0;

fn day() -> Date {
    "2026-11-21".parse().unwrap()
}

fn sold(name: &str) -> Sale {
    Sale { key: SaleKey(format!("cs_{name}")), event: format!("evt_{name}"), payment_intent: None, ..testing::sale() }
}

/// Claims the next numbers of `series` for these sales, as often as it takes.
async fn claim_all(stores: &Stores, series: &Series, sales: &[Sale]) -> Result<()> {
    let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
    let drafts: Vec<_> = sales.iter().map(|sale| draft(sale, &seller, day()).unwrap()).collect();
    loop {
        // A crowd may wait longer for its store than a call waits for an answer.
        let Ok(counter) = stores.ledger.counter(series).await else { continue };
        let invoices = drafts.iter().zip(counter.last + 1..).map(|(draft, n)| Invoice {
            number: InvoiceNumber(format!("{series}-{n:04}")),
            issued_on: day(),
            draft: draft.clone(),
        });
        let claim = Claim { series: series.clone(), counter, invoices: invoices.collect(), crediting: None };
        match stores.ledger.claim(&claim).await {
            Ok(Claimed::All) => return Ok(()),
            Ok(Claimed::Moved) | Err(_) => {}
            // All or none: ours, by a claim whose answer was lost.
            Ok(Claimed::Taken(taken)) => {
                ensure!(taken.len() == sales.len(), "{taken:?} are claimed by nobody else");
                return Ok(());
            }
        }
    }
}

/// Lets `WRITERS` claim groups of `size` until `groups` are claimed; answers numbers a second.
async fn rate(shop: &Shop, stores: &Stores, name: &str, groups: usize, size: usize) -> Result<f64> {
    let wire = shop.bundle.wire().unwrap();
    let mut work: Vec<Vec<Sale>> = Vec::new();
    for group in 0..groups {
        work.push((0..size).map(|n| sold(&format!("{name}-{group}-{n}"))).collect());
    }
    wire.slow_down(Duration::ZERO);
    let mut recording = JoinSet::new();
    for group in work.clone() {
        let stores = stores.clone();
        recording.spawn(async move {
            for sale in &group {
                stores.payments.record(sale, Timestamp::UNIX_EPOCH).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(recorded) = recording.join_next().await {
        recorded??;
    }
    wire.slow_down(NETWORK);
    let queue = Arc::new(std::sync::Mutex::new(work));
    let series = Series(name.to_owned());
    let begun = Instant::now();
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (queue, stores, series) = (queue.clone(), stores.clone(), series.clone());
        writers.spawn(async move {
            loop {
                let Some(group) = queue.lock().unwrap().pop() else { return anyhow::Ok(()) };
                claim_all(&stores, &series, &group).await?;
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let count = groups * size;
    let mut numbers = shop.numbers().await?;
    numbers.retain(|number| number.starts_with(&format!("{name}-")));
    let expected: Vec<String> = (1..=count).map(|n| format!("{name}-{n:04}")).collect();
    ensure!(numbers == expected, "{count} numbers without gap or repetition, not {}", numbers.len());
    ensure!(stores.ledger.counter(&series).await?.last == count as u64);
    Ok(f64::from(u32::try_from(count)?) / seconds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_series_with_many_writers_has_no_gap_and_groups_are_worth_it() -> Result<()> {
    let shop = Shop::open_with("contention", |options| options.wire = true).await?;
    shop.bundle.pause_streams();
    let stores = Stores::of(&shop).await?;
    let single = rate(&shop, &stores, "ONE", SINGLES, 1).await?;
    let grouped = rate(&shop, &stores, "MANY", GROUPS, LARGEST_CLAIM).await?;
    let ratio = grouped / single;
    eprintln!(
        "{WRITERS} writers: {single:.0} numbers/s one by one, {grouped:.0}/s in groups of {LARGEST_CLAIM}: {ratio:.0}x"
    );
    ensure!(ratio > LEAST, "grouping is worth {ratio:.1}x only");
    shop.bundle.stop().await;
    Ok(())
}
