//! Every kind of document, rendered and held against the published rules of electronic invoicing by a judge from outside:
//! the schemas and Schematron rules of Factur-X, EN 16931 and the French reform.
//!
//! `EINVOICE_CHECK` holds the judge's command: it takes PDF files, prints a line per broken rule and fails if one is fatal;
//! `--no-br-fr` leaves the French rules out. Without it the test says that it was skipped.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail loudly and say what it skips")]

use std::{fs, path::Path, path::PathBuf, process::Command};

use comptoir::{
    einvoice,
    invoice::{Invoice, InvoiceNumber, draft::draft, print},
    testing::matrix::{Case, matrix},
};
use invoice_renderer::render::{Renderer, Templates};
use jiff::civil::{Date, date};

const DAY: Date = date(2026, 11, 21);

#[test]
fn the_published_rules_accept_every_kind_of_document() {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the test names the judge")]
    let Ok(judge) = std::env::var("EINVOICE_CHECK") else {
        eprintln!("SKIPPED: set EINVOICE_CHECK to the command of a judge");
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("judged");
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    let invoices: Vec<(String, Invoice)> = (1..).zip(&matrix()).map(|(n, case)| issued(n, case)).collect();
    assert!(invoices.len() >= 40);
    let (oss, french): (Vec<_>, Vec<_>) = invoices.iter().partition(|(_, invoice)| invoice.draft.oss);
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

fn issued(number: usize, case: &Case) -> (String, Invoice) {
    let draft = draft(&case.sale, &case.seller, DAY).unwrap();
    let number = InvoiceNumber(format!("2026-11-{number:04}"));
    (case.name.to_owned(), Invoice { number, issued_on: DAY, draft })
}

fn printed(folder: &Path, name: &str, invoice: &Invoice) -> PathBuf {
    let look = comptoir::seller::Look { logo: None, accent: "#1f3a5f".to_owned() };
    let renderer = Renderer::new(Templates::embedded(), &look).unwrap();
    let twin = einvoice::factur_x(invoice).unwrap();
    let pdf = renderer.render(&print::page(invoice, &look), &twin).unwrap();
    let file = folder.join(format!("{} {}.pdf", invoice.number, name.replace(['/', ','], "")));
    fs::write(&file, pdf).unwrap();
    file
}
