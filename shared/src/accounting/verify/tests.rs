//! A month as issued has no finding; a changed byte, a missing object or a hole in the chain has one that names it.

use jiff::Timestamp;

use super::*;
use crate::{
    archive::File,
    billing::{
        guard::LedgerGuard,
        issue::{Issuer, Render},
    },
    clock::FixedClock,
    invoice::print::Page,
    memory::{InMemoryArchive, InMemoryStore},
    outcome::{Outcome, Reason},
    payment::PaymentLog,
    sale::{Sale, SaleKey},
    seller::Settings,
    testing::{FRANCHISE_TOML, sale, words},
};

struct Typewriter;

impl Render for Typewriter {
    fn render(&self, _: &Invoice, page: &Page) -> Result<Vec<u8>, Reason> {
        Ok(format!("{page:?}").into_bytes())
    }
}

/// Issues `count` invoices at `now`, numbered by `series`.
async fn issued(books: &InMemoryStore, archive: &InMemoryArchive, series: &str, now: &str, count: usize) -> Settings {
    let text = FRANCHISE_TOML.replace("[invoice]\n", &format!("[invoice]\nseries = \"{series}\"\n"));
    let settings = Settings::from_toml(&text).unwrap();
    let now: Timestamp = now.parse().unwrap();
    let key = |n: usize| format!("{}-{n}", now.as_second());
    let sales: Vec<Sale> = (0..count)
        .map(|n| Sale {
            key: SaleKey(format!("cs_{}", key(n))),
            event: format!("evt_{}", key(n)),
            paid_at: now,
            ..sale()
        })
        .collect();
    for sale in &sales {
        books.record(sale, now).await.unwrap();
    }
    let issuer = Issuer {
        ledger: books,
        archive,
        renderer: &Typewriter,
        clock: &FixedClock(now),
        settings: &settings,
        words: &words(),
        guard: &LedgerGuard::new(|| "books".to_owned()),
        deadline: Timestamp::MAX,
    };
    let issued = issuer.issue(&sales).await;
    assert!(issued.iter().all(|one| one.outcome == Outcome::Done), "{issued:?}");
    settings
}

const MONTHLY: &str = "{year}-{month}-{number:4}";

fn november() -> Month {
    "2026-11".parse().unwrap()
}

fn told(verified: &Verified) -> Vec<(&str, &str)> {
    verified.findings.iter().map(|finding| (finding.subject.as_str(), finding.code)).collect()
}

/// Writes other bytes under a key of the archive, as a version on top would be.
async fn overwrite(archive: &InMemoryArchive, key: &str, sale: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let bytes = change(archive.read(key).await.unwrap().unwrap());
    archive.forget(key);
    let file = File { key: key.to_owned(), content_type: "application/json", bytes, sale: Some(sale.to_owned()) };
    archive.store(&file).await.unwrap();
}

#[tokio::test]
async fn a_month_as_issued_has_no_finding() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    let seller = issued(&books, &archive, MONTHLY, "2026-11-21T10:00:00Z", 5).await;
    let verified = verify(&books, &archive, &seller, november(), Timestamp::MAX).await.unwrap();
    assert_eq!(verified, Verified { documents: 5, findings: Vec::new() });
    assert_eq!(
        verify(&books, &archive, &seller, november().before(), Timestamp::MAX).await.unwrap(),
        Verified::default()
    );
}

#[tokio::test]
async fn every_changed_byte_of_a_snapshot_is_found() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    let seller = issued(&books, &archive, MONTHLY, "2026-11-21T10:00:00Z", 3).await;
    let key = "books/2026/11/2026-11-0002.json";
    let whole = archive.read(key).await.unwrap().unwrap();
    for place in (0..whole.len()).step_by(7) {
        overwrite(&archive, key, "cs_x", |_| {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            bytes
        })
        .await;
        let verified = verify(&books, &archive, &seller, november(), Timestamp::MAX).await.unwrap();
        assert!(verified.findings.iter().any(|one| one.subject.contains("2026-11-0002")), "byte {place}: {verified:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    let seller = issued(&books, &archive, MONTHLY, "2026-11-21T10:00:00Z", 5).await;
    overwrite(&archive, "invoices/2026/11/2026-11-0001.pdf", "cs_x", |_| b"another".to_vec()).await;
    archive.forget("invoices/2026/11/2026-11-0002.pdf");
    archive.forget("books/2026/11/2026-11-0004.json");
    let stranger = File {
        key: "books/2026/11/x.json".to_owned(),
        content_type: "application/json",
        bytes: b"no snapshot".to_vec(),
        sale: None,
    };
    archive.store(&stranger).await.unwrap();
    let verified = verify(&books, &archive, &seller, november(), Timestamp::MAX).await.unwrap();
    let expected = [
        ("2026-11-0001", "document_changed"),
        ("2026-11-0002", "document_missing"),
        ("books/2026/11/x.json", "snapshot_unreadable"),
    ];
    // The ledger still has the fourth, so the chain holds; its snapshot is missing in the archive.
    let (found, missing): (Vec<_>, Vec<_>) =
        told(&verified).into_iter().partition(|(_, code)| *code != "snapshot_missing");
    assert_eq!(found, expected);
    assert_eq!(missing, [("2026-11-0004", "snapshot_missing")]);
    assert!(verified.findings.iter().all(|finding| !finding.text().is_empty()));
}

#[tokio::test]
async fn a_ledger_that_was_emptied_is_told_from_a_changed_archive() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    let seller = issued(&books, &archive, MONTHLY, "2026-11-21T10:00:00Z", 2).await;
    let verified = verify(&InMemoryStore::default(), &archive, &seller, november(), Timestamp::MAX).await.unwrap();
    assert_eq!(told(&verified), [("2026-11-0001", "not_in_ledger"), ("2026-11-0002", "not_in_ledger")]);
}

#[tokio::test]
async fn a_series_of_the_year_is_chained_over_its_months() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    let yearly = "FA{year}-{number:5}";
    issued(&books, &archive, yearly, "2026-10-21T10:00:00Z", 2).await;
    let seller = issued(&books, &archive, yearly, "2026-11-21T10:00:00Z", 2).await;
    for month in [november(), november().before()] {
        assert_eq!(
            verify(&books, &archive, &seller, month, Timestamp::MAX).await.unwrap(),
            Verified { documents: 2, findings: Vec::new() }
        );
    }
}
