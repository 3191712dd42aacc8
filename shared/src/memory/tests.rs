//! Every call of the whole flow fails in turn, before and after it took effect; the work is delivered again as Stripe
//! and the streams would, and the guarantees must hold at the end.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    billing::{
        draft::draft,
        guard::LedgerGuard,
        issue::{Issuer, Render},
        ledger::{AllocationResult, Counter, Entry, Ledger, NumberClaim},
        snapshot,
    },
    clock::FixedClock,
    invoice::{
        DocumentSource, Invoice,
        print::{Page, Words},
    },
    mail::{
        delivery::{DeliveryEvent, Report, follow},
        dispatch::{self, Dispatched, dispatch},
        outbox::{Outbox, OutgoingEmail, Status},
    },
    outcome::{Outcome, Reason},
    payment::{PaymentLog, Recorded},
    refund::{Refund, RefundKey},
    sale::{Sale, SaleKey},
    seller::{Seller, Settings},
    sweep::OpenWork,
    testing::{FRANCHISE_TOML, sale, words},
    timing::{ONE_CHECK_SECONDS, ONE_CLAIM_SECONDS, ONE_DOCUMENT_SECONDS},
};

const LEASE: SignedDuration = SignedDuration::from_secs(120);

fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

/// The page's own text stands in for its PDF.
struct Typewriter;

impl Render for Typewriter {
    fn render(&self, _: &Invoice, page: &Page) -> Result<Vec<u8>, Reason> {
        Ok(format!("{page:?}").into_bytes())
    }
}

fn sales(count: usize) -> Vec<Sale> {
    let numbered = |n: usize| Sale { key: SaleKey(format!("cs_{n}")), event: format!("evt_{n}"), ..sale() };
    (0..count).map(numbered).collect()
}

struct House {
    books: InMemoryStore,
    archive: InMemoryArchive,
    post_office: InMemoryTransport,
    faults: Arc<FaultPlan>,
    guard: LedgerGuard,
}

impl House {
    fn under(faults: FaultPlan) -> Self {
        let faults = Arc::new(faults);
        Self {
            books: InMemoryStore::new(faults.clone()),
            archive: InMemoryArchive::new(faults.clone()),
            post_office: InMemoryTransport::new(faults.clone()),
            faults,
            guard: LedgerGuard::new(|| "books".to_owned()),
        }
    }

    async fn record(&self, sales: &[Sale]) {
        for sale in sales {
            for _ in 0..3 {
                if self.books.record(sale, start()).await.is_ok() {
                    break;
                }
            }
        }
    }

