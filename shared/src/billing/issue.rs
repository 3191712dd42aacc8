//! From recorded payments to issued, archived invoices whose mails are queued.
//!
//! Numbers are claimed for a whole group in one transaction, conditional on the counter, so a crash leaves no gap and
//! concurrent renderers no duplicate. The next steps (render, archive, record) depend only on the claimed snapshot and
//! are idempotent: after a crash between claim and record, the next delivery completes them.

use std::{borrow::Cow, collections::HashSet};

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{
    draft::draft,
    guard::LedgerGuard,
    identity::other_seller,
    ledger::{AllocationResult, Counter, Entry, LARGEST_CLAIM, Ledger, NumberClaim, books_closed},
    snapshot::Snapshot,
    told,
    unfit::CannotInvoice,
};
use crate::{
    archive::{self, Archive, Document, File},
    clock::Clock,
    invoice::{
        Allocation, DocumentSource, Draft, Invoice, Kind,
        print::{self, Page, Words},
    },
    mail::Mail,
    numbering::{InvoiceNumber, SeriesPattern},
    outcome::{Outcome, Reason, ServiceError},
    payment::Recorded,
    record::BUILD,
    sale::Sale,
    seller::{Look, Seller, Settings},
    settings::{self, SettingsReader},
    timing::{ONE_CHECK_SECONDS, ONE_CLAIM_SECONDS, ONE_DOCUMENT_SECONDS, in_time},
};

/// Attempts at a claim before the batch is retried. A lost race mostly means that another claim succeeded.
pub(super) const CLAIM_ATTEMPTS: usize = 12;

/// Renders an invoice as a PDF with its embedded e-invoice. Deterministic: same invoice, same bytes.
pub trait Render: Send + Sync {
    /// Renders an invoice with this page, or reports the error in the template.
    ///
    /// # Errors
    /// The text names the template's file and line and the fix.
    fn render(&self, invoice: &Invoice, page: &Page) -> Result<Vec<u8>, Reason>;

    /// The hash of everything but the page that decides how a document of this look is printed, if it has one.
    fn look(&self, _: &Look) -> Option<String> {
        None
    }
}

/// The result for one payment or refund, with the values to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The payment, or the refund.
    pub basis: DocumentSource,
    /// Its document, once there is one.
    pub number: Option<InvoiceNumber>,
    /// The outcome reported to the stream.
    pub outcome: Outcome,
    /// Why the issued invoice cannot be mailed; its mail was parked.
    pub unmailed: Option<Reason>,
    /// It was parked for the same reason before, so no alarm is raised again.
    pub repeated: bool,
}

/// The dependencies for issuing invoices.
#[derive(Debug)]
pub struct Issuer<'a, L, A, R, C> {
    /// Payments, invoices and counters.
    pub ledger: &'a L,
    /// Stores documents.
    pub archive: &'a A,
    /// Renders the template.
    pub renderer: &'a R,
    /// The clock.
    pub clock: &'a C,
    /// The newest settings.
    pub settings: &'a Settings,
    /// The texts of documents.
    pub words: &'a Words,
    /// What this process has checked of the books.
    pub guard: &'a LedgerGuard,
    /// When this invocation ends: no step starts that may end after it.
    pub deadline: Timestamp,
}

/// The result of one step for a payment or a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The outcome reported to the stream.
    pub outcome: Outcome,
    /// It was parked for the same reason before.
    pub repeated: bool,
}

impl From<Outcome> for Parked {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, repeated: false }
    }
}

