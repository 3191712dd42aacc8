//! A month from the archive into its files: complete or not at all, in the order of the books, and each version once.

use std::sync::Arc;

use super::{november, standard};
use crate::{
    accounting::{
        Month,
        export::{Exported, NotExported, export},
        ledger,
    },
    archive::{Archive, File},
    billing::{
        draft::draft,
        ledger::{AllocationResult, Counter, Ledger as _, NumberClaim},
        snapshot::Snapshot,
    },
    invoice::{Invoice, Kind},
    memory::{Fault, FaultPlan, InMemoryArchive, InMemoryStore, at_once},
    numbering::{InvoiceNumber, Series},
    payment::PaymentLog,
    sale::{Sale, SaleKey},
    seller::Settings,
    testing::{STANDARD_TOML, many::ManyDocuments, sale},
};

fn settings(pattern: &str) -> Settings {
    let edited = format!("[invoice]\nseries = \"{pattern}\"\ncredit_series = \"A{pattern}\"");
    Settings::from_toml(&STANDARD_TOML.replace("[invoice]", &edited)).unwrap()
}

fn monthly() -> Settings {
    ManyDocuments::settings()
}

/// Claims numbers of these days in the ledger.
fn claimed(books: &InMemoryStore, settings: &Settings, days: &[&str]) -> Vec<Invoice> {
    let mut all = Vec::new();
    for day in days {
        let day = day.parse().unwrap();
        let pattern = settings.series(day);
        let series: Series = pattern.series(day);
        let counter: Counter = at_once(books.counter(&series)).unwrap();
        let number = pattern.number(day, counter.last + 1);
        let sold = Sale { key: SaleKey(format!("cs_{number}")), event: format!("evt_{number}"), ..sale() };
        at_once(books.record(&sold, sold.paid_at)).unwrap();
        let invoice = Invoice::new(number, day, draft(&sold, &standard(), day).unwrap());
        let claim = NumberClaim { series, counter, invoices: vec![invoice.clone()], crediting: None };
        assert_eq!(at_once(books.claim(&claim)).unwrap(), AllocationResult::All);
        all.push(invoice);
    }
    all
}

fn archived<'a>(archive: &InMemoryArchive, invoices: impl IntoIterator<Item = &'a Invoice>) {
    for invoice in invoices {
        at_once(archive.store(&Snapshot::of(invoice).unwrap().file(invoice))).unwrap();
    }
}

/// A shop that issued and archived so many documents.
fn issued(count: usize) -> (InMemoryStore, InMemoryArchive) {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    archived(&archive, &claimed(&books, &monthly(), &vec!["2026-11-21"; count]));
    (books, archive)
}

fn exported(books: &InMemoryStore, archive: &InMemoryArchive, settings: &Settings) -> Result<Exported, NotExported> {
    at_once(export(books, archive, settings, november()))
}

fn ledger_of(archive: &InMemoryArchive) -> Vec<(String, Vec<u8>)> {
    archive.files().into_iter().filter(|(key, _)| key.starts_with("ledger/")).collect()
}

#[test]
fn a_month_exported_again_stands_once_and_a_changed_one_beside_the_first() {
    let (books, archive) = issued(3);
    let first = exported(&books, &archive, &monthly()).unwrap();
    assert_eq!((first.invoices, first.documents.len(), first.gaps.len()), (3, 3, 0));
    let before = ledger_of(&archive);
    assert_eq!(
        before.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
        [
            "ledger/2026/11/ereporting-2026-11.csv",
            "ledger/2026/11/factures-2026-11.csv",
            "ledger/2026/11/journal-2026-11.txt",
        ]
    );
    assert_eq!(exported(&books, &archive, &monthly()).unwrap(), first);
    assert_eq!(ledger_of(&archive), before);

    let own = format!("{STANDARD_TOML}\n[accounting]\nservices = \"706100\"\n");
    let own = Settings::from_toml(&own).unwrap();
    for _ in 0..2 {
        let again = exported(&books, &archive, &own).unwrap();
        let journal = &again.documents[1];
        assert!(journal.key.starts_with("ledger/2026/11/journal-2026-11.") && journal.key.len() == 47, "{journal:?}");
        let bytes = at_once(archive.read(&journal.key)).unwrap().unwrap();
        assert!(journal.is(&bytes) && String::from_utf8(bytes).unwrap().contains("706100"));
        assert_eq!((ledger_of(&archive).len(), &again.documents[0]), (4, &first.documents[0]), "only what changed");
    }
    assert!(before.iter().all(|file| ledger_of(&archive).contains(file)));
}

