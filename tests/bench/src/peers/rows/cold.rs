//! From the start of the process to the first stored sale, over TLS: the latency of the first sale after an idle hour.

use anyhow::Result;

use crate::peers::{
    Measured, nanoseconds,
    report::{Better, Goal, Row, Spread},
    stage,
};

/// `payment-webhook` compared with Node and Python.
pub async fn rows(at: &Measured<'_>) -> Result<Vec<Row>> {
    let handlers = at.stage.handlers(at.kit, "payment-webhook", "webhook")?;
    let mut cpu: Vec<Vec<f64>> = vec![Vec::new(); handlers.len()];
    let mut waited = cpu.clone();
    for _ in 0..at.rounds {
        for (place, handler) in handlers.iter().enumerate() {
            let actor = at.stage.theatre.start(handler).await?;
            let (answer, took) = actor.invoke(&at.stage.sale()?).await?;
            stage::taken(&handler.name, &answer)?;
            let taken = actor.end().await?;
            cpu.get_mut(place).into_iter().for_each(|cpu| cpu.push(taken.cpu / 1e6));
            let all = (taken.until_up + nanoseconds(took)) / 1e6;
            waited.get_mut(place).into_iter().for_each(|waited| waited.push(all));
            stage::settle().await;
        }
    }
    let figures = |values: Vec<Vec<f64>>| -> Vec<(String, Spread)> {
        let spreads = values.into_iter().map(Spread::of);
        handlers.iter().zip(spreads).filter_map(|(handler, spread)| Some((handler.name.clone(), spread?))).collect()
    };
    let cpu = figures(cpu);
    let mut rows = Vec::new();
    if let Some((_, ours)) = cpu.first() {
        let name = "CPU of a cold process to its first sale, over TLS";
        rows.push(Row::new(name, "ms", Better::Less, *ours, None, Some(Goal::AtMost(10.0))));
        rows.extend(super::beside(name, "ms", &cpu, |_| None));
    }
    rows.extend(super::beside("time of a cold process to its first sale, over TLS", "ms", &figures(waited), |_| None));
    Ok(rows)
}
