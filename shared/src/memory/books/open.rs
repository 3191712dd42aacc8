//! Open work in the same store.

use jiff::{SignedDuration, Timestamp};

use super::{InMemoryStore, Written};
use crate::{
    announced::KIND,
    invoice::DocumentSource,
    mail::{MailId, outbox::Status},
    memory::StreamRecord,
    numbering::InvoiceNumber,
    outcome::ServiceError,
    refund::RefundKey,
    sale::SaleKey,
    sweep::{IMPATIENT_SECONDS, Open, OpenWork, PATIENT_WAKES, Page},
};

/// The record that a mark is of, as its stream announces it; `None` once it is settled or parked.
fn announced(written: &Written, kind: &str, id: &str) -> Option<StreamRecord> {
    match kind {
        "PAYMENT" => {
            let key = SaleKey(id.to_owned());
            let payment = written.payments.get(&key)?;
            (payment.invoice.is_none() && payment.parked.is_none()).then_some(StreamRecord::Sale(key))
        }
        "REFUND" => {
            let key = RefundKey(id.to_owned());
            let repaid = written.refunds.get(&key)?;
            (repaid.credit_note.is_none() && repaid.parked.is_none()).then_some(StreamRecord::Refund(key))
        }
        "INVOICE" => {
            let entry = written.invoices.get(&InvoiceNumber(id.to_owned()))?;
            let (basis, parked) = match entry.invoice.draft.basis() {
                DocumentSource::Sale(key) => {
                    let parked = written.payments.get(&key).is_some_and(|payment| payment.parked.is_some());
                    (StreamRecord::Sale(key), parked)
                }
                DocumentSource::Refund(key) => {
                    let parked = written.refunds.get(&key).is_some_and(|repaid| repaid.parked.is_some());
                    (StreamRecord::Refund(key), parked)
                }
            };
            (entry.document.is_none() && !parked).then_some(basis)
        }
        _ => {
            let id = MailId(id.to_owned());
            let queued = written.mails.get(&id)?;
            matches!(queued.status, Status::Queued | Status::Sending { .. }).then_some(StreamRecord::Mail(id))
        }
    }
}

/// Whether a mark is of a record that is not settled. No stream announces the events among them.
fn is_open(written: &Written, kind: &str, id: &str) -> bool {
    if kind == KIND { written.stored.contains_key(id) } else { announced(written, kind, id).is_some() }
}

impl OpenWork for InMemoryStore {
    async fn open_since(&self, before: Timestamp, _: Option<&str>) -> Result<Page, ServiceError> {
        self.call("the open work", |written| {
            let marks = written.marks.iter().filter(|(_, (since, _))| *since <= before);
            let open = marks.filter(|((kind, id), _)| is_open(written, kind, id));
            let open =
                open.map(|((kind, id), (since, _))| Open { kind: (*kind).to_owned(), id: id.clone(), since: *since });
            Ok(Page { open: open.collect(), next: None })
        })
    }

    async fn wake(&self, open: &Open, now: Timestamp) -> Result<Option<u64>, ServiceError> {
        self.call("the open work", |written| {
            if !is_open(written, &open.kind, &open.id) {
                return Ok(None);
            }
            let marks = &mut written.marks;
            let mark = marks.iter_mut().find(|((kind, id), _)| *kind == open.kind && *id == open.id);
            let Some((_, (since, wakes))) = mark.filter(|(_, (since, _))| *since == open.since) else {
                return Ok(None);
            };
            *wakes += 1;
            let rests = if *wakes >= PATIENT_WAKES { IMPATIENT_SECONDS } else { 0 };
            *since = now.saturating_add(SignedDuration::from_secs(rests)).unwrap_or(Timestamp::MAX);
            let wakes = *wakes;
            let what = if open.kind == KIND { None } else { announced(written, &open.kind, &open.id) };
            written.announced.extend(what);
            Ok(Some(wakes))
        })
    }
}
