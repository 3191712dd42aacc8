//! Sixty-four writers and one series, over a network of ten milliseconds: no gap, no duplicate, and the gain of
//! allocating numbers in groups.
//!
//! Twice: over a store without latency of its own, which shows the gain of the algorithm, and over the tables of
//! the bundle, whose stand-in for AWS is slow for each item of a transaction. `cargo test --test it contention:: --
//! --nocapture` prints both figures.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::float_arithmetic,
    reason = "a test may fail loudly, and its figure is worth reading"
)]

use std::sync::Arc;

use anyhow::{Error, Result, bail};
use comptoir::{
    billing::ledger::LARGEST_CLAIM,
    payment::PaymentLog,
    sale::Sale,
    testing::{
        race::{Distant, NETWORK, WRITERS, claimed_per_second, groups},
        readme::says,
    },
};
use comptoir_tests::{Shop, stores::Stores};
use jiff::Timestamp;
use tokio::task::JoinSet;

async fn record<P: PaymentLog + Clone + 'static>(log: &P, groups: &[Vec<Sale>]) -> Result<()> {
    let mut recording = JoinSet::new();
    for group in groups {
        let (log, group) = (log.clone(), group.clone());
        recording.spawn(async move {
            for sale in &group {
                log.record(sale, Timestamp::UNIX_EPOCH).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(recorded) = recording.join_next().await {
        recorded??;
    }
    Ok(())
}

fn tell(store: &str, single: f64, grouped: f64) -> f64 {
    let ratio = grouped / single;
    eprintln!(
        "{WRITERS} writers over {store}: {single:.0} numbers/s one by one, {grouped:.0}/s in groups of {LARGEST_CLAIM}: {ratio:.0}x"
    );
    ratio
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_milliseconds_away_groups_give_a_series_25_times_as_many_numbers() -> Result<()> {
    says(WRITERS, "writers of one series");
    // Other tests share the processors: the best of three counts.
    for _ in 0..3 {
        let (one, many) = (groups("ONE", 128, 1), groups("MANY", 64, LARGEST_CLAIM));
        let ledger = Distant::of(&[one.clone(), many.clone()].concat()).await?;
        let single = claimed_per_second(&ledger, "ONE", &one).await.map_err(Error::msg)?;
        let grouped = claimed_per_second(&ledger, "MANY", &many).await.map_err(Error::msg)?;
        if tell("a store that takes no time", single, grouped) >= 25.0 {
            return Ok(());
        }
    }
    bail!("groups never gave 25 times as many numbers")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_of_the_bundle_leave_no_gap_either() -> Result<()> {
    let shop = Shop::open_with("contention", |options| options.wire = true).await?;
    shop.bundle.pause_streams();
    let stores = Stores::of(&shop).await?;
    let (one, many) = (groups("ONE", 16, 1), groups("MANY", 8, LARGEST_CLAIM));
    record(&stores.payments, &one).await?;
    record(&stores.payments, &many).await?;
    shop.bundle.wire().unwrap().slow_down(NETWORK);
    let ledger = Arc::new(stores.ledger.clone());
    let single = claimed_per_second(&ledger, "ONE", &one).await.map_err(Error::msg)?;
    let grouped = claimed_per_second(&ledger, "MANY", &many).await.map_err(Error::msg)?;
    // This ratio depends on the stand-in: a Python process that works for each item.
    tell("the bundle's tables", single, grouped);
    shop.bundle.stop().await;
    Ok(())
}
