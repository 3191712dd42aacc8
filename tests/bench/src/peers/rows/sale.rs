//! One sale through the bundle, with the functions as deployed: from Stripe's call to the mail, step by step.
//!
//! The stand-in for AWS and the stream's polling (40 ms when idle) are included in these times; there is no peer.
//! Also the functions' memory after a thousand sales.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use comptoir_local::{
    checkout::{Checkout, Purchase},
    client::BundleClient,
    follow::{End, STEPS, follow},
};

use crate::peers::{
    Measured,
    actor::{nanoseconds, resident},
    report::{Better, Goal, Row, Spread},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// The number of sales for the memory test, and the limit of each function, in MB. The webhook is compared with its
/// peers in `memory`.
const SALES: usize = 1_000;
const HELD: [(&str, f64); 2] = [("invoice-renderer", 32.0), ("mail-sender", 16.0)];

/// When each step was seen, in milliseconds after the call; polled every 20 ms.
pub async fn rows(at: &Measured<'_>) -> Result<Vec<Row>> {
    let client = BundleClient::new(at.stage.bundle.endpoints.clone());
    let mut answered = Vec::new();
    let mut steps: Vec<(&str, Vec<f64>)> = STEPS.iter().map(|step| (*step, Vec::new())).collect();
    for _ in 0..at.rounds {
        let begun = Instant::now();
        let checkout = sell(&client).await?;
        answered.push(nanoseconds(begun.elapsed()) / 1e6);
        let End::Delivered(delivered) = follow(&client, &checkout.session_id, begun, PATIENCE).await? else {
            bail!("the sale was parked");
        };
        for (step, times) in &mut steps {
            let seen = delivered.steps.iter().find(|(seen, _)| seen == step);
            times.extend(seen.map(|(_, after)| nanoseconds(*after) / 1e6));
        }
    }
    let row = |name: String, times: Vec<f64>| Some(Row::new(name, "ms", Better::Less, Spread::of(times)?, None, None));
    let answer = row("one sale: the webhook has answered".to_owned(), answered);
    let steps = steps.into_iter().filter_map(|(step, times)| row(format!("one sale: {step}"), times));
    let held = held(at, &client).await?;
    Ok(answer.into_iter().chain(steps).chain(held).collect())
}

/// Makes a purchase that the webhook accepts.
async fn sell(client: &BundleClient) -> Result<Checkout> {
    let checkout = Checkout::of(&Purchase::default());
    let event = checkout.event("checkout.session.completed").to_string();
    let (status, body) = client.post_event(event.as_bytes()).await?;
    ensure!(status == 200, "the webhook answers {status}: {body}");
    Ok(checkout)
}

/// The memory of each function once the last of [`SALES`] has its mail.
async fn held(at: &Measured<'_>, client: &BundleClient) -> Result<Vec<Row>> {
    for _ in 1..SALES {
        sell(client).await?;
    }
    let last = sell(client).await?;
    let patience = PATIENCE * 10;
    let End::Delivered(_) = follow(client, &last.session_id, Instant::now(), patience).await? else {
        bail!("the last sale was parked");
    };
    let row = |(function, most): (&str, f64)| -> Result<Row> {
        let running = at.stage.bundle.function(function).context(function.to_owned())?.pids();
        let held = running.into_iter().map(|pid| Ok(resident(pid)? / 1024.0)).collect::<Result<Vec<f64>>>()?;
        let spread = Spread::of(held).with_context(|| format!("{function} does not run"))?;
        let name = format!("memory of {function} after {SALES} sales");
        Ok(Row::new(name, "MB", Better::Less, spread, None, Some(Goal::AtMost(most))))
    };
    HELD.into_iter().map(row).collect()
}
