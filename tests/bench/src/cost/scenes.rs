//! The measured scenes: a sale from Stripe's event to the delivered mail, a refund, and scheduled work without sales.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use comptoir_local::checkout::{Checkout, Purchase, event, id};
use comptoir_local::{Functions, clock};
use comptoir_tests::Shop;
use serde_json::{Value, json};

use super::bill::{Bill, Mark, names};

/// The purchase.
pub fn purchase() -> Purchase {
    Purchase { lines: 3, ..Purchase::default() }
}

/// Opens a shop with metered calls, where each delivery event comes once, as is usual on AWS.
///
/// # Errors
/// When the bundle does not start.
pub async fn open(name: &str, functions: Functions) -> Result<Shop> {
    let shop = Shop::open_with(name, |options| {
        options.wire = true;
        options.functions = functions;
    })
    .await?;
    shop.bundle.ses_events().once();
    Ok(shop)
}

/// Opens a shop with metered calls, whose app is told.
///
/// # Errors
/// When the bundle does not start.
pub async fn open_telling(name: &str) -> Result<Shop> {
    let shop = Shop::open_with(name, |options| (options.wire, options.tells_the_app) = (true, true)).await?;
    shop.bundle.ses_events().once();
    Ok(shop)
}

/// One complete sale, of which the app is told as well.
///
/// # Errors
/// When it is not.
pub async fn told_sale(shop: &Shop) -> Result<Bill> {
    let (mark, before) = (Mark::now(shop).await?, shop.bundle.app().all().len());
    sale(shop).await?;
    shop.wait_for("the app", async |shop: &Shop| Ok((shop.bundle.app().all().len() > before).then_some(()))).await?;
    mark.until_quiet(shop).await
}

/// One complete sale: its invoice is delivered, and the delivery event is stored.
///
/// # Errors
/// When it is not.
pub async fn sale(shop: &Shop) -> Result<(Bill, Checkout)> {
    let mark = Mark::now(shop).await?;
    // SES answers first, and sends delivery events later.
    shop.bundle.ses_events().hold();
    let (checkout, status) = shop.pay(&purchase()).await?;
    ensure!(status == 200, "the webhook answered {status}");
    shop.delivered(&checkout.session_id).await?;
    noted(shop).await?;
    Ok((mark.until_quiet(shop).await?, checkout))
}

/// The same with a cold start of every function, as for a shop that sells rarely.
///
/// # Errors
/// As [`sale`].
pub async fn lone_sale(shop: &Shop) -> Result<Bill> {
    for name in names(shop) {
        shop.bundle.function(&name).context("a function is gone")?.kill();
    }
    Ok(sale(shop).await?.0)
}

/// One complete partial refund: its credit note is delivered, and the delivery event is stored.
///
/// # Errors
/// When it is not.
pub async fn refund(shop: &Shop, of: &Checkout) -> Result<Bill> {
    let mark = Mark::now(shop).await?;
    shop.bundle.ses_events().hold();
    let mails = shop.mails().await?.len();
    let intent = of.session.get("payment_intent");
    let refund = json!({
        "id": id("re_3", 23), "object": "refund", "amount": 1900, "currency": "eur", "status": "succeeded",
        "charge": id("ch_3", 23), "payment_intent": intent, "created": clock::now().as_second(),
    });
    let (status, _) = shop.post(&event(&id("evt_1", 22), "refund.created", &refund)).await?;
    ensure!(status == 200, "the webhook answered {status}");
    shop.wait_for("the credit note's mail", async |shop: &Shop| Ok((shop.mails().await?.len() > mails).then_some(())))
        .await?;
    noted(shop).await?;
    mark.until_quiet(shop).await
}

/// One invocation as by a schedule.
///
/// # Errors
/// When the function fails.
pub async fn scheduled(shop: &Shop, function: &str, input: &Value) -> Result<Bill> {
    let mark = Mark::now(shop).await?;
    let function = shop.bundle.function(function).with_context(|| format!("there is no function {function}"))?;
    let answer = function.invoke(input.to_string().into()).await;
    answer.map_err(|failure| anyhow::anyhow!("{}: {failure}", function.package()))?;
    mark.until_quiet(shop).await
}

