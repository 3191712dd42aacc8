//! Writes what was found missing: documents and their marks, then what was credited, then counters, the identity last.

use super::{
    KnownMails, Plan, Rebuild,
    decide::{CreditStep, TakenBack, credited, decide},
    load::Read,
    store::RestoreLedger,
};
use crate::{
    accounting::snapshots::{AT_ONCE, together},
    archive::Archive,
    billing::ledger::Ledger,
    clock::Clock,
    numbering::InvoiceNumber,
    outcome::ServiceError,
};

/// Attempts at a write that others came before.
const ATTEMPTS: usize = 3;

impl<L: Ledger + RestoreLedger, A: Archive, M: KnownMails, C: Clock> Rebuild<'_, L, A, M, C> {
    /// Writes the plan. It stops before the counters if something is left: no number may be given then.
    pub(super) async fn write(&self, plan: &mut Plan) -> Result<(), ServiceError> {
        for keys in plan.todo.chunks(AT_ONCE) {
            let mut whole = !self.is_late();
            if whole {
                for filled in together(keys.iter().map(|key| self.fill(key))).await {
                    whole &= filled?;
                }
            }
            if !whole {
                plan.report.unfinished = true;
                return Ok(());
            }
        }
        for (number, taken) in &plan.taken {
            // A counter that is raised would let a later refund exceed an invoice of which too little is noted.
            if !self.credit(number, taken).await? {
                plan.report.unfinished = true;
                return Ok(());
            }
        }
        for (series, before, after) in &plan.counters {
            if !self.ledger.raise(series, before, after).await? && self.ledger.counter(series).await?.last < after.last
            {
                plan.report.unfinished = true;
                return Ok(());
            }
        }
        if let Some(identity) = &plan.identity
            && self.ledger.begin(identity).await? != *identity
        {
            plan.report.refuse(crate::billing::identity::IDENTITY_KEY, "ledger_unknown");
            return Ok(());
        }
        plan.report.written = true;
        Ok(())
    }

    /// Notes what was credited of an invoice; `false` if others keep changing it.
    async fn credit(&self, number: &InvoiceNumber, taken: &TakenBack) -> Result<bool, ServiceError> {
        for _ in 0..ATTEMPTS {
            let Some(entry) = self.ledger.document(number).await? else { return Ok(true) };
            let CreditStep::Raise(after) = credited(&entry.invoice, &entry.credited, taken) else { return Ok(true) };
            if self.ledger.set_credited(number, &entry.credited, &after).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes what is missing of one document; `false` if others keep writing it.
    async fn fill(&self, key: &str) -> Result<bool, ServiceError> {
        for _ in 0..ATTEMPTS {
            let read = self.load(key).await?.and_then(|loaded| loaded.read);
            let Some((archived, standing)) = read.and_then(Read::comparable) else { return Ok(false) };
            let now = self.clock.now();
            let missing = decide(&archived, &standing, now).missing;
            if missing.is_nothing() || self.ledger.restore(&archived, missing, now).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
