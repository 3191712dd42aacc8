//! Verifying and parsing one Stripe event, warm: the cost per event under load.

use std::fs;

use anyhow::{Context, Result};
use comptoir_local::{clock, paths};

use crate::peers::{
    Measured, NODE, PYTHON,
    report::{Better, Goal, Row, Spread},
};

const SECRET: &str = "whsec_of_the_measurement";
/// Some seconds of each.
const TIMES: [(&str, u32); 3] = [(crate::peers::OURS, 200_000), (NODE, 40_000), (PYTHON, 4_000)];

/// Ours compared with Stripe's own libraries. Ours also extracts the sale; theirs leave that to the handler.
pub async fn rows(at: &Measured<'_>) -> Result<Vec<Row>> {
    let payload = paths::repository().join("tests/bench/cases/event.json");
    let bytes = fs::metadata(&payload).context("tests/bench/cases/event.json")?.len();
    let time = clock::now().as_second().to_string();
    let commands = [
        (crate::peers::OURS, Some(at.own_loop("verify")?)),
        (NODE, at.kit.node("verify")),
        (PYTHON, at.kit.python("verify")),
    ];
    let mut rates: Vec<(&str, Vec<f64>)> = commands.iter().map(|(name, _)| (*name, Vec::new())).collect();
    for _ in 0..at.rounds.min(7) {
        for (((name, command), (_, times)), (_, rates)) in commands.iter().zip(TIMES).zip(&mut rates) {
            let Some(command) = command else { continue };
            let arguments = [times.to_string(), payload.display().to_string(), SECRET.to_owned(), time.clone()];
            let lap = at.lap(command, &arguments).await.with_context(|| format!("{name} does not verify"))?;
            rates.push(f64::from(lap.n) / (lap.cpu_ns / 1e9) / 1000.0);
        }
    }
    let name = format!("verify and read an event of {bytes} bytes");
    let mut spreads = rates.into_iter().map(|(name, rates)| (name, Spread::of(rates)));
    let Some((_, Some(ours))) = spreads.next() else { return Ok(Vec::new()) };
    let mut rows = vec![Row::new(&name, "k/s", Better::More, ours, None, Some(Goal::AtLeast(170.0)))];
    for (peer, theirs) in spreads.filter_map(|(name, spread)| Some((name, spread?))) {
        let goal = if peer == NODE { 5.0 } else { 150.0 };
        rows.push(Row::new(&name, "k/s", Better::More, ours, Some((peer, theirs)), Some(Goal::BetterBy(goal))));
    }
    Ok(rows)
}
