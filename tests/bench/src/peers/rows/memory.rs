//! Memory and time of a busy handler: a thousand sales, one after the other.

use anyhow::Result;
use serde_json::Value;

use crate::peers::{
    Measured, NODE, PYTHON,
    actor::Handler,
    report::{Goal, Row, Spread},
    stage,
};

const INVOCATIONS: u32 = 1_000;

/// The results of handlers, by name.
#[derive(Debug, Default)]
pub struct Busy {
    /// Resident at the end, in MB.
    pub held: Vec<(String, Spread)>,
    /// Response times, in milliseconds.
    pub answers: Vec<(String, Spread)>,
    /// CPU per invocation, including its share of the start, in milliseconds.
    pub spent: Vec<(String, Spread)>,
}

impl Busy {
    /// Sends `handler` the events that `next` makes by index, and `check`s its answers.
    ///
    /// # Errors
    /// When an answer fails the check.
    pub async fn work(
        &mut self,
        at: &Measured<'_>,
        handler: &Handler,
        times: u32,
        next: impl Fn(u32) -> Result<Value>,
        check: impl Fn(&str, &Value) -> Result<()>,
    ) -> Result<()> {
        let actor = at.stage.theatre.start(handler).await?;
        let mut took = Vec::new();
        for n in 0..times {
            let (answer, time) = actor.invoke(&next(n)?).await?;
            check(&handler.name, &answer)?;
            took.push(time.as_secs_f64() * 1e3);
        }
        let held = actor.resident()? / 1024.0;
        let spent = actor.end().await?.cpu / 1e6 / f64::from(times);
        let named = |values| Spread::of(values).map(|spread| (handler.name.clone(), spread));
        self.held.extend(named(vec![held]));
        self.answers.extend(named(took));
        self.spent.extend(named(vec![spent]));
        Ok(())
    }
}

/// `payment-webhook` compared with Node and Python.
pub async fn rows(at: &Measured<'_>) -> Result<Vec<Row>> {
    let mut busy = Busy::default();
    for handler in at.stage.handlers(at.kit, "payment-webhook", "webhook")? {
        busy.work(at, &handler, INVOCATIONS, |_| at.stage.sale(), stage::taken).await?;
    }
    let goal = |peer: &str| [NODE, PYTHON, ""].contains(&peer).then_some(Goal::AtMost(16.0));
    let mut rows = super::beside("memory of payment-webhook after 1,000 sales", "MB", &busy.held, goal);
    rows.extend(super::beside("answer of payment-webhook, warm", "ms", &busy.answers, |_| None));
    rows.extend(super::beside(
        "CPU of a sale at payment-webhook, with its share of the start",
        "ms",
        &busy.spent,
        |_| None,
    ));
    Ok(rows)
}
