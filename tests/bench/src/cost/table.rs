//! The report in human-readable form.

use std::fmt::Write;

use anyhow::Result;

use super::report::{Entry, Report};

/// The report in words and columns.
///
/// # Errors
/// Never; `fmt::Write` is fallible by its type.
pub fn text(report: &Report) -> Result<String> {
    let mut out = String::new();
    writeln!(
        out,
        "What a sale costs, from Stripe's event to the delivered mail: three lines, a PDF of {:.1} KB.\n\
         List prices of us-east-1 as of {}; {}.\n\
         alone: every function has to start; in a row: they run already.\n",
        report.document_bytes as f64 / 1024.0,
        report.prices_dated,
        report.measured
    )?;
    writeln!(out, "{:<56}{:>12}{:>12}{:>12}{:>12}", "", "a sale", "in a row", "1,000, USD", "in a row")?;
    for line in &report.lines {
        let what = format!("{:<14}{}", line.service, line.what);
        let (one, two) = (amount(line.alone), amount(line.in_a_row));
        writeln!(out, "{what:<56}{one:>12}{two:>12}{:>12.4}{:>12.4}", line.usd_alone, line.usd_in_a_row)?;
    }
    writeln!(out, "{:<80}{:>12.4}{:>12.4}", "total", report.thousand_alone, report.thousand_in_a_row)?;
    let mut dearest: Vec<&Entry> = report.lines.iter().collect();
    dearest.sort_by(|a, b| b.usd_alone.total_cmp(&a.usd_alone));
    let part = |entry: &&Entry| {
        format!("{} {} {:.0} %", entry.service, entry.what, 100.0 * entry.usd_alone / report.thousand_alone)
    };
    let parts: Vec<String> = dearest.iter().take(4).map(part).collect();
    writeln!(out, "most of it: {}", parts.join("; "))?;
    writeln!(out, "\nBeside that, USD:")?;
    let beside = [
        ("the same 1,000 in one month, beyond what an account always has free", report.thousand_beyond_free),
        ("1,000 credit notes in a row", report.thousand_credit_notes),
        ("keeping what 1,000 sales leave: tables, backup, archive, logs; a month", report.thousand_kept_month),
        ("keeping their PDFs for ten years, in all", report.thousand_archived),
    ];
    for (what, usd) in beside {
        writeln!(out, "  {what:<78}{usd:>12.4}")?;
    }
    let metrics = format!("{} custom metrics, a month with a sale in every hour (ten are free)", report.metrics.len());
    writeln!(out, "  {metrics:<78}{:>12.4}", report.metrics_month)?;
    writeln!(out, "\nWhat each function takes for a sale, seconds and GB-seconds at its share of a core:")?;
    for one in &report.functions {
        let cpu = one.cpu_seconds.map_or_else(|| "?".to_owned(), |cpu| format!("{cpu:.3}"));
        writeln!(
            out,
            "  {:<28}{:>5} MB  x{:<3.0} {:>7.3} s ({cpu} s processor) {:>8.4} GB-s; alone {:>7.3} s {:>8.4} GB-s",
            one.function,
            one.memory,
            one.invocations,
            one.seconds,
            one.gigabyte_seconds,
            one.seconds_alone,
            one.gigabyte_seconds_alone
        )?;
    }
    writeln!(out, "\nWhile nothing is sold, USD a month:")?;
    for idle in &report.idle {
        let of: Vec<String> = idle.of.iter().map(|(what, usd)| format!("{what} {usd:.4}")).collect();
        writeln!(
            out,
            "  {:<5} {:.4} at list prices ({}); {:.4} where the account's free units are its own",
            idle.stage,
            idle.list,
            of.join(", "),
            idle.beyond_free
        )?;
    }
    writeln!(out, "\nBeside others, USD for 1,000 invoices in a month, and what is aimed at:")?;
    for row in &report.rows {
        match (row.peer, &row.peer_name, row.goal) {
            (Some(peer), Some(name), _) => writeln!(
                out,
                "  {name:<58}{peer:>10.2}  {:>7.0}x  {}",
                row.ratio.unwrap_or_default(),
                row.source.as_deref().unwrap_or_default()
            )?,
            (_, _, Some(goal)) => writeln!(
                out,
                "  {:<58}{:>10.4}  aim {goal:.2}: {}",
                row.name,
                row.ours,
                if row.met == Some(true) { "met" } else { "missed" }
            )?,
            _ => {}
        }
    }
    write!(out, "\nNot verified: {}.", report.not_verified.join(", "))?;
    Ok(out)
}

/// A quantity with as many digits as it needs.
fn amount(quantity: f64) -> String {
    match quantity {
        0.0 => "-".to_owned(),
        whole if whole.fract() == 0.0 => format!("{whole:.0}"),
        small if small < 0.001 => format!("{small:.2e}"),
        other => format!("{other:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_the_digits_they_need() {
        for (quantity, text) in [(0.0, "-"), (33.0, "33"), (0.25, "0.2500"), (0.000_043, "4.30e-5")] {
            assert_eq!(amount(quantity), text);
        }
    }
}
