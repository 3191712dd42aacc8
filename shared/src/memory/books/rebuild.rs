//! Rebuilding the same store from an archive, and the copies of its ledger that a restore from a backup leaves.

use jiff::Timestamp;

use super::{InMemoryStore, Payment, Repaid, Written};
use crate::{
    accounting::{
        rebuild::{Archived, Billed, KnownMails, Mark, Missing, Record, RestoreLedger},
        term::Expire,
    },
    billing::ledger::{Counter, Credited, Entry},
    invoice::{DocumentSource, Invoice},
    mail::MailId,
    memory::locked,
    numbering::{InvoiceNumber, Series},
    outcome::ServiceError,
};

impl Written {
    fn billed(&mut self, basis: &DocumentSource) -> Billed {
        match self.number_of(basis) {
            None => Billed::Unknown,
            Some(None) => Billed::Waiting,
            Some(Some(number)) => Billed::As(number.clone()),
        }
    }
}

/// At once, whatever the time: nothing passes here.
impl Expire for InMemoryStore {
    async fn expire(&self, invoice: &Invoice, _: Timestamp) -> Result<(), ServiceError> {
        self.call("the ledger", |written| {
            written.invoices.remove(&invoice.number);
            match invoice.draft.basis() {
                DocumentSource::Sale(sale) => drop(written.payments.remove(&sale)),
                DocumentSource::Refund(refund) => drop(written.refunds.remove(&refund)),
            }
            Ok(())
        })
    }
}

impl RestoreLedger for InMemoryStore {
    async fn billed(&self, basis: &DocumentSource) -> Result<Billed, ServiceError> {
        self.call("the ledger", |written| Ok(written.billed(basis)))
    }

    async fn restore(&self, archived: &Archived, missing: Missing, _: Timestamp) -> Result<bool, ServiceError> {
        let Archived { invoice, snapshot, document } = archived;
        let (basis, number) = (invoice.draft.basis(), &invoice.number);
        self.call("the ledger", |written| {
            let entry = written.invoices.get(number);
            let fits = match missing.record {
                Record::Nothing => true,
                Record::Whole => entry.is_none(),
                Record::Document => entry.is_some_and(|entry| entry.document.is_none()),
            } && match missing.mark {
                Mark::Nothing => true,
                Mark::New => written.billed(&basis) == Billed::Unknown,
                Mark::Waiting => written.billed(&basis) == Billed::Waiting,
            };
            if !fits {
                return Ok(false);
            }
            match missing.record {
                Record::Nothing => {}
                Record::Whole => {
                    let entry = Entry {
                        invoice: invoice.clone(),
                        snapshot: snapshot.clone(),
                        document: Some(document.clone()),
                        credited: Credited::default(),
                    };
                    written.invoices.insert(number.clone(), entry);
                }
                Record::Document => {
                    if let Some(entry) = written.invoices.get_mut(number) {
                        entry.document = Some(document.clone());
                    }
                }
            }
            match (missing.mark, &basis) {
                (Mark::Nothing, _) => {}
                (Mark::New, DocumentSource::Sale(sale)) => {
                    let payment = Payment { sale: None, invoice: Some(number.clone()), parked: None };
                    written.payments.insert(sale.clone(), payment);
                }
                (Mark::New, DocumentSource::Refund(refund)) => {
                    let repaid = Repaid { refund: None, credit_note: Some(number.clone()), parked: None };
                    written.refunds.insert(refund.clone(), repaid);
                }
                (Mark::Waiting, basis) => {
                    if let Some(of_basis) = written.number_of(basis) {
                        *of_basis = Some(number.clone());
                    }
                    written.mark_of(basis).and_then(Option::take);
                }
            }
            Ok(true)
        })
    }

    async fn set_credited(
        &self,
        original: &InvoiceNumber,
        before: &Credited,
        after: &Credited,
    ) -> Result<bool, ServiceError> {
        self.call("the ledger", |written| {
            let entry = written.invoices.get_mut(original).filter(|entry| entry.credited == *before);
            Ok(entry.map(|entry| entry.credited = after.clone()).is_some())
        })
    }

    async fn raise(&self, series: &Series, before: &Counter, after: &Counter) -> Result<bool, ServiceError> {
        self.call("the ledger", |written| {
            let stands = written.counters.get(series).cloned().unwrap_or_default();
            if stands != *before {
                return Ok(false);
            }
            written.counters.insert(series.clone(), Counter { closed: stands.closed, ..after.clone() });
            Ok(true)
        })
    }
}

impl KnownMails for InMemoryStore {
    async fn knows(&self, mail: &MailId) -> Result<bool, ServiceError> {
        self.call("the outbox", |written| Ok(written.mails.contains_key(mail)))
    }
}

/// A copy of everything but the mails: what a backup of the Billing table holds.
#[derive(Debug, Clone)]
pub struct BillingBackup(Written);

impl InMemoryStore {
    /// A backup of the Billing table as it stands.
    pub fn back_up_billing(&self) -> BillingBackup {
        BillingBackup(locked(&self.written).clone())
    }

    /// Replaces everything but the mails, as a restored table that the stack was pointed at. Its stream is new: it has
    /// announced nothing.
    pub fn restore_billing(&self, BillingBackup(backup): BillingBackup) {
        let mut written = locked(&self.written);
        let marks = written.marks.iter().filter(|((kind, _), _)| *kind == "MAIL");
        let marks = marks.map(|(what, mark)| (what.clone(), *mark)).collect::<Vec<_>>();
        let (mails, suppressed) = (std::mem::take(&mut written.mails), std::mem::take(&mut written.suppressed));
        *written = Written { mails, suppressed, announced: Vec::new(), ..backup };
        written.marks.retain(|(kind, _), _| *kind != "MAIL");
        written.marks.extend(marks);
    }
}
