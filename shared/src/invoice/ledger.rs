//! The ledger of invoices, as a capability: numbers are claimed in groups, documents are noted, payments are parked.

use std::future::Future;

use jiff::{Timestamp, civil::Date};

use super::{Invoice, InvoiceNumber, number::Series};
use crate::{
    archive::Document,
    mail::Mail,
    outcome::{Reason, Unavailable},
    sale::SaleKey,
};

/// Most invoices of one claim: a DynamoDB transaction holds 100 writes, and a claim writes one counter and two items an
/// invoice (docs.aws.amazon.com, TransactWriteItems).
pub const LARGEST_CLAIM: usize = 49;

/// How far a series has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counter {
    /// The last number given; 0 before the first.
    pub last: u64,
    /// The day of the last invoice; later ones may not be dated before it.
    pub last_issued_on: Option<Date>,
}

/// Numbers for a group of invoices: all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The series.
    pub series: Series,
    /// What its counter must be for the claim to hold.
    pub counter: Counter,
    /// The invoices, numbered `counter.last + 1` and on, in order; at most [`LARGEST_CLAIM`].
    pub invoices: Vec<Invoice>,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// All numbers are ours.
    All,
    /// Someone else moved the counter, or the store was busy; look again.
    Moved,
    /// These sales have an invoice already, or are not recorded; nothing was claimed.
    Taken(Vec<SaleKey>),
}

/// An invoice as the ledger holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The snapshot.
    pub invoice: Invoice,
    /// Its document, once archived.
    pub document: Option<Document>,
}

/// Keeps invoices: each sale at most one, numbers without gap or repetition.
pub trait Ledger: Send + Sync {
    /// How far the series has come, read consistently.
    fn counter(&self, series: &Series) -> impl Future<Output = Result<Counter, Unavailable>> + Send;

    /// Claims numbers in one transaction.
    fn claim(&self, claim: &Claim) -> impl Future<Output = Result<Claimed, Unavailable>> + Send;

    /// The invoice of a sale, read consistently, if it has one.
    fn invoice_of(&self, sale: &SaleKey) -> impl Future<Output = Result<Option<Entry>, Unavailable>> + Send;

    /// Notes an invoice's document and queues its mail, together and once; noting it again changes nothing.
    fn finish(
        &self,
        number: &InvoiceNumber,
        document: &Document,
        mail: &Mail,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Takes a payment out of the way, with its reason, until someone replays it.
    fn park(
        &self,
        sale: &SaleKey,
        reason: &Reason,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}