#[test]
fn an_export_that_broke_off_is_finished_by_the_next() {
    let books = InMemoryStore::default();
    let invoices = claimed(&books, &monthly(), &["2026-11-21"; 2]);
    let mut broken = 0;
    // Two snapshots are stored, a page and its end are listed, two snapshots are read, three files are stored.
    for call in 2..9 {
        for trouble in [Fault::Before, Fault::After, Fault::Refused] {
            let archive = InMemoryArchive::new(Arc::new(FaultPlan::with(call, trouble)));
            archived(&archive, &invoices);
            broken += usize::from(exported(&books, &archive, &monthly()).is_err());
            let whole = exported(&books, &archive, &monthly()).unwrap();
            assert_eq!((ledger_of(&archive).len(), whole.documents.len(), whole.invoices), (3, 3, 2));
        }
    }
    assert_eq!(broken, 21);
}

#[test]
fn an_empty_month_has_its_headers() {
    let (books, archive) = issued(2);
    let december: Month = "2026-12".parse().unwrap();
    let empty = at_once(export(&books, &archive, &monthly(), december)).unwrap();
    assert_eq!((empty.invoices, empty.documents.len()), (0, 3));
    assert!(ledger_of(&archive).into_iter().all(|(_, bytes)| String::from_utf8(bytes).unwrap().lines().count() == 1));
}

#[test]
fn a_thousand_snapshots_make_the_same_bytes_as_the_documents_in_memory() {
    let (books, archive, many) = (InMemoryStore::default(), InMemoryArchive::default(), ManyDocuments::new(1000));
    let invoices: Vec<Invoice> = many.all().collect();
    archived(&archive, &invoices);
    let exported = exported(&books, &archive, &monthly()).unwrap();
    let seller = monthly().of_day(november().last_day());
    let files = ledger(november(), invoices, &seller).unwrap();
    assert_eq!(exported.documents, files.files.iter().map(File::document).collect::<Vec<_>>());
    assert_eq!((exported.invoices, &exported.unconverted), (1000, &files.unconverted));
    for file in &files.files {
        assert!(at_once(archive.read(&file.key)).unwrap().as_ref() == Some(&file.bytes), "{}", file.key);
    }
}

#[test]
fn numbers_of_another_pattern_come_in_their_place() {
    let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
    let many = ManyDocuments::new(20);
    let mut invoices: Vec<Invoice> = (1..=18).filter_map(|n| many.document(Kind::Invoice, n)).collect();
    // Their numbers rise by name and not by day.
    for (place, name) in [(3, "Z1"), (4, "B12"), (5, "B7"), (14, "A9"), (15, "2026-11-x")] {
        invoices[place].number = InvoiceNumber(name.to_owned());
    }
    invoices.swap_remove(17);
    archived(&archive, &invoices);
    let exported = exported(&books, &archive, &monthly()).unwrap();
    let seller = monthly().of_day(november().last_day());
    let files = ledger(november(), invoices, &seller).unwrap();
    assert_eq!(exported.documents, files.files.iter().map(File::document).collect::<Vec<_>>());
    assert_eq!(exported.gaps.len(), 5, "numbers that were not given: {:?}", exported.gaps);
}

