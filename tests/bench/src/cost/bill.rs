//! Counts what the functions of a running bundle did between two moments, by function and operation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_local::lambda::pool::{Function, Times};
use comptoir_local::wire::Touched;
use comptoir_local::wire::units::Units;
use comptoir_tests::{PATIENCE, Shop};
use serde_json::Value;

/// How long the bundle must be idle to count as at rest.
const QUIET: Duration = Duration::from_millis(700);

/// Calls of one operation by one function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of calls.
    pub calls: u64,
    /// The DynamoDB units billed for them.
    pub units: Units,
    /// The items written or read, in order.
    pub touched: Vec<Touched>,
    /// Calls that should have units but have none.
    pub unmetered: u64,
}

/// The usage of one function.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Megabytes the template gives it.
    pub memory: u64,
    /// Starts and invocations.
    pub times: Times,
    /// CPU time of its processes, where the system reports it; in steps of 10 ms.
    pub cpu: Option<Duration>,
    /// Bytes it printed.
    pub log_bytes: u64,
    /// Lines it printed.
    pub log_lines: u64,
    /// Names of the metrics it emitted (CloudWatch embedded metric format).
    pub metrics: BTreeSet<String>,
}

/// Everything between two moments.
#[derive(Clone, Debug, Default)]
pub struct Bill {
    /// Calls to AWS, by function and operation.
    pub calls: BTreeMap<(String, String), Tally>,
    /// Each function's usage.
    pub work: BTreeMap<String, Work>,
    /// Mails sent.
    pub mails: u64,
    /// Bytes attached to them.
    pub attached: u64,
}

impl Bill {
    /// The DynamoDB units billed for all of it.
    pub fn units(&self) -> Units {
        let mut sum = Units::default();
        self.calls.values().for_each(|tally| sum += tally.units);
        sum
    }

    /// Calls of an operation by any function.
    pub fn calls_of(&self, operation: &str) -> u64 {
        self.calls.iter().filter(|((_, called), _)| called == operation).map(|(_, tally)| tally.calls).sum()
    }

    /// Invocations of every function.
    pub fn invocations(&self) -> u64 {
        self.work.values().map(|work| work.times.invocations).sum()
    }

    /// The distinct items that were written, with their final bytes.
    pub fn items(&self) -> BTreeMap<&str, u64> {
        let mut items = BTreeMap::new();
        for touched in self.calls.values().flat_map(|tally| &tally.touched).filter(|one| one.units.writes > 0) {
            let bytes = items.entry(touched.kind.as_str()).or_insert(0);
            *bytes = touched.bytes.max(*bytes);
        }
        items
    }
}

/// A snapshot of the counters.
#[derive(Debug)]
pub struct Mark {
    calls: usize,
    mails: usize,
    functions: BTreeMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    times: Times,
    cpu: BTreeMap<u32, Duration>,
    log: usize,
}

/// The names of all functions.
pub fn names(shop: &Shop) -> Vec<String> {
    let functions = std::fs::read_dir(comptoir_local::paths::repository().join("functions")).into_iter().flatten();
    let named = functions.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    named.filter(|name| shop.bundle.function(name).is_some()).collect()
}

impl Mark {
    /// Takes a snapshot now.
    ///
    /// # Errors
    /// When the bundle does not answer, or has no wire.
    pub async fn now(shop: &Shop) -> Result<Self> {
        let wire = shop.bundle.wire().context("the bundle was started without its wire")?;
        let mut functions = BTreeMap::new();
        for name in names(shop) {
            let Some(function) = shop.bundle.function(&name) else { continue };
            let log = log(function).len();
            functions.insert(name, Seen { times: function.times(), cpu: processors(function), log });
        }
        Ok(Self { calls: wire.calls().len(), mails: shop.mails().await?.len(), functions })
    }

