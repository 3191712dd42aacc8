//! Guards the books against numbers that are given twice.
//!
//! A missing counter means "first of its series". It is missing in a new month, but also in a table that was replaced,
//! restored or emptied, which would give numbers a second time. So each process checks once whether table and archive
//! belong together, and once for each series whether the archive holds a later document than the counter knows. If not,
//! no number is given and the work waits; a person reads what to do in the reason.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use jiff::{Timestamp, civil::Date};

use super::{
    identity::{IDENTITY_KEY, Identity, OTHER_SELLER, other_seller},
    ledger::{Counter, Ledger},
};
use crate::{
    archive::{Archive, File},
    numbering::{Series, SeriesPattern},
    outcome::ServiceError,
};

const WHAT: &str = "the ledger";

/// What one process has checked so far. Once checked, it holds: a restored or replaced table has another name, and so
/// other processes.
#[derive(Debug)]
pub struct LedgerGuard {
    random: fn() -> String,
    checked: Mutex<Checked>,
}

#[derive(Debug, Default)]
struct Checked {
    identity: bool,
    series: BTreeSet<Series>,
}

impl LedgerGuard {
    /// Nothing is checked yet; `random` makes the id of new books.
    pub fn new(random: fn() -> String) -> Self {
        Self { random, checked: Mutex::default() }
    }

    /// Whether this process has checked the books and this series.
    pub(super) fn has_checked(&self, series: &Series) -> bool {
        self.read(|checked| checked.identity && checked.series.contains(series))
    }

    /// Checks that numbers of the series of `day` may be given to the seller with this SIREN.
    ///
    /// # Errors
    /// Held: table and archive do not belong together, or the table is older than the archive. Permanent: the books are
    /// another seller's.
    pub(super) async fn check<L: Ledger, A: Archive>(
        &self,
        ledger: &L,
        archive: &A,
        siren: &str,
        (pattern, day): (&SeriesPattern, Date),
        all: &[&SeriesPattern],
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let series = pattern.series(day);
        if !self.read(|checked| checked.identity) {
            self.identify(ledger, archive, siren, now).await.map_err(held)?;
            self.read(|checked| checked.identity = true);
        }
        if !self.has_checked(&series) {
            if newest_is_known(ledger, archive, pattern, day).await.map_err(held)? == 0 {
                newest_month_is_known(ledger, archive, all, day).await.map_err(held)?;
            }
            self.read(|checked| checked.series.insert(series));
        }
        Ok(())
    }

