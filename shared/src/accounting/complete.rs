//! Whether the archive has every document that the ledger numbered in a month.
//!
//! A document is numbered first and archived then. One that is on its way when the month is exported must not be missing from
//! its files, and nothing in the archive tells of it: the counters do. They are read before the archive is listed, so that
//! what is numbered meanwhile is not missed.

use std::collections::BTreeMap;

use super::{
    Month,
    snapshots::{Listed, Listing},
};
use crate::{
    billing::ledger::{Counter, Ledger},
    numbering::{InvoiceNumber, Series, SeriesPattern},
    outcome::ServiceError,
};

/// Missing numbers that are looked up and named one by one.
const NAMED: usize = 1000;

/// The numbers of a month that are not in the archive; the first thousand of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Missing {
    /// The ledger has the document.
    pub claimed: Vec<InvoiceNumber>,
    /// The ledger has none either, although a later number has one.
    pub unknown: Vec<InvoiceNumber>,
}

impl Missing {
    fn is_full(&self) -> bool {
        self.claimed.len().max(self.unknown.len()) >= NAMED
    }
}

/// How far each series of a month has come.
#[derive(Debug)]
pub(super) struct Counted<'a> {
    month: Month,
    /// By series: its patterns, which may differ in width alone, and its counter.
    series: BTreeMap<Series, (Vec<&'a SeriesPattern>, Counter)>,
}

impl<'a> Counted<'a> {
    /// Reads the counters of these patterns.
    pub(super) async fn of(
        ledger: &impl Ledger,
        month: Month,
        patterns: &[&'a SeriesPattern],
    ) -> Result<Self, ServiceError> {
        let mut series: BTreeMap<Series, (Vec<&SeriesPattern>, Counter)> = BTreeMap::new();
        for pattern in patterns {
            let name = pattern.series(month.first_day());
            if !series.contains_key(&name) {
                let counter = ledger.counter(&name).await?;
                series.insert(name.clone(), (Vec::new(), counter));
            }
            if let Some((patterns, _)) = series.get_mut(&name) {
                patterns.push(*pattern);
            }
        }
        Ok(Self { month, series })
    }

    /// The numbers that a listing lacks.
    pub(super) async fn missing(&self, ledger: &impl Ledger, listing: &Listing<'_>) -> Result<Missing, ServiceError> {
        let mut missing = Missing::default();
        for (patterns, counter) in self.series.values() {
            let listed = listing.series.iter().filter(|listed| patterns.contains(&listed.pattern));
            let mut runs: Vec<(u64, u64)> = listed.flat_map(Listed::runs).collect();
            runs.sort_unstable();
            let one = One { ledger, month: self.month, patterns, counter };
            one.missing(&runs, &mut missing).await?;
        }
        for numbers in [&mut missing.claimed, &mut missing.unknown] {
            numbers.sort_by(|one, other| (one.0.len(), one).cmp(&(other.0.len(), other)));
        }
        Ok(missing)
    }
}

/// What the ledger says about a number.
enum Known {
    /// It is of a document of this month.
    Claimed,
    /// It is of a document of another month.
    Elsewhere,
    /// It is of none.
    Unknown,
}

/// One series.
struct One<'a, L> {
    ledger: &'a L,
    month: Month,
    patterns: &'a [&'a SeriesPattern],
    counter: &'a Counter,
}

impl<L: Ledger> One<'_, L> {
    async fn missing(&self, runs: &[(u64, u64)], missing: &mut Missing) -> Result<(), ServiceError> {
        let last = self.counter.last;
        // A series of the month alone begins at 1 and ends with its counter; one of the year, or of all years, does so
        // in its first and its last month.
        let (begins, ends) = (self.differs(self.month.before()), self.differs(self.month.after()));
        let today = self.counter.last_issued_on.is_some_and(|day| self.month.contains(day));
        let (lowest, highest) = match (runs.first(), runs.last()) {
            (Some((lowest, _)), Some((_, highest))) => (*lowest, *highest),
            _ if begins => (1, 0),
            _ if ends || today => (last.saturating_add(1), last),
            _ => return Ok(()),
        };
        let begin = if begins { 1 } else { lowest };
        let end = if ends { highest.max(last) } else { highest };
        let mut next = begin;
        for (from, to) in runs.iter().copied().chain([(end.saturating_add(1), end)]) {
            self.look_up(next..from, missing).await?;
            next = next.max(to.saturating_add(1));
        }
        // Where the month ends within the series, the numbers beside the known ones tell.
        if !begins {
            self.walk((1..begin).rev(), missing).await?;
        }
        if !ends {
            self.walk(end.saturating_add(1)..=u64::MAX, missing).await?;
        }
        Ok(())
    }

    /// Looks up numbers that are not archived, although later ones are or are given.
    async fn look_up(&self, numbers: impl Iterator<Item = u64>, missing: &mut Missing) -> Result<(), ServiceError> {
        for n in numbers {
            if missing.is_full() {
                break;
            }
            match self.known(n).await? {
                Known::Claimed => missing.claimed.extend(self.number(n)),
                Known::Elsewhere => {}
                Known::Unknown => missing.unknown.extend(self.number(n)),
            }
        }
        Ok(())
    }

    /// The same for numbers beside the archived ones, up to the first that is not of this month.
    async fn walk(&self, numbers: impl Iterator<Item = u64>, missing: &mut Missing) -> Result<(), ServiceError> {
        for n in numbers {
            if missing.is_full() || !matches!(self.known(n).await?, Known::Claimed) {
                break;
            }
            missing.claimed.extend(self.number(n));
        }
        Ok(())
    }

    async fn known(&self, n: u64) -> Result<Known, ServiceError> {
        for pattern in self.patterns {
            if let Some(entry) = self.ledger.document(&pattern.number(self.month.first_day(), n)).await? {
                let here = self.month.contains(entry.invoice.issued_on);
                return Ok(if here { Known::Claimed } else { Known::Elsewhere });
            }
        }
        Ok(Known::Unknown)
    }

    fn number(&self, n: u64) -> Option<InvoiceNumber> {
        self.patterns.first().map(|pattern| pattern.number(self.month.first_day(), n))
    }

    /// Whether the series of the other month is another one.
    fn differs(&self, other: Month) -> bool {
        let of = |month: Month| self.patterns.first().map(|pattern| pattern.series(month.first_day()));
        of(other) != of(self.month)
    }
}