    /// What happened since the snapshot, once the bundle is at rest.
    ///
    /// # Errors
    /// When it does not come to rest, or the bundle does not answer.
    pub async fn until_quiet(&self, shop: &Shop) -> Result<Bill> {
        quiet(shop).await?;
        let wire = shop.bundle.wire().context("the bundle was started without its wire")?;
        let mut bill = Bill::default();
        for call in wire.calls().into_iter().skip(self.calls) {
            let metered = is_dynamodb(&call.operation);
            let tally = bill.calls.entry((call.function, call.operation)).or_default();
            tally.calls += 1;
            tally.unmetered += u64::from(metered && call.touched.is_none());
            for touched in call.touched.into_iter().flatten() {
                tally.units += touched.units;
                tally.touched.push(touched);
            }
        }
        for (name, before) in &self.functions {
            let Some(function) = shop.bundle.function(name) else { continue };
            let work = since(function, before);
            if work.times != Times::default() || work.log_bytes > 0 {
                bill.work.insert(name.clone(), work);
            }
        }
        for mail in shop.mails().await?.iter().skip(self.mails) {
            bill.mails += 1;
            bill.attached += mail.attachments.iter().map(|file| decoded(&file.base64)).sum::<u64>();
        }
        Ok(bill)
    }
}

/// Waits until no function works or makes calls any more.
async fn quiet(shop: &Shop) -> Result<()> {
    let started = tokio::time::Instant::now();
    let mut last = (usize::MAX, 0);
    loop {
        let calls = shop.bundle.wire().map_or(0, |wire| wire.calls().len());
        let functions: Vec<_> = names(shop).iter().filter_map(|name| shop.bundle.function(name).cloned()).collect();
        let begun: u64 = functions.iter().map(|function| function.invocations()).sum();
        let ended: u64 = functions.iter().map(|function| function.times().invocations).sum();
        if begun == ended && last == (calls, begun) {
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "the functions do not come to rest");
        last = (calls, begun);
        tokio::time::sleep(QUIET).await;
    }
}

fn since(function: &Function, before: &Seen) -> Work {
    let (now, then) = (function.times(), before.times);
    let times = Times {
        starts: now.starts - then.starts,
        starting: now.starting.saturating_sub(then.starting),
        invocations: now.invocations - then.invocations,
        working: now.working.saturating_sub(then.working),
    };
    let log = log(function);
    let printed = log.get(before.log..).unwrap_or_default();
    let lines: Vec<&str> = printed.lines().filter(|line| !line.trim().is_empty()).collect();
    let cpu = processors(function);
    let spent = cpu.iter().map(|(pid, spent)| spent.saturating_sub(before.cpu.get(pid).copied().unwrap_or_default()));
    Work {
        memory: function.memory(),
        times,
        cpu: (!cpu.is_empty()).then(|| spent.sum()),
        log_bytes: lines.iter().map(|line| line.len() as u64).sum(),
        log_lines: lines.len() as u64,
        metrics: lines.iter().flat_map(|line| metrics(line)).collect(),
    }
}

fn log(function: &Function) -> String {
    std::fs::read_to_string(function.log()).unwrap_or_default()
}

/// The metrics in a log line.
fn metrics(line: &str) -> Vec<String> {
    let Ok(line) = serde_json::from_str::<Value>(line) else { return Vec::new() };
    let sets = line.pointer("/_aws/CloudWatchMetrics").and_then(Value::as_array).into_iter().flatten();
    let metrics = sets.filter_map(|set| set.get("Metrics")?.as_array()).flatten();
    metrics.filter_map(|metric| metric.get("Name")?.as_str().map(str::to_owned)).collect()
}

/// CPU time of each process so far, as Linux reports it (proc(5): fields 14 and 15 of `stat`, in hundredths of a
/// second).
fn processors(function: &Function) -> BTreeMap<u32, Duration> {
    let spent = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
        Some(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
    };
    function.pids().into_iter().filter_map(|pid| Some((pid, spent(&pid)?))).collect()
}

fn is_dynamodb(operation: &str) -> bool {
    operation.ends_with("Item") || operation.ends_with("Items") || matches!(operation, "Query" | "Scan")
}

/// The decoded length of base64.
fn decoded(base64: &str) -> u64 {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    (base64.len() / 4 * 3).saturating_sub(padding) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_in_lines() {
        let line = r#"{"_aws":{"CloudWatchMetrics":[{"Metrics":[{"Name":"MailSent"}]}]},"service":"mail-sender","MailSent":1}"#;
        assert_eq!(metrics(line), ["MailSent"]);
        assert!(metrics(r#"{"level":"INFO","MailSent":1}"#).is_empty() && metrics("words").is_empty());
    }

    #[test]
    fn attachments_count_as_what_they_hold() {
        assert_eq!((decoded(""), decoded("YQ=="), decoded("YWI="), decoded("YWJj")), (0, 1, 2, 3));
    }
}
