//! From recorded payments to issued, archived invoices whose mails are queued.
//!
//! Numbers are claimed for a whole group in one transaction, conditional on the counter, so a crash leaves no gap and two
//! renderers no duplicate. What follows (render, archive, note) is a function of the claimed snapshot and repeats safely:
//! a crash between claim and note repairs itself on the next delivery.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{
    draft::draft,
    ledger::{AllocationResult, Claim, Counter, Entry, LARGEST_CLAIM, Ledger},
    unfit::CannotInvoice,
};
use crate::{
    archive::{Archive, File},
    clock::Clock,
    invoice::{
        DocumentSource, Draft, Invoice,
        print::{self, Page, Words},
    },
    mail::Mail,
    numbering::{InvoiceNumber, SeriesPattern},
    outcome::{Outcome, Reason, ServiceError},
    payment::Recorded,
    sale::Sale,
    seller::Seller,
    timing::{ONE_CLAIM_SECONDS, ONE_DOCUMENT_SECONDS, in_time},
};

/// How often a claim is tried before the batch is given back. A lost race mostly means that another claim succeeded.
pub(super) const CLAIM_ATTEMPTS: usize = 12;

/// Turns an invoice into a PDF with its electronic twin. A function of the invoice alone: same invoice, same bytes.
pub trait Render: Send + Sync {
    /// Renders an invoice, whose page is this, or says what is wrong with the template.
    ///
    /// # Errors
    /// The text names the template's file and line and what to mend.
    fn render(&self, invoice: &Invoice, page: &Page) -> Result<Vec<u8>, Reason>;
}

/// What became of one payment or refund, with what a log line wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The payment, or the refund.
    pub basis: DocumentSource,
    /// Its document, once there is one.
    pub number: Option<InvoiceNumber>,
    /// For the stream.
    pub outcome: Outcome,
    /// Why the invoice, though issued, cannot be mailed; its mail was parked.
    pub unmailed: Option<Reason>,
    /// It was parked for the same reason before: nobody is alarmed again.
    pub repeated: bool,
}

/// Everything that issuing invoices needs.
#[derive(Debug)]
pub struct Issuer<'a, L, A, R, C> {
    /// Payments, invoices and counters.
    pub ledger: &'a L,
    /// Documents.
    pub archive: &'a A,
    /// The template.
    pub renderer: &'a R,
    /// Time.
    pub clock: &'a C,
    /// Who sells.
    pub seller: &'a Seller,
    /// What documents say.
    pub words: &'a Words,
    /// When this invocation ends: nothing is begun that may not end before.
    pub deadline: Timestamp,
}

/// What one step for a payment or a refund came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// For the stream.
    pub outcome: Outcome,
    /// It was parked for the same reason before.
    pub repeated: bool,
}

impl From<Outcome> for Parked {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, repeated: false }
    }
}

