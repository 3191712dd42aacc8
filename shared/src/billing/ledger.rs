//! The ledger capability for invoices and credit notes: allocation of numbers in groups, recording of documents,
//! parking of what cannot be billed.

use std::future::Future;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{identity::Identity, snapshot::Snapshot};
use crate::{
    app::AppMessage,
    archive::Document,
    invoice::{DocumentSource, Invoice},
    mail::Mail,
    numbering::{InvoiceNumber, Series},
    outcome::{Reason, ServiceError},
    payment::Recorded,
    refund::{Refund, RefundKey},
    sale::{Sale, SaleKey},
};

/// Most invoices per claim: a DynamoDB transaction holds 100 writes, and a claim writes one counter and two items per
/// invoice (docs.aws.amazon.com, TransactWriteItems). The first of a series checks as well that the books are not closed.
pub const LARGEST_CLAIM: usize = 49;

/// The state of a series' counter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counter {
    /// The last number allocated; 0 before the first.
    pub last: u64,
    /// The day of the last invoice; later ones may not be dated before it.
    pub last_issued_on: Option<Date>,
    /// The hash of the last document's snapshot.
    pub last_hash: Option<String>,
    /// The SIREN of the seller whose series it is.
    pub siren: Option<String>,
    /// The version of the settings that the last document was made under; no later one may be made under an older.
    pub settings: Option<u64>,
    /// Whether the books were closed: the series goes on in another stack.
    pub closed: bool,
}

/// An allocation of numbers for a group of invoices: all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberClaim {
    /// The series.
    pub series: Series,
    /// The counter value that the claim is conditional on.
    pub counter: Counter,
    /// The documents, numbered `counter.last + 1` and on, in order; at most [`LARGEST_CLAIM`].
    pub invoices: Vec<Invoice>,
    /// For a claim of one credit note, the update of the invoice that it corrects.
    pub crediting: Option<Crediting>,
}

impl NumberClaim {
    /// The version of the settings that its documents are made under.
    pub fn made_under(&self) -> Option<u64> {
        self.invoices.first().and_then(|invoice| invoice.allocation.settings)
    }

    /// The counter after the claim.
    ///
    /// # Errors
    /// Permanent: a document cannot be written as JSON.
    pub fn after(&self) -> Result<Counter, ServiceError> {
        let last = self.invoices.last();
        Ok(Counter {
            last: self.counter.last + self.invoices.len() as u64,
            last_issued_on: last.map(|invoice| invoice.issued_on),
            last_hash: last.map(|invoice| Snapshot::of(invoice).map(|snapshot| snapshot.sha256())).transpose()?,
            siren: last.map(|invoice| invoice.draft.seller.siren.clone()),
            settings: self.made_under().max(self.counter.settings),
            closed: self.counter.closed,
        })
    }
}

/// How much of each tax row of an invoice has been credited, in the order of its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Credited(pub Vec<CreditedRow>);

/// What has been credited of one row, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditedRow {
    /// Tax included.
    pub gross: i64,
    /// The tax included.
    pub tax: i64,
}

impl Credited {
    /// One entry for each of `count` rows.
    pub fn rows(&self, count: usize) -> Vec<CreditedRow> {
        self.0.iter().copied().chain(std::iter::repeat(CreditedRow::default())).take(count).collect()
    }
}

/// A credit note's update of the invoice that it corrects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crediting {
    /// The invoice.
    pub original: InvoiceNumber,
    /// The amount credited before, which the claim is conditional on.
    pub before: Credited,
    /// The amount credited afterwards.
    pub after: Credited,
}

/// The result of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllocationResult {
    /// All numbers were allocated.
    All,
    /// A concurrent writer moved the counter or credited the same invoice, or the store was busy; read again.
    Moved,
    /// These have a document already, or are not recorded; nothing was claimed.
    Taken(Vec<DocumentSource>),
}

