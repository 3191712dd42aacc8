//! Renders repeatedly in one process, so that only rendering is measured: an invoice of five lines, from its snapshot
//! to the bytes of the PDF/A-3b with its electronic twin. Customer and amounts differ each time, as in production: the
//! engine caches layouts. `cargo peers` compares it with other renderers.

use std::{
    fs,
    process::ExitCode,
    time::{Duration, Instant},
};

use comptoir::{
    billing::draft::draft,
    einvoice,
    invoice::{Invoice, print},
    numbering::InvoiceNumber,
    sale::{Sale, SaleLine},
    seller::Seller,
    testing::{STANDARD_TOML, sale, words},
};
use invoice_renderer::render::{Renderer, Templates};
use jiff::civil::date;
use nix::time::{ClockId, clock_gettime};

const USAGE: &str = "press page PAGE.json | press once PAGE.json OUT.pdf | press loop N PAGE.json OUT.pdf
The page is written for others to render; this one renders from invoices like it.";

const GOODS: [&str; 5] = [
    "Formation en ligne « Aquarelle botanique »",
    "Cahier d’exercices illustré",
    "Atelier en direct, une heure",
    "Palette de douze couleurs",
    "Accès à la bibliothèque de modèles, un an",
];

pub fn main(arguments: &[String]) -> ExitCode {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match *arguments.as_slice() {
        ["page", page] => write_page(page),
        ["once", _, out] => render(1, 0, out).map(drop),
        ["loop", n, _, out] => match n.parse() {
            Ok(n) => render(n, n / 10, out).map(|(wall, cpu)| {
                println!("{{\"n\":{n},\"wall_ns\":{},\"cpu_ns\":{}}}", wall.as_nanos(), cpu.as_nanos());
            }),
            Err(_) => Err(format!("{n} is no number of times")),
        },
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

/// The invoice with this number in its month.
fn invoice(seller: &Seller, number: u32) -> Result<Invoice, String> {
    let line = |(description, n): (&&str, i64)| SaleLine {
        description: (*description).to_owned(),
        quantity: 1.into(),
        total: 1200 * n + i64::from(number),
        ..SaleLine::default()
    };
    let lines: Vec<SaleLine> = GOODS.iter().zip(1..).map(line).collect();
    let mut sale = Sale { total: lines.iter().map(|line| line.total).sum(), lines, ..sale() };
    sale.customer.name = Some(format!("Camille Durand {number}"));
    sale.customer.email = Some(format!("camille.durand.{number}@example.com"));
    let day = date(2026, 11, 21);
    let draft = draft(&sale, seller, day).map_err(|unfit| format!("{unfit:?}"))?;
    Ok(Invoice::new(InvoiceNumber(format!("2026-11-{number:04}")), day, draft))
}

fn seller() -> Result<Seller, String> {
    Seller::from_toml(STANDARD_TOML).map_err(|problems| problems.to_string())
}

fn write_page(file: &str) -> Result<(), String> {
    let seller = seller()?;
    let page = print::page(&invoice(&seller, 42)?, &seller.look, &words());
    let text = serde_json::to_string_pretty(&page).map_err(|error| error.to_string())?;
    fs::write(file, text).map_err(|error| format!("{file}: {error}"))
}

/// Renders after this many warm-up runs; returns the total time and CPU.
fn render(n: u32, warm: u32, out: &str) -> Result<(Duration, Duration), String> {
    let seller = seller()?;
    let invoices: Vec<Invoice> = (1..=warm + n).map(|number| invoice(&seller, number)).collect::<Result<_, _>>()?;
    let (warming, measured) = invoices.split_at_checked(warm as usize).unwrap_or_default();
    let words = words();
    let renderer = Renderer::new(Templates::embedded()).map_err(|error| error.to_string())?;
    let once = |invoice: &Invoice| -> Result<_, String> {
        let twin = einvoice::factur_x(invoice).map_err(|error| error.to_string())?;
        renderer.render(&print::page(invoice, &seller.look, &words), &twin).map_err(|error| error.to_string())
    };
    for invoice in warming {
        once(invoice)?;
    }
    let (begun, cpu) = (Instant::now(), cpu()?);
    let mut last = None;
    for invoice in measured {
        last = Some(once(invoice)?);
    }
    let took = (begun.elapsed(), self::cpu()?.saturating_sub(cpu));
    let pdf = last.ok_or("nothing was rendered")?;
    fs::write(out, pdf).map_err(|error| format!("{out}: {error}"))?;
    Ok(took)
}

/// The CPU time of this process.
fn cpu() -> Result<Duration, String> {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).map_err(|error| error.to_string())
}
