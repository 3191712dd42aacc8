//! Payments, invoices, counters and mails in memory: payment log, ledger and outbox over one store.

mod announced;
mod delivery;
mod later;
mod look;
mod open;
mod rebuild;
mod settings;

pub use look::MailRow;
pub use rebuild::BillingBackup;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};

use super::{FaultPlan, ParkedEvent, StreamRecord, locked};
use crate::{
    announced::AnnouncedEvent,
    app::AppMessage,
    archive::Document,
    billing::{
        identity::Identity,
        ledger::{
            AllocationResult, Counter, Entry, Ledger, NumberClaim, books_closed, number_taken, number_used_twice,
        },
    },
    invoice::DocumentSource,
    mail::{
        Mail, MailId,
        delivery::{AddressHash, Cause, Stage},
        outbox::{Claim, Expiry, Outbox, Parking, Status},
    },
    numbering::{InvoiceNumber, Series},
    outcome::{Reason, ServiceError},
    payment::{PaymentLog, Recorded},
    reconcile::Reconciliation,
    refund::{Refund, RefundKey},
    sale::{Sale, SaleKey},
    settings::StoredSettings,
};

/// All stored records.
#[derive(Debug, Default)]
pub struct InMemoryStore {
    pub(super) written: Mutex<Written>,
    faults: Arc<FaultPlan>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// With its dead letter, if it is parked.
    pub(super) events: BTreeMap<String, Option<ParkedEvent>>,
    /// Events that recorded a sale.
    pub(super) sold_by: BTreeSet<String>,
    pub(super) payments: BTreeMap<SaleKey, Payment>,
    pub(super) intents: BTreeMap<String, SaleKey>,
    pub(super) refunds: BTreeMap<RefundKey, Repaid>,
    pub(super) identity: Option<Identity>,
    pub(super) settings: Vec<StoredSettings>,
    counters: BTreeMap<Series, Counter>,
    closed: bool,
    pub(super) invoices: BTreeMap<InvoiceNumber, Entry>,
    pub(super) mails: BTreeMap<MailId, Queued>,
    /// What the seller's app is told, by id.
    pub(super) told: BTreeMap<String, AppMessage>,
    suppressed: BTreeMap<AddressHash, Cause>,
    pub(super) announced: Vec<StreamRecord>,
    /// Announced events that are not settled.
    pub(super) stored: BTreeMap<String, AnnouncedEvent>,
    /// Announced events that were read and left no record.
    dismissed: BTreeSet<String>,
    /// How far a reconciliation came.
    pub(super) reconciliation: Option<Reconciliation>,
    /// Since when a record is open, or when it was last woken, and how often; some were settled since.
    pub(super) marks: BTreeMap<(&'static str, String), (Timestamp, u64)>,
}

#[derive(Debug, Clone)]
pub(super) struct Payment {
    /// None where it was rebuilt: the archive has the document of a sale, and not the sale.
    pub(super) sale: Option<Sale>,
    pub(super) invoice: Option<InvoiceNumber>,
    pub(super) parked: Option<Reason>,
}

#[derive(Debug, Clone)]
pub(super) struct Repaid {
    /// None where it was rebuilt.
    refund: Option<Refund>,
    pub(super) credit_note: Option<InvoiceNumber>,
    pub(super) parked: Option<Reason>,
}

impl Written {
    /// The number of the document that a sale or a refund has, if it is recorded.
    pub(super) fn number_of(&mut self, basis: &DocumentSource) -> Option<&mut Option<InvoiceNumber>> {
        match basis {
            DocumentSource::Sale(sale) => self.payments.get_mut(sale).map(|payment| &mut payment.invoice),
            DocumentSource::Refund(refund) => self.refunds.get_mut(refund).map(|repaid| &mut repaid.credit_note),
        }
    }

