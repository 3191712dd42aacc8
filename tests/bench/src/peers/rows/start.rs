//! From the start of the process to its first request for work: the overhead of every cold start.

use anyhow::{Context, Result};

use crate::peers::{
    ECHO, Measured,
    actor::{Handler, Taken},
    count,
    report::{Better, Goal, Row, Spread},
    stage,
};

const FUNCTION: &str = "payment-webhook";

/// `payment-webhook` compared with a minimal Rust function, and with Node and Python.
pub async fn rows(at: &Measured<'_>) -> Result<Vec<Row>> {
    let mut handlers = at.stage.handlers(at.kit, FUNCTION, "webhook")?;
    let binary = at.kit.ours.get(FUNCTION).context("the webhook was built")?;
    // As on AWS: with its built-in certificate authorities, and no others.
    let ours = at.stage.handler(binary, FUNCTION, &[])?;
    let echo = Handler { name: ECHO.to_owned(), ..at.stage.handler(&at.kit.echo, FUNCTION, &[])? };
    let mut rows = Vec::new();
    match count::possible().await {
        Ok(()) => rows.extend(instructions(at, &ours, &echo).await?),
        Err(why) => eprintln!("  {why}"),
    }
    if let Some(first) = handlers.first_mut() {
        *first = ours;
    }
    handlers.push(echo);
    let (cpu, held) = starts(at, &handlers).await?;
    rows.extend(super::beside("CPU until it asks for work", "ms", &cpu, |peer| match peer {
        crate::peers::NODE => Some(Goal::BetterBy(50.0)),
        _ => None,
    }));
    rows.extend(super::beside("memory when it asks for work", "MB", &held, |_| None));
    Ok(rows)
}

/// The start of each handler: CPU in milliseconds, and memory in MB.
pub async fn starts(at: &Measured<'_>, handlers: &[Handler]) -> Result<(Vec<(String, Spread)>, Vec<(String, Spread)>)> {
    let mut taken: Vec<Vec<Taken>> = vec![Vec::new(); handlers.len()];
    for _ in 0..at.rounds {
        for (handler, taken) in handlers.iter().zip(&mut taken) {
            let actor = at.stage.theatre.start(handler).await?;
            taken.push(actor.end().await?);
            stage::settle().await;
        }
    }
    let figures = |of: fn(&Taken) -> f64| -> Vec<(String, Spread)> {
        let spread = |taken: &Vec<Taken>| Spread::of(taken.iter().map(of).collect());
        handlers
            .iter()
            .zip(&taken)
            .filter_map(|(handler, taken)| Some((handler.name.clone(), spread(taken)?)))
            .collect()
    };
    Ok((figures(|taken| taken.cpu / 1e6), figures(|taken| taken.peak / 1024.0)))
}

async fn instructions(at: &Measured<'_>, ours: &Handler, echo: &Handler) -> Result<Option<Row>> {
    let (mut mine, mut least) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        mine.push(count::until_up(&at.stage.theatre, ours, at.folder).await? / 1e6);
        least.push(count::until_up(&at.stage.theatre, echo, at.folder).await? / 1e6);
    }
    let (Some(mine), Some(least)) = (Spread::of(mine), Spread::of(least)) else { return Ok(None) };
    let goal = Some(Goal::AtMostTimes(2.0));
    Ok(Some(Row::new("instructions until it asks for work", "M", Better::Less, mine, Some((ECHO, least)), goal)))
}
