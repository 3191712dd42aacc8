//! Sixty-four writers and one series, over a network of ten milliseconds: no gap, no duplicate, and what claiming numbers
//! in groups is worth.
//!
//! Twice: over a store that takes no time of its own, which tells what the way of claiming is worth, and over the tables of
//! the bundle, whose stand-in for AWS works hard for each item of a transaction. `cargo test --test contention --
//! --nocapture` prints both figures.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::float_arithmetic,
    reason = "a test may fail loudly, and its figure is worth reading"
)]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use comptoir::{
    archive::Document,
    invoice::{
        Basis, Draft, Invoice, InvoiceNumber,
        draft::draft,
        ledger::{Claim, Claimed, Counter, Entry, LARGEST_CLAIM, Ledger},
        number::Series,
    },
    mail::Mail,
    memory::Books,
    outcome::{Reason, Unavailable},
    payment::PaymentLog,
    sale::{Sale, SaleKey},
    seller::Seller,
    testing::{self, FRANCHISE_TOML},
};
use comptoir_tests::{Shop, stores::Stores};
use jiff::{Timestamp, civil::Date};
use tokio::task::JoinSet;

const WRITERS: usize = 64;
/// What a call takes longer.
const NETWORK: Duration = Duration::from_millis(10);

/// Books that are far away.
#[derive(Default)]
struct Distant(Books);