    /// Why a sale or a refund is parked, if it is recorded.
    fn mark_of(&mut self, basis: &DocumentSource) -> Option<&mut Option<Reason>> {
        match basis {
            DocumentSource::Sale(sale) => self.payments.get_mut(sale).map(|payment| &mut payment.parked),
            DocumentSource::Refund(refund) => self.refunds.get_mut(refund).map(|repaid| &mut repaid.parked),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Queued {
    mail: Mail,
    pub(super) status: Status,
    claimant: Option<String>,
    pub(super) parked: Option<Reason>,
    pub(super) came_back: BTreeSet<String>,
    hindered: BTreeSet<String>,
    pub(super) expires_at: Option<Timestamp>,
}

impl Queued {
    /// Sets the mail's `status` as of `now`.
    fn stand(&mut self, status: Status, now: Timestamp) {
        match Expiry::of(&self.mail.id, &status, now) {
            Expiry::Never => self.expires_at = None,
            Expiry::At(at) => self.expires_at = Some(at),
            Expiry::AsQueued => {}
        }
        self.status = status;
    }
}

impl InMemoryStore {
    /// An empty store under this fault plan.
    pub fn new(faults: Arc<FaultPlan>) -> Self {
        Self { written: Mutex::default(), faults }
    }

    /// Closes the books, as a final export does.
    pub fn close_books(&self) {
        let mut written = locked(&self.written);
        written.closed = true;
        written.counters.values_mut().for_each(|counter| counter.closed = true);
    }

    /// Every recorded sale.
    pub fn sales(&self) -> Vec<Sale> {
        locked(&self.written).payments.values().filter_map(|payment| payment.sale.clone()).collect()
    }

    /// Every invoice with its document, by number.
    pub fn entries(&self) -> Vec<Entry> {
        locked(&self.written).invoices.values().cloned().collect()
    }

    /// Every mail with its status, by id.
    pub fn mails(&self) -> Vec<(Mail, Status)> {
        locked(&self.written).mails.values().map(|queued| (queued.mail.clone(), queued.status.clone())).collect()
    }

    /// Every recorded refund.
    pub fn refunds(&self) -> Vec<Refund> {
        locked(&self.written).refunds.values().filter_map(|repaid| repaid.refund.clone()).collect()
    }

    /// Why a payment or a refund was parked, if it was.
    pub fn parked(&self, basis: &DocumentSource) -> Option<Reason> {
        let written = locked(&self.written);
        match basis {
            DocumentSource::Sale(sale) => written.payments.get(sale)?.parked.clone(),
            DocumentSource::Refund(refund) => written.refunds.get(refund)?.parked.clone(),
        }
    }

    fn call<T>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut Written) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        self.faults.call(what, || work(&mut locked(&self.written)))
    }
}

/// Lets other tasks go first, once: between reading a counter and claiming from it, others may claim.
pub async fn pass_the_turn() {
    let mut passed = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut passed, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

impl PaymentLog for InMemoryStore {
    async fn record(&self, sale: &Sale, now: Timestamp) -> Result<Recorded, ServiceError> {
        self.call("the payment log", |written| {
            let mark = ("PAYMENT", sale.key.0.clone());
            let fresh = !written.sold_by.contains(&sale.event);
            if !fresh || written.payments.contains_key(&sale.key) {
                let waiting = written.payments.get_mut(&sale.key);
                let waiting = waiting.filter(|payment| payment.parked.is_some() && payment.invoice.is_none());
                let Some(payment) = waiting else { return Ok(Recorded::AlreadyRecorded) };
                *payment = Payment { sale: Some(sale.clone()), invoice: None, parked: None };
                written.marks.insert(mark, (now, 0));
                written.announced.push(StreamRecord::Sale(sale.key.clone()));
                return Ok(Recorded::New);
            }
            written.events.insert(sale.event.clone(), None);
            written.sold_by.insert(sale.event.clone());
            if let Some(intent) = &sale.payment_intent {
                written.intents.insert(intent.clone(), sale.key.clone());
            }
            written.marks.insert(mark, (now, 0));
            written
                .payments
                .insert(sale.key.clone(), Payment { sale: Some(sale.clone()), invoice: None, parked: None });
            written.announced.push(StreamRecord::Sale(sale.key.clone()));
            Ok(Recorded::New)
        })
    }

    async fn park_event(&self, id: &str, body: &str, reason: &Reason, _: Timestamp) -> Result<Recorded, ServiceError> {
        self.call("the payment log", |written| {
            match written.events.get(id) {
                Some(Some(before)) if before.reason != *reason => {}
                Some(_) => return Ok(Recorded::AlreadyRecorded),
                None => {}
            }
            let parked = ParkedEvent { id: id.to_owned(), body: body.to_owned(), reason: reason.clone() };
            written.events.insert(id.to_owned(), Some(parked));
            Ok(Recorded::New)
        })
    }

    async fn settle_event(&self, id: &str, _: Timestamp) -> Result<(), ServiceError> {
        self.call("the payment log", |written| {
            written.events.get_mut(id).map(Option::take);
            Ok(())
        })
    }

    async fn record_refund(&self, refund: &Refund, now: Timestamp) -> Result<Recorded, ServiceError> {
        self.call("the payment log", |written| {
            if written.refunds.contains_key(&refund.key) {
                return Ok(Recorded::AlreadyRecorded);
            }
            let repaid = Repaid { refund: Some(refund.clone()), credit_note: None, parked: None };
            written.refunds.insert(refund.key.clone(), repaid);
            written.marks.insert(("REFUND", refund.key.0.clone()), (now, 0));
            written.announced.push(StreamRecord::Refund(refund.key.clone()));
            Ok(Recorded::New)
        })
    }

    async fn sale_paid_by(&self, intent: &str) -> Result<Option<SaleKey>, ServiceError> {
        self.call("the payment log", |written| Ok(written.intents.get(intent).cloned()))
    }

    async fn has(&self, sale: &SaleKey) -> Result<bool, ServiceError> {
        self.call("the payment log", |written| Ok(written.payments.contains_key(sale)))
    }
}

impl Ledger for InMemoryStore {
    async fn identity(&self) -> Result<Option<Identity>, ServiceError> {
        self.call("the ledger", |written| Ok(written.identity.clone()))
    }

    async fn begin(&self, identity: &Identity) -> Result<Identity, ServiceError> {
        self.call("the ledger", |written| Ok(written.identity.get_or_insert_with(|| identity.clone()).clone()))
    }

    async fn counter(&self, series: &Series) -> Result<Counter, ServiceError> {
        let counter = self.call("the ledger", |written| Ok(written.counters.get(series).cloned().unwrap_or_default()));
        pass_the_turn().await;
        counter
    }

    async fn claim(&self, claim: &NumberClaim) -> Result<AllocationResult, ServiceError> {
        self.call("the ledger", |written| {
            let bases: Vec<DocumentSource> = claim.invoices.iter().map(|invoice| invoice.draft.basis()).collect();
            if bases.iter().collect::<BTreeSet<_>>().len() < bases.len() {
                return Err(ServiceError::permanent(
                    "the ledger",
                    "record_refused",
                    "a transaction touches an item twice",
                ));
            }
            let mut taken = bases.clone();
            taken.retain(|basis| !matches!(written.number_of(basis), Some(None)));
            if !taken.is_empty() {
                return Ok(AllocationResult::Taken(taken));
            }
            let counter = written.counters.get(&claim.series).cloned().unwrap_or_default();
            if written.closed && claim.counter.last == 0 && counter == claim.counter {
                return Err(books_closed());
            }
            if counter != claim.counter || claim.made_under().is_some_and(|version| counter.settings > Some(version)) {
                return Ok(AllocationResult::Moved);
            }
            let entries: Vec<Entry> = claim.invoices.iter().cloned().map(Entry::claimed).collect::<Result<_, _>>()?;
            let after = claim.after()?;
            if let Some(taken) = claim.invoices.iter().find(|invoice| written.invoices.contains_key(&invoice.number)) {
                return Err(number_taken(&taken.number));
            }
            if let Some(crediting) = &claim.crediting {
                let original = written.invoices.get_mut(&crediting.original);
                let original = original
                    .ok_or_else(|| ServiceError::permanent("the ledger", "record_conflict", "no invoice to credit"))?;
                if original.credited != crediting.before {
                    return Ok(AllocationResult::Moved);
                }
                original.credited = crediting.after.clone();
            }
            written.counters.insert(claim.series.clone(), after);
            for (basis, entry) in bases.iter().zip(entries) {
                let number = entry.invoice.number.clone();
                let claimed_at = entry.invoice.allocation.claimed_at.unwrap_or(Timestamp::UNIX_EPOCH);
                written.marks.insert(("INVOICE", number.0.clone()), (claimed_at, 0));
                written.invoices.insert(number.clone(), entry);
                if let Some(of_basis) = written.number_of(basis) {
                    *of_basis = Some(number);
                }
                // The stream announces that the mark was removed, as after a replay.
                if written.mark_of(basis).and_then(Option::take).is_some() {
                    written.announced.push(match basis {
                        DocumentSource::Sale(sale) => StreamRecord::Sale(sale.clone()),
                        DocumentSource::Refund(refund) => StreamRecord::Refund(refund.clone()),
                    });
                }
            }
            Ok(AllocationResult::All)
        })
    }

    async fn sale(&self, sale: &SaleKey) -> Result<Option<Sale>, ServiceError> {
        self.call("the ledger", |written| Ok(written.payments.get(sale).and_then(|payment| payment.sale.clone())))
    }

    async fn refund(&self, refund: &RefundKey) -> Result<Option<Refund>, ServiceError> {
        self.call("the ledger", |written| Ok(written.refunds.get(refund).and_then(|repaid| repaid.refund.clone())))
    }

    async fn document_of(&self, basis: &DocumentSource) -> Result<Option<Entry>, ServiceError> {
        self.call("the ledger", |written| {
            let number = written.number_of(basis).and_then(|number| number.clone());
            Ok(number.and_then(|number| written.invoices.get(&number)).cloned())
        })
    }

    async fn document(&self, number: &InvoiceNumber) -> Result<Option<Entry>, ServiceError> {
        self.call("the ledger", |written| Ok(written.invoices.get(number).cloned()))
    }

    async fn finish(
        &self,
        number: &InvoiceNumber,
        document: &Document,
        mail: &Mail,
        tells: Option<&AppMessage>,
    ) -> Result<(), ServiceError> {
        self.call("the ledger", |written| {
            let stands = written.mails.contains_key(&mail.id);
            let entry = written
                .invoices
                .get_mut(number)
                .ok_or_else(|| ServiceError::permanent("the ledger", "record_conflict", "no invoice"))?;
            match (stands, &entry.document) {
                (true, Some(noted)) if noted == document => return Ok(()),
                (true, _) => return Err(number_used_twice(number)),
                (false, _) => entry.document = Some(document.clone()),
            }
            written.told.extend(tells.map(|message| (message.id.clone(), message.clone())));
            let parked = mail.undeliverable();
            let status = if parked.is_some() { Status::Parked } else { Status::Queued };
            if parked.is_none() {
                written.announced.push(StreamRecord::Mail(mail.id.clone()));
            }
            let queued = Queued {
                mail: mail.clone(),
                status,
                claimant: None,
                parked,
                came_back: BTreeSet::new(),
                hindered: BTreeSet::new(),
                expires_at: None,
            };
            written.mails.insert(mail.id.clone(), queued);
            written.marks.insert(("MAIL", mail.id.0.clone()), (mail.queued_at, 0));
            Ok(())
        })
    }

    async fn park(&self, basis: &DocumentSource, reason: &Reason, _: Timestamp) -> Result<Recorded, ServiceError> {
        self.call("the ledger", |written| {
            let Some(parked) = written.mark_of(basis) else { return Ok(Recorded::AlreadyRecorded) };
            let before = parked.replace(reason.clone());
            Ok(if before.as_ref() == Some(reason) { Recorded::AlreadyRecorded } else { Recorded::New })
        })
    }
}

impl Outbox for InMemoryStore {
    async fn claim(
        &self,
        id: &MailId,
        claimant: &str,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Result<Claim, ServiceError> {
        self.call("the outbox", |written| {
            let Some(queued) = written.mails.get_mut(id) else { return Ok(Claim::Absent) };
            let ours = queued.claimant.as_deref() == Some(claimant);
            match &queued.status {
                Status::Queued => {}
                Status::Sending { .. } if ours => {}
                held => return Ok(Claim::Held(held.clone())),
            }
            queued.status = Status::Sending { lease_until: now.saturating_add(lease).unwrap_or(Timestamp::MAX) };
            queued.claimant = Some(claimant.to_owned());
            Ok(Claim::Ours)
        })
    }

    async fn release(&self, id: &MailId, claimant: &str) -> Result<(), ServiceError> {
        self.give_up(id, claimant, None)
    }

    async fn refuse(&self, id: &MailId, claimant: &str, reason: &Reason, now: Timestamp) -> Result<(), ServiceError> {
        self.give_up(id, claimant, Some((reason, now)))
    }

    async fn sent(&self, id: &MailId, message_id: &str, now: Timestamp) -> Result<(), ServiceError> {
        self.settle(id, Status::Sent, now, |mail| {
            mail.status.stage() <= Stage::Sent && !mail.came_back.contains(message_id)
        })
    }

    async fn unknown(&self, id: &MailId, claimant: &str, now: Timestamp) -> Result<(), ServiceError> {
        self.settle(id, Status::Unknown, now, |mail| match mail.status {
            Status::Sending { lease_until } => mail.claimant.as_deref() == Some(claimant) || lease_until <= now,
            _ => false,
        })
    }

    async fn close(&self, id: &MailId) -> Result<(), ServiceError> {
        self.call("the outbox", |written| {
            let waits = |queued: &Queued| matches!(queued.status, Status::Queued | Status::Sending { .. });
            if !written.mails.get(id).is_some_and(waits) {
                written.marks.remove(&("MAIL", id.0.clone()));
            }
            Ok(())
        })
    }

    async fn park(&self, id: &MailId, reason: &Reason, now: Timestamp) -> Result<Parking, ServiceError> {
        self.call("the outbox", |written| {
            let Some(queued) = written.mails.get_mut(id) else { return Ok(Parking::Absent) };
            if queued.status != Status::Queued {
                return Ok(Parking::Held(queued.status.clone()));
            }
            queued.stand(Status::Parked, now);
            queued.parked = Some(reason.clone());
            Ok(Parking::Parked)
        })
    }
}

impl InMemoryStore {
    /// Takes a mail from its holder, if that is `claimant`: releases it, or parks it.
    fn give_up(&self, id: &MailId, claimant: &str, why: Option<(&Reason, Timestamp)>) -> Result<(), ServiceError> {
        self.call("the outbox", |written| {
            if let Some(queued) = written.mails.get_mut(id)
                && matches!(queued.status, Status::Sending { .. })
                && queued.claimant.as_deref() == Some(claimant)
            {
                match why {
                    Some((_, now)) => queued.stand(Status::Parked, now),
                    None => queued.status = Status::Queued,
                }
                queued.claimant = None;
                queued.parked = why.map(|(reason, _)| reason.clone());
            }
            Ok(())
        })
    }

    /// Sets a mail's `status` if `may` allows its current one.
    fn settle(
        &self,
        id: &MailId,
        status: Status,
        now: Timestamp,
        may: impl FnOnce(&Queued) -> bool,
    ) -> Result<(), ServiceError> {
        self.call("the outbox", |written| {
            if let Some(queued) = written.mails.get_mut(id).filter(|queued| may(queued)) {
                queued.stand(status, now);
                queued.claimant = None;
            }
            Ok(())
        })
    }
}
