//! What an owner lives through: a table restored to an earlier moment, a table lost as a whole, both tables lost.

use super::*;
use serde_json::json;

use crate::{
    billing::ledger::Entry, invoice::DocumentSource, numbering::Series, payment::Received, receive::receive,
    stripe::classify::read, testing::stripe::Placed,
};

/// Every record of a document, with its bytes, its PDF and what was credited of it.
fn whole(house: &House) -> Vec<Entry> {
    house.books.entries()
}

#[tokio::test]
async fn whole_books_lack_nothing() {
    let house = House::new();
    house.sell(&house.sales(0, 5)).await;
    let before = whole(&house);
    let rebuilt = house.rebuild(&written()).await.unwrap();
    assert_eq!(rebuilt, Rebuilt { documents: 5, written: true, ..Rebuilt::default() });
    assert!(!rebuilt.waits() && rebuilt.unknown().is_empty());
    assert_eq!(whole(&house), before);
    let new = House::new().rebuild(&written()).await.unwrap();
    assert_eq!(new, Rebuilt { written: true, ..Rebuilt::default() }, "books that have not begun");
}

#[tokio::test]
async fn fifty_sales_restored_to_the_twentieth_go_on_at_the_fifty_first() {
    let house = House::new();
    let all = house.sales(0, 50);
    house.sell(&all[..20]).await;
    let backup = house.books.back_up_billing();
    house.sell(&all[20..]).await;
    let before = whole(&house);
    house.books.restore_billing(backup);
    // The guard holds all work until the table is rebuilt.
    let next = house.sales(50, 1);
    house.books.record(&next[0], house.now).await.unwrap();
    let held = house.issue(&next).await;
    assert!(matches!(&held[0].outcome, Outcome::Retry(reason) if reason.code == "ledger_older"), "{held:?}");

    let found = house.rebuild(&dry()).await.unwrap();
    let counter = Raised { series: Series("2026-11-#".into()), from: 20, to: 50 };
    let expected = Rebuilt { documents: 50, missing: 30, counters: vec![counter], ..Rebuilt::default() };
    assert_eq!(found, expected);
    assert!(found.waits() && !found.unknown().is_empty());
    assert_eq!(house.numbers().len(), 20, "a dry run writes nothing");
    let rebuilt = house.rebuild(&written()).await.unwrap();
    assert_eq!(rebuilt, Rebuilt { written: true, ..expected });
    assert!(!rebuilt.waits());
    assert_eq!(whole(&house), before);

    // Stripe announces each sale once more, and each is asked to be billed once more.
    for sale in &all {
        assert_eq!(house.books.record(sale, later()).await.unwrap(), Recorded::AlreadyRecorded, "{}", sale.key);
        assert_eq!(house.books.sale_paid_by("pi_11_0").await.unwrap(), Some(all[0].key.clone()));
    }
    let again = house.issue(&all).await;
    assert!(again.iter().all(|one| one.outcome == Outcome::AlreadyDone), "{again:?}");
    assert_eq!(house.send_mails().await, 0, "nobody is mailed again");
    assert_eq!(house.books.mails().len(), 50);
    assert_eq!(house.verified(november()).await, Verified { documents: 50, findings: Vec::new() });

    let issued = house.issue(&next).await;
    assert_eq!(issued[0].number.as_ref().unwrap().0, "2026-11-0051", "{issued:?}");
    assert_eq!(house.verified(november()).await, Verified { documents: 51, findings: Vec::new() });
    assert_eq!(house.rebuild(&written()).await.unwrap().missing, 0);
}

#[tokio::test]
async fn an_empty_table_is_rebuilt_whole_with_its_credit_notes() {
    for seller in [FRANCHISE_TOML, crate::testing::STANDARD_TOML] {
        let house = House::of(seller);
        let all = house.sales(0, 12);
        house.sell(&all).await;
        let refunds = [house.refund(&all[2], 1, 1000), house.refund(&all[2], 2, 900), house.refund(&all[7], 3, 4900)];
        for refund in &refunds {
            assert_eq!(house.take_back(refund).await.outcome, Outcome::Done);
        }
        house.send_mails().await;
        let before = whole(&house);
        house.books.restore_billing(InMemoryStore::default().back_up_billing());
        let rebuilt = house.rebuild(&written()).await.unwrap();
        assert_eq!((rebuilt.documents, rebuilt.missing, rebuilt.credited), (15, 15, 2));
        assert!(rebuilt.begins && rebuilt.written && rebuilt.mails.is_empty() && !rebuilt.waits(), "{rebuilt:?}");
        assert_eq!(whole(&house), before, "what was credited is known too");
        assert_eq!(house.rebuild(&written()).await.unwrap().missing, 0, "once more changes nothing");
        assert_eq!(house.verified(november()).await, Verified { documents: 15, findings: Vec::new() });

        for sale in &all {
            assert_eq!(house.books.record(sale, later()).await.unwrap(), Recorded::AlreadyRecorded);
        }
        for refund in &refunds {
            assert_eq!(house.books.record_refund(refund, later()).await.unwrap(), Recorded::AlreadyRecorded);
        }
        // More than what is left of the third sale is refused, what is left is credited.
        let above = house.take_back(&house.refund(&all[2], 4, 3001)).await;
        assert!(matches!(&above.outcome, Outcome::Reject(reason) if reason.code == "refund_exceeds"), "{above:?}");
        let rest = house.take_back(&house.refund(&all[2], 5, 3000)).await;
        assert_eq!(rest.number.unwrap().0, "A2026-11-0004");
        assert_eq!(house.sell(&house.sales(12, 1)).await, ["2026-11-0013"]);
        assert_eq!(house.books.mails().len(), 17, "one mail a document");
    }
}

