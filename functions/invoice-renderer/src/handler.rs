//! Turns a batch of recorded payments and refunds into invoices and credit notes: reads each, lets the domain issue
//! them, reports.

use std::sync::Arc;

use comptoir::{
    archive::Archive,
    billing::{
        guard::LedgerGuard,
        issue::{Issued, Issuer, Parked, Render},
        ledger::{Entry, Ledger},
    },
    clock::Clock,
    einvoice,
    invoice::{
        DocumentSource, Invoice,
        print::{Page, Words},
    },
    numbering::InvoiceNumber,
    outcome::{Outcome, Reason, ServiceError},
    refund::{Refund, RefundKey},
    sale::{Sale, SaleKey},
    seller::{Look, Settings},
    settings::{SettingsReader, cache::CachedSettings},
    stream::{self, BatchAnswer, Record, StreamEvent},
};
use comptoir_edge::telemetry::{count, held};

use jiff::Timestamp;

use crate::{proof::Proof, render::Renderer};

const SERVICE: &str = "invoice-renderer";

impl Render for Renderer {
    fn render(&self, invoice: &Invoice, page: &Page) -> Result<Vec<u8>, Reason> {
        let twin =
            einvoice::factur_x(invoice).map_err(|error| Reason::new("einvoice_unwritable", error.to_string()))?;
        let printed = self.print(page, &twin).map_err(|error| Reason::new("invoice_template", error.to_string()))?;
        let missing = &printed.unprintable;
        if missing.characters > 0 {
            let scripts = missing.scripts.iter().copied().collect::<Vec<_>>().join(", ");
            tracing::warn!(
                number = %invoice.number, scripts, characters = missing.characters,
                "no font has these characters: the PDF shows a box for each; add a font of the script to infra/templates/fonts"
            );
            count(SERVICE, "UnprintableCharacters", missing.characters);
        }
        Ok(printed.pdf)
    }

    fn look(&self, look: &Look) -> Option<String> {
        Some(Self::look(self, look))
    }
}

/// The dependencies of a batch.
#[expect(missing_debug_implementations, reason = "a renderer holds whole fonts")]
pub struct InvoiceRenderer<L, A, S, C> {
    /// Payments, invoices and counters.
    pub ledger: L,
    /// The archive.
    pub archive: A,
    /// The renderer.
    pub renderer: Renderer,
    /// The clock.
    pub clock: C,
    /// The owner's settings, read for each batch.
    pub settings: CachedSettings<S>,
    /// The words of documents.
    pub words: Words,
    /// What this process has checked of the books.
    pub guard: LedgerGuard,
    /// What this process has proved of the settings.
    pub proof: Proof,
}

impl<L: Ledger + SettingsReader, A: Archive, S: SettingsReader, C: Clock> InvoiceRenderer<L, A, S, C> {
    /// The newest settings, proved with the templates.
    ///
    /// # Errors
    /// Held: none are saved, or no document can be made under them.
    pub async fn settings(&self) -> Result<Arc<Settings>, ServiceError> {
        let now = self.clock.now();
        let settings = self.settings.get(now).await?;
        self.proof.of(&settings, &self.renderer, &self.words, settings.day_of(now))?;
        Ok(settings)
    }

    /// Issues the documents of a batch: first the invoices together, then the credit notes one by one.
    /// What cannot finish before `deadline` is not begun and is delivered again.
    pub async fn handle(&self, event: StreamEvent, request_id: &str, deadline: Timestamp) -> BatchAnswer {
        let settings = match self.settings().await {
            Ok(settings) => settings,
            Err(error) => return self.wait(&event, &error, request_id),
        };
        let mut read: Vec<Work> = Vec::with_capacity(event.records.len());
        for record in &event.records {
            read.push(Work::of(record, &self.ledger).await);
        }
        let issuer = Issuer {
            ledger: &self.ledger,
            archive: &self.archive,
            renderer: &self.renderer,
            clock: &self.clock,
            settings: &settings,
            words: &self.words,
            guard: &self.guard,
            deadline,
        };
        let sales: Vec<Sale> = read.iter().filter_map(Work::sale).cloned().collect();
        let mut invoices = issuer.issue(&sales).await.into_iter();
        let mut outcomes = Vec::with_capacity(read.len());
        // Once a service fails, later refunds would only wait for it, one after the other, until time is up.
        let mut away: Option<Outcome> = None;
        for work in read {
            let answer = match (work, &away) {
                (Work::Refund(_) | Work::Document(_), Some(away)) => {
                    outcomes.push(away.clone());
                    continue;
                }
                (Work::Sale(_), _) => invoices.next(),
                (Work::Refund(refund), None) => Some(issuer.take_back(&refund).await),
                (Work::Lost(number, error), _) => Some(Issued {
                    basis: DocumentSource::Sale(SaleKey(number.0.clone())),
                    number: Some(number),
                    outcome: error.into(),
                    unmailed: None,
                    repeated: false,
                }),
                (Work::Document(entry), None) => Some(issuer.finish(&entry).await),
                (Work::Unread(basis, error), _) => {
                    let Parked { outcome, repeated } = issuer.failed(&basis, error).await;
                    Some(Issued { basis, number: None, outcome, unmailed: None, repeated })
                }
            };
            if let Some(mut answer) = answer {
                // A parked sale is recorded again by each delivery of its events; it is not reported as parked again.
                let before = event.records.get(outcomes.len()).and_then(Record::parked_before);
                answer.repeated |=
                    matches!(&answer.outcome, Outcome::Reject(reason) if before == Some(&*reason.to_string()));
                report(&answer, request_id);
                away = away.or_else(|| Some(answer.outcome.clone()).filter(Outcome::is_outage));
                outcomes.push(answer.outcome);
            }
        }
        stream::answer(&event.records, &outcomes, self.clock.now())
    }