impl<L: Ledger + SettingsReader, A: Archive, R: Render, C: Clock> Issuer<'_, L, A, R, C> {
    /// Issues invoices for `sales`, in order. Returns one [`Issued`] per sale, in the same order.
    pub async fn issue(&self, sales: &[Sale]) -> Vec<Issued> {
        let mut answers = Vec::with_capacity(sales.len());
        for group in sales.chunks(LARGEST_CLAIM) {
            // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
            answers.extend(Box::pin(self.issue_group(group)).await);
        }
        answers
    }

    /// The seller on an invoice issued on `day`: the tax of a paid sale falls due when it is paid (CGI art. 269, 2), that of
    /// goods delivered before at the latest then.
    fn seller_of(&self, sale: &Sale, day: Date) -> Seller {
        self.settings.on(day, self.settings.day_of(sale.paid_at))
    }

    /// How a document is claimed now.
    pub(super) fn allocation(&self) -> Allocation {
        Allocation {
            claimed_at: Some(self.clock.now()),
            build: Some(BUILD.to_owned()),
            settings: Some(self.settings.version).filter(|version| *version > 0),
            look: self.renderer.look(self.settings.look()),
            ..Allocation::default()
        }
    }

    /// The look of the settings that a document was claimed under: after a crash it is printed as it would have been.
    async fn look_of(&self, invoice: &Invoice) -> Result<Cow<'_, Look>, ServiceError> {
        match invoice.allocation.settings {
            Some(version) if version != self.settings.version => {
                let stored = self.ledger.version(version).await?.ok_or_else(settings::missing)?;
                Ok(Cow::Owned(stored.read()?.look().clone()))
            }
            _ => Ok(Cow::Borrowed(self.settings.look())),
        }
    }

    /// Today's date in the seller's time zone.
    pub(super) fn today(&self) -> Date {
        self.settings.day_of(self.clock.now())
    }

    /// Whether a step of at most `longest` may still start.
    ///
    /// # Errors
    /// To be retried by another invocation.
    pub(super) fn in_time(&self, longest: u64) -> Result<(), Outcome> {
        let longest = SignedDuration::from_secs(longest.cast_signed());
        in_time(self.clock.now(), longest, self.deadline).map_err(Outcome::Retry)
    }

    /// The same for a step within the claim of a number.
    ///
    /// # Errors
    /// Transient: too little time is left.
    pub(super) fn still(&self, longest: u64) -> Result<(), ServiceError> {
        match self.in_time(longest) {
            Err(Outcome::Retry(reason)) => Err(ServiceError::transient("the ledger", reason.message)),
            _ => Ok(()),
        }
    }

    /// Checks once that numbers of this series may be given.
    pub(super) async fn check_books(&self, pattern: &SeriesPattern, day: Date) -> Result<(), ServiceError> {
        if self.guard.has_checked(&pattern.series(day)) {
            return Ok(());
        }
        self.still(ONE_CHECK_SECONDS)?;
        let (siren, all) = (self.settings.siren(), self.settings.patterns());
        self.guard.check(self.ledger, self.archive, siren, (pattern, day), &all, self.clock.now()).await
    }

    /// The counter of a series of this seller.
    ///
    /// # Errors
    /// Permanent: the series is another seller's. Held: the books are closed, or their last document was made under settings that
    /// are not there. Transient: it was made under newer settings than ours.
    pub(super) async fn counter(&self, pattern: &SeriesPattern, day: Date) -> Result<Counter, ServiceError> {
        let counter = self.ledger.counter(&pattern.series(day)).await?;
        match &counter.siren {
            Some(siren) if siren != self.settings.siren() => Err(other_seller(siren, self.settings.siren())),
            _ if counter.closed => Err(books_closed()),
            _ if counter.settings > Some(self.settings.version) => {
                let newest = self.ledger.newest().await?.map(|stored| stored.version);
                Err(match newest >= counter.settings {
                    true => ServiceError::transient(
                        "the ledger",
                        "the settings were changed a moment ago; the next delivery reads them anew",
                    ),
                    false => settings::older(newest, counter.settings),
                })
            }
            _ => Ok(counter),
        }
    }

    async fn issue_group(&self, sales: &[Sale]) -> Vec<Issued> {
        let day = self.today();
        let drafts: Vec<_> = sales.iter().map(|sale| draft(sale, &self.seller_of(sale, day), day)).collect();
        let fit: Vec<&Draft> = drafts.iter().filter_map(|draft| draft.as_ref().ok()).collect();
        let claimed = self.claim(&fit, day).await;
        // One record that the ledger refuses must not fail the others: the group is halved down to that record. Closed
        // books refuse those without a number alone.
        if let (Err(error), true) = (&claimed, sales.len() > 1)
            && (error.is_permanent() || *error == books_closed())
        {
            let (first, rest) = sales.split_at(sales.len() / 2);
            let mut answers = Box::pin(self.issue_group(first)).await;
            answers.extend(Box::pin(self.issue_group(rest)).await);
            return answers;
        }
        let mut answers: Vec<Issued> = Vec::with_capacity(sales.len());
        // Once a service fails, the rest of the group would only run into it one after the other, until time is up.
        let mut outage: Option<Outcome> = None;
        for (sale, draft) in sales.iter().zip(&drafts) {
            let basis = DocumentSource::Sale(sale.key.clone());
            let entry = claimed.iter().flatten().find(|entry| entry.invoice.draft.sale == sale.key);
            let number = entry.map(|entry| entry.invoice.number.clone());
            let mut unmailed = None;
            let Parked { outcome, repeated } = match (&outage, draft, &claimed, entry) {
                (Some(outage), ..) => outage.clone().into(),
                (None, Err(unfit), ..) => self.refuse(sale, unfit, &mut unmailed).await,
                (None, Ok(_), Err(error), _) => self.failed(&basis, error.clone()).await,
                (None, Ok(_), Ok(_), Some(entry)) => self.complete(entry, &mut unmailed).await,
                // Neither claimable nor numbered: its record is gone, so there is nothing left to do.
                (None, Ok(_), Ok(_), None) => Outcome::AlreadyDone.into(),
            };
            outage = Some(outcome.clone()).filter(Outcome::is_outage);
            answers.push(Issued { basis, number, outcome, unmailed, repeated });
        }
        answers
    }

    /// Claims numbers for `drafts`; a draft that is already numbered returns its existing invoice.
    async fn claim(&self, drafts: &[&Draft], today: Date) -> Result<Vec<Entry>, ServiceError> {
        // A sale listed twice in a batch is one invoice: a transaction may touch an item only once.
        let mut sales = HashSet::new();
        let mut pending: Vec<&Draft> = drafts.iter().copied().filter(|draft| sales.insert(&draft.sale)).collect();
        let mut entries = Vec::with_capacity(drafts.len());
        let pattern = self.settings.series(today);
        for _ in 0..CLAIM_ATTEMPTS {
            if pending.is_empty() {
                return Ok(entries);
            }
            self.check_books(pattern, today).await?;
            self.still(ONE_CLAIM_SECONDS)?;
            let counter = match self.counter(pattern, today).await {
                Err(error) if error == books_closed() => return self.numbered(&pending, entries, error).await,
                counter => counter?,
            };
            let claim = number(&pending, pattern, counter, today, &self.allocation())?;
            match self.ledger.claim(&claim).await? {
                AllocationResult::All => {
                    for invoice in claim.invoices {
                        entries.push(Entry::claimed(invoice)?);
                    }
                    return Ok(entries);
                }
                AllocationResult::Moved => {}
                AllocationResult::Taken(taken) => {
                    for basis in &taken {
                        entries.extend(self.ledger.document_of(basis).await?);
                    }
                    pending.retain(|draft| !taken.contains(&draft.basis()));
                }
            }
        }
        if pending.is_empty() {
            Ok(entries)
        } else {
            Err(ServiceError::transient("the ledger", "other renderers kept claiming numbers"))
        }
    }

    /// The documents of `drafts` that have their number already.
    ///
    /// # Errors
    /// `without`: one has none.
    async fn numbered(
        &self,
        drafts: &[&Draft],
        mut entries: Vec<Entry>,
        without: ServiceError,
    ) -> Result<Vec<Entry>, ServiceError> {
        for draft in drafts {
            let stands = self.ledger.document_of(&draft.basis()).await?;
            entries.push(stands.ok_or_else(|| without.clone())?);
        }
        Ok(entries)
    }

    /// Parks a sale that cannot be invoiced. If it already has an invoice, that snapshot is completed instead.
    async fn refuse(&self, sale: &Sale, unfit: &CannotInvoice, unmailed: &mut Option<Reason>) -> Parked {
        let basis = DocumentSource::Sale(sale.key.clone());
        match self.ledger.document_of(&basis).await {
            Ok(Some(entry)) => self.complete(&entry, unmailed).await,
            Ok(None) => self.park(&basis, unfit.reason()).await,
            Err(error) => self.failed(&basis, error).await,
        }
    }

    /// Completes a document whose number is claimed already.
    pub async fn finish(&self, entry: &Entry) -> Issued {
        let mut unmailed = None;
        let Parked { outcome, repeated } = self.complete(entry, &mut unmailed).await;
        let (basis, number) = (entry.invoice.draft.basis(), Some(entry.invoice.number.clone()));
        Issued { basis, number, outcome, unmailed, repeated }
    }

    /// Renders, archives and records an invoice, and queues its mail; steps done before are not repeated.
    pub(super) async fn complete(&self, entry: &Entry, unmailed: &mut Option<Reason>) -> Parked {
        if entry.document.is_some() {
            return Outcome::AlreadyDone.into();
        }
        if let Err(later) = self.in_time(ONE_DOCUMENT_SECONDS) {
            return later.into();
        }
        let invoice = &entry.invoice;
        let basis = invoice.draft.basis();
        let look = match self.look_of(invoice).await {
            Ok(look) => look,
            Err(error) => return self.failed(&basis, error).await,
        };
        let page = print::page(invoice, &look, self.words);
        let bytes = match self.renderer.render(invoice, &page) {
            Ok(bytes) => bytes,
            Err(reason) => return self.park(&basis, reason).await,
        };
        let document = match self.archived(entry, bytes).await {
            Ok(document) => document,
            Err(error) => return self.failed(&basis, error).await,
        };
        let seller = self.settings.of_day(self.today());
        let mail = Mail::of_invoice(invoice, &page, &document, &seller, self.clock.now());
        let tells = told::issued(invoice, &document, self.clock.now());
        match self.ledger.finish(&invoice.number, &document, &mail, Some(&tells)).await {
            Ok(()) => {
                *unmailed = mail.undeliverable();
                Outcome::Done.into()
            }
            Err(error) => self.failed(&basis, error).await,
        }
    }

    /// Archives the PDF, then the snapshot: a number whose snapshot is archived has its PDF.
    async fn archived(&self, entry: &Entry, bytes: Vec<u8>) -> Result<Document, ServiceError> {
        let Entry { invoice, snapshot, .. } = entry;
        let pdf =
            File {
                key: invoice.allocation.archive_key.clone().unwrap_or_else(|| {
                    series_of(invoice, self.settings).archive_key(invoice.issued_on, &invoice.number)
                }),
                content_type: "application/pdf",
                bytes,
                sale: Some(invoice.draft.basis().to_string()),
            };
        let document = self.archive.store(&pdf).await?;
        let file = snapshot.file(invoice);
        let stored = self.archive.store(&file).await?;
        if stored == file.document() { Ok(document) } else { Err(archive::conflict(&file.key)) }
    }

    /// Handles a failed call: its payment or refund is retried or parked.
    pub async fn failed(&self, basis: &DocumentSource, error: ServiceError) -> Parked {
        if error.is_permanent() { self.park(basis, error.reason()).await } else { Outcome::from(error).into() }
    }

    /// Parks a payment or a refund with its reason. If parking fails, it is retried until the stream record expires.
    pub async fn park(&self, basis: &DocumentSource, reason: Reason) -> Parked {
        match self.ledger.park(basis, &reason, self.clock.now()).await {
            Ok(recorded) => {
                Parked { outcome: Outcome::Reject(reason), repeated: recorded == Recorded::AlreadyRecorded }
            }
            Err(error) => Outcome::Retry(error.reason()).into(),
        }
    }
}