    fn issuer(&self) -> Issuer<'_, InMemoryStore, InMemoryArchive, Typewriter, FixedClock> {
        static SETTINGS: LazyLock<Settings> = LazyLock::new(|| Settings::from_toml(FRANCHISE_TOML).unwrap());
        static WORDS: LazyLock<Words> = LazyLock::new(words);
        static CLOCK: LazyLock<FixedClock> = LazyLock::new(|| FixedClock(start()));
        Issuer {
            ledger: &self.books,
            archive: &self.archive,
            renderer: &Typewriter,
            clock: &*CLOCK,
            settings: &SETTINGS,
            words: &WORDS,
            guard: &self.guard,
            deadline: Timestamp::MAX,
        }
    }

    async fn issue(&self, sales: &[Sale]) {
        let issuer = self.issuer();
        for _ in 0..4 {
            let issued = issuer.issue(sales).await;
            assert_eq!(issued.len(), sales.len());
            if issued.iter().all(|issued| !matches!(issued.outcome, Outcome::Retry(_))) {
                return;
            }
        }
        panic!("never finished");
    }

    /// Replays all dead letters, as a person does once the cause is fixed.
    fn replay(&self) -> usize {
        let parked = self.books.parked_bases();
        for (basis, _) in &parked {
            self.books.put_back(
                &match basis.clone() {
                    DocumentSource::Sale(sale) => StreamRecord::Sale(sale),
                    DocumentSource::Refund(refund) => StreamRecord::Refund(refund),
                },
                start(),
            );
        }
        for (mail, _) in self.books.mails() {
            self.books.put_back(&StreamRecord::Mail(mail.id), start());
        }
        parked.len()
    }

    async fn take_back(&self, refunds: &[Refund]) {
        self.take_back_at(refunds, start()).await;
    }

    async fn take_back_at(&self, refunds: &[Refund], now: Timestamp) {
        let clock = FixedClock(now);
        let issuer = Issuer { clock: &clock, ..self.issuer() };
        for refund in refunds {
            for _ in 0..3 {
                if self.books.record_refund(refund, start()).await.is_ok() {
                    break;
                }
            }
            let mut tries = 0;
            while matches!(issuer.take_back(refund).await.outcome, Outcome::Retry(_)) {
                tries += 1;
                assert!(tries < 4, "never finished");
            }
        }
    }

    /// Sends every queued mail repeatedly, each time a little later, until nothing is left to retry.
    async fn mail(&self) {
        for round in 0..10_i64 {
            let now = start() + SignedDuration::from_secs(60 * round);
            let mut waiting = false;
            for (mail, _) in self.books.mails() {
                let letter = OutgoingEmail {
                    id: mail.id.clone(),
                    from: mail.sender(),
                    to: mail.to.clone().unwrap(),
                    reply_to: None,
                    subject: "subject".to_owned(),
                    html: String::new(),
                    text: String::new(),
                    enclosure: None,
                };
                let claimant = format!("request-{round}");
                let sent = dispatch(&letter, &claimant, &self.books, &self.post_office, || now, LEASE).await;
                waiting |= matches!(sent, Dispatched::Later(_) | Dispatched::InHand(_));
            }
            if !waiting {
                return;
            }
        }
        panic!("never finished");
    }

    /// Reports a delivery event for every sent mail, each until it is recorded.
    async fn tell(&self) {
        for mail in self.post_office.letters() {
            for happened in [DeliveryEvent::Delivered, DeliveryEvent::Sent] {
                let message_id = format!("message-{mail}");
                let report = Report { mail: mail.clone(), message_id, happened, suppress: None };
                while follow(&report, &self.books, start()).await.is_err() {}
            }
        }
    }

    fn check(&self, count: usize) {
        self.check_with_credits(count, 0);
    }

    fn check_with_credits(&self, invoices: usize, credits: usize) {
        let count = invoices + credits;
        let entries = self.books.entries();
        let numbers: Vec<String> = entries.iter().map(|entry| entry.invoice.number.to_string()).collect();
        let expected = (1..=invoices).map(|n| format!("2026-11-{n:04}"));
        let expected: Vec<String> = expected.chain((1..=credits).map(|n| format!("A2026-11-{n:04}"))).collect();
        assert_eq!(numbers, expected, "no gap, no repetition");
        let mut billed: Vec<DocumentSource> = entries.iter().map(|entry| entry.invoice.draft.basis()).collect();
        billed.sort();
        billed.dedup();
        assert_eq!(billed.len(), count, "one sale, one invoice; one refund, one credit note");
        for original in entries.iter().filter(|entry| entry.invoice.draft.corrects.is_none()) {
            let of_it = |entry: &&Entry| {
                entry.invoice.draft.corrects.as_ref().is_some_and(|credit| credit.number == original.invoice.number)
            };
            let back: i64 = entries.iter().filter(of_it).map(|entry| entry.invoice.draft.totals.gross).sum();
            assert_eq!(original.credited.0.iter().map(|row| row.gross).sum::<i64>(), back);
            assert!(back <= original.invoice.draft.totals.gross, "never above the invoice");
        }
        let files = self.archive.files();
        let kept = |prefix: &str| files.keys().filter(|key| key.starts_with(prefix)).count();
        assert_eq!((kept("invoices/"), kept("books/")), (count, count), "a document and its snapshot for each");
        let mut chains: BTreeMap<bool, String> = BTreeMap::new();
        for entry in &entries {
            let document = entry.document.as_ref().expect("archived");
            assert_eq!(crate::archive::sha256(&files[&document.key]), document.sha256);
            assert_eq!(files[&snapshot::key(&entry.invoice)], entry.snapshot.0.as_bytes());
            let series = entry.invoice.draft.corrects.is_some();
            let previous = chains.insert(series, entry.snapshot.sha256());
            assert_eq!(entry.invoice.allocation.previous, previous, "each holds the hash of the one before");
        }
        assert_eq!(self.books.mails().len(), count);
        for (mail, status) in self.books.mails() {
            let sent = self.post_office.letters().iter().filter(|id| **id == mail.id).count();
            match status {
                Status::Sent => assert_eq!(sent, 1, "{}", mail.id),
                Status::Unknown => assert!(sent <= 1, "{}", mail.id),
                other => panic!("{} is left {other:?}", mail.id),
            }
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn whatever_call_fails_the_promises_hold() {
    let sales = sales(3);
    let fine = House::under(FaultPlan::default());
    fine.record(&sales).await;
    fine.issue(&sales).await;
    fine.mail().await;
    fine.check(3);
    let calls = fine.faults.calls();
    assert!(calls >= 3 + 2 + 2 * 3 + 3 * 3, "{calls} calls were counted");
    for call in 0..calls {
        for trouble in [Fault::Before, Fault::After] {
            let house = House::under(FaultPlan::with(call, trouble));
            house.record(&sales).await;
            house.issue(&sales).await;
            house.mail().await;
            house.check(3);
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_call_that_is_refused_for_good_parks_one_sale_and_holds_up_no_other() {
    let sales = sales(3);
    let fine = House::under(FaultPlan::default());
    fine.record(&sales).await;
    fine.issue(&sales).await;
    fine.mail().await;
    let mut parked_once = 0;
    for call in 0..fine.faults.calls() {
        let house = House::under(FaultPlan::with(call, Fault::Refused));
        house.record(&sales).await;
        house.issue(&sales).await;
        let invoiced = house.books.entries().iter().filter(|entry| entry.document.is_some()).count();
        let parked = house.replay();
        parked_once += parked;
        assert!(parked <= 1 && invoiced == 3 - parked, "call {call}: {parked} parked, {invoiced} invoiced");
        house.issue(&sales).await;
        house.mail().await;
        house.replay();
        house.mail().await;
        house.check(3);
    }
    assert!(parked_once > 0, "no refusal was ever seen");
}

#[tokio::test(flavor = "current_thread")]
async fn a_mail_that_is_being_sent_is_neither_parked_nor_left_behind() {
    let sales = sales(1);
    let house = House::under(FaultPlan::default());
    house.record(&sales).await;
    house.issue(&sales).await;
    let (books, id) = (&house.books, house.books.mails().remove(0).0.id);
    // A claim whose answer was lost: the next try finds the document missing from the archive.
    Outbox::claim(books, &id, "request-1", start(), LEASE).await.unwrap();
    let park = async |now| dispatch::park(&id, Reason::new("attachment_missing", "it is gone"), books, now).await;
    assert!(matches!(park(start()).await, Dispatched::InHand(_)), "it may be on its way");
    assert_eq!(park(start() + LEASE).await, Dispatched::Unknown);
    assert_eq!(park(start() + LEASE).await, Dispatched::Settled);
}

#[tokio::test(flavor = "current_thread")]
async fn nothing_is_begun_that_may_not_end_in_time() {
    let sales = sales(2);
    let house = House::under(FaultPlan::default());
    house.record(&sales).await;
    let after = |seconds| Issuer { deadline: start() + SignedDuration::from_secs(seconds), ..house.issuer() };
    let check = ONE_CHECK_SECONDS.cast_signed();
    let document = ONE_DOCUMENT_SECONDS.cast_signed();
    for (seconds, numbers, documents) in [(check - 1, 0, 0), (document - 1, 2, 0), (document, 2, 2)] {
        let retried = after(seconds).issue(&sales).await;
        assert_eq!(house.books.entries().len(), numbers);
        assert_eq!(house.archive.files().keys().filter(|key| key.starts_with("invoices/")).count(), documents);
        assert_eq!(retried.iter().all(|one| matches!(one.outcome, Outcome::Retry(_))), documents == 0);
    }
    let late = Sale { key: SaleKey("cs_late".to_owned()), event: "evt_late".to_owned(), ..sale() };
    house.record(std::slice::from_ref(&late)).await;
    let claim = ONE_CLAIM_SECONDS.cast_signed();
    for (seconds, numbers) in [(claim - 1, 2), (claim, 3)] {
        after(seconds).issue(std::slice::from_ref(&late)).await;
        assert_eq!(house.books.entries().len(), numbers, "the books were checked before");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_invoice_takes_the_mark_from_a_parked_sale_and_parking_twice_is_told_apart() {
    let sales = sales(1);
    let house = House::under(FaultPlan::default());
    house.record(&sales).await;
    let (issuer, basis) = (house.issuer(), DocumentSource::Sale(sales[0].key.clone()));
    let why = || Reason::new("customer_unnamed", "nobody");
    assert!(!issuer.park(&basis, why()).await.repeated);
    assert!(issuer.park(&basis, why()).await.repeated);
    assert!(!issuer.park(&basis, Reason::new("country_unknown", "XQ")).await.repeated, "another reason is news");
    // The sale can be invoiced by now, so the refund issues its invoice first.
    house.take_back(&refunds(&sales, &[(0, 100)])).await;
    assert_eq!(house.books.parked(&basis), None);
    house.mail().await;
    house.check_with_credits(1, 1);
}

#[tokio::test(flavor = "current_thread")]
async fn whatever_call_fails_the_events_leave_no_sent_mail_unknown() {
    let sales = sales(2);
    let run = async |faults: FaultPlan| {
        let house = House::under(faults);
        house.record(&sales).await;
        house.issue(&sales).await;
        house.mail().await;
        house.tell().await;
        for (mail, status) in house.books.mails() {
            let letters = house.post_office.letters().iter().filter(|id| **id == mail.id).count();
            // Only a claim whose answer was lost before anything was sent leaves a mail for a person to settle.
            let expected = if letters == 0 { Status::Unknown } else { Status::Delivered };
            assert!(letters <= 1 && status == expected, "{}: {letters} letters, {status:?}", mail.id);
        }
        house.faults.calls()
    };
    let calls = run(FaultPlan::default()).await;
    for call in 0..calls {
        run(FaultPlan::with(call, Fault::Before)).await;
        run(FaultPlan::with(call, Fault::After)).await;
    }
}

/// Refunds of `sales`, one for each amount.
fn refunds(sales: &[Sale], amounts: &[(usize, i64)]) -> Vec<Refund> {
    let refund = |(n, (sale, amount)): (usize, &(usize, i64))| Refund {
        key: RefundKey(format!("re_{n}")),
        event: format!("evt_re_{n}"),
        sale: sales[*sale].key.clone(),
        refunded_at: start(),
        currency: "eur".to_owned(),
        amount: *amount,
        lines: Vec::new(),
    };
    (1..).zip(amounts).map(refund).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn whatever_call_fails_a_refund_is_credited_once() {
    let sales = sales(2);
    let back = refunds(&sales, &[(0, 1900), (0, 3000), (1, 4900)]);
    let run = async |faults: FaultPlan| {
        let house = House::under(faults);
        house.record(&sales).await;
        // The second sale's invoice is issued on the way, because its refund arrives first.
        house.issue(&sales[..1]).await;
        house.take_back(&back).await;
        house.issue(&sales).await;
        house.mail().await;
        house.check_with_credits(2, 3);
        house.faults.calls()
    };
    let calls = run(FaultPlan::default()).await;
    for call in 0..calls {
        run(FaultPlan::with(call, Fault::Before)).await;
        run(FaultPlan::with(call, Fault::After)).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn refunds_at_once_never_credit_more_than_was_billed() {
    let sales = sales(1);
    let back = refunds(&sales, &[(0, 3000), (0, 3000), (0, 1900)]);
    let house = House::under(FaultPlan::default());
    house.record(&sales).await;
    house.issue(&sales).await;
    tokio::join!(house.take_back(&back[..1]), house.take_back(&back[1..2]), house.take_back(&back[2..]));
    house.mail().await;
    house.check_with_credits(1, 2);
    let waiting: Vec<_> =
        back.iter().filter_map(|refund| house.books.parked(&DocumentSource::Refund(refund.key.clone()))).collect();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].code, "refund_exceeds");
}

#[tokio::test(flavor = "current_thread")]
async fn a_credit_note_is_not_older_than_its_invoice_by_whatever_clock() {
    let sales = sales(1);
    let back = refunds(&sales, &[(0, 100)]);
    let house = House::under(FaultPlan::default());
    house.record(&sales).await;
    house.issue(&sales).await;
    house.take_back_at(&back, start() - SignedDuration::from_hours(24 * 30)).await;
    let entries = house.books.entries();
    assert_eq!(entries[0].invoice.issued_on, entries[1].invoice.issued_on);
    assert!(entries[1].invoice.number.0.starts_with("A2026-11"), "{}", entries[1].invoice.number);
}

#[tokio::test(flavor = "current_thread")]
async fn a_refund_of_a_sale_that_waits_waits_with_it() {
    let mut sales = sales(1);
    sales[0].currency = "zzz".to_owned();
    let back = refunds(&sales, &[(0, 100)]);
    let house = House::under(FaultPlan::default());
    house.record(&sales).await;
    house.take_back(&back).await;
    let reason = house.books.parked(&DocumentSource::Refund(back[0].key.clone())).unwrap();
    assert!(reason.code == "sale_waits" && reason.message.contains("unknown_currency"), "{reason}");
    house.check(0);
}

#[tokio::test(flavor = "current_thread")]
async fn an_event_sent_again_brings_what_a_waiting_sale_lacked() {
    let mut sale = sale();
    sale.customer.name = None;
    let house = House::under(FaultPlan::default());
    house.record(std::slice::from_ref(&sale)).await;
    house.issue(std::slice::from_ref(&sale)).await;
    assert_eq!(house.books.parked(&DocumentSource::Sale(sale.key.clone())).unwrap().code, "customer_unnamed");
    sale.customer.name = Some("Zoé Lefèvre".into());
    assert_eq!(house.books.record(&sale, start()).await, Ok(Recorded::New));
    house.issue(&house.books.sales()).await;
    house.mail().await;
    house.check(1);
    assert_eq!(
        house.books.record(&sale, start()).await,
        Ok(Recorded::AlreadyRecorded),
        "an issued sale stays as it is"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn what_has_a_number_is_finished_whatever_changed_since() {
    let sale = sale();
    let house = House::under(FaultPlan::default());
    house.record(std::slice::from_ref(&sale)).await;
    let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
    let day = start().to_zoned(seller.time_zone.clone()).date();
    let draft = draft(&sale, &seller, day).unwrap();
    let invoice = Invoice::new(seller.series.number(day, 1), day, draft);
    let series = seller.series.series(day);
    let claim = NumberClaim { series, counter: Counter::default(), invoices: vec![invoice], crediting: None };
    assert_eq!(Ledger::claim(&house.books, &claim).await, Ok(AllocationResult::All));
    // The process died here; meanwhile the sale became one that can no longer be invoiced.
    house.issue(&[Sale { currency: "zzz".into(), ..sale }]).await;
    house.mail().await;
    house.check(1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_batch_that_overlaps_with_what_was_issued_costs_no_number() {
    let sales = sales(120);
    let house = House::under(FaultPlan::default());
    house.record(&sales).await;
    house.issue(&[sales[0].clone(), sales[0].clone()]).await;
    house.issue(&sales[..60]).await;
    house.issue(&sales[30..]).await;
    let twice = [&sales[..2], &sales[..2]].concat();
    house.issue(&twice).await;
    house.issue(&sales).await;
    house.mail().await;
    house.check(120);
}

#[tokio::test(flavor = "current_thread")]
async fn renderers_that_race_for_numbers_leave_no_gap() {
    let sales = sales(90);
    let house = House::under(FaultPlan::default());
    house.record(&sales).await;
    let (early, late) = sales.split_at(50);
    tokio::join!(house.issue(early), house.issue(late), house.issue(&sales[20..70]));
    house.mail().await;
    house.check(90);
}

#[tokio::test(flavor = "current_thread")]
async fn a_sale_announced_again_is_known() {
    let house = House::under(FaultPlan::default());
    let sale = sale();
    assert_eq!(house.books.record(&sale, start()).await, Ok(Recorded::New));
    assert_eq!(house.books.record(&sale, start()).await, Ok(Recorded::AlreadyRecorded));
    let other_event = Sale { event: "evt_2".to_owned(), ..sale.clone() };
    assert_eq!(house.books.record(&other_event, start()).await, Ok(Recorded::AlreadyRecorded));
    let same_event = Sale { key: SaleKey("cs_other".to_owned()), ..sale };
    assert_eq!(house.books.record(&same_event, start()).await, Ok(Recorded::AlreadyRecorded));
}

#[tokio::test(flavor = "current_thread")]
async fn a_sale_that_cannot_be_invoiced_is_parked_and_costs_no_number() {
    let mut sales = sales(3);
    sales[1].currency = "zzz".to_owned();
    let house = House::under(FaultPlan::default());
    house.record(&sales).await;
    house.issue(&sales).await;
    house.mail().await;
    house.check(2);
    assert_eq!(house.books.parked(&DocumentSource::Sale(sales[1].key.clone())).unwrap().code, "unknown_currency");
}

#[tokio::test]
async fn a_mail_that_was_put_back_is_not_closed_by_who_saw_it_settled() {
    let house = House::under(FaultPlan::default());
    let sales = sales(1);
    house.record(&sales).await;
    house.issue(&sales).await;
    let (mail, _) = house.books.mails().remove(0);
    let is_open = || {
        let open = at_once(house.books.open_since(Timestamp::MAX, None)).unwrap().open;
        open.iter().any(|open| open.id == mail.id.0)
    };
    house.books.close(&mail.id).await.unwrap();
    assert!(is_open(), "it waits");
    house.books.overwrite(&mail.id, Status::Rejected);
    house.books.put_back(&StreamRecord::Mail(mail.id.clone()), start());
    house.books.close(&mail.id).await.unwrap();
    assert!(is_open(), "it waits again");
    house.books.overwrite(&mail.id, Status::Sent);
    house.books.close(&mail.id).await.unwrap();
    assert!(!is_open());
}

#[tokio::test]
async fn closed_books_give_no_number_to_whoever_was_on_the_way() {
    let house = House::under(FaultPlan::default());
    let sales = sales(6);
    house.record(&sales).await;
    house.issue(&sales[..2]).await;
    let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
    let today = jiff::civil::date(2026, 11, 21);
    let claim = |series: crate::numbering::Series, counter: Counter| {
        let number = seller.series.number(today, counter.last + 1);
        let invoice = Invoice::new(number, today, draft(&sales[2], &seller, today).unwrap());
        NumberClaim { series, counter, invoices: vec![invoice], crediting: None }
    };
    // Two renderers have read the counters, of a series that goes on and of one that begins, when the books are closed.
    let series = seller.series.series(today);
    let begun = claim(series.clone(), house.books.counter(&series).await.unwrap());
    let first = claim(crate::numbering::Series("2026-12-#".to_owned()), Counter::default());
    house.books.close_books();
    assert_eq!(
        Ledger::claim(&house.books, &begun).await.unwrap(),
        AllocationResult::Moved,
        "it reads the counter again"
    );
    assert!(house.books.counter(&series).await.unwrap().closed);
    assert_eq!(Ledger::claim(&house.books, &first).await.unwrap_err().reason().code, "ledger_closed");
    // Those that have their number are finished all the same, in whatever company they come.
    for (n, issued) in house.issuer().issue(&sales).await.into_iter().enumerate() {
        match &issued.outcome {
            Outcome::AlreadyDone => assert!(n < 2, "{issued:?}"),
            Outcome::Retry(reason) => assert!(n >= 2 && reason.code == "ledger_closed", "{issued:?}"),
            other => panic!("{other:?}"),
        }
        assert!(!issued.outcome.is_outage(), "it is held, and holds up nothing else");
    }
    house.mail().await;
    house.check(2);
}

#[tokio::test]
async fn books_that_close_among_racing_renderers_give_no_number_afterwards() {
    let house = Arc::new(House::under(FaultPlan::default()));
    let sales = sales(24);
    house.record(&sales).await;
    let mut racing = tokio::task::JoinSet::new();
    for sale in sales.clone() {
        let house = house.clone();
        racing.spawn(async move {
            tokio::task::yield_now().await;
            house.issuer().issue(&[sale]).await.remove(0).outcome
        });
    }
    let first = racing.join_next().await.unwrap().unwrap();
    house.books.close_books();
    let given = house.books.of_entries(BTreeMap::len);
    let mut outcomes = vec![first];
    while let Some(outcome) = racing.join_next().await {
        outcomes.push(outcome.unwrap());
    }
    assert_eq!(house.books.of_entries(BTreeMap::len), given);
    let held = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Retry(reason) if reason.is_held()));
    assert_eq!(held.count(), sales.len() - given);
}
