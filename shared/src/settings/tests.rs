//! Documents across changes of the settings: each has the facts of its day, and a change in between loses and doubles
//! none.

use std::sync::Arc;

use jiff::Timestamp;

use super::change::{Change, save};
use crate::{
    billing::{
        guard::LedgerGuard,
        issue::{Issued, Issuer, Render},
        ledger::{Entry, Ledger},
    },
    clock::FixedClock,
    invoice::{DocumentSource, Invoice, print::Page},
    memory::{Fault, FaultPlan, InMemoryArchive, InMemoryStore, at_once},
    outcome::{Outcome, Reason},
    payment::PaymentLog,
    refund::{Refund, RefundKey},
    sale::{Sale, SaleKey},
    seller::{Settings, SettingsDocument},
    testing::{FRANCHISE_TOML, sale, words},
};

struct Typewriter;

impl Render for Typewriter {
    fn render(&self, _: &Invoice, page: &Page) -> Result<Vec<u8>, Reason> {
        Ok(format!("{page:?}").into_bytes())
    }
}

struct Desk {
    books: InMemoryStore,
    archive: InMemoryArchive,
    guard: LedgerGuard,
}

impl Desk {
    fn under(faults: FaultPlan) -> Self {
        let faults = Arc::new(faults);
        let (books, archive) = (InMemoryStore::new(faults.clone()), InMemoryArchive::new(faults));
        Self { books, archive, guard: LedgerGuard::new(|| "books".to_owned()) }
    }

    fn save(&self, toml: &str, now: &str) {
        let document = SettingsDocument::from_toml(toml).unwrap();
        let change = Change { document, seen: None, by: "owner".to_owned(), past: false };
        assert!(at_once(save(&self.books, change, at(now))).unwrap().changed);
    }

    fn settings(&self) -> Settings {
        at_once(super::newest(&self.books)).unwrap()
    }

    fn issue(&self, settings: &Settings, sale: &Sale, now: &str) -> Issued {
        let words = words();
        let issuer = self.issuer(settings, &words);
        at_once(Issuer { clock: &FixedClock(at(now)), ..issuer }.issue(std::slice::from_ref(sale))).remove(0)
    }

    fn issuer<'a>(
        &'a self,
        settings: &'a Settings,
        words: &'a crate::invoice::print::Words,
    ) -> Issuer<'a, InMemoryStore, InMemoryArchive, Typewriter, FixedClock> {
        static CLOCK: FixedClock = FixedClock(Timestamp::UNIX_EPOCH);
        Issuer {
            ledger: &self.books,
            archive: &self.archive,
            renderer: &Typewriter,
            clock: &CLOCK,
            settings,
            words,
            guard: &self.guard,
            deadline: Timestamp::MAX,
        }
    }

    fn entry(&self, sale: &Sale) -> Entry {
        self.books.entries().into_iter().find(|entry| entry.invoice.draft.sale == sale.key).unwrap()
    }
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn paid(key: &str, at_: &str) -> Sale {
    Sale { key: SaleKey(key.to_owned()), event: format!("evt_{key}"), paid_at: at(at_), ..sale() }
}

/// From 1 January 2027 with VAT, from 1 February at another address.
fn changed() -> String {
    FRANCHISE_TOML.replace(
        "[vat]\nregime = \"franchise\"",
        "[[vat]]\nregime = \"franchise\"\n\n[[vat]]\nfrom = \"2027-01-01\"\nregime = \"standard\"\nnumber = \
         \"FR11123456782\"\nrate = \"20\"",
    )
}

