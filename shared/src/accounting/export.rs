//! From the register to the archive: a month's files, and every version of them that was exported.

use super::{Month, Register, Unwritable, ledger};
use crate::{
    archive::{Archive, Document, File, sha256},
    numbering::InvoiceNumber,
    outcome::ServiceError,
    seller::Seller,
};

/// The result of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The three files, as archived.
    pub documents: Vec<Document>,
    /// How many invoices and credit notes they contain.
    pub invoices: usize,
    /// Documents missing from the journal, because they are in another currency without an exchange rate.
    pub unconverted: Vec<InvoiceNumber>,
}

/// Why a month could not be exported; the export can be retried safely.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotExported {
    /// The register or the archive did not answer.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A file could not be created.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

/// Writes the files of a month into the archive.
///
/// The archive never overwrites, so that files given to an accountant do not change. If a month is exported again, a
/// file with the same bytes is left alone; a file that differs (accounts were changed, or the month was not over the
/// first time) is stored beside the first, with the beginning of its hash in its name.
///
/// # Errors
/// When the register or the archive does not answer, or memory runs out.
pub async fn export(
    register: &impl Register,
    archive: &impl Archive,
    seller: &Seller,
    month: Month,
) -> Result<Exported, NotExported> {
    let ledger = ledger(month, register.issued_in(month).await?, seller)?;
    let mut documents = Vec::with_capacity(ledger.files.len());
    for file in &ledger.files {
        documents.push(keep(file, archive).await?);
    }
    Ok(Exported { documents, invoices: ledger.documents, unconverted: ledger.unconverted })
}

async fn keep(file: &File, archive: &impl Archive) -> Result<Document, ServiceError> {
    let stands = archive.store(file).await?;
    if stands.sha256 == file.document().sha256 {
        return Ok(stands);
    }
    archive.store(&File { key: another(&file.key, &file.bytes), ..file.clone() }).await
}

/// `journal-2026-11.txt` becomes `journal-2026-11.3f2a9c0d51b7.txt`: the same bytes always have the same name.
fn another(key: &str, bytes: &[u8]) -> String {
    let hash: String = sha256(bytes).chars().take(12).collect();
    match key.rsplit_once('.') {
        Some((name, extension)) => format!("{name}.{hash}.{extension}"),
        None => format!("{key}.{hash}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::civil::{Date, date};

    use super::*;
    use crate::{
        billing::{
            draft::draft,
            ledger::{AllocationResult, Counter, Ledger as _, NumberClaim},
        },
        invoice::Invoice,
        memory::{Fault, FaultPlan, InMemoryArchive, InMemoryStore},
        numbering::Series,
        payment::PaymentLog,
        sale::{Sale, SaleKey},
        testing::{STANDARD_TOML, sale},
    };

    const DAY: Date = date(2026, 11, 21);

    fn november() -> Month {
        "2026-11".parse().unwrap()
    }

    fn standard() -> Seller {
        Seller::from_toml(STANDARD_TOML).unwrap()
    }

    async fn issued(books: &InMemoryStore, count: u64) {
        let seller = standard();
        let sold = |n: u64| Sale { key: SaleKey(format!("cs_{n}")), event: format!("evt_{n}"), ..sale() };
        let mut invoices = Vec::new();
        for n in 1..=count {
            books.record(&sold(n), sale().paid_at).await.unwrap();
            let number = InvoiceNumber(format!("2026-11-{n:04}"));
            invoices.push(Invoice::new(number, DAY, draft(&sold(n), &seller, DAY).unwrap()));
        }
        let claim =
            NumberClaim { series: Series("2026-11-#".into()), counter: Counter::default(), invoices, crediting: None };
        assert_eq!(books.claim(&claim).await.unwrap(), AllocationResult::All);
    }

    fn wait<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    #[test]
    fn a_month_exported_again_stands_once_and_a_changed_one_beside_the_first() {
        wait(async {
            let faults = Arc::new(FaultPlan::default());
            let (books, archive) = (InMemoryStore::new(faults.clone()), InMemoryArchive::new(faults));
            issued(&books, 3).await;
            let first = export(&books, &archive, &standard(), november()).await.unwrap();
            assert_eq!((first.invoices, first.documents.len()), (3, 3));
            let before = archive.files();
            assert_eq!(
                before.keys().collect::<Vec<_>>(),
                [
                    "ledger/2026/11/ereporting-2026-11.csv",
                    "ledger/2026/11/factures-2026-11.csv",
                    "ledger/2026/11/journal-2026-11.txt",
                ]
            );
            assert_eq!(export(&books, &archive, &standard(), november()).await.unwrap(), first);
            assert_eq!(archive.files(), before);

            let own = Seller::from_toml(&format!("{STANDARD_TOML}\n[accounting]\nservices = \"706100\"\n")).unwrap();
            for _ in 0..2 {
                let again = export(&books, &archive, &own, november()).await.unwrap();
                let journal = &again.documents[1];
                assert!(
                    journal.key.starts_with("ledger/2026/11/journal-2026-11.") && journal.key.len() == 47,
                    "{journal:?}"
                );
                let bytes = archive.read(&journal.key).await.unwrap().unwrap();
                assert!(String::from_utf8(bytes).unwrap().contains("706100"));
                assert_eq!((archive.files().len(), &again.documents[0]), (4, &first.documents[0]), "only what changed");
            }
            assert_eq!(
                archive.files()["ledger/2026/11/journal-2026-11.txt"],
                before["ledger/2026/11/journal-2026-11.txt"]
            );
        });
    }

    #[test]
    fn an_export_that_broke_off_is_finished_by_the_next() {
        wait(async {
            for call in 0..3 {
                for trouble in [Fault::Before, Fault::After] {
                    let (books, archive) =
                        (InMemoryStore::default(), InMemoryArchive::new(Arc::new(FaultPlan::with(call, trouble))));
                    issued(&books, 2).await;
                    assert!(export(&books, &archive, &standard(), november()).await.is_err());
                    let whole = export(&books, &archive, &standard(), november()).await.unwrap();
                    assert_eq!((archive.files().len(), whole.documents.len()), (3, 3));
                }
            }
        });
    }

    #[test]
    fn a_month_holds_its_own_documents_and_an_empty_one_its_headers() {
        wait(async {
            let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
            issued(&books, 2).await;
            let december = export(&books, &archive, &standard(), "2026-12".parse().unwrap()).await.unwrap();
            assert_eq!((december.invoices, december.documents.len()), (0, 3));
            let lines = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap().lines().count();
            assert!(archive.files().values().all(|bytes| lines(bytes) == 1));
        });
    }
}