/// An invoice as stored in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The document.
    pub invoice: Invoice,
    /// The bytes that were stored when its number was claimed.
    pub snapshot: Snapshot,
    /// Its document, once archived.
    pub document: Option<Document>,
    /// What has been credited of it.
    pub credited: Credited,
}

impl Entry {
    /// A document whose number was just claimed.
    ///
    /// # Errors
    /// Permanent: it cannot be written as JSON.
    pub fn claimed(invoice: Invoice) -> Result<Self, ServiceError> {
        Ok(Self { snapshot: Snapshot::of(&invoice)?, invoice, document: None, credited: Credited::default() })
    }
}

/// Stores invoices and credit notes: at most one per sale and per refund, numbered without gaps or duplicates.
pub trait Ledger: Send + Sync {
    /// The identity of the books, once they are begun.
    fn identity(&self) -> impl Future<Output = Result<Option<Identity>, ServiceError>> + Send;

    /// Begins the books with this identity, unless they are begun; returns the one that stands.
    fn begin(&self, identity: &Identity) -> impl Future<Output = Result<Identity, ServiceError>> + Send;

    /// The counter of the series, read consistently.
    fn counter(&self, series: &Series) -> impl Future<Output = Result<Counter, ServiceError>> + Send;

    /// Claims numbers in one transaction, conditional on the counter, its seller and its version of the settings.
    ///
    /// Permanent error `number_taken`: a document with one of the numbers is stored already. Held `ledger_closed`: the
    /// series has no number yet, and the books are closed.
    fn claim(&self, claim: &NumberClaim) -> impl Future<Output = Result<AllocationResult, ServiceError>> + Send;

    /// A recorded sale.
    fn sale(&self, sale: &SaleKey) -> impl Future<Output = Result<Option<Sale>, ServiceError>> + Send;

    /// A recorded refund.
    fn refund(&self, refund: &RefundKey) -> impl Future<Output = Result<Option<Refund>, ServiceError>> + Send;

    /// The document of a sale or a refund, read consistently, if it has one.
    fn document_of(&self, basis: &DocumentSource) -> impl Future<Output = Result<Option<Entry>, ServiceError>> + Send;

    /// A document by its number, read consistently.
    fn document(&self, number: &InvoiceNumber) -> impl Future<Output = Result<Option<Entry>, ServiceError>> + Send;

    /// Records an invoice's document and queues its mail in one write; repeating it changes nothing (idempotent).
    ///
    /// The seller's app is told `tells` in the same write, if it is told anything.
    ///
    /// Permanent error `number_used_twice`: a mail of this number is queued already, for another document.
    fn finish(
        &self,
        number: &InvoiceNumber,
        document: &Document,
        mail: &Mail,
        tells: Option<&AppMessage>,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Parks a payment or a refund with its reason until a person replays it; [`Recorded::AlreadyRecorded`] if it was
    /// parked for the same reason already. A claim unparks it.
    fn park(
        &self,
        basis: &DocumentSource,
        reason: &Reason,
        now: Timestamp,
    ) -> impl Future<Output = Result<Recorded, ServiceError>> + Send;
}

/// The error for a number of books that were closed.
pub fn books_closed() -> ServiceError {
    let text = "these books were closed by a final export, and go on in the stack that imported it: send Stripe's events \
                there (infra/OPERATIONS.md, \"Leave, or move to another account\")";
    ServiceError::held("the ledger", "ledger_closed", text)
}

/// The error for a number whose document is stored already.
pub fn number_taken(number: &InvoiceNumber) -> ServiceError {
    let text =
        format!("{number} is a document already, although its series has not come to it; see infra/OPERATIONS.md");
    ServiceError::permanent("the ledger", "number_taken", text)
}

/// The error for a mail that was queued for another document of the same number.
pub fn number_used_twice(number: &InvoiceNumber) -> ServiceError {
    let text = format!("a mail of {number} is queued for another document; see infra/OPERATIONS.md, then replay");
    ServiceError::permanent("the ledger", "number_used_twice", text)
}
