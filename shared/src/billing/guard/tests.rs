//! Tables that were restored, replaced or mixed up: no number is given, and the reason says what to do.

use jiff::civil::{Date, date};

use super::*;
use crate::{
    billing::{draft::draft, ledger::NumberClaim, snapshot::Snapshot},
    invoice::Invoice,
    memory::{InMemoryArchive, InMemoryStore},
    payment::PaymentLog,
    sale::{Sale, SaleKey},
    seller::Seller,
    testing::{FRANCHISE_TOML, sale},
};

const TODAY: Date = date(2026, 11, 21);

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn seller() -> Seller {
    Seller::from_toml(FRANCHISE_TOML).unwrap()
}

fn guard() -> LedgerGuard {
    LedgerGuard::new(|| "these".to_owned())
}

/// Checks as a new process does.
async fn checked(books: &InMemoryStore, archive: &InMemoryArchive) -> Result<(), ServiceError> {
    checked_for(books, archive, &seller().party.siren).await
}

async fn checked_for(books: &InMemoryStore, archive: &InMemoryArchive, siren: &str) -> Result<(), ServiceError> {
    let seller = seller();
    guard().check(books, archive, siren, (&seller.series, TODAY), &[&seller.series, &seller.credit_series], now()).await
}

fn code(checked: Result<(), ServiceError>) -> String {
    let error = checked.unwrap_err();
    assert!(error.is_permanent() || error.reason().is_held(), "it waits for a person: {error}");
    error.reason().code
}

/// Claims the next number for sale `n` and archives its documents.
async fn issued(books: &InMemoryStore, archive: &InMemoryArchive, n: u64) {
    let (seller, pattern) = (seller(), seller().series);
    let sold = Sale { key: SaleKey(format!("cs_{n}")), event: format!("evt_{n}"), ..sale() };
    books.record(&sold, now()).await.unwrap();
    let counter = books.counter(&pattern.series(TODAY)).await.unwrap();
    let number = pattern.number(TODAY, counter.last + 1);
    let invoice = Invoice::new(number, TODAY, draft(&sold, &seller, TODAY).unwrap());
    let claim =
        NumberClaim { series: pattern.series(TODAY), counter, invoices: vec![invoice.clone()], crediting: None };
    books.claim(&claim).await.unwrap();
    let snapshot = Snapshot::of(&invoice).unwrap();
    let key = pattern.archive_key(TODAY, &invoice.number);
    let pdf = File { key, content_type: "application/pdf", ..snapshot.file(&invoice) };
    archive.store(&pdf).await.unwrap();
    archive.store(&snapshot.file(&invoice)).await.unwrap();
}

#[tokio::test]
async fn new_books_are_begun_once() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    checked(&books, &archive).await.unwrap();
    let identity = books.identity().await.unwrap().unwrap();
    assert_eq!((identity.id.as_str(), &identity.siren), ("these", &seller().party.siren));
    for n in 1..=3 {
        issued(&books, &archive, n).await;
        checked(&books, &archive).await.unwrap();
    }
    let other = LedgerGuard::new(|| "others".to_owned());
    other
        .check(
            &books,
            &archive,
            &identity.siren,
            (&seller().series, TODAY),
            &[&seller().series, &seller().credit_series],
            now(),
        )
        .await
        .unwrap();
    assert_eq!(books.identity().await.unwrap(), Some(identity), "they keep their identity");
}

#[tokio::test]
async fn books_whose_beginning_was_cut_off_go_on() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    checked(&books, &archive).await.unwrap();
    // The archive was written, the table was not.
    let books = InMemoryStore::default();
    checked(&books, &archive).await.unwrap();
    assert_eq!(books.identity().await.unwrap().unwrap().id, "these");
}

#[tokio::test]
async fn an_empty_table_beside_a_full_archive_gives_no_number() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    checked(&books, &archive).await.unwrap();
    issued(&books, &archive, 1).await;
    let replaced = InMemoryStore::default();
    let error = checked(&replaced, &archive).await.unwrap_err();
    assert!(error.reason().is_held() && error.reason().message.contains("rebuilt from the archive"), "{error}");
    assert_eq!(replaced.identity().await.unwrap(), None, "nothing was written");
}

