//! Events of the mail service: any order, any number of times, any content.

use std::fmt::Debug;

use comptoir::{
    archive::Document,
    billing::{draft::draft, ledger::Ledger},
    invoice::{Invoice, print},
    mail::{
        Mail, MailId,
        delivery::{
            Report, Stage, Transition,
            event::{self as ses, SesEvent},
            follow,
        },
        outbox::Outbox,
    },
    memory::{InMemoryStore, at_once},
    numbering::InvoiceNumber,
    payment::PaymentLog,
    testing::sale,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::{papers, stands};

const SET: &str = "comptoir-dev";
const NOW: Timestamp = Timestamp::constant(1_795_257_000, 0);

/// One event, or a list of them.
pub fn event(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    let events = match value {
        Value::Array(events) => events,
        one => vec![one],
    };
    let reports: Vec<Report> = events.into_iter().filter_map(read).collect();
    let (books, id) = outbox();
    let mut stage = stage_of(&books, &id);
    for report in &reports {
        let noted = note(report, &books);
        let reached = stage_of(&books, &id);
        assert!(reached >= stage, "a mail went back from {stage:?} to {reached:?}");
        assert_eq!(
            noted,
            if report.mail != id {
                Transition::Absent
            } else if reached > stage {
                Transition::Moved(reached)
            } else {
                Transition::Stays(stage)
            }
        );
        let standing = shown(&books, &id);
        assert!(!matches!(note(report, &books), Transition::Moved(_)), "the same event moved a mail twice");
        assert_eq!(standing, shown(&books, &id), "the same event again changed something");
        stage = reached;
    }
    let (backwards, id) = outbox();
    for report in reports.iter().rev() {
        note(report, &backwards);
    }
    assert_eq!(stage_of(&backwards, &id), stage, "the order of events decides");
}

/// Parses as the function does; what it stores or logs holds no address.
fn read(event: Value) -> Option<Report> {
    let quiet = |text: &str| assert!(!text.contains('@'), "an address in the log: {text}");
    match ses::read(&SesEvent::deserialize(event).ok()?, SET) {
        Err(reason) => {
            stands(&reason);
            quiet(&reason.message);
            None
        }
        Ok(report) => {
            if let Some(reason) = report.happened.parks() {
                stands(reason);
            }
            quiet(&format!("{:?} {:?}", report.happened, report.suppress));
            Some(report)
        }
    }
}

fn note(report: &Report, books: &InMemoryStore) -> Transition {
    at_once(follow(report, books, NOW)).unwrap()
}

/// A store with one mail whose sending is unknown.
fn outbox() -> (InMemoryStore, MailId) {
    let books = InMemoryStore::default();
    let (sale, seller) = (sale(), &papers::sellers()[0]);
    at_once(books.record(&sale, NOW)).unwrap();
    let draft = draft(&sale, seller, papers::DAY).unwrap();
    let invoice = Invoice::new(InvoiceNumber("2026-11-0001".to_owned()), papers::DAY, draft);
    let series = seller.series.series(papers::DAY);
    let counter = at_once(books.counter(&series)).unwrap();
    let claim =
        comptoir::billing::ledger::NumberClaim { series, counter, invoices: vec![invoice.clone()], crediting: None };
    at_once(Ledger::claim(&books, &claim)).unwrap();
    let document = Document { key: "a.pdf".to_owned(), sha256: String::new(), size: 1 };
    let page = print::page(&invoice, &seller.look, papers::spoken());
    let mail = Mail::of_invoice(&invoice, &page, &document, seller, NOW);
    at_once(books.finish(&invoice.number, &document, &mail, None)).unwrap();
    at_once(Outbox::claim(&books, &mail.id, "us", NOW, SignedDuration::from_secs(60))).unwrap();
    at_once(books.unknown(&mail.id, "us", NOW)).unwrap();
    (books, mail.id)
}

fn stage_of(books: &InMemoryStore, id: &MailId) -> Stage {
    books.mails().iter().find(|(mail, _)| mail.id == *id).unwrap().1.stage()
}

fn shown(books: &InMemoryStore, id: &MailId) -> impl Debug + PartialEq {
    (books.mails(), books.parked_mail(id), books.hindrances(id))
}
