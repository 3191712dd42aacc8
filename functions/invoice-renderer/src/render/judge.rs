//! Validates every kind of rendered document with an external validator against the published rules of electronic
//! invoicing: the schemas and Schematron rules of Factur-X, EN 16931 and the French reform.
//!
//! `EINVOICE_CHECK` holds the validator's command: it takes PDF files, prints a line per broken rule and fails if one
//! is fatal; `--no-br-fr` skips the French rules. Without it the test is skipped, and fails if `REQUIRE_TOOLS` is 1.
#![allow(clippy::print_stderr, reason = "a test may fail loudly and say what it skips")]

use std::{fs, path::Path, path::PathBuf, process::Command};

use comptoir::{
    billing::{credit::credit, draft::draft, ledger::Credited},
    einvoice,
    invoice::{Invoice, print},
    numbering::InvoiceNumber,
    refund::{Refund, RefundKey},
    testing::{
        self,
        matrix::{Case, matrix},
        tools,
    },
};
use jiff::civil::{Date, date};

use super::tests::{look, renderer};

const DAY: Date = date(2026, 11, 21);

#[test]
fn the_published_rules_accept_every_kind_of_document() {
    let Some(judge) = tools::named("EINVOICE_CHECK") else {
        return tools::skipped("set EINVOICE_CHECK to the command of a judge");
    };
    let folder = Path::new(env!("OUT_DIR")).join("judged");
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    let invoices: Vec<(String, Invoice)> = (1..).zip(&matrix()).map(|(n, case)| issued(n, case)).collect();
    assert!(invoices.len() >= 40);
    // Every second sale is refunded in part, every tenth in full.
    let credits: Vec<(String, Invoice)> = (1..)
        .zip(matrix().iter().zip(&invoices))
        .step_by(2)
        .map(|(n, (case, (_, invoice)))| taken_back(n, case, invoice, if n % 10 == 1 { 1 } else { 3 }))
        .collect();
    let documents = invoices.iter().chain(&credits);
    let (oss, french): (Vec<_>, Vec<_>) = documents.partition(|(_, invoice)| invoice.draft.oss);
    for (group, flags) in [(french, &[][..]), (oss, &["--no-br-fr"][..])] {
        let files: Vec<PathBuf> = group.iter().map(|(name, invoice)| printed(&folder, name, invoice)).collect();
        let mut words = judge.split_whitespace();
        let output = Command::new(words.next().unwrap()).args(words).args(flags).args(&files).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains(&format!("{} files checked, 0 fatal", files.len())), "{said}");
        eprintln!("{}", said.trim());
    }
}

pub(super) fn issued(number: usize, case: &Case) -> (String, Invoice) {
    let draft = draft(&case.sale, &case.seller, DAY).unwrap();
    let number = InvoiceNumber(format!("2026-11-{number:04}"));
    (case.name.to_owned(), Invoice::new(number, DAY, draft))
}

pub(super) fn taken_back(number: usize, case: &Case, invoice: &Invoice, share: i64) -> (String, Invoice) {
    // Stripe counts some currencies more finely than an invoice.
    let currency = invoice.draft.currency;
    let unit = 10_i64.pow(currency.stripe_exponent().saturating_sub(currency.exponent()));
    let exact = |amount: i64| amount - amount % unit;
    let refund = Refund {
        key: RefundKey(format!("re_{number}")),
        event: "evt_1".to_owned(),
        sale: case.sale.key.clone(),
        refunded_at: case.sale.paid_at,
        currency: case.sale.currency.clone(),
        amount: exact((case.sale.total / share).max(unit)),
        lines: Vec::new(),
    };
    let draft = credit(&refund, invoice, &Credited::default(), &case.seller, DAY).unwrap().draft;
    let number = InvoiceNumber(format!("A2026-11-{number:04}"));
    (format!("{} back", case.name), Invoice::new(number, DAY, draft))
}

/// The PDF of a document, and the XML in it.
pub(super) fn rendered(invoice: &Invoice) -> (Vec<u8>, String) {
    let xml = einvoice::factur_x(invoice).unwrap();
    let pdf = renderer().render(&print::page(invoice, &look(), &testing::words()), &xml).unwrap();
    (pdf, xml)
}

fn printed(folder: &Path, name: &str, invoice: &Invoice) -> PathBuf {
    let (pdf, _) = rendered(invoice);
    let file = folder.join(format!("{} {}.pdf", invoice.number, name.replace(['/', ','], "")));
    fs::write(&file, pdf).unwrap();
    file
}