#[tokio::test]
async fn mails_of_which_nobody_knows_are_listed_and_not_sent() {
    let house = House::new();
    let all = house.sales(0, 4);
    house.sell(&all[..2]).await;
    // Both tables are lost; then two more sales come.
    let lost = House { archive: house.archive, ..House::new() };
    let rebuilt = lost.rebuild(&written()).await.unwrap();
    let ids = ["invoice/2026-11-0001", "invoice/2026-11-0002"].map(|id| MailId(id.to_owned()));
    assert_eq!(rebuilt.mails, ids);
    assert!(rebuilt.written && rebuilt.waits(), "a person looks whether they were sent");
    assert!(lost.books.mails().is_empty());
    assert_eq!(lost.rebuild(&dry()).await.unwrap().mails, ids, "they stay listed");
    assert_eq!(lost.sell(&all[2..]).await, ["2026-11-0003", "2026-11-0004"]);
    assert_eq!(lost.books.mails().len(), 2);
    // Mails of half a year ago are forgotten anyway: that they are not known says nothing.
    let years = House { now: start() + SignedDuration::from_hours(24 * 200), ..lost };
    assert_eq!(years.rebuild(&dry()).await.unwrap().mails, []);
}

#[tokio::test]
async fn a_document_that_was_finished_after_the_backup_is_recorded_as_finished() {
    let house = House::new();
    let all = house.sales(0, 2);
    house.sell(&all[..1]).await;
    house.books.record(&all[1], house.now).await.unwrap();
    // A claim without its document: the archive takes it, and the answer of the table is lost.
    let entry = {
        let claimed = House { books: InMemoryStore::default(), archive: InMemoryArchive::default(), ..House::new() };
        claimed.sell(&all).await;
        claimed.books.entries().remove(1)
    };
    let counter = house.books.counter(&Series("2026-11-#".into())).await.unwrap();
    let claim = crate::billing::ledger::NumberClaim {
        series: Series("2026-11-#".into()),
        counter,
        invoices: vec![entry.invoice.clone()],
        crediting: None,
    };
    Ledger::claim(&house.books, &claim).await.unwrap();
    let backup = house.books.back_up_billing();
    assert_eq!(house.issue(&all[1..]).await[0].outcome, Outcome::Done);
    assert_eq!(house.send_mails().await, 1);
    house.books.restore_billing(backup.clone());
    // Within the hour, and without a mail, its renderer may still be at work.
    let alone = House { books: InMemoryStore::default(), now: start(), ..House::new() };
    alone.books.restore_billing(backup);
    let clock = FixedClock(start());
    let (ledger, settings, deadline) = (&alone.books, &house.settings, Timestamp::MAX);
    let rebuild = Rebuild { ledger, archive: &house.archive, mails: ledger, clock: &clock, settings, deadline };
    let now = rebuild.run(&written()).await.unwrap();
    assert_eq!((now.in_flight, now.missing), (1, 0), "{now:?}");

    let rebuilt = house.rebuild(&written()).await.unwrap();
    assert_eq!((rebuilt.missing, rebuilt.in_flight, rebuilt.mails.len()), (1, 0, 0), "{rebuilt:?}");
    let issued = house.issue(&all[1..]).await;
    assert_eq!(issued[0].outcome, Outcome::AlreadyDone, "not parked as a number used twice: {issued:?}");
    assert_eq!(house.send_mails().await, 0);
    assert_eq!(house.books.parked(&DocumentSource::Sale(all[1].key.clone())), None);
}

