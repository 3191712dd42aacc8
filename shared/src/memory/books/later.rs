//! Announced events, and what the reconciliation finds and remembers, in the same store.

use jiff::Timestamp;

use super::InMemoryStore;
use crate::{
    announced::{AnnouncedEvent, AnnouncedEvents, KIND, open_since},
    memory::locked,
    outcome::ServiceError,
    payment::Recorded,
    reconcile::{Reconciliation, ReconciliationLog, Trace},
    refund::RefundKey,
    sale::SaleKey,
};

impl AnnouncedEvents for InMemoryStore {
    async fn announce(&self, id: &str, body: &str, now: Timestamp) -> Result<Recorded, ServiceError> {
        self.call("the payment log", |written| {
            if written.stored.contains_key(id) {
                return Ok(Recorded::AlreadyRecorded);
            }
            let event = AnnouncedEvent { id: id.to_owned(), body: body.to_owned(), announced_at: now };
            written.dismissed.remove(id);
            written.marks.insert((KIND, id.to_owned()), (open_since(body, now), 0));
            written.stored.insert(id.to_owned(), event);
            Ok(Recorded::New)
        })
    }

    async fn announced(&self, id: &str) -> Result<Option<AnnouncedEvent>, ServiceError> {
        self.call("the payment log", |written| Ok(written.stored.get(id).cloned()))
    }

    async fn settle_announced(&self, id: &str) -> Result<(), ServiceError> {
        self.call("the payment log", |written| {
            written.stored.remove(id);
            Ok(())
        })
    }

    async fn dismiss_announced(&self, id: &str, _: Timestamp) -> Result<(), ServiceError> {
        self.call("the payment log", |written| {
            if written.stored.remove(id).is_some() {
                written.dismissed.insert(id.to_owned());
            }
            Ok(())
        })
    }
}

impl InMemoryStore {
    /// Every event that is announced and not settled.
    pub fn announced_events(&self) -> Vec<AnnouncedEvent> {
        locked(&self.written).stored.values().cloned().collect()
    }
}

impl ReconciliationLog for InMemoryStore {
    async fn stands(&self, Trace { kind, id }: &Trace) -> Result<bool, ServiceError> {
        self.call("the payment log", |written| {
            Ok(match *kind {
                "EVENT" => written.events.contains_key(id),
                "INTENT" => written.intents.contains_key(id),
                "PAYMENT" => written.payments.contains_key(&SaleKey(id.clone())),
                "REFUND" => written.refunds.contains_key(&RefundKey(id.clone())),
                KIND => written.stored.contains_key(id) || written.dismissed.contains(id),
                _ => false,
            })
        })
    }

    async fn last(&self) -> Result<Option<Reconciliation>, ServiceError> {
        self.call("the payment log", |written| Ok(written.reconciliation.clone()))
    }

    async fn begun(&self) -> Result<Option<Timestamp>, ServiceError> {
        self.call("the payment log", |written| Ok(written.identity.as_ref().map(|identity| identity.begun_at)))
    }

    async fn remember(
        &self,
        reconciliation: &Reconciliation,
        _: Timestamp,
    ) -> Result<Option<Reconciliation>, ServiceError> {
        self.call("the payment log", |written| {
            let stands = written.reconciliation.as_ref().map_or(0, Reconciliation::turn);
            if stands != reconciliation.turn() {
                return Ok(None);
            }
            written.reconciliation = Some(reconciliation.turned());
            Ok(written.reconciliation.clone())
        })
    }
}
