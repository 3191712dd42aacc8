//! Concurrent allocation of numbers in one series: what claiming them in groups gains, and that it leaves no gap.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::{Timestamp, civil::Date};
use tokio::task::JoinSet;

use super::{FRANCHISE_TOML, sale};
use crate::{
    app::AppMessage,
    archive::Document,
    billing::{
        draft::draft,
        identity::Identity,
        ledger::{AllocationResult, Counter, Entry, Ledger, NumberClaim},
    },
    invoice::{DocumentSource, Draft, Invoice},
    mail::Mail,
    memory::InMemoryStore,
    numbering::{InvoiceNumber, Series},
    outcome::{Reason, ServiceError},
    payment::{PaymentLog, Recorded},
    refund::{Refund, RefundKey},
    sale::{Sale, SaleKey},
    seller::Seller,
};

/// Concurrent writers.
pub const WRITERS: usize = 64;
/// Added latency of a call.
pub const NETWORK: Duration = Duration::from_millis(10);

/// A store with latency.
#[derive(Debug, Default)]
pub struct Distant(InMemoryStore);

impl Distant {
    /// A store with latency that has recorded these sales.
    ///
    /// # Errors
    /// When a sale cannot be recorded.
    pub async fn of(groups: &[Vec<Sale>]) -> Result<Arc<Self>, ServiceError> {
        let books = Self::default();
        for sale in groups.iter().flatten() {
            books.0.record(sale, Timestamp::UNIX_EPOCH).await?;
        }
        Ok(Arc::new(books))
    }
}

impl Ledger for Distant {
    async fn identity(&self) -> Result<Option<Identity>, ServiceError> {
        self.0.identity().await
    }

    async fn begin(&self, identity: &Identity) -> Result<Identity, ServiceError> {
        self.0.begin(identity).await
    }

    async fn counter(&self, series: &Series) -> Result<Counter, ServiceError> {
        tokio::time::sleep(NETWORK).await;
        self.0.counter(series).await
    }

    async fn claim(&self, claim: &NumberClaim) -> Result<AllocationResult, ServiceError> {
        tokio::time::sleep(NETWORK).await;
        Ledger::claim(&self.0, claim).await
    }

    async fn sale(&self, sale: &SaleKey) -> Result<Option<Sale>, ServiceError> {
        self.0.sale(sale).await
    }

    async fn refund(&self, refund: &RefundKey) -> Result<Option<Refund>, ServiceError> {
        Ledger::refund(&self.0, refund).await
    }

    async fn document_of(&self, basis: &DocumentSource) -> Result<Option<Entry>, ServiceError> {
        self.0.document_of(basis).await
    }

    async fn document(&self, number: &InvoiceNumber) -> Result<Option<Entry>, ServiceError> {
        self.0.document(number).await
    }

    async fn finish(
        &self,
        number: &InvoiceNumber,
        document: &Document,
        mail: &Mail,
        tells: Option<&AppMessage>,
    ) -> Result<(), ServiceError> {
        self.0.finish(number, document, mail, tells).await
    }

    async fn park(&self, basis: &DocumentSource, reason: &Reason, now: Timestamp) -> Result<Recorded, ServiceError> {
        Ledger::park(&self.0, basis, reason, now).await
    }
}

/// Sales by group.
pub fn groups(name: &str, count: usize, size: usize) -> Vec<Vec<Sale>> {
    let sold = |group: usize, n: usize| Sale {
        key: SaleKey(format!("cs_{name}-{group}-{n}")),
        event: format!("evt_{name}-{group}-{n}"),
        payment_intent: None,
        ..sale()
    };
    (0..count).map(|group| (0..size).map(|n| sold(group, n)).collect()).collect()
}

/// Claims the next numbers of `series` for these drafts, with as many retries as needed.
async fn claim_all(ledger: &impl Ledger, series: &Series, drafts: &[Draft], day: Date) -> Result<(), String> {
    loop {
        // Under contention the store may take longer than a call waits for an answer.
        let Ok(counter) = ledger.counter(series).await else { continue };
        let invoices = drafts
            .iter()
            .zip(counter.last + 1..)
            .map(|(draft, n)| Invoice::new(InvoiceNumber(format!("{series}-{n:04}")), day, draft.clone()));
        let claim = NumberClaim { series: series.clone(), counter, invoices: invoices.collect(), crediting: None };
        match ledger.claim(&claim).await {
            Ok(AllocationResult::All) => return Ok(()),
            Ok(AllocationResult::Moved) | Err(_) => {}
            // All or none: they are ours, from a claim whose answer was lost.
            Ok(AllocationResult::Taken(taken)) => {
                return match taken.len() == drafts.len() {
                    true => Ok(()),
                    false => Err(format!("{taken:?} are claimed by nobody else")),
                };
            }
        }
    }
}

/// Writers claim a number for each sale of `groups`, a group at a time; returns numbers per second.
///
/// # Errors
/// When there is a gap, a duplicate number, or a sale without one.
#[expect(clippy::float_arithmetic, reason = "a rate is no money")]
pub async fn claimed_per_second<L: Ledger + 'static>(
    ledger: &Arc<L>,
    name: &str,
    groups: &[Vec<Sale>],
) -> Result<f64, String> {
    let seller = Seller::from_toml(FRANCHISE_TOML).map_err(|error| error.to_string())?;
    let day = Date::constant(2026, 11, 21);
    let drafted = |group: &Vec<Sale>| -> Result<Vec<Draft>, String> {
        group.iter().map(|sale| draft(sale, &seller, day).map_err(|unfit| format!("{unfit:?}"))).collect()
    };
    let queue = Arc::new(Mutex::new(groups.iter().map(drafted).collect::<Result<Vec<_>, _>>()?));
    let series = Series(name.to_owned());
    let begun = Instant::now();
    let mut writers: JoinSet<Result<(), String>> = JoinSet::new();
    for _ in 0..WRITERS {
        let (queue, ledger, series) = (queue.clone(), ledger.clone(), series.clone());
        writers.spawn(async move {
            loop {
                let Some(group) = queue.lock().unwrap_or_else(PoisonError::into_inner).pop() else { return Ok(()) };
                claim_all(&*ledger, &series, &group, day).await?;
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written.map_err(|error| error.to_string())??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let sales: Vec<&Sale> = groups.iter().flatten().collect();
    let mut numbers = Vec::new();
    for sale in &sales {
        let entry = ledger.document_of(&DocumentSource::Sale(sale.key.clone())).await.map_err(text)?;
        numbers.extend(entry.map(|entry| entry.invoice.number.0));
    }
    numbers.sort();
    let expected: Vec<String> = (1..=sales.len()).map(|n| format!("{name}-{n:04}")).collect();
    let last = ledger.counter(&series).await.map_err(text)?.last;
    if numbers != expected || usize::try_from(last) != Ok(sales.len()) {
        return Err(format!("{} numbers for {} sales, the last {last}", numbers.len(), sales.len()));
    }
    let count = u32::try_from(sales.len()).map_err(|error| error.to_string())?;
    Ok(f64::from(count) / seconds)
}

fn text(error: ServiceError) -> String {
    error.to_string()
}
