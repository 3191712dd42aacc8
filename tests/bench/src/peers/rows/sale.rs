//! One sale through the bundle, with the functions as they are shipped: from Stripe's call to the mail, step by step.
//!
//! The stand-in for AWS and the stream's own waiting (40 ms when nothing comes) are in these times; there is no peer.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use comptoir_local::{
    checkout::{Checkout, Purchase},
    client::BundleClient,
    follow::{End, STEPS, follow},
};

use crate::peers::{
    Measured, nanoseconds,
    report::{Better, Row, Spread},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// When each step was seen, in milliseconds after the call; looked at every 20 ms.
pub async fn rows(at: &Measured<'_>) -> Result<Vec<Row>> {
    let client = BundleClient::new(at.stage.bundle.endpoints.clone());
    let mut answered = Vec::new();
    let mut steps: Vec<(&str, Vec<f64>)> = STEPS.iter().map(|step| (*step, Vec::new())).collect();
    for _ in 0..at.rounds {
        let checkout = Checkout::of(&Purchase { lines: 5, ..Purchase::default() });
        client.tell_stripe(&checkout).await?;
        let begun = Instant::now();
        let event = checkout.event("checkout.session.completed").to_string();
        let (status, body) = client.post_event(event.as_bytes()).await?;
        ensure!(status == 200, "the webhook answers {status}: {body}");
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
    Ok(answer.into_iter().chain(steps).collect())
}
