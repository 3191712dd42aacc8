//! Streams that lose what is in them: the sweep finds the work in the tables, and everything is done once.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_local::checkout::Purchase;
use comptoir_tests::{Shop, promises};
use serde_json::{Value, json};

const SALES: usize = 200;

/// Sweeps, whatever the age; returns the answer.
async fn sweep(shop: &Shop) -> Result<Value> {
    let function = shop.bundle.function("sweep").context("template.yaml has no sweep")?;
    let request = json!({"older_than_seconds": 0}).to_string();
    let answer = function.invoke(request.into()).await.map_err(|failure| anyhow::anyhow!("{failure}"))?;
    Ok(serde_json::from_slice(&answer)?)
}

#[tokio::test]
async fn two_hundred_sales_whose_records_were_lost_are_invoiced_and_mailed_once() -> Result<()> {
    let shop = Shop::open("sweep").await?;
    shop.bundle.pause_streams();
    let mut sales = Vec::new();
    for n in 0..SALES {
        let purchase = Purchase { email: Some(format!("c{n}@example.org")), ..Purchase::default() };
        let (checkout, status) = shop.pay(&purchase).await?;
        ensure!(status == 200);
        sales.push(checkout.session_id);
    }
    shop.bundle.lose_streams();
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(shop.items("INVOICE").await?.is_empty(), "their records are lost");
    let answer = sweep(&shop).await?;
    // A mail may be queued, and found open, before the sweep ends.
    ensure!(answer["woken"].as_u64() >= Some(SALES as u64) && answer["left"] == 0, "{answer}");
    promises::at_rest(&shop, &sales).await?;
    promises::kept(&shop, &sales, 0).await?;

    shop.bundle.pause_streams();
    let (checkout, _) = shop.pay(&Purchase::default()).await?;
    sales.push(checkout.session_id);
    shop.bundle.lose_streams();
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Two sweeps at once do no harm.
    let (one, other) = tokio::join!(sweep(&shop), sweep(&shop));
    let woken = one?["woken"].as_u64().unwrap() + other?["woken"].as_u64().unwrap();
    ensure!(woken >= 1, "{woken}");
    promises::at_rest(&shop, &sales).await?;
    promises::kept(&shop, &sales, 0).await?;
    ensure!(sweep(&shop).await? == json!({"woken": 0, "left": 0, "unfinished": false}), "nothing is open");
    shop.bundle.stop().await;
    Ok(())
}