/// The pattern of a document's number.
pub fn series_of<'a>(invoice: &Invoice, settings: &'a Settings) -> &'a SeriesPattern {
    match invoice.draft.kind {
        Kind::Invoice => settings.series(invoice.issued_on),
        Kind::CreditNote => settings.credit_series(invoice.issued_on),
    }
}

/// Numbers `drafts` after `counter`, dated today, or on the day of the last invoice if our clock is behind it; each
/// follows the one before in the chain of snapshots.
///
/// # Errors
/// Permanent: a document cannot be written as JSON.
pub(super) fn number(
    drafts: &[&Draft],
    pattern: &SeriesPattern,
    counter: Counter,
    today: Date,
    claimed: &Allocation,
) -> Result<NumberClaim, ServiceError> {
    let issued_on = counter.last_issued_on.map_or(today, |last| last.max(today));
    let mut invoices = Vec::with_capacity(drafts.len());
    let mut previous = counter.last_hash.clone();
    for (draft, n) in drafts.iter().zip(counter.last + 1..) {
        let number = pattern.number(today, n);
        let allocation = Allocation {
            archive_key: Some(pattern.archive_key(today, &number)),
            previous: previous.take(),
            ..claimed.clone()
        };
        let draft = (*draft).clone();
        let invoice = Invoice { allocation, ..Invoice::new(number, issued_on, draft) };
        previous = Some(Snapshot::of(&invoice)?.sha256());
        invoices.push(invoice);
    }
    Ok(NumberClaim { series: pattern.series(today), counter, invoices, crediting: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FRANCHISE_TOML, sale};
    use jiff::civil::date;

    #[test]
    fn numbers_follow_the_counter_and_dates_never_go_back() {
        let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
        let today = date(2026, 11, 21);
        let draft = draft(&sale(), &seller, today).unwrap();
        let (last_issued_on, last_hash) = (Some(date(2026, 11, 22)), Some("the 41st".to_owned()));
        let counter = Counter { last: 41, last_issued_on, last_hash, ..Counter::default() };
        let claim = number(&[&draft, &draft], &seller.series, counter, today, &Allocation::default()).unwrap();
        let numbers: Vec<_> = claim.invoices.iter().map(|invoice| invoice.number.0.as_str()).collect();
        assert_eq!(numbers, ["2026-11-0042", "2026-11-0043"]);
        assert_eq!(claim.invoices[0].issued_on, date(2026, 11, 22));
        let hash = |n: usize| Some(Snapshot::of(&claim.invoices[n]).unwrap().sha256());
        let previous = |n: usize| claim.invoices[n].allocation.previous.clone();
        assert_eq!((previous(0), previous(1)), (Some("the 41st".to_owned()), hash(0)), "each holds the hash before it");
        let after = claim.after().unwrap();
        assert_eq!((after.last, after.last_hash), (43, hash(1)));
        assert_eq!(after.siren.as_deref(), Some(&*seller.party.siren));
    }
}
