//! A rebuild that is cut off anywhere, and run again, ends as one that was not.

use super::*;
use crate::{
    archive::File,
    memory::{BillingBackup, Fault},
};

/// An archive and an older table beside it.
struct Lost {
    files: Vec<File>,
    backup: BillingBackup,
}

impl Lost {
    async fn after_the_second_of_four() -> Self {
        let house = House::new();
        let all = house.sales(0, 4);
        house.sell(&all[..2]).await;
        let backup = house.books.back_up_billing();
        house.sell(&all[2..]).await;
        house.take_back(&house.refund(&all[0], 1, 1000)).await;
        house.take_back(&house.refund(&all[3], 2, 4900)).await;
        let file = |(key, bytes)| File { key, content_type: "application/json", bytes, sale: None };
        Self { files: house.archive.files().into_iter().map(file).collect(), backup }
    }

    async fn empty() -> Self {
        Self { backup: InMemoryStore::default().back_up_billing(), ..Self::after_the_second_of_four().await }
    }

    /// These stores under a plan of failures.
    fn under(&self, faults: FaultPlan) -> House {
        let house = House::under(faults, FRANCHISE_TOML);
        self.files.iter().for_each(|file| house.archive.put(file));
        house.books.restore_billing(self.backup.clone());
        house
    }
}

#[tokio::test]
async fn a_rebuild_cut_at_any_call_ends_the_same() {
    for lost in [Lost::after_the_second_of_four().await, Lost::empty().await] {
        let whole = lost.under(FaultPlan::default());
        let expected = whole.rebuild(&written()).await.unwrap();
        assert!(expected.written, "{expected:?}");
        let calls = whole.faults.calls();
        let entries = whole.books.entries();
        assert!(calls > 40, "{calls}");
        for call in 0..calls {
            for fault in [Fault::Before, Fault::After, Fault::Refused] {
                let house = lost.under(FaultPlan::with(call, fault));
                let first = house.rebuild(&written()).await;
                assert!(first.is_err(), "call {call}, {fault:?}: a failure is never hidden: {first:?}");
                let second = house.rebuild(&written()).await.unwrap();
                assert!(second.written, "call {call}, {fault:?}: {second:?}");
                assert_eq!(house.books.entries(), entries, "call {call}, {fault:?}");
                assert!(!house.rebuild(&dry()).await.unwrap().lacks(), "call {call}, {fault:?}");
                let issued = house.sell(&house.sales(4, 1)).await;
                assert_eq!(issued, ["2026-11-0005"], "call {call}, {fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn no_number_is_given_before_the_rebuild_is_whole() {
    for lost in [Lost::after_the_second_of_four().await, Lost::empty().await] {
        let whole = lost.under(FaultPlan::default());
        whole.rebuild(&written()).await.unwrap();
        let mut held = 0;
        for call in 0..whole.faults.calls() {
            let house = lost.under(FaultPlan::with(call, Fault::Before));
            assert!(house.rebuild(&written()).await.is_err());
            // A sale of which the lost table knew nothing, and one that was billed after the backup.
            let next = house.sales(9, 1).remove(0);
            let billed = house.sales(3, 1).remove(0);
            for sale in [&next, &billed] {
                house.books.record(sale, house.now).await.unwrap();
            }
            let issued = house.issue(&[next]).await.remove(0);
            match issued.outcome {
                Outcome::Retry(reason) if reason.is_held() => held += 1,
                Outcome::Done => {
                    assert_eq!(issued.number.unwrap().0, "2026-11-0005", "call {call}");
                    let found = house.rebuild(&dry()).await.unwrap();
                    assert_eq!((found.missing, found.credited), (0, 0), "call {call}: {found:?}");
                    let again = house.issue(&[billed]).await.remove(0);
                    assert_eq!(again.number.unwrap().0, "2026-11-0004", "call {call}: it keeps its number");
                }
                other => panic!("call {call}: {other:?}"),
            }
        }
        assert!(held > 40, "{held}");
    }
}

#[tokio::test]
async fn where_time_is_up_nothing_is_written_and_it_says_so() {
    let house = Lost::after_the_second_of_four().await.under(FaultPlan::default());
    let rebuilt = house.rebuild_until(&written(), start()).await.unwrap();
    assert!(rebuilt.unfinished && rebuilt.waits() && !rebuilt.written, "{rebuilt:?}");
    assert_eq!(house.numbers().len(), 2);
}
