//! What wakes work, and the records of unpaid invoices, in memory.

use std::collections::BTreeSet;

use comptoir::{
    memory::{locked, pass_the_turn},
    outcome::ServiceError,
};
use jiff::Timestamp;

use super::{InMemoryAccess, Mistake, WHAT, episodes::wake_dunning, tell, wake};
use crate::{
    recovery::store::{Change, RecoveryStore, StoredRecovery, Then},
    store::{Committed, Wakes},
};

impl Wakes for InMemoryAccess {
    async fn wake(&self, subscription: &str, _now: Timestamp) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            wake(&mut locked(&self.rows), subscription);
            Ok(())
        })
    }

    async fn wake_recovery(&self, id: &str, only_known: bool, now: Timestamp) -> Result<(), ServiceError> {
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            if !only_known || rows.recoveries.contains_key(id) {
                let stored = rows.recoveries.entry(id.to_owned()).or_default();
                stored.wakes += 1;
                stored.open_since = Some(now);
            }
            Ok(())
        })
    }
}

impl RecoveryStore for InMemoryAccess {
    async fn recovery(&self, id: &str) -> Result<Option<StoredRecovery>, ServiceError> {
        self.faults.call(WHAT, || Ok(locked(&self.rows).recoveries.get(id).cloned()))
    }

    async fn never(&self, customer: &str) -> Result<BTreeSet<String>, ServiceError> {
        self.faults.call(WHAT, || Ok(locked(&self.rows).never.get(customer).cloned().unwrap_or_default()))
    }

    async fn change(&self, change: &Change<'_>, now: Timestamp) -> Result<Committed, ServiceError> {
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let Some(stored) = rows.recoveries.get_mut(change.invoice) else { return Ok(Committed::Conflict) };
            let woken = stored.wakes != change.read.wakes && !self.forgets(Mistake::RestIgnoresWakes);
            let stays = matches!(change.then, Then::GoOn | Then::Park(_));
            let written = stored.version != change.read.version && !self.forgets(Mistake::ClaimIgnoresVersion);
            if written || (woken && !stays) {
                return Ok(Committed::Conflict);
            }
            stored.version += 1;
            stored.recovery = change.recovery.clone();
            match &change.then {
                Then::GoOn => {}
                Then::Rest => (stored.seen, stored.open_since) = (stored.wakes, None),
                Then::Until(at) => (stored.seen, stored.open_since) = (stored.wakes, Some(*at)),
                Then::Park(reason) => {
                    stored.open_since = None;
                    rows.parked.insert(change.invoice.to_owned(), (*reason).clone());
                }
            }
            if let Some(customer) = change.debtor() {
                rows.recoveries.entry(customer.to_owned()).or_default();
                let never = rows.never.entry(customer.to_owned()).or_default();
                never.extend(change.never.iter().map(|&instrument| instrument.to_owned()));
            }
            rows.mails.extend(change.mail.cloned());
            tell(rows, change.tells);
            if let Some(customer) = change.wakes_dunning() {
                wake_dunning(rows, customer, now);
            }
            Ok(Committed::Done)
        })
    }

    async fn close_debtor(&self, customer: &str, read: &StoredRecovery) -> Result<Committed, ServiceError> {
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let Some(stored) = rows.recoveries.get_mut(customer).filter(|stored| stored.wakes == read.wakes) else {
                return Ok(Committed::Conflict);
            };
            (stored.seen, stored.open_since) = (stored.wakes, None);
            Ok(Committed::Done)
        })
    }

    async fn breathe(&self, _attempt: u32) {}
}