    /// Gives a whole batch back: without settings nobody knows what to bill.
    fn wait(&self, event: &StreamEvent, error: &ServiceError, request_id: &str) -> BatchAnswer {
        let reason = error.reason();
        if held(SERVICE, &reason) {
            tracing::error!(request_id, reason = reason.code, "held: {}", reason.message);
        } else {
            tracing::warn!(request_id, reason = reason.code, "to be tried again: {}", reason.message);
        }
        let outcomes = vec![Outcome::from(error.clone()); event.records.len()];
        stream::answer(&event.records, &outcomes, self.clock.now())
    }
}

/// The work that a stream record requests.
enum Work {
    Sale(Box<Sale>),
    Refund(Box<Refund>),
    /// A document whose number is claimed and that is not recorded yet.
    Document(Box<Entry>),
    Unread(DocumentSource, ServiceError),
    /// A document that cannot be read: its sale is not known, so there is nothing to park.
    Lost(InvoiceNumber, ServiceError),
}

impl Work {
    /// Loads what a record is about: the record says that something changed, the ledger what is.
    async fn of(record: &Record, ledger: &impl Ledger) -> Self {
        let id = record.id().unwrap_or_default().to_owned();
        match record.kind() {
            Some("REFUND") => {
                let key = RefundKey(id);
                let read = known(ledger.refund(&key).await);
                read.map_or_else(|error| Self::Unread(DocumentSource::Refund(key), error), Self::Refund)
            }
            Some("INVOICE") => {
                let read = known(ledger.document(&InvoiceNumber(id.clone())).await);
                read.map_or_else(|error| Self::Lost(InvoiceNumber(id), error), Self::Document)
            }
            _ => {
                let key = SaleKey(id);
                let read = known(ledger.sale(&key).await);
                read.map_or_else(|error| Self::Unread(DocumentSource::Sale(key), error), Self::Sale)
            }
        }
    }

    fn sale(&self) -> Option<&Sale> {
        if let Self::Sale(sale) = self { Some(sale) } else { None }
    }
}

fn known<T>(read: Result<Option<T>, ServiceError>) -> Result<Box<T>, ServiceError> {
    let gone = || ServiceError::permanent("the ledger", "record_unreadable", "the record is gone");
    read?.map(Box::new).ok_or_else(gone)
}

fn report(issued: &Issued, request_id: &str) {
    let basis = issued.basis.to_string();
    let invoice = issued.number.as_ref().map(|number| number.0.as_str());
    if let Some(reason) = &issued.unmailed {
        count(SERVICE, "Parked", 1);
        tracing::error!(request_id, basis, invoice, reason = reason.code, "mail parked: {}", reason.message);
    }
    match &issued.outcome {
        Outcome::Done => {
            let metric = match &issued.basis {
                DocumentSource::Sale(_) => "InvoiceIssued",
                DocumentSource::Refund(_) => "CreditNoteIssued",
            };
            count(SERVICE, metric, 1);
            tracing::info!(request_id, basis, invoice, "issued");
        }
        Outcome::AlreadyDone => tracing::info!(request_id, basis, invoice, "issued before"),
        Outcome::Reject(reason) if issued.repeated => {
            tracing::info!(request_id, basis, invoice, reason = reason.code, "parked before: {}", reason.message);
        }
        Outcome::Reject(reason) => {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, basis, invoice, reason = reason.code, "parked: {}", reason.message);
        }
        Outcome::Retry(reason) if held(SERVICE, reason) => {
            tracing::error!(request_id, basis, invoice, reason = reason.code, "held: {}", reason.message);
        }
        Outcome::Retry(reason) => {
            tracing::warn!(request_id, basis, invoice, reason = reason.code, "to be tried again: {}", reason.message);
        }
    }
}