impl<L: Ledger, A: Archive, R: Render, C: Clock> Issuer<'_, L, A, R, C> {
    /// Issues invoices for `sales`, in order. Answers one [`Issued`] a sale, in the same order.
    pub async fn issue(&self, sales: &[Sale]) -> Vec<Issued> {
        let mut answers = Vec::with_capacity(sales.len());
        for group in sales.chunks(LARGEST_CLAIM) {
            // Boxed, because the state of all its steps in one future is more than the compiler lays out by default.
            answers.extend(Box::pin(self.issue_group(group)).await);
        }
        answers
    }

    /// The seller's day.
    pub(super) fn today(&self) -> Date {
        self.clock.now().to_zoned(self.seller.time_zone.clone()).date()
    }

    /// What may still be begun.
    ///
    /// # Errors
    /// To be tried again by another invocation.
    pub(super) fn in_time(&self, longest: u64) -> Result<(), Outcome> {
        let longest = SignedDuration::from_secs(longest.cast_signed());
        in_time(self.clock.now(), longest, self.deadline).map_err(Outcome::Retry)
    }

    async fn issue_group(&self, sales: &[Sale]) -> Vec<Issued> {
        let day = self.today();
        let drafts: Vec<_> = sales.iter().map(|sale| draft(sale, self.seller, day)).collect();
        let fit: Vec<&Draft> = drafts.iter().filter_map(|draft| draft.as_ref().ok()).collect();
        let claimed = self.claim(&fit, day).await;
        // One record that the ledger refuses must not take the others with it: halves are claimed apart, down to that one.
        if let (Err(error), true) = (&claimed, sales.len() > 1)
            && error.is_permanent()
        {
            let (first, rest) = sales.split_at(sales.len() / 2);
            let mut answers = Box::pin(self.issue_group(first)).await;
            answers.extend(Box::pin(self.issue_group(rest)).await);
            return answers;
        }
        let mut answers: Vec<Issued> = Vec::with_capacity(sales.len());
        // Once a service fails, the rest of the group would only wait for it, one after the other, until time is up.
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
            outage = Some(outcome.clone()).filter(|outcome| matches!(outcome, Outcome::Retry(_)));
            answers.push(Issued { basis, number, outcome, unmailed, repeated });
        }
        answers
    }

    /// Claims numbers for `drafts`; those already numbered answer with the invoice they have.
    async fn claim(&self, drafts: &[&Draft], today: Date) -> Result<Vec<Entry>, ServiceError> {
        // A sale that stands twice in a batch is one invoice: a transaction may touch an item only once.
        let mut sales = HashSet::new();
        let mut pending: Vec<&Draft> = drafts.iter().copied().filter(|draft| sales.insert(&draft.sale)).collect();
        let mut entries = Vec::with_capacity(drafts.len());
        for _ in 0..CLAIM_ATTEMPTS {
            if pending.is_empty() {
                return Ok(entries);
            }
            if let Err(Outcome::Retry(reason)) = self.in_time(ONE_CLAIM_SECONDS) {
                return Err(ServiceError::transient("the ledger", reason.text));
            }
            let counter = self.ledger.counter(&self.seller.series.series(today)).await?;
            let claim = number(&pending, &self.seller.series, counter, today);
            match self.ledger.claim(&claim).await? {
                AllocationResult::All => {
                    entries.extend(claim.invoices.into_iter().map(Entry::claimed));
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

    /// Parks a sale that cannot be invoiced, unless it was, before something changed: its snapshot needs nothing more.
    async fn refuse(&self, sale: &Sale, unfit: &CannotInvoice, unmailed: &mut Option<Reason>) -> Parked {
        let basis = DocumentSource::Sale(sale.key.clone());
        match self.ledger.document_of(&basis).await {
            Ok(Some(entry)) => self.complete(&entry, unmailed).await,
            Ok(None) => self.park(&basis, unfit.reason()).await,
            Err(error) => self.failed(&basis, error).await,
        }
    }

    /// Renders, archives and notes an invoice, and queues its mail; whatever of it was done before stays as it is.
    pub(super) async fn complete(&self, entry: &Entry, unmailed: &mut Option<Reason>) -> Parked {
        if entry.document.is_some() {
            return Outcome::AlreadyDone.into();
        }
        if let Err(later) = self.in_time(ONE_DOCUMENT_SECONDS) {
            return later.into();
        }
        let invoice = &entry.invoice;
        let basis = invoice.draft.basis();
        let page = print::page(invoice, &self.seller.look, self.words);
        let bytes = match self.renderer.render(invoice, &page) {
            Ok(bytes) => bytes,
            Err(reason) => return self.park(&basis, reason).await,
        };
        let file = File { key: archive_key(invoice), content_type: "application/pdf", bytes };
        let document = match self.archive.store(&file).await {
            Ok(document) => document,
            Err(error) => return self.failed(&basis, error).await,
        };
        let mail = Mail::of_invoice(invoice, &page, &document, self.seller, self.clock.now());
        match self.ledger.finish(&invoice.number, &document, &mail).await {
            Ok(()) => {
                *unmailed = mail.undeliverable();
                Outcome::Done.into()
            }
            Err(error) => self.failed(&basis, error).await,
        }
    }

    /// What a failed call means for what it was made for: it is tried again, or parked.
    pub async fn failed(&self, basis: &DocumentSource, error: ServiceError) -> Parked {
        if error.is_permanent() { self.park(basis, error.reason()).await } else { Outcome::from(error).into() }
    }

    /// Parks a payment or a refund with its reason. What cannot even be parked is tried again until the stream gives it up.
    pub async fn park(&self, basis: &DocumentSource, reason: Reason) -> Parked {
        match self.ledger.park(basis, &reason, self.clock.now()).await {
            Ok(recorded) => {
                Parked { outcome: Outcome::Reject(reason), repeated: recorded == Recorded::AlreadyRecorded }
            }
            Err(error) => Outcome::Retry(error.reason()).into(),
        }
    }
}

/// Numbers `drafts` after `counter`, dated today, or the day of the last one if our clock is behind it.
pub(super) fn number(drafts: &[&Draft], pattern: &SeriesPattern, counter: Counter, today: Date) -> Claim {
    let issued_on = counter.last_issued_on.map_or(today, |last| last.max(today));
    let invoices = drafts
        .iter()
        .zip(counter.last + 1..)
        .map(|(draft, n)| Invoice { number: pattern.number(today, n), issued_on, draft: (*draft).clone() })
        .collect();
    Claim { series: pattern.series(today), counter, invoices, crediting: None }
}

/// Where an invoice lies in the archive: by year and month of issue.
fn archive_key(invoice: &Invoice) -> String {
    let day = invoice.issued_on;
    let name = invoice.number.file_name(&invoice.draft.buyer.name);
    format!("invoices/{:04}/{:02}/{name}", day.year(), day.month())
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
        let counter = Counter { last: 41, last_issued_on: Some(date(2026, 11, 22)) };
        let claim = number(&[&draft, &draft], &seller.series, counter, today);
        let numbers: Vec<_> = claim.invoices.iter().map(|invoice| invoice.number.0.as_str()).collect();
        assert_eq!(numbers, ["2026-11-0042", "2026-11-0043"]);
        assert_eq!(claim.invoices[0].issued_on, date(2026, 11, 22));
        assert_eq!(archive_key(&claim.invoices[0]), "invoices/2026/11/2026-11-0042-LEFEVRE.pdf");
    }
}
