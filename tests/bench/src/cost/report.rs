//! The report: all results, in machine-readable form.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use super::prices::Prices;
use super::scenes::Mean;
use super::usage::{Usage, add, kept, usd, usd_beyond_free};
use super::{Scene, idle};

/// The target: the maximum cost of a thousand invoices, in USD.
const GOAL: f64 = 0.15;

/// All results.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The date of the prices.
    pub prices_dated: String,
    /// What was measured, and on which machine.
    pub measured: String,
    /// Size of a sale's document in bytes.
    pub document_bytes: u64,
    /// The usage and cost of a sale.
    pub lines: Vec<Entry>,
    /// USD for 1,000 sales at list prices, each with cold starts.
    pub thousand_alone: f64,
    /// The same with warm functions.
    pub thousand_in_a_row: f64,
    /// USD for 1,000 sales alone in one month, after the account's monthly free tier.
    pub thousand_beyond_free: f64,
    /// USD for 1,000 credit notes with warm functions.
    pub thousand_credit_notes: f64,
    /// USD a month for the storage of 1,000 sales.
    pub thousand_kept_month: f64,
    /// USD for ten years of storing their documents.
    pub thousand_archived: f64,
    /// Custom metrics of a sale.
    pub metrics: Vec<String>,
    /// USD a month for them if there is a sale in every hour.
    pub metrics_month: f64,
    /// Seconds and GB-seconds of each function.
    pub functions: Vec<Timed>,
    /// USD a month without sales.
    pub idle: Vec<Idle>,
    /// Comparisons with competitors and with targets.
    pub rows: Vec<Row>,
    /// Prices without a verified source.
    pub not_verified: Vec<String>,
}

/// One line of the bill.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The AWS service.
    pub service: String,
    /// The billed quantity.
    pub what: String,
    /// For one sale with cold starts.
    pub alone: f64,
    /// For one sale with warm functions.
    pub in_a_row: f64,
    /// USD for 1,000 of the former.
    pub usd_alone: f64,
    /// USD for 1,000 of the latter.
    pub usd_in_a_row: f64,
}

/// A function's usage for one sale.
#[derive(Clone, Debug, Serialize)]
pub struct Timed {
    /// Its package.
    pub function: String,
    /// Megabytes.
    pub memory: u64,
    /// Invocations.
    pub invocations: f64,
    /// Seconds when warm, in total.
    pub seconds: f64,
    /// CPU seconds among them, where the system reports it.
    pub cpu_seconds: Option<f64>,
    /// Seconds with a cold start.
    pub seconds_alone: f64,
    /// GB-seconds as Lambda would bill them, when warm.
    pub gigabyte_seconds: f64,
    /// The same with a cold start.
    pub gigabyte_seconds_alone: f64,
}

/// The cost of a stage without sales.
#[derive(Clone, Debug, Serialize)]
pub struct Idle {
    /// `dev` or `prod`.
    pub stage: String,
    /// USD a month at list prices.
    pub list: f64,
    /// USD a month where the whole free tier is available.
    pub beyond_free: f64,
    /// The items, at list prices.
    pub of: BTreeMap<String, f64>,
}

/// A figure compared with another.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The subject.
    pub name: String,
    /// Ours.
    pub ours: f64,
    /// Theirs.
    pub peer: Option<f64>,
    /// Whose figure.
    pub peer_name: Option<String>,
    /// The unit.
    pub unit: String,
    /// Theirs as a multiple of ours.
    pub ratio: Option<f64>,
    /// The target.
    pub goal: Option<f64>,
    /// Whether the target is met.
    pub met: Option<bool>,
    /// The source of the figure, and its limits.
    pub source: Option<String>,
}

impl Report {
    /// Assembles the report.
    ///
    /// # Errors
    /// When a price is missing, or the template has a resource without a known price.
    pub fn of(
        prices: &Prices,
        template: &Value,
        built: String,
        alone: &Scene,
        in_a_row: &Scene,
        refund: &Scene,
        by_itself: &Usage,
    ) -> Result<Self> {
        let thousand = |usage: &Usage| usage.iter().map(|(id, quantity)| (*id, quantity * 1000.0)).collect::<Usage>();
        let stays = kept(&in_a_row.bill, &in_a_row.usage, prices)?;
        let metrics: Vec<String> = in_a_row
            .bill
            .work
            .iter()
            .flat_map(|(function, work)| work.metrics.iter().map(move |metric| format!("{function}/{metric}")))
            .collect();
        let metrics_month = prices.price("metric_month")?.of(metrics.len() as f64);
        let idle = vec![
            idle_of("dev", &idle::standing(template, false)?, by_itself, prices)?,
            idle_of("prod", &idle::standing(template, true)?, by_itself, prices)?,
        ];
        let thousand_alone = usd(&thousand(&alone.usage), prices)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut report = Self {
            prices_dated: prices.dated.clone(),
            measured: format!("{built}; {} {}, {cores} cores", std::env::consts::OS, std::env::consts::ARCH),
            document_bytes: in_a_row.bill.attached,
            lines: lines(alone, in_a_row, prices)?,
            thousand_alone,
            thousand_in_a_row: usd(&thousand(&in_a_row.usage), prices)?,
            thousand_beyond_free: usd_beyond_free(&thousand(&alone.usage), prices)?,
            thousand_credit_notes: usd(&thousand(&refund.usage), prices)?,
            thousand_kept_month: usd(&thousand(&stays), prices)?,
            thousand_archived: prices
                .price("s3_gb_month")?
                .of(stays.get("s3_gb_month").copied().unwrap_or_default() * 1000.0)
                * prices.assumed("archive_months")?,
            metrics,
            metrics_month,
            functions: timed(&alone.means, &in_a_row.means),
            idle,
            rows: Vec::new(),
            not_verified: prices.unverified().into_iter().map(str::to_owned).collect(),
        };
        report.rows = rows(&report, prices)?;
        Ok(report)
    }
}

