//! What a rebuild asks of the stores, beyond the ledger and the archive: writes that fill what is missing and never
//! replace what stands, and whether a mail is known.

use std::future::Future;

use jiff::Timestamp;

use crate::{
    archive::Document,
    billing::{
        ledger::{Counter, Credited},
        snapshot::Snapshot,
    },
    invoice::{DocumentSource, Invoice},
    mail::MailId,
    numbering::{InvoiceNumber, Series},
    outcome::ServiceError,
};

/// A document as the archive has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// The document.
    pub invoice: Invoice,
    /// Its exact bytes.
    pub snapshot: Snapshot,
    /// Its PDF.
    pub document: Document,
}

/// What the ledger says about the sale or refund of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Billed {
    /// Nothing: it would be recorded and billed if Stripe announced it again.
    Unknown,
    /// It is recorded without a document: it waits to be billed.
    Waiting,
    /// It has this document.
    As(InvoiceNumber),
}

/// What is missing of the record of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// Nothing.
    Nothing,
    /// All of it.
    Whole,
    /// The note of its PDF: its number was claimed before the table was saved, and finished after it.
    Document,
}

/// What is missing of the mark that a sale or a refund has its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    Nothing,
    /// The sale or refund is not recorded: the mark stands for it.
    New,
    /// It is recorded, and waits to be billed.
    Waiting,
}

/// What is to be written for a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Of its own record.
    pub record: Record,
    /// Of its sale or refund.
    pub mark: Mark,
}

impl Missing {
    /// Whether all of it stands.
    pub fn is_nothing(self) -> bool {
        self == Self { record: Record::Nothing, mark: Mark::Nothing }
    }
}

/// Fills a ledger from the archive. Every write is conditional on what it replaces; `false` means that another writer
/// came first and nothing was written.
pub trait RestoreLedger: Send + Sync {
    /// What is known of a sale or a refund, read consistently.
    fn billed(&self, basis: &DocumentSource) -> impl Future<Output = Result<Billed, ServiceError>> + Send;

    /// Writes what is missing of a document and of its mark, in one write. No stream may take it for new work, and no
    /// mail is queued.
    fn restore(
        &self,
        archived: &Archived,
        missing: Missing,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, ServiceError>> + Send;

    /// Sets what was credited of an invoice.
    fn set_credited(
        &self,
        original: &InvoiceNumber,
        before: &Credited,
        after: &Credited,
    ) -> impl Future<Output = Result<bool, ServiceError>> + Send;

    /// Raises a counter.
    fn raise(
        &self,
        series: &Series,
        before: &Counter,
        after: &Counter,
    ) -> impl Future<Output = Result<bool, ServiceError>> + Send;
}

/// Whether a mail is known.
pub trait KnownMails: Send + Sync {
    /// Whether the outbox has this mail, in any status.
    fn knows(&self, mail: &MailId) -> impl Future<Output = Result<bool, ServiceError>> + Send;
}
