//! A batch of a table's stream, as the renderer and the mail-sender receive it.

use comptoir::{
    billing::{
        guard::LedgerGuard,
        issue::{Issued, Issuer, Render},
    },
    clock::FixedClock,
    einvoice,
    invoice::{DocumentSource, Invoice, print::Page},
    mail::Mail,
    memory::{InMemoryArchive, InMemoryStore, at_once},
    outcome::{Outcome, Reason},
    payment::PaymentLog,
    refund::{Refund, RefundKey},
    sale::{Sale, SaleKey},
    seller::Settings,
    stream::{self, Record, StreamEvent},
};
use jiff::Timestamp;

use crate::{papers, stands};

const NOW: Timestamp = Timestamp::constant(1_795_257_000, 0);

/// Any JSON.
pub fn record(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<StreamEvent>(data) else { return };
    let books = InMemoryStore::default();
    let mut sales: Vec<Sale> = Vec::new();
    let mut refunds: Vec<Refund> = Vec::new();
    for record in &event.records {
        match (record.kind(), record.id()) {
            (Some("REFUND"), _) => refunds.extend(read(record)),
            (Some("MAIL"), _) => read::<Mail>(record).iter().for_each(papers::letter),
            _ => sales.extend(read(record)),
        }
    }
    // Every record's item is in the table. Two records of one key are two states of one item.
    for (place, sale) in sales.iter().enumerate() {
        let announced = Sale { event: format!("evt_of_record_{place}"), ..sale.clone() };
        at_once(books.record(&announced, NOW)).unwrap();
    }
    for refund in &refunds {
        at_once(books.record_refund(refund, NOW)).unwrap();
    }
    let settings = Settings::always(papers::sellers()[data.len() % papers::sellers().len()].clone());
    let (archive, clock) = (InMemoryArchive::default(), FixedClock(NOW));
    let issuer = Issuer {
        ledger: &books,
        archive: &archive,
        renderer: &Stub,
        clock: &clock,
        deadline: Timestamp::MAX,
        settings: &settings,
        words: papers::spoken(),
        guard: &LedgerGuard::new(|| "books".to_owned()),
    };
    let work = || -> Vec<Issued> {
        let mut issued = at_once(issuer.issue(&sales));
        assert_eq!(issued.len(), sales.len(), "a sale without an answer");
        issued.extend(refunds.iter().map(|refund| at_once(issuer.take_back(refund))));
        issued
    };
    let issued = work();
    for (place, issued) in issued.iter().enumerate() {
        settled(issued, &books);
        let outcomes = |other: &Outcome| vec![other.clone(); place];
        let failing = [outcomes(&Outcome::Done), vec![Outcome::Retry(Reason::new("w", "t"))]].concat();
        let answer = stream::answer(&event.records, &failing, NOW);
        let expected = event.records.get(place).map(|record| &record.dynamodb.sequence_number);
        let answered = answer.batch_item_failures.first().map(|failure| &failure.item_identifier);
        assert_eq!(answered, expected, "the stream would go on elsewhere");
    }
    numbered(&books);
    let standing = books.entries();
    work();
    assert_eq!(standing, books.entries(), "the same batch again issued something else");
}

fn read<T: serde::de::DeserializeOwned>(record: &Record) -> Option<T> {
    record.data().inspect_err(|error| stands(&error.reason())).ok()
}

/// No call failed, so nothing must be retried; what is refused is parked with its reason.
fn settled(issued: &Issued, books: &InMemoryStore) {
    match &issued.outcome {
        Outcome::Done | Outcome::AlreadyDone => {}
        Outcome::Reject(reason) => {
            stands(reason);
            let parked = books.parked(&issued.basis);
            // A later record of the same key may have been refused for another reason.
            assert!(parked.is_some(), "refused, and not parked: {:?}", issued.basis);
        }
        Outcome::Retry(reason) => panic!("to be tried again for ever: {reason}"),
    }
}

/// Every series counts from one without a gap, and every basis has exactly one document.
fn numbered(books: &InMemoryStore) {
    let entries = books.entries();
    let mut bases: Vec<DocumentSource> = entries.iter().map(|entry| entry.invoice.draft.basis()).collect();
    for entry in &entries {
        assert!(entry.document.is_some(), "issued, and not archived: {}", entry.invoice.number);
    }
    let last = |number: &str| number.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse::<usize>().ok());
    for credit in [false, true] {
        let of_series = entries.iter().filter(|entry| entry.invoice.draft.corrects.is_some() == credit);
        let numbers: Vec<_> = of_series.map(|entry| last(&entry.invoice.number.0)).collect();
        assert_eq!(numbers, (1..=numbers.len()).map(Some).collect::<Vec<_>>(), "a gap in the numbers");
    }
    bases.sort();
    bases.dedup();
    assert_eq!(bases.len(), entries.len(), "two documents for one basis");
    let known = |basis: &DocumentSource| match basis {
        DocumentSource::Sale(SaleKey(key)) => books.sales().iter().any(|sale| sale.key.0 == *key),
        DocumentSource::Refund(RefundKey(key)) => books.refunds().iter().any(|refund| refund.key.0 == *key),
    };
    assert!(bases.iter().all(known), "a document for nothing");
}

/// Renders nothing.
struct Stub;

impl Render for Stub {
    fn render(&self, invoice: &Invoice, page: &Page) -> Result<Vec<u8>, Reason> {
        let twin = einvoice::factur_x(invoice).expect("it passed the rules, so it can be written");
        assert!(roxmltree::Document::parse(&twin).is_ok(), "the twin is no XML: {twin}");
        Ok(page.number.clone().into_bytes())
    }
}