#[tokio::test]
async fn years_of_a_series_without_months_and_beyond_its_width() {
    let text = FRANCHISE_TOML.replace("[invoice]", "[invoice]\nseries = \"FA{year}/{number:1}\"");
    let mut house = House::of(&text);
    for month in ["2025-12", "2026-01", "2026-03"] {
        house.now = format!("{month}-05T10:00:00Z").parse().unwrap();
        house.sell(&house.sales(0, 11)).await;
    }
    let before = whole(&house);
    house.books.restore_billing(InMemoryStore::default().back_up_billing());
    let rebuilt = house.rebuild(&written()).await.unwrap();
    assert!(rebuilt.refusals.is_empty() && rebuilt.counters.len() == 2, "{rebuilt:?}");
    assert_eq!(whole(&house), before);
    house.now = later();
    assert_eq!(house.sell(&house.sales(0, 1)).await, ["FA2026/23"]);
}

#[tokio::test]
async fn a_refund_of_a_rebuilt_sale_is_credited_and_its_event_may_come_again() {
    let house = House::new();
    let all = house.sales(0, 2);
    house.sell(&all).await;
    house.books.restore_billing(InMemoryStore::default().back_up_billing());
    house.rebuild(&written()).await.unwrap();
    let session = json!({"id": all[1].key, "payment_intent": all[1].payment_intent, "mode": "payment"});
    let stripe = Placed::with(&[("checkout/sessions", json!([session]))]);
    let refund = json!({"id": "re_9", "amount": 4900, "currency": "eur", "status": "succeeded",
        "payment_intent": all[1].payment_intent, "created": start().as_second()});
    let event = json!({"id": "evt_9", "type": "refund.created", "created": start().as_second(),
        "data": {"object": refund}});
    let body = event.to_string();
    let deliver = async || {
        let event = read(body.as_bytes()).unwrap();
        receive(&event, &body, false, house.settings.charges_vat(), &house.books, &stripe, later()).await.unwrap()
    };
    let received = Received::Refunded { refund: "re_9".to_owned(), sale: all[1].key.0.clone() };
    assert_eq!(deliver().await, received, "the archive does not know the payment, and Stripe does");
    assert_eq!(deliver().await, Received::AlreadyRecorded { sale: all[1].key.0.clone() });
    let refund = house.books.refunds().remove(0);
    let (words, guard, clock) = (words(), LedgerGuard::new(|| "books".to_owned()), FixedClock(later()));
    let issued = house.issuer(&words, &guard, &clock).take_back(&refund).await;
    assert_eq!(issued.number.unwrap().0, "A2026-11-0001");
}

/// Sales and refunds in turns; the table is restored to the moment after each.
#[tokio::test]
async fn a_table_restored_to_any_moment_is_rebuilt_whole() {
    let house = House::of(crate::testing::STANDARD_TOML);
    let all = house.sales(0, 9);
    let mut moments = vec![InMemoryStore::default().back_up_billing(), house.books.back_up_billing()];
    for (n, sale) in all.iter().enumerate() {
        house.books.record(sale, house.now).await.unwrap();
        moments.push(house.books.back_up_billing());
        assert_eq!(house.issue(std::slice::from_ref(sale)).await[0].outcome, Outcome::Done);
        moments.push(house.books.back_up_billing());
        if n % 2 == 1 {
            let refund = house.refund(&all[n / 2], n, 700);
            house.books.record_refund(&refund, house.now).await.unwrap();
            moments.push(house.books.back_up_billing());
            assert_eq!(house.take_back(&refund).await.outcome, Outcome::Done);
            moments.push(house.books.back_up_billing());
        }
    }
    house.send_mails().await;
    let before = whole(&house);
    for (n, moment) in moments.into_iter().enumerate() {
        house.books.restore_billing(moment);
        let rebuilt = house.rebuild(&written()).await.unwrap();
        assert!(rebuilt.written && !rebuilt.waits(), "moment {n}: {rebuilt:?}");
        assert_eq!(whole(&house), before, "moment {n}");
        let again = house.issue(&all).await;
        let numbers: Vec<u64> =
            again.iter().filter_map(|one| one.number.as_ref()?.0.rsplit_once('-')?.1.parse().ok()).collect();
        assert_eq!(numbers, (1..=9).collect::<Vec<u64>>(), "moment {n}: each has its own number");
        for sale in &all {
            assert_eq!(house.books.record(sale, later()).await.unwrap(), Recorded::AlreadyRecorded, "moment {n}");
        }
        assert_eq!(
            (house.books.mails().len(), house.send_mails().await),
            (13, 0),
            "moment {n}: nobody is mailed again"
        );
    }
    assert_eq!(house.verified(november()).await, Verified { documents: 13, findings: Vec::new() });
}