/// The numbers that an export of November misses.
fn missed(books: &InMemoryStore, archive: &InMemoryArchive, settings: &Settings) -> Vec<String> {
    match exported(books, archive, settings) {
        Err(error @ NotExported::Incomplete { .. }) => {
            let (code, text) = (error.code(), error.to_string());
            assert!(code == "month_incomplete" && text.starts_with("month = 2026-11 is incomplete"), "{code} {text}");
            assert!(ledger_of(archive).is_empty(), "nothing is written");
            let NotExported::Incomplete { missing, .. } = error else { return Vec::new() };
            assert!(missing.iter().take(20).all(|number| text.contains(&number.0)), "{text}");
            missing.into_iter().map(|number| number.0).collect()
        }
        Ok(exported) => {
            assert_eq!(exported.gaps, []);
            Vec::new()
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_document_that_is_on_its_way_stops_the_export() {
    let days = ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02", "2026-11-30", "2026-12-01"];
    for pattern in ["{year}-{month}-{number:4}", "F{year}-{number:5}", "F{number}"] {
        let settings = settings(pattern);
        for left_out in 0..8_usize {
            let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
            let all = claimed(&books, &settings, &days);
            // Any of the month's three documents may be on its way, and any of the others.
            let here = |place: usize| !(2..5).contains(&place) || left_out & (1 << (place - 2)) == 0;
            let on_its_way: Vec<String> =
                (2..5).filter(|place| !here(*place)).map(|place| all[place].number.0.clone()).collect();
            archived(&archive, all.iter().enumerate().filter(|(place, _)| here(*place)).map(|(_, invoice)| invoice));
            let missed = missed(&books, &archive, &settings);
            // Where none is archived, and the series went on, there is nothing to look beside.
            let unseen = left_out == 7 && !pattern.contains("month");
            assert_eq!(missed, if unseen { Vec::new() } else { on_its_way }, "{pattern} {left_out}");
        }
    }
}

#[test]
fn a_series_that_stands_in_the_month_tells_of_it_before_anything_is_archived() {
    for pattern in ["{year}-{month}-{number:4}", "F{year}-{number:5}", "F{number}"] {
        let (settings, books) = (settings(pattern), InMemoryStore::default());
        let all = claimed(&books, &settings, &["2026-10-31", "2026-11-01", "2026-11-02"]);
        let archive = InMemoryArchive::default();
        archived(&archive, &all[..1]);
        let missed = missed(&books, &archive, &settings);
        assert_eq!(missed, [&all[1], &all[2]].map(|invoice| invoice.number.0.clone()), "{pattern}");
    }
}

#[test]
fn a_number_that_nobody_knows_is_named_and_stops_nothing() {
    let (books, archive) = issued(0);
    let many = ManyDocuments::new(50);
    archived(&archive, many.all().collect::<Vec<_>>().iter().filter(|invoice| !invoice.number.0.ends_with('7')));
    let exported = exported(&books, &archive, &monthly()).unwrap();
    assert_eq!(
        exported.gaps.iter().map(|number| number.0.as_str()).collect::<Vec<_>>(),
        ["2026-11-0007", "2026-11-0017", "2026-11-0027", "2026-11-0037"]
    );
    assert_eq!(exported.invoices, 46);
}

#[test]
fn what_is_not_the_snapshot_of_its_document_stops_the_export() {
    for (bytes, code) in [
        (b"{}".to_vec(), "snapshot_unreadable"),
        (br#"{"needs":4000000000}"#.to_vec(), "snapshot_newer"),
        (serde_json::to_vec(&ManyDocuments::new(20).document(Kind::Invoice, 9)).unwrap(), "snapshot_misplaced"),
    ] {
        let (books, archive) = issued(2);
        let key = "books/2026/11/2026-11-0003.json".to_owned();
        at_once(archive.store(&File { key, content_type: "application/json", bytes, sale: None })).unwrap();
        let error = exported(&books, &archive, &monthly()).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains("2026-11-0003"), "{error}");
        assert!(ledger_of(&archive).is_empty());
    }
}

#[test]
fn days_that_go_back_within_a_series_stop_the_export() {
    let (books, archive) = issued(0);
    let mut invoices: Vec<Invoice> = ManyDocuments::new(100).all().collect();
    invoices[40].issued_on = november().last_day();
    archived(&archive, &invoices);
    assert_eq!(exported(&books, &archive, &monthly()).unwrap_err().code(), "order_broken");
}
