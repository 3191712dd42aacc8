//! How long an invoice takes from its snapshot to its bytes, warm: the page, its electronic twin, and the PDF/A-3b that
//! holds both. `cargo bench --bench render`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may fail loudly")]

use comptoir::{
    billing::draft::draft,
    einvoice,
    invoice::{Invoice, print},
    numbering::InvoiceNumber,
    sale::{Sale, SaleLine},
    seller::{Look, Seller},
    testing::{STANDARD_TOML, sale, words},
};
use divan::{Bencher, counter::ItemsCount};
use invoice_renderer::render::{Renderer, Templates};
use jiff::civil::date;
use mimalloc::MiMalloc;

/// The function's own.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    divan::main();
}

fn invoice(lines: i64) -> Invoice {
    let seller = Seller::from_toml(STANDARD_TOML).unwrap();
    let line =
        |n| SaleLine {
            description: format!("Séance {n}"), quantity: 1.into(), total: 1000 * n, ..SaleLine::default()
        };
    let lines: Vec<SaleLine> = (1..=lines).map(line).collect();
    let sale = Sale { total: lines.iter().map(|line| line.total).sum(), lines, ..sale() };
    let day = date(2026, 11, 21);
    let draft = draft(&sale, &seller, day).unwrap();
    Invoice::new(InvoiceNumber("2026-11-0042".into()), day, draft)
}

fn look() -> Look {
    Look { logo: None, accent: "#1f3a5f".into() }
}

#[divan::bench(args = [1, 5, 60, 500], sample_count = 50)]
fn render(bencher: Bencher<'_, '_>, lines: i64) {
    let invoice = invoice(lines);
    let renderer = Renderer::new(Templates::embedded()).unwrap();
    let words = words();
    let once =
        || renderer.render(&print::page(&invoice, &look(), &words), &einvoice::factur_x(&invoice).unwrap()).unwrap();
    once();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(once);
}

#[divan::bench(args = [5, 500])]
fn twin(bencher: Bencher<'_, '_>, lines: i64) {
    let invoice = invoice(lines);
    bencher.bench_local(|| einvoice::factur_x(&invoice).unwrap());
}

#[divan::bench(args = [5, 500])]
fn check(bencher: Bencher<'_, '_>, lines: i64) {
    let invoice = invoice(lines);
    bencher.bench_local(|| einvoice::check(&invoice.draft, invoice.issued_on).unwrap());
}
