//! What a function holds after a thousand invocations.

use anyhow::Result;

use crate::peers::{
    Measured, NODE, PYTHON,
    report::{Goal, Row, Spread},
    stage,
};

const INVOCATIONS: usize = 1_000;

/// `payment-webhook` beside Node and Python.
pub async fn rows(at: &Measured<'_>) -> Result<Vec<Row>> {
    let (mut held, mut answers, mut spent) = (Vec::new(), Vec::new(), Vec::new());
    for handler in at.stage.handlers(at.kit, "payment-webhook", "webhook")? {
        let actor = at.stage.theatre.start(&handler).await?;
        let mut took = Vec::with_capacity(INVOCATIONS);
        for _ in 0..INVOCATIONS {
            let (answer, time) = actor.invoke(&at.stage.sale()?).await?;
            stage::taken(&handler.name, &answer)?;
            took.push(time.as_secs_f64() * 1e3);
        }
        let resident = actor.resident()? / 1024.0;
        let cpu = actor.end().await?.cpu / 1e6 / f64::from(u32::try_from(INVOCATIONS)?);
        let keep = |figures: &mut Vec<_>, values| {
            figures.extend(Spread::of(values).map(|spread| (handler.name.clone(), spread)));
        };
        keep(&mut held, vec![resident]);
        keep(&mut answers, took);
        keep(&mut spent, vec![cpu]);
    }
    let goal = |peer: &str| [NODE, PYTHON, ""].contains(&peer).then_some(Goal::AtMost(16.0));
    let mut rows = super::beside("memory of payment-webhook after 1,000 sales", "MB", &held, goal);
    rows.extend(super::beside("answer of payment-webhook, warm", "ms", &answers, |_| None));
    rows.extend(super::beside("CPU of a sale at payment-webhook, its start shared out", "ms", &spent, |_| None));
    Ok(rows)
}
