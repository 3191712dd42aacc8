//! Documents whose term is over went: the chain goes on, the table can be rebuilt, and no number comes twice.

use jiff::civil::{Date, date};

use super::*;
use crate::{
    accounting::term::{Expire, conclude, survey},
    archive::Archive,
    numbering::Series,
    term::{is_over, kept_until},
};

fn at(day: Date) -> Timestamp {
    day.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
}

fn yearless() -> String {
    FRANCHISE_TOML.replace("[invoice]\n", "[invoice]\nseries = \"F{number}\"\n")
}

/// Sells in a house whose clock is at noon of this day.
async fn sell_on(house: &mut House, day: Date, count: usize) -> Vec<String> {
    house.now = at(day);
    let first = house.numbers().len() + usize::try_from(day.year()).unwrap() * 1000;
    let sales = house.sales(first, count);
    house.sell(&sales).await
}

/// What the owner does at the beginning of a year: look, note the last links, let the records expire, delete.
async fn end_of_term(house: &House, today: Date) -> usize {
    let over = survey(&house.archive, &house.settings, today).await.unwrap();
    assert!(over.iter().all(|year| is_over(date(year.links.year, 12, 31), today) && year.unlinked == 0 && !year.noted));
    let entries = house.books.entries();
    let when = (&FixedClock(at(today)), Timestamp::MAX);
    for _ in 0..2 {
        let done = conclude(&over, &house.books, &house.archive, &house.settings, when, at(today)).await.unwrap();
        assert!(done, "doing it twice changes nothing");
    }
    let noted = survey(&house.archive, &house.settings, today).await.unwrap();
    assert!(noted.len() == over.len() && noted.iter().all(|year| year.noted), "{noted:?}");
    let kept = house.numbers();
    let gone: Vec<_> = entries.into_iter().filter(|entry| !kept.contains(&entry.invoice.number.0)).collect();
    for entry in &gone {
        assert!(is_over(entry.invoice.issued_on, today));
        house.archive.forget(&crate::billing::snapshot::key(&entry.invoice));
        house.archive.forget(&entry.document.as_ref().unwrap().key);
    }
    assert!(survey(&house.archive, &house.settings, today).await.unwrap().is_empty());
    assert_eq!(over.iter().map(|year| year.documents).sum::<usize>(), gone.len());
    gone.len()
}

/// Sales of three years, as far as the law's sentences are known; then each new year to 2041. A series of months, and one that
/// never begins anew.
#[tokio::test]
async fn books_stay_whole_while_their_beginning_goes() {
    for toml in [FRANCHISE_TOML.to_owned(), yearless()] {
        let mut house = House::of(&toml);
        let mut given = Vec::new();
        let days = [(2026, 3), (2026, 12), (2027, 3), (2027, 12), (2028, 3), (2028, 6)].map(|(y, m)| date(y, m, 30));
        for day in days {
            given.extend(sell_on(&mut house, day, 2).await);
        }
        let mut once = given.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), given.len());
        for year in 2029..=2041 {
            let new_year = date(year, 1, 1);
            let went = end_of_term(&house, new_year).await;
            assert_eq!(went, if (2038..=2040).contains(&year) { 4 } else { 0 }, "{year}");
            let kept: Vec<Date> = days.into_iter().filter(|day| !is_over(*day, new_year)).collect();
            assert_eq!(house.numbers().len(), 2 * kept.len(), "{year}");
            for day in &kept {
                let verified = house.verified(Month::of(*day)).await;
                assert!(verified.documents == 2 && verified.findings.is_empty(), "{year}, {day}: {verified:?}");
            }
            // The table is lost in this year: what the law keeps is rebuilt, and every series ends where it did.
            let whole = std::mem::replace(&mut house.books, InMemoryStore::new(house.faults.clone()));
            house.now = at(new_year);
            let rebuilt = house.rebuild(&written()).await.unwrap();
            assert!(rebuilt.refusals.is_empty() && rebuilt.differences.is_empty() && rebuilt.written, "{rebuilt:?}");
            assert_eq!((rebuilt.documents, rebuilt.missing), (2 * kept.len(), 2 * kept.len()), "{year}");
            for day in days {
                let series = house.settings.series(day).series(day);
                let (before, after) =
                    (whole.counter(&series).await.unwrap(), house.books.counter(&series).await.unwrap());
                assert_eq!((after.last, after.last_hash), (before.last, before.last_hash), "{year}: {series}");
            }
            house.books = whole;
        }
        let noted = house.archive.list("ledger/gone/", None, 9).await.unwrap();
        assert_eq!(noted, ["ledger/gone/2026.json", "ledger/gone/2027.json", "ledger/gone/2028.json"]);
    }
}

/// A seller who sold nothing for so long that every document of a series went, and whose table is lost.
#[tokio::test]
async fn a_series_that_went_as_a_whole_goes_on_after_its_last_number() {
    let mut house = House::of(&yearless());
    assert_eq!(sell_on(&mut house, date(2026, 6, 1), 3).await, ["F1", "F2", "F3"]);
    let today = kept_until(date(2026, 6, 1)).tomorrow().unwrap();
    assert_eq!(end_of_term(&house, today).await, 3);
    house.books = InMemoryStore::new(house.faults.clone());
    house.now = at(today);
    let found = house.rebuild(&dry()).await.unwrap();
    assert_eq!(found.counters, [Raised { series: Series("F#".to_owned()), from: 0, to: 3 }], "{found:?}");
    assert!(house.rebuild(&written()).await.unwrap().written);
    // The law's sentences of that year are not known: the counter says which number would be next.
    assert_eq!(house.books.counter(&Series("F#".to_owned())).await.unwrap().last, 3);
}

/// Without its link a missing beginning is a fault, as ever; and a document that is kept is not excused by the link.
#[tokio::test]
async fn what_nobody_noted_is_missing() {
    let mut house = House::of(&yearless());
    sell_on(&mut house, date(2026, 6, 1), 2).await;
    sell_on(&mut house, date(2027, 6, 1), 2).await;
    let forget = async |house: &House, number: &str| {
        let entries = house.books.entries();
        let entry = entries.iter().find(|entry| entry.invoice.number.0 == number).unwrap();
        house.archive.forget(&crate::billing::snapshot::key(&entry.invoice));
        house.books.expire(&entry.invoice, house.now).await.unwrap();
    };
    let june = || "2027-06".parse::<Month>().unwrap();
    forget(&house, "F2").await;
    let verified = house.verified(june()).await;
    assert_eq!(verified.findings.first().map(|one| one.code), Some("number_missing"), "{verified:?}");
    let noted = crate::term::links::YearOfLinks { year: 2026, links: Vec::new() };
    noted.note(&house.archive).await.unwrap();
    assert_eq!(house.verified(june()).await, verified, "a note without this link excuses nothing");
    forget(&house, "F3").await;
    let verified = house.verified(june()).await;
    assert_eq!(verified.findings.first().map(|one| one.code), Some("number_missing"), "{verified:?}");
}