#[tokio::test]
async fn a_table_that_was_restored_to_an_earlier_moment_gives_no_number() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    checked(&books, &archive).await.unwrap();
    let restored = InMemoryStore::default();
    restored.begin(&books.identity().await.unwrap().unwrap()).await.unwrap();
    for n in 1..=50 {
        issued(&books, &archive, n).await;
        if n <= 20 {
            issued(&restored, &InMemoryArchive::default(), n).await;
        }
    }
    let error = checked(&restored, &archive).await.unwrap_err();
    assert_eq!(error.reason().code, "ledger_older");
    assert!(error.reason().message.contains("holds 2026-11-0021, but the Billing table knows up to 2026-11-0020"));
    checked(&books, &archive).await.unwrap();
    // A month or a year later it is still the wrong table, although its series begins rightly.
    let seller = seller();
    for day in [date(2026, 12, 1), date(2027, 2, 1)] {
        let both = [&seller.series, &seller.credit_series];
        let next = async |books| {
            guard().check(books, &archive, &seller.party.siren, (&seller.series, day), &both, now()).await
        };
        assert_eq!(next(&restored).await.unwrap_err().reason().code, "ledger_older", "{day}");
        next(&books).await.unwrap();
    }
}

#[tokio::test]
async fn a_missing_counter_is_looked_up_in_the_archive() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    checked(&books, &archive).await.unwrap();
    let restored = InMemoryStore::default();
    restored.begin(&books.identity().await.unwrap().unwrap()).await.unwrap();
    issued(&books, &archive, 1).await;
    let error = checked(&restored, &archive).await.unwrap_err();
    assert_eq!(error.reason().code, "ledger_older");
    assert!(error.reason().message.contains("knows none of them"), "{error}");
}

#[tokio::test]
async fn numbers_wider_than_their_series_are_found() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    let pattern = SeriesPattern::parse("{year}-{number:1}").unwrap();
    let snapshot = |n| File {
        key: pattern.archive_key(TODAY, &pattern.number(TODAY, n)),
        content_type: "application/pdf",
        bytes: Vec::new(),
        sale: None,
    };
    for n in 1..=10 {
        archive.store(&snapshot(n)).await.unwrap();
    }
    for (last, beyond) in [(0, Some(1)), (8, Some(9)), (9, Some(10)), (10, None)] {
        assert_eq!(first_beyond(&archive, &pattern, TODAY, last).await.unwrap(), beyond, "{last}");
    }
    drop(books);
}

#[tokio::test]
async fn a_table_and_an_archive_of_different_books_give_no_number() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    checked(&books, &archive).await.unwrap();
    let others = InMemoryArchive::default();
    assert_eq!(code(checked(&books, &others).await), "archive_unknown", "an emptied bucket");
    let begun = LedgerGuard::new(|| "others".to_owned());
    let siren = seller().party.siren;
    begun
        .check(
            &InMemoryStore::default(),
            &others,
            &siren,
            (&seller().series, TODAY),
            &[&seller().series, &seller().credit_series],
            now(),
        )
        .await
        .unwrap();
    assert_eq!(code(checked(&books, &others).await), "ledger_unknown", "the bucket of another stack");
}

#[tokio::test]
async fn another_legal_person_does_not_continue_the_books() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    checked(&books, &archive).await.unwrap();
    let error = checked_for(&books, &archive, "552100554").await.unwrap_err();
    assert!(error.is_permanent(), "its sales are parked");
    assert_eq!(error.reason().code, "other_seller");
    assert!(error.reason().message.contains("552100554") && error.reason().message.contains("then replay"));
}

#[tokio::test]
async fn the_archive_is_asked_once_in_a_process() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    let guard = guard();
    let check = async || {
        guard
            .check(
                &books,
                &archive,
                &seller().party.siren,
                (&seller().series, TODAY),
                &[&seller().series, &seller().credit_series],
                now(),
            )
            .await
    };
    check().await.unwrap();
    archive.forget(IDENTITY_KEY);
    check().await.unwrap();
    assert_eq!(code(checked(&books, &archive).await), "archive_unknown", "a new process asks again");
}
