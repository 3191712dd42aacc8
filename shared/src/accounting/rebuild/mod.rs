//! Rebuilding the ledger from the archive: what the Billing table lacks of the documents in `books/` is written into it, so
//! that no sale is billed twice and the next number is right.
//!
//! First all of the archive is examined, month by month and in the order of the numbers, a few documents in memory at a
//! time (`load`, `examine`); then what is missing is written (`write`), or named, in a dry run. What stands is never replaced
//! (`decide`). If the archive is not whole, or not of these books, nothing is written at all (`finding`). Documents and
//! their marks are written first, counters after them and the identity of the books last: until then the guard of the
//! numbers lets nothing be numbered, so a rebuild that was cut off is simply run again.
//!
//! No mail is queued: who may never have been mailed is listed, for a person.

mod decide;
mod examine;
mod finding;
mod load;
mod store;
mod write;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};

use crate::{
    archive::Archive,
    billing::{
        identity::Identity,
        ledger::{Counter, Ledger},
    },
    clock::Clock,
    invoice::Kind,
    mail::MailId,
    numbering::{InvoiceNumber, Series},
    outcome::ServiceError,
    seller::Settings,
    term::links::Gone,
};
pub use finding::Finding;
pub use store::{Archived, Billed, KnownMails, Mark, Missing, Record, RestoreLedger};

/// What is wished of a rebuild.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Write what is missing; else only say what would be written.
    pub write: bool,
    /// Numbers whose snapshots are lost for good, as a person found: the series goes on without them.
    pub without: BTreeSet<InvoiceNumber>,
}

/// A counter that is behind the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// Its series.
    pub series: Series,
    /// Its last number so far.
    pub from: u64,
    /// The last number in the archive.
    pub to: u64,
}

/// The result of a rebuild, or of its dry run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Documents in the archive.
    pub documents: usize,
    /// Documents of which the ledger lacked something.
    pub missing: usize,
    /// Invoices of which the ledger knew less credited than was.
    pub credited: usize,
    /// Counters that were behind.
    pub counters: Vec<Raised>,
    /// Whether the table had no identity of the books.
    pub begins: bool,
    /// Whether the four above were written, and not only found.
    pub written: bool,
    /// Documents that are being issued at this moment.
    pub in_flight: usize,
    /// Documents of another pattern of numbers than the settings have: the counter of their series is not rebuilt.
    pub uncounted: usize,
    /// Why nothing was written.
    pub refusals: Vec<Finding>,
    /// What stands in the table otherwise than in the archive, and was left.
    pub differences: Vec<Finding>,
    /// Mails that the outbox does not know: whether they were sent is not known.
    pub mails: Vec<MailId>,
    /// Time was up, or others wrote to the ledger: run it again, it goes on where it stopped.
    pub unfinished: bool,
}

/// What no archive can tell.
const NOT_IN_THE_ARCHIVE: [&str; 5] = [
    "payments and refunds that had no document yet, and parked events: send Stripe's events since the loss again (Stripe \
     keeps them for 30 days; whatever has its document is not billed again)",
    "numbers that were claimed and whose PDF was not archived yet: nobody received them, and they are given anew",
    "earlier versions of the settings: those that are saved now count from 1 again, and the versions that older documents \
     name are those of the lost table",
    "what was recorded of a payment beyond its document, such as its payment intent: a refund of such a sale is matched by \
     asking Stripe, which takes the API key",
    "what became of the mails: nothing was queued; the outbox knows as far as it stands, and the mails listed may never have \
     been sent",
];

impl Rebuilt {
    /// Whether the ledger lacks anything that the archive has.
    pub fn lacks(&self) -> bool {
        self.missing + self.credited + self.counters.len() > 0 || self.begins
    }

    /// What no archive can tell, where something was lost.
    pub fn unknown(&self) -> &'static [&'static str] {
        if self.lacks() { &NOT_IN_THE_ARCHIVE } else { &[] }
    }

    /// Whether something waits for a person.
    pub fn waits(&self) -> bool {
        let named = !(self.refusals.is_empty() && self.differences.is_empty() && self.mails.is_empty());
        named || self.unfinished || (self.lacks() && !self.written)
    }

    fn refuse(&mut self, subject: impl Into<String>, code: &'static str) {
        self.refusals.push(Finding::new(subject, code));
    }

    fn differs(&mut self, subject: impl Into<String>, code: &'static str) {
        self.differences.push(Finding::new(subject, code));
    }
}

/// The dependencies of a rebuild.
#[derive(Debug)]
pub struct Rebuild<'a, L, A, M, C> {
    /// The ledger to be rebuilt.
    pub ledger: &'a L,
    /// The archive.
    pub archive: &'a A,
    /// The mails that are known.
    pub mails: &'a M,
    /// The clock.
    pub clock: &'a C,
    /// The owner's settings.
    pub settings: &'a Settings,
    /// When this invocation ends: nothing is begun after it.
    pub deadline: Timestamp,
}

/// How far a series has come in the archive.
#[derive(Debug)]
struct Chain {
    kind: Kind,
    last: u64,
    last_hash: Option<String>,
    issued_on: Date,
}

/// What was found, and what is to be written.
#[derive(Debug, Default)]
struct Plan {
    report: Rebuilt,
    /// What went at the end of its term.
    gone: Gone,
    /// The keys of documents of which something is missing.
    todo: Vec<String>,
    chains: BTreeMap<Series, Chain>,
    /// The newest document whose number is of no pattern of the settings, of invoices and of credit notes.
    uncounted: BTreeMap<bool, (Date, String)>,
    /// What the archived credit notes take back, by the invoice that they correct.
    taken: BTreeMap<InvoiceNumber, decide::TakenBack>,
    counters: Vec<(Series, Counter, Counter)>,
    identity: Option<Identity>,
}

impl<L: Ledger + RestoreLedger, A: Archive, M: KnownMails, C: Clock> Rebuild<'_, L, A, M, C> {
    /// Examines the archive, and writes what the ledger lacks of it if that is wished and nothing forbids it.
    ///
    /// # Errors
    /// When a store fails; running it again is harmless, and goes on.
    pub async fn run(&self, wish: &Wish) -> Result<Rebuilt, ServiceError> {
        let mut plan = Box::pin(self.examine(wish)).await?;
        if wish.write && plan.report.refusals.is_empty() && !plan.report.unfinished {
            Box::pin(self.write(&mut plan)).await?;
        }
        plan.report.refusals.sort();
        plan.report.differences.sort();
        Ok(plan.report)
    }

    fn is_late(&self) -> bool {
        self.clock.now() >= self.deadline
    }
}