fn lines(alone: &Scene, in_a_row: &Scene, prices: &Prices) -> Result<Vec<Entry>> {
    let ids: BTreeSet<&str> = alone.usage.keys().chain(in_a_row.usage.keys()).copied().collect();
    // In the order of the price file.
    let order = prices.price.iter().filter(|price| ids.contains(price.id.as_str()));
    let entry = |price: &super::prices::Price| {
        let of = |scene: &Scene| scene.usage.get(price.id.as_str()).copied().unwrap_or_default();
        Entry {
            service: price.service.clone(),
            what: price.what.clone(),
            alone: of(alone),
            in_a_row: of(in_a_row),
            usd_alone: price.of(of(alone) * 1000.0),
            usd_in_a_row: price.of(of(in_a_row) * 1000.0),
        }
    };
    for id in &ids {
        prices.price(id)?;
    }
    Ok(order.map(entry).collect())
}

fn timed(alone: &BTreeMap<String, Mean>, in_a_row: &BTreeMap<String, Mean>) -> Vec<Timed> {
    let of = |(function, mean): (&String, &Mean)| {
        let lone = alone.get(function).copied().unwrap_or_default();
        Timed {
            function: function.clone(),
            memory: mean.memory,
            invocations: mean.invocations,
            seconds: mean.working,
            cpu_seconds: mean.cpu,
            seconds_alone: lone.starting + lone.working,
            gigabyte_seconds: mean.gigabyte_seconds(),
            gigabyte_seconds_alone: lone.gigabyte_seconds(),
        }
    };
    in_a_row.iter().map(of).collect()
}

fn idle_of(stage: &str, standing: &Usage, by_itself: &Usage, prices: &Prices) -> Result<Idle> {
    let mut all = standing.clone();
    add(&mut all, by_itself, 1.0);
    let mut of = BTreeMap::new();
    for (id, quantity) in &all {
        let price = prices.price(id)?;
        *of.entry(price.service.clone()).or_insert(0.0) += price.of(*quantity);
    }
    Ok(Idle { stage: stage.to_owned(), list: usd(&all, prices)?, beyond_free: usd_beyond_free(&all, prices)?, of })
}

fn rows(report: &Report, prices: &Prices) -> Result<Vec<Row>> {
    let aim = |name: &str, ours: f64, goal: f64, met: bool| Row {
        name: name.to_owned(),
        ours,
        peer: None,
        peer_name: None,
        unit: "USD".to_owned(),
        ratio: None,
        goal: Some(goal),
        met: Some(met),
        source: None,
    };
    let mut rows = vec![
        aim("1,000 invoices, each alone, list prices", report.thousand_alone, GOAL, report.thousand_alone <= GOAL),
        aim("1,000 invoices in a row, list prices", report.thousand_in_a_row, GOAL, report.thousand_in_a_row <= GOAL),
        aim(
            "1,000 invoices alone in a month, beyond what is free",
            report.thousand_beyond_free,
            GOAL,
            report.thousand_beyond_free <= GOAL,
        ),
    ];
    for idle in &report.idle {
        // Rounded to the cent, as billed.
        let met = idle.beyond_free < 0.005;
        rows.push(aim(&format!("idle month, {}, beyond what is free", idle.stage), idle.beyond_free, 0.0, met));
    }
    let average = prices.assumed("average_sale")?;
    for peer in &prices.peer {
        let theirs = peer.thousand(average);
        let seen = peer.checked.as_deref().map_or("not verified".to_owned(), |seen| format!("seen: {seen}"));
        rows.push(Row {
            name: format!("1,000 invoices of {average:.2} USD"),
            ours: report.thousand_alone,
            peer: Some(theirs),
            peer_name: Some(peer.name.clone()),
            unit: "USD".to_owned(),
            ratio: Some(theirs / report.thousand_alone),
            goal: None,
            met: None,
            source: Some(format!("{} ({seen}); {}", peer.source, peer.note)),
        });
    }
    Ok(rows)
}
