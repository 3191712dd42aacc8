//! From counts to billed quantities, by the id of their price.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use super::bill::Bill;
use super::prices::Prices;
use super::scenes::Mean;

/// Quantities by price.
pub type Usage = BTreeMap<&'static str, f64>;

/// AWS counts a GB as 2^30 bytes.
const GIGABYTE: f64 = 1024.0 * 1024.0 * 1024.0;

/// The operations with a known price. Any other is an error, so that none goes unbilled.
const KNOWN: [&str; 13] = [
    "GetItem",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "Query",
    "Scan",
    "TransactWriteItems",
    "GetObject",
    "ListObjectsV2",
    "HeadObject",
    "PutObject",
    "SendEmail",
    "GetParameters",
];

/// The usage of one run of a scene: counts from `bill`, times and logs from `means`.
///
/// # Errors
/// When a call is unknown, or its DynamoDB units are.
pub fn usage(bill: &Bill, means: &BTreeMap<String, Mean>, prices: &Prices) -> Result<Usage> {
    for ((function, operation), tally) in &bill.calls {
        if !KNOWN.contains(&operation.as_str()) {
            bail!("{function} calls {operation}, which has no price: add it to tests/bench/src/cost/usage.rs");
        }
        ensure!(tally.unmetered == 0, "{function}: the units of {operation} are not known");
    }
    let units = bill.units();
    let attached = bill.attached as f64 * prices.assumed("base64_factor")?;
    let through = |function: &str| means.get(function).map_or(0.0, |mean| mean.invocations);
    let at_the_door = through("payment-webhook");
    let mut usage = Usage::from([
        ("ses_mail", bill.mails as f64),
        ("ses_attachment_gb", attached / GIGABYTE),
        ("dynamodb_write", units.writes as f64),
        ("dynamodb_read", units.half_reads as f64 / 2.0),
        ("s3_put", (bill.calls_of("PutObject") + bill.calls_of("ListObjectsV2")) as f64),
        ("s3_get", (bill.calls_of("GetObject") + bill.calls_of("HeadObject")) as f64),
        ("http_api_request", at_the_door),
        ("lambda_request", means.values().map(|mean| mean.invocations).sum()),
        ("lambda_gb_second", means.values().map(Mean::gigabyte_seconds).sum()),
        ("logs_gb", logged(means, at_the_door, prices)? / GIGABYTE),
        ("kms_request", bill.calls_of("GetParameters") as f64 * prices.assumed("secrets")?),
        ("service_event", through("mail-events")),
        ("data_out_gb", (attached + at_the_door * prices.assumed("data_out_bytes")?) / GIGABYTE),
    ]);
    usage.retain(|_, quantity| *quantity > 0.0);
    Ok(usage)
}

/// Bytes ingested by CloudWatch: the functions' output, Lambda's own lines, and an access log line.
fn logged(means: &BTreeMap<String, Mean>, at_the_door: f64, prices: &Prices) -> Result<f64> {
    let beside = prices.assumed("log_line_bytes")?;
    let event = |bytes: &str, lines: &str| anyhow::Ok(prices.assumed(bytes)? + prices.assumed(lines)? * beside);
    let platform = event("platform_log_bytes", "platform_log_lines")?;
    let start = event("start_log_bytes", "start_log_lines")?;
    let of = |mean: &Mean| mean.log_bytes + mean.log_lines * beside + mean.invocations * platform + mean.starts * start;
    let access = at_the_door * (prices.assumed("access_log_bytes")? + beside);
    Ok(means.values().map(of).sum::<f64>() + access)
}

/// The storage that one sale needs, by price, for one month.
///
/// # Errors
/// When an assumption is missing.
pub fn kept(bill: &Bill, usage: &Usage, prices: &Prices) -> Result<Usage> {
    let beside = prices.assumed("item_overhead_bytes")?;
    // There is one counter, whatever the number of sales.
    let items = bill.items();
    let items = items.iter().filter(|(kind, _)| **kind != "COUNTER").map(|(_, bytes)| *bytes as f64 + beside);
    let tables = items.sum::<f64>() / GIGABYTE;
    Ok(Usage::from([
        ("dynamodb_gb_month", tables),
        ("dynamodb_pitr_gb_month", tables),
        ("s3_gb_month", bill.attached as f64 / GIGABYTE),
        ("logs_gb_month", usage.get("logs_gb").copied().unwrap_or_default()),
    ]))
}

/// Adds one usage to another, this many times.
pub fn add(sum: &mut Usage, usage: &Usage, times: f64) {
    for (id, quantity) in usage {
        *sum.entry(id).or_default() += quantity * times;
    }
}

/// USD for a usage, without the free tier.
///
/// # Errors
/// When a price is missing.
pub fn usd(usage: &Usage, prices: &Prices) -> Result<f64> {
    usage.iter().map(|(id, quantity)| Ok(prices.price(id)?.of(*quantity))).sum()
}

/// USD for a usage within a month, with the whole free tier available to it.
///
/// # Errors
/// As [`usd`].
pub fn usd_beyond_free(usage: &Usage, prices: &Prices) -> Result<f64> {
    usage.iter().map(|(id, quantity)| Ok(prices.price(id)?.beyond_free(*quantity))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::bill::Tally;
    use comptoir_local::wire::units::Units;

    fn bill(operation: &str, tally: Tally) -> Bill {
        Bill { calls: BTreeMap::from([(("f".to_owned(), operation.to_owned()), tally)]), ..Bill::default() }
    }

    #[test]
    fn what_has_no_price_is_an_error_and_never_free() {
        let prices = Prices::read().unwrap();
        let once = Tally { calls: 1, ..Tally::default() };
        let error = usage(&bill("PublishBatch", once.clone()), &BTreeMap::new(), &prices).unwrap_err().to_string();
        assert!(error.contains("f calls PublishBatch"), "{error}");
        let blind = Tally { unmetered: 1, ..once };
        assert!(usage(&bill("GetItem", blind), &BTreeMap::new(), &prices).is_err());
    }

    #[test]
    fn units_and_logs_become_quantities_and_money() {
        let prices = Prices::read().unwrap();
        let tally = Tally { calls: 2, units: Units { writes: 35, half_reads: 3 }, ..Tally::default() };
        let mean = Mean {
            memory: 1024,
            invocations: 1.0,
            starts: 1.0,
            working: 2.0,
            cpu: Some(0.0),
            log_bytes: 500.0,
            log_lines: 2.0,
            ..Mean::default()
        };
        let used =
            usage(&bill("TransactWriteItems", tally), &BTreeMap::from([("f".to_owned(), mean)]), &prices).unwrap();
        assert_eq!((used["dynamodb_write"], used["dynamodb_read"], used["lambda_gb_second"]), (35.0, 1.5, 2.0));
        assert!(!used.contains_key("ses_mail"));
        let bytes = 500.0 + 2.0 * 26.0 + 480.0 + 2.0 * 26.0 + 580.0 + 2.0 * 26.0;
        assert!((used["logs_gb"] * GIGABYTE - bytes).abs() < 1e-6);
        let writes = Usage::from([("dynamodb_write", 1_000_000.0), ("lambda_request", 1_500_000.0)]);
        assert!((usd(&writes, &prices).unwrap() - (0.625 + 0.30)).abs() < 1e-9);
        assert!((usd_beyond_free(&writes, &prices).unwrap() - (0.625 + 0.10)).abs() < 1e-9);
        assert!(usd(&Usage::from([("nothing", 1.0)]), &prices).is_err());
    }
}
