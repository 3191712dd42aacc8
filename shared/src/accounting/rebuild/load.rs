//! Reads one document: its snapshot and PDF in the archive, and what the other stores have of it.

use super::{
    Finding, KnownMails, Rebuild,
    decide::{Standing, mail_is_kept},
    store::{Archived, RestoreLedger},
};
use crate::{
    accounting::snapshots::read,
    archive::{Archive, Document},
    billing::{
        issue::series_of,
        ledger::Ledger,
        snapshot::{self, Snapshot},
    },
    clock::Clock,
    invoice::Invoice,
    mail::MailId,
    outcome::ServiceError,
    record::NEWER,
};

/// An object below `books/`, and what the stores have of the document in it.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Its key.
    pub key: String,
    /// The document, if it is one of this seller and version.
    pub read: Option<Read>,
    /// Why nothing may be written.
    pub refusals: Vec<Finding>,
    /// What cannot be compared.
    pub differences: Vec<Finding>,
}

/// A document.
#[derive(Debug)]
pub(super) struct Read {
    /// The document.
    pub invoice: Invoice,
    /// Its bytes.
    pub snapshot: Snapshot,
    /// Its PDF, if it is archived.
    document: Option<Document>,
    /// What the stores have of it, if that can be read.
    standing: Option<Standing>,
}

impl Read {
    /// The document and what stands of it, if the two can be compared.
    pub(super) fn comparable(self) -> Option<(Archived, Standing)> {
        let Self { invoice, snapshot, document, standing } = self;
        Some((Archived { invoice, snapshot, document: document? }, standing?))
    }
}

impl<L: Ledger + RestoreLedger, A: Archive, M: KnownMails, C: Clock> Rebuild<'_, L, A, M, C> {
    /// Reads one document; `None` if its object is gone.
    pub(super) async fn load(&self, key: &str) -> Result<Option<Loaded>, ServiceError> {
        let Some(bytes) = self.archive.read(key).await? else { return Ok(None) };
        let mut loaded = Loaded { key: key.to_owned(), read: None, refusals: Vec::new(), differences: Vec::new() };
        let (invoice, snapshot) = match read(key, bytes) {
            Ok(read) => read,
            Err(code) => {
                loaded.refusals.push(Finding::new(key, code));
                return Ok(Some(loaded));
            }
        };
        let number = invoice.number.0.clone();
        if invoice.draft.seller.siren != self.settings.siren() {
            loaded.refusals.push(Finding::new(number, "other_seller"));
            return Ok(Some(loaded));
        }
        let own = invoice.allocation.archive_key.clone();
        let pdf =
            own.unwrap_or_else(|| series_of(&invoice, self.settings).archive_key(invoice.issued_on, &invoice.number));
        let document = self.archive.look(&pdf).await?;
        if document.is_none() {
            loaded.refusals.push(Finding::new(&number, "document_missing"));
        }
        if let Some(original) = &invoice.draft.corrects {
            let key = snapshot::key_of(original.issued_on, &original.number);
            if self.archive.look(&key).await?.is_none() && self.ledger.document(&original.number).await?.is_none() {
                loaded.refusals.push(Finding::new(&number, "original_missing"));
            }
        }
        let standing = self.standing(&invoice, &mut loaded).await?;
        loaded.read = Some(Read { invoice, snapshot, document, standing });
        Ok(Some(loaded))
    }

    /// What the stores have of a document; `None` if that cannot be read.
    async fn standing(&self, invoice: &Invoice, loaded: &mut Loaded) -> Result<Option<Standing>, ServiceError> {
        let read = async {
            let entry = self.ledger.document(&invoice.number).await?;
            Ok((entry, self.ledger.billed(&invoice.draft.basis()).await?))
        };
        let (entry, billed) = match read.await {
            Ok(read) => read,
            Err::<_, ServiceError>(error) => {
                match error.reason().code.as_str() {
                    NEWER => loaded.refusals.push(Finding::new(&invoice.number.0, NEWER)),
                    "record_unreadable" => {
                        loaded.differences.push(Finding::new(&invoice.number.0, "record_unreadable"));
                    }
                    _ => return Err(error),
                }
                return Ok(None);
            }
        };
        let mailed = match mail_is_kept(invoice, self.clock.now()) {
            true => Some(self.mails.knows(&MailId::of_document(&invoice.number)).await?),
            false => None,
        };
        Ok(Some(Standing { entry, billed, mailed }))
    }
}
