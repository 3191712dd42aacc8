//! From the snapshots in the archive to the files of a month, and every version of them that was exported.
//!
//! Nothing of it grows with the month but the files themselves, which are spooled outside of memory.

use super::{
    Month, Unconverted, Unwritable,
    complete::{Counted, Missing},
    files::Files,
    snapshots::{Listing, Ordered, patterns_of},
};
use crate::{
    archive::{
        Document,
        spool::{LargeArchive, SpooledFile},
    },
    billing::ledger::Ledger,
    numbering::InvoiceNumber,
    outcome::ServiceError,
    seller::Settings,
};

/// The result of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The three files, as archived.
    pub documents: Vec<Document>,
    /// How many invoices and credit notes they contain.
    pub invoices: usize,
    /// Documents missing from the journal, because they are in another currency without an exchange rate.
    pub unconverted: Unconverted,
    /// Numbers within a series of which neither the archive nor the ledger has a document.
    pub gaps: Vec<InvoiceNumber>,
}

/// Why a month could not be exported; the export can be retried safely.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotExported {
    /// The ledger or the archive did not answer, or an object in the archive is not the snapshot that it should be.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A file could not be created.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// Documents of the month are numbered and not archived.
    #[error(
        "month = {month} is incomplete: the ledger has {}, and their snapshots are not in the archive; wait until they are \
         issued, or see why they are not (infra/OPERATIONS.md, \"Export a month\"), and export the month again",
        named(missing)
    )]
    Incomplete {
        /// The month.
        month: Month,
        /// Their numbers: the first thousand.
        missing: Vec<InvoiceNumber>,
    },
}

impl NotExported {
    /// A stable code: `month_incomplete`.
    pub fn code(&self) -> String {
        match self {
            Self::Service(error) => error.reason().code,
            Self::Unwritable(_) => "file_unwritable".to_owned(),
            Self::Incomplete { .. } => "month_incomplete".to_owned(),
        }
    }
}

/// Numbers that a sentence names.
const NAMED: usize = 20;

fn named(numbers: &[InvoiceNumber]) -> String {
    let first: Vec<&str> = numbers.iter().take(NAMED).map(|number| number.0.as_str()).collect();
    match numbers.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// Writes the files of a month into the archive.
///
/// They are made of the snapshots below `books/`, which are read in order, a few at a time. If the ledger numbered a document
/// of the month that is not archived, nothing is written.
///
/// The archive never overwrites, so that files given to an accountant do not change. If a month is exported again, a
/// file with the same bytes is left alone; a file that differs (accounts were changed, or the month was not over the
/// first time) is stored beside the first, with the beginning of its hash in its name.
///
/// # Errors
/// When a document is not archived yet, the ledger or the archive does not answer, or there is no place for the files.
pub async fn export<L: Ledger, A: LargeArchive>(
    ledger: &L,
    archive: &A,
    settings: &Settings,
    month: Month,
) -> Result<Exported, NotExported> {
    let patterns = patterns_of(settings, month);
    let counted = Counted::of(ledger, month, &patterns).await?;
    let listing = Listing::of(archive, month, patterns).await?;
    let Missing { claimed: missing, unknown: gaps } = counted.missing(ledger, &listing).await?;
    if !missing.is_empty() {
        return Err(NotExported::Incomplete { month, missing });
    }
    let spool = || archive.spool().map_err(Unwritable::from);
    let seller = settings.of_day(month.last_day());
    let mut files = Files::begin(month, &seller, [spool()?, spool()?])?;
    let mut ordered = Ordered::of(archive, &listing).await?;
    while let Some(invoice) = ordered.next().await? {
        files.add(&invoice)?;
    }
    let written = files.finish([spool()?, spool()?])?;
    let mut documents = Vec::with_capacity(written.files.len());
    for file in written.files {
        documents.push(keep(file, archive).await?);
    }
    Ok(Exported { documents, invoices: written.documents, unconverted: written.unconverted, gaps })
}

async fn keep<A: LargeArchive>(mut file: SpooledFile<A::Spool>, archive: &A) -> Result<Document, ServiceError> {
    let stands = archive.store_spooled(&file).await?;
    if stands.sha256 == file.document.sha256 {
        return Ok(stands);
    }
    file.document.key = another(&file.document);
    archive.store_spooled(&file).await
}

/// `journal-2026-11.txt` becomes `journal-2026-11.3f2a9c0d51b7.txt`: the same bytes always have the same name.
fn another(Document { key, sha256, .. }: &Document) -> String {
    let hash: String = sha256.chars().take(12).collect();
    match key.rsplit_once('.') {
        Some((name, extension)) => format!("{name}.{hash}.{extension}"),
        None => format!("{key}.{hash}"),
    }
}