/// Waits until every mail has the sent status, releases SES's delivery events, and waits until each has arrived.
async fn noted(shop: &Shop) -> Result<()> {
    all_mails(shop, &["sent", "delivered"]).await?;
    shop.bundle.ses_events().release();
    all_mails(shop, &["delivered"]).await
}

async fn all_mails(shop: &Shop, stages: &[&str]) -> Result<()> {
    shop.wait_for(&stages.join(" or "), async |shop: &Shop| {
        let mails = shop.items("MAIL").await?;
        let stands = |mail: &Value| mail.get("status").and_then(Value::as_str).is_some_and(|it| stages.contains(&it));
        Ok(mails.iter().all(stands).then_some(()))
    })
    .await
}

/// Each function's usage: counts and CPU time as the average of these bills, durations from the fastest, because a busy
/// machine adds delays that Lambda does not have.
pub fn mean(bills: &[Bill]) -> BTreeMap<String, Mean> {
    let mut means: BTreeMap<String, Mean> = BTreeMap::new();
    let count = bills.len().max(1) as f64;
    for (name, work) in bills.iter().flat_map(|bill| &bill.work) {
        let (starting, working) = (work.times.starting.as_secs_f64(), work.times.working.as_secs_f64());
        let quickest = Mean { starting, working, ..Mean::default() };
        let mean = means.entry(name.clone()).or_insert(quickest);
        mean.memory = work.memory;
        mean.invocations += work.times.invocations as f64 / count;
        mean.starts += work.times.starts as f64 / count;
        mean.starting = mean.starting.min(starting);
        mean.working = mean.working.min(working);
        if let Some(cpu) = work.cpu {
            mean.cpu = Some(mean.cpu.unwrap_or_default() + cpu.as_secs_f64() / count);
        }
        mean.log_bytes += work.log_bytes as f64 / count;
        mean.log_lines += work.log_lines as f64 / count;
    }
    means
}

/// A function's usage for one sale; times in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    /// Megabytes.
    pub memory: u64,
    /// Invocations.
    pub invocations: f64,
    /// Cold starts.
    pub starts: f64,
    /// Duration of the cold starts.
    pub starting: f64,
    /// Duration of the invocations, from outside.
    pub working: f64,
    /// CPU time, where the system reports it.
    pub cpu: Option<f64>,
    /// Bytes printed.
    pub log_bytes: f64,
    /// Lines printed.
    pub log_lines: f64,
}

/// Lambda gives one full core at this many megabytes, and less in proportion ("Configure Lambda function memory").
const FULL_CORE: f64 = 1769.0;

impl Mean {
    /// GB-seconds as Lambda would bill them: waiting takes as long there, computing takes longer
    /// where the function has less than one core.
    pub fn gigabyte_seconds(&self) -> f64 {
        let wall = self.starting + self.working;
        let share = (self.memory as f64 / FULL_CORE).min(1.0);
        let cpu = self.cpu.unwrap_or(wall).min(wall);
        (wall - cpu + cpu / share.max(f64::MIN_POSITIVE)) * self.memory as f64 / 1024.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use comptoir_local::lambda::pool::Times;

    use super::*;
    use crate::cost::bill::Work;

    #[test]
    fn the_quickest_counts_for_time_and_the_average_for_the_rest() {
        let bill = |milliseconds, log_bytes| {
            let working = Duration::from_millis(milliseconds);
            let work =
                Work { times: Times { invocations: 1, working, ..Times::default() }, log_bytes, ..Work::default() };
            Bill { work: BTreeMap::from([("f".to_owned(), work)]), ..Bill::default() }
        };
        let mean = mean(&[bill(300, 100), bill(200, 300)])["f"];
        assert_eq!((mean.working, mean.log_bytes, mean.invocations), (0.2, 200.0, 1.0));
    }

    #[test]
    fn computing_takes_longer_on_a_part_of_a_core_and_waiting_does_not() {
        let mean = Mean { memory: 1024, working: 0.3, cpu: Some(0.1), ..Mean::default() };
        let expected = 0.2 + 0.1 * 1769.0 / 1024.0;
        assert!((mean.gigabyte_seconds() - expected).abs() < 1e-9);
        let full = Mean { memory: 2048, working: 0.3, cpu: Some(0.1), ..Mean::default() };
        assert!((full.gigabyte_seconds() - 0.6).abs() < 1e-9);
    }
}
