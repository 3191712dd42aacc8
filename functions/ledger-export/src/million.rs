//! The export of a month of any size: its documents are made while they are read, its files lie on disk, and memory stays where
//! it is.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use comptoir::{
    accounting::{Month, export::export},
    archive::{
        Archive, Document, File,
        spool::{LargeArchive, SpooledFile},
    },
    invoice::Kind,
    memory::InMemoryStore,
    outcome::ServiceError,
    testing::many::ManyDocuments,
};
use comptoir_aws::spool::TemporaryFile;

/// An archive of snapshots that are made when they are read. It keeps what is stored by its hash.
struct GeneratedArchive {
    documents: ManyDocuments,
    /// The numbers of a series in the order of their names: 1000, 10000, 10001, .., 1001.
    series: [(Kind, Vec<u64>); 2],
    stored: Mutex<BTreeMap<String, Document>>,
    folder: PathBuf,
}

/// A number's place among names of at least four digits.
fn by_name(n: &u64) -> (u64, u32) {
    let digits = n.checked_ilog10().map_or(4, |log| (log + 1).max(4));
    (n * 10_u64.pow(12 - digits), digits)
}

impl GeneratedArchive {
    fn new(count: u64) -> Self {
        let documents = ManyDocuments::new(count);
        let named = |last: u64| {
            let mut numbers: Vec<u64> = (1..=last).collect();
            numbers.sort_unstable_by_key(by_name);
            numbers
        };
        // A capital letter comes after every digit.
        let series = [(Kind::Invoice, named(documents.invoices)), (Kind::CreditNote, named(documents.credit_notes))];
        Self { documents, series, stored: Mutex::default(), folder: std::env::temp_dir() }
    }
}

impl Archive for GeneratedArchive {
    async fn store(&self, _: &File) -> Result<Document, ServiceError> {
        unreachable!("the export stores what it spooled")
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        Ok(self.documents.of_key(key).map(|document| serde_json::to_vec(&document).unwrap()))
    }

    async fn look(&self, key: &str) -> Result<Option<Document>, ServiceError> {
        Ok(self.stored.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, ServiceError> {
        assert_eq!((prefix, limit), ("books/2026/11/", 1000));
        let after = after.and_then(|key| self.documents.of_key(key));
        let from = |kind: Kind, numbers: &[u64]| match &after {
            Some(after) if after.draft.kind == kind => {
                let n: u64 = after.number.0.rsplit('-').next().unwrap().parse().unwrap();
                numbers.partition_point(|other| by_name(other) <= by_name(&n))
            }
            Some(after) if after.draft.kind == Kind::CreditNote => numbers.len(),
            _ => 0,
        };
        let keys = self.series.iter().flat_map(|(kind, numbers)| {
            let mark = if *kind == Kind::CreditNote { "A" } else { "" };
            let from = from(*kind, numbers);
            numbers[from..].iter().take(limit).map(move |n| format!("books/2026/11/{mark}2026-11-{n:04}.json"))
        });
        Ok(keys.take(limit).collect())
    }
}

impl LargeArchive for GeneratedArchive {
    type Spool = TemporaryFile;

    fn spool(&self) -> io::Result<TemporaryFile> {
        TemporaryFile::new(&self.folder)
    }

    async fn store_spooled(&self, file: &SpooledFile<TemporaryFile>) -> Result<Document, ServiceError> {
        let size = file.spool.open().unwrap().metadata().unwrap().len();
        assert_eq!(size, file.document.size, "{}", file.document.key);
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(stored.entry(file.document.key.clone()).or_insert_with(|| file.document.clone()).clone())
    }
}

fn november() -> Month {
    "2026-11".parse().unwrap()
}

/// What Linux says about this process, in KB.
fn memory(line: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|text| text.strip_prefix(line))?;
    line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
}

/// Exports so many documents, and says what it took.
async fn exported(count: u64) -> Vec<Document> {
    let (archive, begun) = (GeneratedArchive::new(count), Instant::now());
    let exported = export(&InMemoryStore::default(), &archive, &ManyDocuments::settings(), november()).await.unwrap();
    let took = begun.elapsed();
    assert_eq!((u64::try_from(exported.invoices).unwrap(), exported.gaps.len()), (count, 0));
    assert!(
        exported.unconverted.numbers.len() <= 1000 && exported.unconverted.count > 1000.min(exported.invoices / 25)
    );
    let sizes: Vec<u64> = exported.documents.iter().map(|document| document.size).collect();
    println!("{count} documents: {took:?}, files of {sizes:?} bytes, peak of {:?} KB", memory("VmHWM"));
    exported.documents
}

/// The hashes are those of the export that held the whole month in memory, but for the hidden character in one name of
/// eighty, which documents no longer have: 250 lines of the register and 500 of the journal.
#[tokio::test]
async fn what_is_spooled_on_disk_is_what_was_made_in_memory() {
    let documents = exported(20_000).await;
    let hashes = [
        "e2b1b863402e05d230081bea2bc0f57b0dd2e36e1e5b7ea687d2d4ecd42c9a2c",
        "08ff38d0e0506d0ce72cc0a3fa441c34c7d10534148341c65553e38aea02e53c",
        "552f0dbb2e787bb51f2ec8f077c8e3d6be6a5e85a1cc764793d1423d4b842d67",
    ];
    assert_eq!(documents.iter().map(|document| document.sha256.as_str()).collect::<Vec<_>>(), hashes);
}

/// `cargo test --release -p ledger-export -- --ignored --nocapture`, alone in its process: it measures all of it.
#[tokio::test]
#[ignore = "takes two minutes, optimised"]
async fn a_million_documents_take_less_than_256_megabytes() {
    exported(1_000_000).await;
    if let Some(peak) = memory("VmHWM") {
        assert!(peak < 256 * 1024, "{peak} KB");
    }
}
