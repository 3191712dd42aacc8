//! A batch of recorded payments becomes invoices: read each sale, let the domain issue them together, report.

use comptoir::{
    archive::Archive,
    clock::Clock,
    invoice::{
        issue::{Issued, Issuer, Render},
        ledger::Ledger,
        print::{Page, Words},
    },
    lambda::{
        stream::{self, BatchAnswer, StreamEvent},
        telemetry::count,
    },
    outcome::{Outcome, Reason},
    sale::{Sale, SaleKey},
    seller::Seller,
};

use crate::render::Renderer;

const SERVICE: &str = "invoice-renderer";

impl Render for Renderer {
    fn render(&self, page: &Page) -> Result<Vec<u8>, Reason> {
        Renderer::render(self, page).map_err(|error| Reason::new("invoice_template", error.to_string()))
    }
}

/// Everything a batch needs.
#[expect(missing_debug_implementations, reason = "a renderer holds whole fonts")]
pub struct InvoiceRenderer<L, A, R, C> {
    /// Payments, invoices and counters.
    pub ledger: L,
    /// Documents.
    pub archive: A,
    /// The template.
    pub renderer: R,
    /// Time.
    pub clock: C,
    /// Who sells.
    pub seller: Seller,
    /// What documents say.
    pub words: Words,
}

impl<L: Ledger, A: Archive, R: Render, C: Clock> InvoiceRenderer<L, A, R, C> {
    /// Issues the invoices of a batch.
    pub async fn handle(&self, event: StreamEvent, request_id: &str) -> BatchAnswer {
        let read: Vec<Result<Sale, Reason>> = event.records.iter().map(stream::Record::data).collect();
        let sales: Vec<Sale> = read.iter().filter_map(|sale| sale.as_ref().ok()).cloned().collect();
        let issuer = Issuer {
            ledger: &self.ledger,
            archive: &self.archive,
            renderer: &self.renderer,
            clock: &self.clock,
            seller: &self.seller,
            words: &self.words,
        };
        let mut issued = issuer.issue(&sales).await.into_iter();
        let mut outcomes = Vec::with_capacity(read.len());
        for (record, sale) in event.records.iter().zip(read) {
            let answer = match sale {
                Ok(_) => issued.next(),
                Err(reason) => {
                    let sale = SaleKey(record.id().unwrap_or_default().to_owned());
                    let outcome = issuer.park(&sale, reason).await;
                    Some(Issued { sale, number: None, outcome, unmailed: None })
                }
            };
            if let Some(answer) = answer {
                report(&answer, request_id);
                outcomes.push(answer.outcome);
            }
        }
        stream::answer(&event.records, &outcomes)
    }
}

fn report(issued: &Issued, request_id: &str) {
    let payment = issued.sale.0.as_str();
    let invoice = issued.number.as_ref().map(|number| number.0.as_str());
    if let Some(reason) = &issued.unmailed {
        count(SERVICE, "Parked", 1);
        tracing::error!(request_id, payment, invoice, reason = reason.word, "mail parked: {}", reason.text);
    }
    match &issued.outcome {
        Outcome::Done => {
            count(SERVICE, "InvoiceIssued", 1);
            tracing::info!(request_id, payment, invoice, "invoice issued");
        }
        Outcome::AlreadyDone => tracing::info!(request_id, payment, invoice, "issued before"),
        Outcome::Reject(reason) => {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, payment, invoice, reason = reason.word, "parked: {}", reason.text);
        }
        Outcome::Retry(reason) => {
            tracing::warn!(request_id, payment, invoice, reason = reason.word, "to be tried again: {}", reason.text);
        }
    }
}
