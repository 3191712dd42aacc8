//! Numbers allocated per second in one series, with a store latency of ten milliseconds.

use anyhow::{Context, Result};
use comptoir::{
    billing::ledger::LARGEST_CLAIM,
    testing::race::{Distant, claimed_per_second, groups},
};

use crate::peers::{
    Measured,
    report::{Better, Goal, Row, Spread},
};

/// Allocation in groups compared with one number per transaction.
pub async fn rows(at: &Measured<'_>) -> Result<Vec<Row>> {
    let (mut single, mut grouped) = (Vec::new(), Vec::new());
    for round in 0..at.rounds.min(5) {
        let (one, many) = (format!("ONE{round}"), format!("MANY{round}"));
        single.push(rate(&one, groups(&one, 128, 1)).await?);
        grouped.push(rate(&many, groups(&many, 64, LARGEST_CLAIM)).await?);
    }
    let (single, grouped) = (Spread::of(single), Spread::of(grouped));
    let (single, grouped) = (single.context("no round")?, grouped.context("no round")?);
    let name = format!("numbers of one series, 64 writers, {LARGEST_CLAIM} a transaction, store 10 ms away");
    let peer = Some(("one number a transaction", single));
    Ok(vec![
        Row::new(&name, "/s", Better::More, grouped, peer, Some(Goal::BetterBy(25.0))),
        Row::new(&name, "/s", Better::More, grouped, None, Some(Goal::AtLeast(1_000.0))),
    ])
}

async fn rate(series: &str, groups: Vec<Vec<comptoir::sale::Sale>>) -> Result<f64> {
    let ledger = Distant::of(&groups).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    claimed_per_second(&ledger, series, &groups).await.map_err(|error| anyhow::anyhow!(error))
}