impl Ledger for Distant {
    async fn counter(&self, series: &Series) -> Result<Counter, Unavailable> {
        tokio::time::sleep(NETWORK).await;
        self.0.counter(series).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, Unavailable> {
        tokio::time::sleep(NETWORK).await;
        Ledger::claim(&self.0, claim).await
    }

    async fn sale(&self, sale: &SaleKey) -> Result<Option<Sale>, Unavailable> {
        self.0.sale(sale).await
    }

    async fn document_of(&self, basis: &Basis) -> Result<Option<Entry>, Unavailable> {
        self.0.document_of(basis).await
    }

    async fn finish(&self, number: &InvoiceNumber, document: &Document, mail: &Mail) -> Result<(), Unavailable> {
        self.0.finish(number, document, mail).await
    }

    async fn park(&self, basis: &Basis, reason: &Reason, now: Timestamp) -> Result<(), Unavailable> {
        Ledger::park(&self.0, basis, reason, now).await
    }
}

/// Sales by group.
fn groups(name: &str, count: usize, size: usize) -> Vec<Vec<Sale>> {
    let sold = |group: usize, n: usize| Sale {
        key: SaleKey(format!("cs_{name}-{group}-{n}")),
        event: format!("evt_{name}-{group}-{n}"),
        payment_intent: None,
        ..testing::sale()
    };
    (0..count).map(|group| (0..size).map(|n| sold(group, n)).collect()).collect()
}

async fn record<P: PaymentLog + Clone + 'static>(log: &P, groups: &[Vec<Sale>]) -> Result<()> {
    let mut recording = JoinSet::new();
    for group in groups {
        let (log, group) = (log.clone(), group.clone());
        recording.spawn(async move {
            for sale in &group {
                log.record(sale, Timestamp::UNIX_EPOCH).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(recorded) = recording.join_next().await {
        recorded??;
    }
    Ok(())
}

/// Claims the next numbers of `series` for these drafts, as often as it takes.
async fn claim_all(ledger: &impl Ledger, series: &Series, drafts: &[Draft], day: Date) -> Result<()> {
    loop {
        // A crowd may wait longer for its store than a call waits for an answer.
        let Ok(counter) = ledger.counter(series).await else { continue };
        let invoices = drafts.iter().zip(counter.last + 1..).map(|(draft, n)| Invoice {
            number: InvoiceNumber(format!("{series}-{n:04}")),
            issued_on: day,
            draft: draft.clone(),
        });
        let claim = Claim { series: series.clone(), counter, invoices: invoices.collect(), crediting: None };
        match ledger.claim(&claim).await {
            Ok(Claimed::All) => return Ok(()),
            Ok(Claimed::Moved) | Err(_) => {}
            // All or none: ours, by a claim whose answer was lost.
            Ok(Claimed::Taken(taken)) => {
                ensure!(taken.len() == drafts.len(), "{taken:?} are claimed by nobody else");
                return Ok(());
            }
        }
    }
}

/// Lets the writers claim a number for each sale of `groups`, a group at a time; answers numbers a second.
async fn rate<L: Ledger + 'static>(ledger: &Arc<L>, name: &str, groups: &[Vec<Sale>]) -> Result<f64> {
    let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
    let day: Date = "2026-11-21".parse()?;
    let drafted = |group: &Vec<Sale>| group.iter().map(|sale| draft(sale, &seller, day).unwrap()).collect();
    let queue: Arc<Mutex<Vec<Vec<Draft>>>> = Arc::new(Mutex::new(groups.iter().map(drafted).collect()));
    let series = Series(name.to_owned());
    let begun = Instant::now();
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (queue, ledger, series) = (queue.clone(), ledger.clone(), series.clone());
        writers.spawn(async move {
            loop {
                let Some(group) = queue.lock().unwrap().pop() else { return anyhow::Ok(()) };
                claim_all(&*ledger, &series, &group, day).await?;
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let sales: Vec<&Sale> = groups.iter().flatten().collect();
    let mut numbers = Vec::new();
    for sale in &sales {
        let entry = ledger.document_of(&Basis::Sale(sale.key.clone())).await?;
        numbers.extend(entry.map(|entry| entry.invoice.number.0));
    }
    numbers.sort();
    let expected: Vec<String> = (1..=sales.len()).map(|n| format!("{name}-{n:04}")).collect();
    ensure!(numbers == expected, "{} numbers without gap or repetition, not {}", sales.len(), numbers.len());
    ensure!(ledger.counter(&series).await?.last == sales.len() as u64);
    Ok(f64::from(u32::try_from(sales.len())?) / seconds)
}

fn tell(store: &str, single: f64, grouped: f64) -> f64 {
    let ratio = grouped / single;
    eprintln!(
        "{WRITERS} writers over {store}: {single:.0} numbers/s one by one, {grouped:.0}/s in groups of {LARGEST_CLAIM}: {ratio:.0}x"
    );
    ratio
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_milliseconds_away_groups_give_a_series_25_times_as_many_numbers() -> Result<()> {
    let (one, many) = (groups("ONE", 128, 1), groups("MANY", 64, LARGEST_CLAIM));
    let ledger = Arc::new(Distant::default());
    for sale in one.iter().chain(&many).flatten() {
        ledger.0.record(sale, Timestamp::UNIX_EPOCH).await?;
    }
    let single = rate(&ledger, "ONE", &one).await?;
    let grouped = rate(&ledger, "MANY", &many).await?;
    ensure!(tell("a store that takes no time", single, grouped) >= 25.0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_of_the_bundle_leave_no_gap_either() -> Result<()> {
    let shop = Shop::open_with("contention", |options| options.wire = true).await?;
    shop.bundle.pause_streams();
    let stores = Stores::of(&shop).await?;
    let (one, many) = (groups("ONE", 16, 1), groups("MANY", 8, LARGEST_CLAIM));
    record(&stores.payments, &one).await?;
    record(&stores.payments, &many).await?;
    shop.bundle.wire().unwrap().slow_down(NETWORK);
    let ledger = Arc::new(stores.ledger.clone());
    let single = rate(&ledger, "ONE", &one).await?;
    let grouped = rate(&ledger, "MANY", &many).await?;
    // Its ratio is the stand-in's business: a Python process that works for each item.
    tell("the bundle's tables", single, grouped);
    shop.bundle.stop().await;
    Ok(())
}
