//! What forbids a rebuild, and what is named and left.

use super::*;
use crate::{
    archive::File,
    billing::{identity::IDENTITY_KEY, ledger::NumberClaim},
    numbering::Series,
};

async fn sold(count: usize) -> House {
    let house = House::new();
    house.sell(&house.sales(0, count)).await;
    house
}

/// The same archive beside an empty table.
fn emptied(house: House) -> House {
    House { books: InMemoryStore::default(), ..house }
}

/// Replaces an object, as a version on top would.
async fn replace(house: &House, key: &str, bytes: Vec<u8>) {
    house.archive.forget(key);
    let file = File { key: key.to_owned(), content_type: "application/json", bytes, sale: None };
    house.archive.store(&file).await.unwrap();
}

async fn text(house: &House, key: &str) -> String {
    String::from_utf8(house.archive.read(key).await.unwrap().unwrap()).unwrap()
}

/// Rebuilds, and checks that nothing was written for exactly these reasons.
async fn refused(house: &House, expected: &[(&str, &str)]) {
    let before = house.numbers();
    let rebuilt = house.rebuild(&written()).await.unwrap();
    assert_eq!(told(&rebuilt.refusals), expected);
    assert!(!rebuilt.written && rebuilt.waits());
    assert_eq!(house.numbers(), before, "nothing was written");
    let counter = house.books.counter(&Series("2026-11-#".into())).await.unwrap();
    assert_eq!(counter.last, before.len() as u64);
}

const THIRD: &str = "books/2026/11/2026-11-0003.json";

#[tokio::test]
async fn an_archive_that_is_not_whole_is_refused() {
    let house = emptied(sold(5).await);
    house.archive.forget(THIRD);
    refused(&house, &[("2026-11-0003", "number_missing")]).await;

    let house = emptied(sold(5).await);
    replace(&house, THIRD, b"{".to_vec()).await;
    refused(&house, &[("2026-11-0003", "number_missing"), (THIRD, "snapshot_unreadable")]).await;

    let house = emptied(sold(5).await);
    let changed = text(&house, THIRD).await.replace("Paris", "Lyon");
    replace(&house, THIRD, changed.into_bytes()).await;
    refused(&house, &[("2026-11-0004", "chain_broken")]).await;

    let house = emptied(sold(5).await);
    let other = text(&house, "books/2026/11/2026-11-0002.json").await;
    replace(&house, THIRD, other.into_bytes()).await;
    refused(&house, &[("2026-11-0003", "number_missing"), (THIRD, "snapshot_misplaced")]).await;

    let house = emptied(sold(5).await);
    house.archive.forget("invoices/2026/11/2026-11-0003.pdf");
    refused(&house, &[("2026-11-0003", "document_missing")]).await;

    let house = emptied(sold(5).await);
    house.archive.forget("books/2026/11/2026-11-0005.json");
    refused(&house, &[("2026-11-0005", "document_without_snapshot")]).await;

    let house = emptied(sold(2).await);
    replace(&house, "books/readme.txt", b"by hand".to_vec()).await;
    refused(&house, &[("books/readme.txt", "snapshot_unreadable")]).await;
}

#[tokio::test]
async fn numbers_that_are_lost_for_good_are_passed_over_if_a_person_says_so() {
    let house = emptied(sold(5).await);
    house.archive.forget(THIRD);
    let without = [InvoiceNumber("2026-11-0003".into())].into();
    let rebuilt = house.rebuild(&Wish { write: true, without }).await.unwrap();
    assert!(rebuilt.refusals.is_empty() && rebuilt.written, "{rebuilt:?}");
    assert_eq!(house.sell(&house.sales(5, 1)).await, ["2026-11-0006"]);
}

#[tokio::test]
async fn a_document_of_a_later_version_is_refused() {
    let house = emptied(sold(3).await);
    let newer = text(&house, THIRD).await.replacen('{', "{\"needs\":99,", 1);
    replace(&house, THIRD, newer.into_bytes()).await;
    refused(&house, &[(THIRD, "snapshot_newer")]).await;
    // A word that this version does not know, by a later build; by this build it is damage.
    for (build, code) in [("999.1.0", "snapshot_newer"), (crate::record::BUILD, "snapshot_unreadable")] {
        let house = emptied(sold(3).await);
        let own = format!("\"build\":\"{}\"", crate::record::BUILD);
        let strange = text(&house, THIRD).await.replace(&own, &format!("\"build\":\"{build}\""));
        let strange = strange.replace("\"kind\":\"invoice\"", "\"kind\":\"ticket\"");
        replace(&house, THIRD, strange.into_bytes()).await;
        refused(&house, &[(THIRD, code)]).await;
    }
}

#[tokio::test]
async fn the_archive_of_other_books_is_refused() {
    let house = emptied(sold(2).await);
    let other = text(&house, IDENTITY_KEY).await;
    house.books.begin(&serde_json::from_str(&other.replace("\"books\"", "\"others\"")).unwrap()).await.unwrap();
    refused(&house, &[(IDENTITY_KEY, "ledger_unknown")]).await;

    let house = emptied(sold(2).await);
    house.archive.forget(IDENTITY_KEY);
    refused(&house, &[(IDENTITY_KEY, "archive_unknown")]).await;
    replace(&house, IDENTITY_KEY, b"?".to_vec()).await;
    refused(&house, &[(IDENTITY_KEY, "archive_unknown")]).await;

    let house =
        House { settings: Settings::from_toml(crate::testing::STANDARD_TOML).unwrap(), ..emptied(sold(2).await) };
    let expected = [("2026-11-0001", "other_seller"), ("2026-11-0002", "other_seller"), (IDENTITY_KEY, "other_seller")];
    let rebuilt = house.rebuild(&written()).await.unwrap();
    let found = told(&rebuilt.refusals);
    assert!(expected.iter().all(|one| found.contains(one)) && house.numbers().is_empty(), "{found:?}");
}