    fn read<T>(&self, look: impl FnOnce(&mut Checked) -> T) -> T {
        look(&mut self.checked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn identify<L: Ledger, A: Archive>(
        &self,
        ledger: &L,
        archive: &A,
        siren: &str,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let table = ledger.identity().await?;
        let stored = stored_identity(archive).await?;
        let known = match (table, stored) {
            (Some(table), Some(stored)) if table == stored => table,
            (Some(_), Some(_)) => {
                return Err(ServiceError::held(WHAT, "ledger_unknown", TWO_BOOKS));
            }
            (Some(_), None) => return Err(ServiceError::held(WHAT, "archive_unknown", NO_ARCHIVE)),
            (None, stored) => {
                // Nothing was ever issued: the books are new, or beginning them was cut off between archive and table.
                if !archive.list("books/", None, 1).await?.is_empty() {
                    // Another process may have begun them and issued since the table was read.
                    return match ledger.identity().await? {
                        Some(_) => Err(ServiceError::transient(WHAT, "the books were begun by another process")),
                        None => Err(ServiceError::held(WHAT, "ledger_unknown", NO_TABLE)),
                    };
                }
                let stored = match stored {
                    Some(stored) => stored,
                    None => self.begin(archive, siren, now).await?,
                };
                let stands = ledger.begin(&stored).await?;
                if stands != stored {
                    return Err(ServiceError::held(WHAT, "ledger_unknown", TWO_BOOKS));
                }
                stands
            }
        };
        if known.siren == siren { Ok(()) } else { Err(other_seller(&known.siren, siren)) }
    }

    /// Writes a new identity into the archive, unless another process is faster; returns the one that stands.
    async fn begin<A: Archive>(&self, archive: &A, siren: &str, now: Timestamp) -> Result<Identity, ServiceError> {
        let identity = Identity { id: (self.random)(), siren: siren.to_owned(), begun_at: now };
        let bytes = serde_json::to_vec(&identity)
            .map_err(|error| ServiceError::permanent(WHAT, "record_unwritable", error.to_string()))?;
        let file = File { key: IDENTITY_KEY.to_owned(), content_type: "application/json", bytes, sale: None };
        archive.store(&file).await?;
        let stands = stored_identity(archive).await?;
        stands.ok_or_else(|| ServiceError::transient("the archive", "the identity of the books is gone again"))
    }
}

const TWO_BOOKS: &str = "the Billing table and the archive bucket belong to different books: two stacks may share one of \
    them, or one was replaced. No number is given until the stack has the table and the bucket that belong together \
    (infra/OPERATIONS.md, \"The books do not fit\")";
const NO_ARCHIVE: &str = "the Billing table has begun, but the archive bucket does not know these books: it was replaced or \
    emptied. No number is given until the stack has the bucket of these books (infra/OPERATIONS.md, \"The books do not \
    fit\")";
const NO_TABLE: &str = "the archive holds documents, but the Billing table is new: it was replaced, or restored from before \
    the first document. No number is given until the table is rebuilt from the archive (infra/OPERATIONS.md, \"The books \
    do not fit\")";

/// The archive's copy of the identity of the books.
///
/// # Errors
/// Held: it cannot be read. Transient: the archive does not answer.
pub(crate) async fn stored_identity<A: Archive>(archive: &A) -> Result<Option<Identity>, ServiceError> {
    let Some(bytes) = archive.read(IDENTITY_KEY).await? else { return Ok(None) };
    let read = serde_json::from_slice(&bytes);
    read.map(Some).map_err(|_| ServiceError::held(WHAT, "archive_unknown", format!("{IDENTITY_KEY} is unreadable")))
}

/// Whatever keeps the books from being checked holds the work: it must not be parked sale by sale.
fn held(error: ServiceError) -> ServiceError {
    if error.is_permanent() && error.reason().code != OTHER_SELLER {
        return ServiceError::held(WHAT, "archive_unknown", format!("the books cannot be checked: {}", error.detail));
    }
    error
}

/// Checks that the archive holds no document of the series beyond its counter; returns the counter's last number.
async fn newest_is_known<L: Ledger, A: Archive>(
    ledger: &L,
    archive: &A,
    pattern: &SeriesPattern,
    day: Date,
) -> Result<u64, ServiceError> {
    let series = pattern.series(day);
    let Counter { last, .. } = ledger.counter(&series).await?;
    let Some(beyond) = first_beyond(archive, pattern, day, last).await? else { return Ok(last) };
    // Another process may have claimed and archived it since the counter was read: a claim precedes its document.
    let Counter { last, .. } = ledger.counter(&series).await?;
    if beyond <= last {
        return Ok(last);
    }
    let (given, known) = (pattern.number(day, beyond), pattern.number(day, last));
    let known = if last == 0 { "none of them".to_owned() } else { format!("up to {known}") };
    let text = format!(
        "the archive holds {given}, but the Billing table knows {known}: it was restored or replaced, and would give \
         numbers twice. No number is given until the table is rebuilt from the archive (infra/OPERATIONS.md, \"The books do \
         not fit\")"
    );
    Err(ServiceError::held(WHAT, "ledger_older", text))
}

/// Months that a new series looks back for the newest document of the archive.
const LOOK_BACK: usize = 13;

/// Checks, for a series that has no counter yet, that the table knows the newest documents of the archive: a table that
/// was restored to an earlier month would begin the new series rightly, and bill the sales of the lost time again.
async fn newest_month_is_known<L: Ledger, A: Archive>(
    ledger: &L,
    archive: &A,
    all: &[&SeriesPattern],
    day: Date,
) -> Result<(), ServiceError> {
    let mut last_day = day.last_of_month();
    for _ in 0..LOOK_BACK {
        let prefix = format!("books/{:04}/{:02}/", last_day.year(), last_day.month());
        if !archive.list(&prefix, None, 1).await?.is_empty() {
            for pattern in all {
                newest_is_known(ledger, archive, pattern, last_day).await?;
            }
            return Ok(());
        }
        last_day = last_day.first_of_month().yesterday().unwrap_or(last_day);
    }
    Ok(())
}

/// A number of the series beyond `last` that has a document in the archive, if any.
///
/// # Errors
/// When the archive does not answer.
pub(crate) async fn first_beyond<A: Archive>(
    archive: &A,
    pattern: &SeriesPattern,
    day: Date,
    last: u64,
) -> Result<Option<u64>, ServiceError> {
    let prefix = pattern.archive_prefix(day);
    // Keys are in the order of their characters, which is that of the numbers as long as these are of one width.
    let mut after = (last > 0).then(|| pattern.archive_key(day, &pattern.number(day, last)));
    let next = last.saturating_add(1);
    if last > 0 && pattern.number(day, next).0.len() > pattern.number(day, last).0.len() {
        let key = pattern.archive_key(day, &pattern.number(day, next));
        if archive.look(&key).await?.is_some() {
            return Ok(Some(next));
        }
    }
    loop {
        let keys = archive.list(&prefix, after.as_deref(), PAGE).await?;
        let beyond = keys.iter().find_map(|key| pattern.n_of_key(day, key).filter(|n| *n > last));
        if beyond.is_some() || keys.is_empty() {
            return Ok(beyond);
        }
        after = keys.last().cloned();
    }
}

/// Keys listed at once (S3 lists at most 1,000).
const PAGE: usize = 1000;

#[cfg(test)]
mod tests;
