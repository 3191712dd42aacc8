//! `cargo cost`: sells through the local bundle, counts what each service would bill, and multiplies it by dated
//! prices.
//!
//! [`bill`] counts, [`scenes`] defines what is counted, [`usage`] turns counts into billed quantities, [`idle`] reads
//! the stack's standing resources, [`prices`] is the price file, [`report`] assembles what [`table`] prints.

pub mod bill;
pub mod idle;
pub mod prices;
pub mod report;
pub mod scenes;
pub mod table;
pub mod usage;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use comptoir_local::Functions;
use comptoir_local::bundle::build;
use comptoir_local::progress::Progress;
use comptoir_tests::Shop;

use bill::Bill;
use idle::Scheduled;
use prices::Prices;
use report::Report;
use scenes::Mean;
use usage::Usage;

/// What may be asked for.
#[derive(Args, Clone, Debug)]
pub struct Line {
    /// Build the functions as they are shipped, optimised; the first time takes many minutes
    #[arg(long)]
    release: bool,
    /// Measure the executables in this directory instead of building them
    #[arg(long, value_name = "DIR", conflicts_with = "release")]
    functions: Option<PathBuf>,
    /// Sales of which the quickest is taken
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
    sales: u8,
}

/// The result of one scene.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Its calls.
    pub bill: Bill,
    /// Each function's usage.
    pub means: BTreeMap<String, Mean>,
    /// The billed quantities.
    pub usage: Usage,
}

/// Measures, prints, and writes `target/bench/cost.json`.
///
/// # Errors
/// When the bundle does not start, a sale does not go through, or something has no price.
pub async fn run(line: Line) -> Result<()> {
    let prices = Prices::read()?;
    let template = idle::read()?;
    let (functions, built) = functions(&line).await?;
    let shop = scenes::open("cost-report", functions).await?;
    let sales = usize::from(line.sales);
    // The first run is slower than the next, here more than on AWS.
    let (_, first) = scenes::sale(&shop).await?;
    let in_a_row = times(&shop, sales, false).await?;
    let alone = times(&shop, sales, true).await?;
    let refund = scenes::mean(&[scenes::refund(&shop, &first).await?]);
    let scheduled = idle::scheduled(&template)?;
    let mut taken = Vec::new();
    for one in &scheduled {
        taken.push(scenes::mean(&[alone_by_schedule(&shop, one).await?]));
    }
    // Metering from here on: reading the items takes time, which must not be part of the earlier durations.
    shop.bundle.wire().context("the bundle has no wire")?.meter();
    let (bill, checkout) = scenes::sale(&shop).await?;
    let in_a_row = scene(bill, in_a_row, &prices)?;
    let alone = scene(scenes::lone_sale(&shop).await?, alone, &prices)?;
    let refund = scene(scenes::refund(&shop, &checkout).await?, refund, &prices)?;
    let mut by_itself = Usage::new();
    for (one, taken) in scheduled.iter().zip(taken) {
        let once = scene(alone_by_schedule(&shop, one).await?, taken, &prices)?;
        usage::add(&mut by_itself, &once.usage, one.runs);
        usage::add(&mut by_itself, &Usage::from([("schedule", 1.0)]), one.runs);
    }
    shop.bundle.stop().await;
    let report = Report::of(&prices, &template, built, &alone, &in_a_row, &refund, &by_itself)?;
    println!("{}", table::text(&report)?);
    let path = crate::keep("cost.json", &report)?;
    println!("\nwritten to {}", path.display());
    Ok(())
}

async fn functions(line: &Line) -> Result<(Functions, String)> {
    if line.release {
        let binaries = build::all_shipped(Progress::Print).await?;
        return Ok((Functions::Prebuilt(binaries), "optimised functions, as shipped".to_owned()));
    }
    let Some(folder) = &line.functions else {
        return Ok((Functions::Build, "unoptimised functions (`--release` measures what is shipped)".to_owned()));
    };
    let folder = folder.canonicalize().with_context(|| format!("{} is not there", folder.display()))?;
    Ok((Functions::Prebuilt(executables(&folder)?), format!("the functions in {}", folder.display())))
}

fn executables(folder: &Path) -> Result<build::Binaries> {
    let mut found = build::Binaries::new();
    for name in build::packages()? {
        let path = folder.join(&name);
        ensure!(path.is_file(), "{} has no {name}", folder.display());
        found.insert(name, path);
    }
    Ok(found)
}

/// A scheduled function has a cold start.
async fn alone_by_schedule(shop: &Shop, scheduled: &Scheduled) -> Result<Bill> {
    if let Some(function) = shop.bundle.function(&scheduled.function) {
        function.kill();
    }
    scenes::scheduled(shop, &scheduled.function, &scheduled.input).await
}

async fn times(shop: &Shop, sales: usize, alone: bool) -> Result<BTreeMap<String, Mean>> {
    let mut bills = Vec::new();
    for _ in 0..sales {
        bills.push(if alone { scenes::lone_sale(shop).await? } else { scenes::sale(shop).await?.0 });
    }
    Ok(scenes::mean(&bills))
}

fn scene(bill: Bill, means: BTreeMap<String, Mean>, prices: &Prices) -> Result<Scene> {
    let usage = usage::usage(&bill, &means, prices)?;
    Ok(Scene { bill, means, usage })
}
