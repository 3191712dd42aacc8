//! `cargo ledger`: writes the accountant's files for one month of the running bundle.
//!
//! The domain crate decides their content; this module fetches the data, writes the files and prints a summary.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use comptoir::{
    accounting::{
        Ledger, Month, ledger,
        totals::{Total, totals},
    },
    invoice::Invoice,
};
use serde_json::Value;

use crate::{client::BundleClient, lock::cannot_write, paths, private, settings};

/// Which month, and where to.
#[derive(Clone, Debug, clap::Args)]
pub struct Wish {
    /// The month, such as 2026-11
    #[arg(long)]
    month: Month,
    /// Where the files go; target/ledger/<month> if not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Writes the month's files and prints a summary. Files of an earlier run are replaced; the archive is authoritative.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(wish: &Wish, client: &BundleClient) -> anyhow::Result<()> {
    // First, because it has the better error message when no bundle is running.
    client.parked().await?;
    let seller = settings::seller(client).await?;
    let (_, items) = client.table("BillingTable").await?;
    let invoices = issued_in(wish.month, items)?;
    let sums = totals(&invoices);
    let ledger = ledger(wish.month, invoices, &seller)?;
    let folder = wish.out.clone().unwrap_or_else(|| paths::ledger(&wish.month.to_string()));
    private::folder(&folder).with_context(|| cannot_write(&folder))?;
    summary(wish.month, &ledger, &sums).iter().for_each(crate::print);
    for file in &ledger.files {
        let name = file.key.rsplit('/').next().unwrap_or_default();
        let path = folder.join(name);
        fs::write(&path, &file.bytes).with_context(|| cannot_write(&path))?;
        crate::print(format!("  {}", path.display()));
    }
    Ok(())
}

/// The invoices and credit notes of a month among the items of the Billing table.
fn issued_in(month: Month, items: Vec<Value>) -> anyhow::Result<Vec<Invoice>> {
    let mut invoices = Vec::new();
    for mut item in items.into_iter().filter(|item| item.get("kind").and_then(Value::as_str) == Some("INVOICE")) {
        let data = item.get_mut("data").map(Value::take).unwrap_or_default();
        let invoice: Invoice = serde_json::from_value(data).with_context(|| {
            let key = item.get("pk").and_then(Value::as_str).unwrap_or_default();
            format!("{key} in the Billing table cannot be read; it was written by another version of the functions")
        })?;
        if month.contains(invoice.issued_on) {
            invoices.push(invoice);
        }
    }
    Ok(invoices)
}

fn summary(month: Month, ledger: &Ledger, sums: &[Total]) -> Vec<String> {
    let documents = match ledger.documents {
        0 => return vec![format!("{month}: nothing was invoiced")],
        1 => "1 document".to_owned(),
        more => format!("{more} documents"),
    };
    let mut lines = vec![format!("{month}: {documents}")];
    lines.push(format!("  {:4} {:>4} {:>7} {:>14} {:>14} {:>14}", "", "VAT", "rate", "before tax", "tax", "with tax"));
    lines.extend(sums.iter().map(|sum| {
        let rate = format!("{} %", sum.rate);
        let (base, tax, gross) = (sum.base.to_string(), sum.tax.to_string(), (sum.base + sum.tax).to_string());
        let (currency, category) = (sum.currency.code(), sum.category.code());
        let country = sum.foreign.map(|tax| format!("  {}", tax.label())).unwrap_or_default();
        format!("  {currency:4} {category:>4} {rate:>7} {base:>14} {tax:>14} {gross:>14}{country}")
    }));
    if ledger.unconverted.count > 0 {
        let numbers: Vec<String> = ledger.unconverted.numbers.iter().map(ToString::to_string).collect();
        let more = ledger.unconverted.count.saturating_sub(numbers.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let numbers = format!("{}{more}", numbers.join(", "));
        lines
            .push(format!("Not in the journal, because no rate to euros stands on them; book them by hand: {numbers}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use comptoir::{
        accounting::Unconverted, money::Currency, numbering::InvoiceNumber, seller::Seller, vat::VatCategory,
    };

    #[test]
    fn the_totals_are_a_table_and_what_is_missing_is_named() {
        let month: Month = "2026-11".parse().unwrap();
        let toml = fs::read_to_string(paths::seller()).unwrap();
        let mut ledger = ledger(month, Vec::new(), &Seller::from_toml(&toml).unwrap()).unwrap();
        assert_eq!(summary(month, &ledger, &[]), ["2026-11: nothing was invoiced"]);
        ledger.documents = 2;
        ledger.unconverted = Unconverted { numbers: vec![InvoiceNumber("2026-11-0002".into())], count: 1 };
        let total = Total {
            currency: Currency::EUR,
            category: VatCategory::S,
            rate: 20.into(),
            foreign: None,
            base: "40.83".parse().unwrap(),
            tax: "8.17".parse().unwrap(),
        };
        assert_eq!(
            summary(month, &ledger, &[total]),
            [
                "2026-11: 2 documents",
                "        VAT    rate     before tax            tax       with tax",
                "  EUR     S    20 %          40.83           8.17          49.00",
                "Not in the journal, because no rate to euros stands on them; book them by hand: 2026-11-0002",
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let month: Month = "2026-11".parse().unwrap();
        let payment = serde_json::json!({"pk": "PAYMENT#cs_1", "kind": "PAYMENT", "data": {}});
        assert_eq!(issued_in(month, vec![payment]).unwrap(), []);
        let broken = serde_json::json!({"pk": "INVOICE#2026-11-0001", "kind": "INVOICE", "data": {}});
        assert!(issued_in(month, vec![broken]).unwrap_err().to_string().starts_with("INVOICE#2026-11-0001"));
    }
}
