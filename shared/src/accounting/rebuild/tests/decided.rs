//! The decisions, value by value: what the drills do not come to.

use crate::{
    accounting::rebuild::decide::{
        CounterStep, CreditStep, Decision, Standing, TakenBack, counter, credited, decide, take_back,
    },
    archive::Document,
    billing::{
        ledger::{Credited, CreditedRow, Entry},
        snapshot::Snapshot,
    },
    invoice::Allocation,
    testing::STANDARD_TOML,
    vat::Vat,
};

use super::*;

/// A document as archived, and as its ledger has it.
async fn archived() -> (Archived, Entry) {
    let house = House::of(STANDARD_TOML);
    house.sell(&house.sales(0, 1)).await;
    let entry = house.books.entries().remove(0);
    let Entry { invoice, snapshot, document, .. } = entry.clone();
    (Archived { invoice, snapshot, document: document.unwrap() }, entry)
}

fn decided(archived: &Archived, entry: Entry, mailed: Option<bool>, age: SignedDuration) -> Decision {
    let billed = Billed::As(archived.invoice.number.clone());
    decide(archived, &Standing { entry: Some(entry), billed, mailed }, start() + age)
}

#[tokio::test]
async fn a_document_that_is_not_recorded_is_left_to_its_renderer_only_while_that_may_be_at_work() {
    let (archived, entry) = archived().await;
    let open = Entry { document: None, ..entry };
    let (minutes, hours) = (SignedDuration::from_mins(59), SignedDuration::from_mins(61));
    for (mailed, age, record, in_flight, unmailed) in [
        (Some(false), minutes, Record::Nothing, true, false),
        (Some(true), minutes, Record::Document, false, false),
        (Some(false), hours, Record::Document, false, true),
        (Some(true), hours, Record::Document, false, false),
        (None, hours, Record::Document, false, false),
    ] {
        let decision = decided(&archived, open.clone(), mailed, age);
        let found = (decision.missing.record, decision.in_flight, decision.unmailed);
        assert_eq!(found, (record, in_flight, unmailed), "{mailed:?} after {age:?}");
        assert_eq!((decision.missing.mark, decision.differences.len()), (Mark::Nothing, 0));
    }
}

#[tokio::test]
async fn another_pdf_and_another_snapshot_are_named() {
    let (archived, entry) = archived().await;
    let other = Document { sha256: "0".repeat(64), ..archived.document.clone() };
    let age = SignedDuration::from_hours(2);
    let changed = Entry { document: Some(other), ..entry.clone() };
    let decision = decided(&archived, changed, Some(true), age);
    assert!(decision.missing.is_nothing());
    assert_eq!(told(&decision.differences), [("2026-11-0001", "document_differs")]);
    // The same document in other bytes is another snapshot: its successor holds the hash of these.
    let changed = Entry { snapshot: Snapshot(format!("{} ", entry.snapshot.0)), ..entry.clone() };
    let decision = decided(&archived, changed, Some(true), age);
    assert_eq!(told(&decision.differences), [("2026-11-0001", "snapshot_differs")]);
    let mut old = archived;
    old.invoice.allocation = Allocation::default();
    assert!(decided(&old, entry, Some(false), age).unmailed, "a document of an unknown age is listed");
}

#[test]
fn a_counter_only_rises_and_its_day_does_not_go_back() {
    let day = |day| Some(jiff::civil::date(2026, 11, day));
    let at = |last, issued_on, hash: &str, siren: &str| Counter {
        last,
        last_issued_on: day(issued_on),
        last_hash: Some(hash.to_owned()),
        siren: Some(siren.to_owned()),
        ..Counter::default()
    };
    let archived = at(5, 21, "five", "a");
    assert_eq!(counter(&Counter::default(), &archived), CounterStep::Raise(archived.clone()));
    assert_eq!(counter(&at(4, 20, "four", "a"), &archived), CounterStep::Raise(archived.clone()));
    assert_eq!(counter(&at(4, 22, "four", "a"), &archived), CounterStep::Raise(at(5, 22, "five", "a")));
    assert_eq!(counter(&archived, &archived), CounterStep::Stays);
    assert_eq!(counter(&Counter { last_hash: None, ..archived.clone() }, &archived), CounterStep::Stays);
    assert_eq!(counter(&at(5, 21, "other", "a"), &archived), CounterStep::Differs);
    assert_eq!(counter(&at(6, 21, "six", "a"), &archived), CounterStep::Ahead);
    assert_eq!(counter(&at(4, 20, "four", "b"), &archived), CounterStep::OtherSeller);
}

#[tokio::test]
async fn what_is_credited_is_the_sum_of_the_credit_notes() {
    let (archived, _) = archived().await;
    let original = &archived.invoice;
    let row = |gross, tax| CreditedRow { gross, tax };
    let mut taken = TakenBack::new();
    assert_eq!(credited(original, &Credited::default(), &taken), CreditStep::Stays);
    let mut part = original.draft.taxes.clone();
    (part[0].base, part[0].tax) = (100, 20);
    take_back(&mut taken, &part);
    take_back(&mut taken, &part);
    let sum = Credited(vec![row(240, 40)]);
    assert_eq!(credited(original, &Credited::default(), &taken), CreditStep::Raise(sum.clone()));
    assert_eq!(credited(original, &Credited(vec![row(120, 20)]), &taken), CreditStep::Raise(sum.clone()));
    assert_eq!(credited(original, &sum, &taken), CreditStep::Stays);
    assert_eq!(credited(original, &Credited(vec![row(360, 60)]), &taken), CreditStep::Ahead);
    part[0].vat = Vat { rate: 5.into(), ..part[0].vat };
    take_back(&mut taken, &part);
    assert_eq!(credited(original, &sum, &taken), CreditStep::Unmatched);
}