#[test]
fn tax_is_that_of_the_day_of_payment_and_the_address_that_of_the_day_of_issue() {
    let desk = Desk::under(FaultPlan::default());
    desk.save(FRANCHISE_TOML, "2026-11-01T10:00:00Z");
    let before = paid("cs_before", "2026-12-31T22:59:59Z");
    let late = paid("cs_late", "2026-12-31T22:59:59Z");
    let after = paid("cs_after", "2026-12-31T23:00:00Z");
    for sale in [&before, &late, &after] {
        at_once(desk.books.record(sale, sale.paid_at)).unwrap();
    }
    assert_eq!(desk.issue(&desk.settings(), &before, "2026-12-31T22:59:59Z").outcome, Outcome::Done);
    // Told a month ahead, or late: the sale was parked, and is put back in January.
    desk.save(&changed(), "2026-12-01T10:00:00Z");
    for sale in [&late, &after] {
        assert_eq!(desk.issue(&desk.settings(), sale, "2027-01-04T10:00:00Z").outcome, Outcome::Done);
    }
    desk.save(&changed().replace("1 place de la Comédie", "2 rue du Test"), "2027-01-05T10:00:00Z");
    let moved = paid("cs_moved", "2027-01-05T11:00:00Z");
    at_once(desk.books.record(&moved, moved.paid_at)).unwrap();
    assert_eq!(desk.issue(&desk.settings(), &moved, "2027-01-05T12:00:00Z").outcome, Outcome::Done);
    let facts = [&before, &late, &after, &moved].map(|sale| {
        let invoice = desk.entry(sale).invoice;
        let draft = invoice.draft;
        (
            invoice.number.0,
            invoice.allocation.settings,
            draft.totals.tax,
            draft.seller.vat_number.is_some(),
            draft.seller.line1,
        )
    });
    let (here, there) = ("1 place de la Comédie".to_owned(), "2 rue du Test".to_owned());
    assert_eq!(
        facts,
        [
            ("2026-12-0001".to_owned(), Some(1), 0, false, here.clone()),
            ("2027-01-0001".to_owned(), Some(2), 0, false, here.clone()),
            ("2027-01-0002".to_owned(), Some(2), 817, true, here),
            ("2027-01-0003".to_owned(), Some(3), 817, true, there),
        ]
    );
    // What is given back in January of a sale of December has December's tax.
    let refund = Refund {
        key: RefundKey("re_1".to_owned()),
        event: "evt_re_1".to_owned(),
        sale: before.key.clone(),
        refunded_at: at("2027-01-06T10:00:00Z"),
        currency: "eur".to_owned(),
        amount: 4900,
        lines: Vec::new(),
    };
    at_once(desk.books.record_refund(&refund, refund.refunded_at)).unwrap();
    let (settings, words) = (desk.settings(), words());
    let issuer = Issuer { clock: &FixedClock(refund.refunded_at), ..desk.issuer(&settings, &words) };
    assert_eq!(at_once(issuer.take_back(&refund)).outcome, Outcome::Done);
    let note = at_once(desk.books.document_of(&DocumentSource::Refund(refund.key))).unwrap().unwrap().invoice;
    assert_eq!((note.number.0.as_str(), note.draft.totals.tax), ("A2027-01-0001", 0));
    assert_eq!(note.draft.seller.line1, "1 place de la Comédie", "it corrects a document of that address");
}

#[test]
fn who_read_older_settings_than_the_last_document_reads_again() {
    let desk = Desk::under(FaultPlan::default());
    desk.save(FRANCHISE_TOML, "2026-11-01T10:00:00Z");
    let old = desk.settings();
    desk.save(&FRANCHISE_TOML.replace("1 place de la Comédie", "2 rue du Test"), "2026-11-02T10:00:00Z");
    let (one, two) = (paid("cs_1", "2026-11-02T11:00:00Z"), paid("cs_2", "2026-11-02T11:00:01Z"));
    for sale in [&one, &two] {
        at_once(desk.books.record(sale, sale.paid_at)).unwrap();
    }
    let now = "2026-11-02T11:00:02Z";
    assert_eq!(desk.issue(&desk.settings(), &one, now).outcome, Outcome::Done);
    let outcome = desk.issue(&old, &two, now).outcome;
    assert!(
        matches!(&outcome, Outcome::Retry(reason) if reason.message.contains("settings were changed")),
        "{outcome:?}"
    );
    assert_eq!(desk.issue(&desk.settings(), &two, now).number.unwrap().0, "2026-11-0002", "and leaves no gap");
}

