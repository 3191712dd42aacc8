//! A month of any number of documents, made one by one: invoices and credit notes of every kind of the matrix, in two
//! series and several currencies. Nothing is kept, so that a million of them takes no memory.

use jiff::civil::{Date, date};

use super::{STANDARD_TOML, matrix::matrix};
use crate::{
    billing::{draft::draft, snapshot},
    invoice::{Correction, Draft, Invoice, Kind},
    numbering::InvoiceNumber,
    refund::RefundKey,
    sale::SaleKey,
    seller::Settings,
};

/// The first day of the month.
const FIRST: Date = date(2026, 11, 1);

/// The documents of November 2026 of [`STANDARD_TOML`]'s series: one in ten is a credit note.
#[derive(Debug, Clone)]
pub struct ManyDocuments {
    drafts: Vec<Draft>,
    /// How many invoices there are.
    pub invoices: u64,
    /// How many credit notes there are.
    pub credit_notes: u64,
}

impl ManyDocuments {
    /// So many documents.
    pub fn new(documents: u64) -> Self {
        let drafts = matrix().into_iter().filter_map(|case| draft(&case.sale, &case.seller, FIRST).ok()).collect();
        let credit_notes = documents / 10;
        Self { drafts, invoices: documents - credit_notes, credit_notes }
    }

    /// The settings whose numbers they have.
    ///
    /// # Panics
    /// When the settings of the tests are invalid.
    #[expect(clippy::panic, reason = "a test may fail loudly")]
    pub fn settings() -> Settings {
        Settings::from_toml(STANDARD_TOML).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Number `n` of a series, counted from 1; `None` beyond its last.
    pub fn document(&self, kind: Kind, n: u64) -> Option<Invoice> {
        let (count, mark) = match kind {
            Kind::Invoice => (self.invoices, ""),
            Kind::CreditNote => (self.credit_notes, "A"),
        };
        let place = usize::try_from(n).ok().filter(|_| (1..=count).contains(&n))?;
        let mut draft = self.drafts.get(place % self.drafts.len().max(1))?.clone();
        // One in fifty customers bought before, under another name.
        let customer = if n.is_multiple_of(50) { n / 2 } else { n };
        draft.buyer.name = format!("{} {n}", draft.buyer.name);
        draft.buyer.customer.email = Some(format!("client-{customer}@example.org"));
        draft.sale = SaleKey(format!("cs_test_{n:08}"));
        if kind == Kind::CreditNote {
            draft.kind = kind;
            let number = InvoiceNumber(format!("2026-11-{n:04}"));
            draft.corrects = Some(Correction { refund: RefundKey(format!("re_{n:08}")), number, issued_on: FIRST });
        }
        // The days of a series never go back.
        let day = i8::try_from((n - 1) * 30 / count).unwrap_or_default();
        let issued_on = date(FIRST.year(), FIRST.month(), 1 + day);
        Some(Invoice::new(InvoiceNumber(format!("{mark}2026-11-{n:04}")), issued_on, draft))
    }

    /// All of them, series by series.
    pub fn all(&self) -> impl Iterator<Item = Invoice> + '_ {
        let series = [(Kind::Invoice, self.invoices), (Kind::CreditNote, self.credit_notes)];
        series.into_iter().flat_map(move |(kind, last)| (1..=last).filter_map(move |n| self.document(kind, n)))
    }

    /// The document whose snapshot has this key.
    pub fn of_key(&self, key: &str) -> Option<Invoice> {
        let name = key.strip_prefix("books/2026/11/")?.strip_suffix(".json")?;
        let kind = if name.starts_with('A') { Kind::CreditNote } else { Kind::Invoice };
        let n = name.rsplit('-').next()?.parse().ok()?;
        self.document(kind, n).filter(|document| snapshot::key(document) == key)
    }
}