#[tokio::test]
async fn what_stands_otherwise_is_named_and_left() {
    // The second sale was sold again by a table that had lost it, as its third.
    let first = sold(2).await;
    let house = House::new();
    let all = house.sales(0, 3);
    house.sell(&all[..1]).await;
    house.sell(&all[2..]).await;
    let stands = house.numbers();
    let mixed = House { books: house.books, ..first };
    let entries = mixed.books.entries();
    let rebuilt = mixed.rebuild(&written()).await.unwrap();
    assert_eq!(
        told(&rebuilt.differences),
        [("2026-11-#", "counter_differs"), ("2026-11-0002", "snapshot_differs")],
        "{rebuilt:?}"
    );
    assert!(rebuilt.waits());
    assert_eq!((mixed.numbers(), mixed.books.entries()), (stands, entries), "what stands is left");
}

#[tokio::test]
async fn a_sale_with_another_document_keeps_it() {
    let house = sold(2).await;
    let sale = house.sales(0, 1).remove(0);
    // Its first document is gone from the table, and a second one stands.
    let entry = house.books.entries().remove(0);
    let empty = House { books: InMemoryStore::default(), ..house };
    empty.books.record(&sale, start()).await.unwrap();
    let series = Series("2026-11-#".into());
    let counter = Counter { last: 6, last_hash: Some("x".into()), ..Counter::default() };
    empty.books.raise(&series, &Counter::default(), &counter).await.unwrap();
    let number = InvoiceNumber("2026-11-0007".into());
    let invoices = vec![Invoice { number, ..entry.invoice }];
    let claim = NumberClaim { series, counter, invoices, crediting: None };
    Ledger::claim(&empty.books, &claim).await.unwrap();
    let rebuilt = empty.rebuild(&written()).await.unwrap();
    let ahead = ["2026-11-0003", "2026-11-0004", "2026-11-0005", "2026-11-0006"].map(|n| (n, "counter_ahead"));
    let mut expected = vec![("2026-11-0001", "billed_otherwise")];
    expected.extend(ahead);
    assert_eq!(told(&rebuilt.differences), expected);
    assert!(rebuilt.counters.is_empty(), "a counter that is ahead stays");
    assert_eq!(empty.numbers(), ["2026-11-0001", "2026-11-0002", "2026-11-0007"], "missing documents are written");
    let again = empty.issue(&[sale]).await;
    assert_eq!(again[0].number.as_ref().unwrap().0, "2026-11-0007");
}

#[tokio::test]
async fn a_credit_note_without_its_invoice_is_refused() {
    let house = sold(2).await;
    let refund = house.refund(&house.sales(1, 1)[0], 1, 4900);
    assert_eq!(house.take_back(&refund).await.outcome, Outcome::Done);
    house.archive.forget("books/2026/11/2026-11-0002.json");
    house.archive.forget("invoices/2026/11/2026-11-0002.pdf");
    refused(&emptied(house), &[("A2026-11-0001", "original_missing")]).await;
}

#[tokio::test]
async fn settings_with_another_pattern_than_the_newest_number_has_begin_no_second_series() {
    let house = emptied(sold(3).await);
    let other = FRANCHISE_TOML.replace("[invoice]", "[invoice]\nseries = \"FA{year}-{number:5}\"");
    let house = House { settings: Settings::from_toml(&other).unwrap(), ..house };
    refused(&house, &[("2026-11-0003", "pattern_unknown")]).await;
    // A pattern that changes later leaves the numbers of its time as they are.
    let numbering = "[[numbering]]\nfrom = \"2027-01-01\"\nseries = \"FA{year}-{number:5}\"\n\
                     credit_series = \"A{year}-{number:5}\"\n";
    let settings = Settings::from_toml(&format!("{FRANCHISE_TOML}\n{numbering}")).unwrap();
    let house = House { settings, ..house };
    let rebuilt = house.rebuild(&written()).await.unwrap();
    assert_eq!((rebuilt.uncounted, rebuilt.missing, rebuilt.counters.len()), (0, 3, 1), "{rebuilt:?}");
    assert_eq!(house.sell(&house.sales(3, 1)).await, ["2026-11-0004"]);
}

#[tokio::test]
async fn a_snapshot_that_only_the_table_has_is_named_and_holds_the_chain() {
    let house = sold(5).await;
    for last in ["2026-11-0003", "2026-11-0005"] {
        house.archive.forget(&format!("books/2026/11/{last}.json"));
    }
    let rebuilt = house.rebuild(&written()).await.unwrap();
    let expected = [("2026-11-0003", "snapshot_missing"), ("2026-11-0005", "snapshot_missing")];
    assert_eq!(told(&rebuilt.differences), expected);
    assert!(rebuilt.refusals.is_empty() && rebuilt.waits() && !rebuilt.lacks(), "{rebuilt:?}");
}