/// Settings whose records somebody deleted count from one again. Documents made under a later version hold the work, which rings
/// at once; nothing would change by itself.
#[test]
fn settings_that_went_back_hold_the_work() {
    let desk = Desk::under(FaultPlan::default());
    desk.save(FRANCHISE_TOML, "2026-11-01T10:00:00Z");
    desk.save(&FRANCHISE_TOML.replace("1 place de la Comédie", "2 rue du Test"), "2026-11-02T10:00:00Z");
    let (one, two) = (paid("cs_1", "2026-11-02T11:00:00Z"), paid("cs_2", "2026-11-02T11:00:01Z"));
    for sale in [&one, &two] {
        at_once(desk.books.record(sale, sale.paid_at)).unwrap();
    }
    let now = "2026-11-02T11:00:02Z";
    assert_eq!(desk.issue(&desk.settings(), &one, now).outcome, Outcome::Done);
    desk.books.forget_settings();
    desk.save(FRANCHISE_TOML, "2026-11-02T11:01:00Z");
    let outcome = desk.issue(&desk.settings(), &two, now).outcome;
    let held = matches!(&outcome, Outcome::Retry(reason) if reason.code == "settings_older" && reason.is_held()
        && reason.message.contains("under version 2") && reason.message.contains("saved is 1"));
    assert!(held, "{outcome:?}");
    for line in ["3 rue du Test", "4 rue du Test"] {
        desk.save(&FRANCHISE_TOML.replace("1 place de la Comédie", line), "2026-11-02T11:02:00Z");
    }
    assert_eq!(desk.issue(&desk.settings(), &two, now).number.unwrap().0, "2026-11-0002", "and leaves no gap");
}

#[test]
fn after_a_crash_a_document_is_printed_in_the_look_of_its_settings() {
    let mut cut = 0;
    for call in 0..40 {
        let desk = Desk::under(FaultPlan::with(call, Fault::Before));
        let stored = super::StoredSettings {
            version: 1,
            document: serde_json::to_string(&SettingsDocument::from_toml(FRANCHISE_TOML).unwrap().whole()).unwrap(),
            saved_at: at("2026-11-01T10:00:00Z"),
            saved_by: "owner".to_owned(),
        };
        let settings = stored.read().unwrap();
        let red = stored.document.replace("\"look\":{}", "\"look\":{\"accent\":\"#aa0000\"}");
        let red = super::StoredSettings { version: 2, document: red, ..stored.clone() };
        let sold = paid("cs_1", "2026-11-02T11:00:00Z");
        let now = "2026-11-02T11:00:02Z";
        // Whatever fails, it is tried again.
        for _ in 0..2 {
            at_once(super::SettingsWriter::save(&desk.books, &stored)).ok();
            at_once(desk.books.record(&sold, sold.paid_at)).ok();
        }
        let first = desk.issue(&settings, &sold, now);
        for _ in 0..2 {
            at_once(super::SettingsWriter::save(&desk.books, &red)).ok();
        }
        let newest = red.read().unwrap();
        for _ in 0..2 {
            desk.issue(&newest, &sold, now);
        }
        let entry = desk.entry(&sold);
        let page = desk.archive.files().remove(&entry.document.unwrap().key).unwrap();
        let page = String::from_utf8(page).unwrap();
        let own = if entry.invoice.allocation.settings == Some(1) { "#1f3a5f" } else { "#aa0000" };
        assert!(page.contains(own), "call {call}: printed in another look than that of {:?}", entry.invoice.allocation);
        cut += usize::from(first.number.is_some() && first.outcome != Outcome::Done);
    }
    assert!(cut > 1, "no call was cut between claim and document");
}
