//! What wakes work, and the records of unpaid invoices.

use std::collections::BTreeSet;

use comptoir::{mail::Mail, memory::at_once};
use comptoir_plans::{
    recovery::{
        record::{Fate, Recovery},
        store::{Change, RecoveryStore, StoredRecovery, Then},
    },
    store::{Committed, Wakes},
};
use jiff::Timestamp;

use super::{Answer, Ports, TABLE};
use crate::plans::{
    mutant::Mutant,
    world::{Late, World},
};

fn wake(world: &World, id: &str, now: Timestamp) -> Answer<()> {
    at_once(world.store.wake(id, now))?;
    world.woken(id);
    Ok(())
}

fn wake_recovery(world: &World, id: &str, only_known: bool, now: Timestamp) -> Answer<()> {
    at_once(world.store.wake_recovery(id, only_known, now))?;
    if at_once(world.store.recovery(id))?.is_some() {
        world.woken(id);
    }
    Ok(())
}

fn change(world: &World, who: usize, change: &Change<'_>, now: Timestamp) -> Answer<Committed> {
    let result = at_once(world.store.change(change, now))?;
    if result == Committed::Done {
        if matches!(change.then, Then::Rest | Then::Until(_)) {
            world.rests(who, change.invoice);
        }
        if matches!(change.then, Then::Park(_)) {
            world.core().parked.insert(change.invoice.to_owned());
        }
        world.witness(|witness, stripe, at| witness.changed(stripe, change, at));
    }
    Ok(result)
}

impl Wakes for Ports {
    async fn wake(&self, subscription: &str, now: Timestamp) -> Answer<()> {
        let late = || -> Late {
            let id = subscription.to_owned();
            Box::new(move |world| drop(wake(world, &id, now)))
        };
        self.call(TABLE, "wake", Some(&late), || wake(&self.world, subscription, now)).await
    }

    async fn wake_recovery(&self, id: &str, only_known: bool, now: Timestamp) -> Answer<()> {
        if self.is(Mutant::LaterMethodUnheard) && id.starts_with("cus_") {
            return Ok(());
        }
        let late = || -> Late {
            let id = id.to_owned();
            Box::new(move |world| drop(wake_recovery(world, &id, only_known, now)))
        };
        self.call(TABLE, "wake_recovery", Some(&late), || wake_recovery(&self.world, id, only_known, now)).await
    }
}

impl Ports {
    /// A record as a mistake has it read.
    fn misread(&self, id: &str, stored: &mut StoredRecovery) {
        match self.world.plan.mutant {
            Some(Mutant::MailAnEvent) => stored.recovery.told_at = None,
            Some(Mutant::UsualForgotten) => stored.recovery.noted = true,
            Some(Mutant::KeyOutlived) => {
                let now = self.world.now();
                stored.recovery.attempts.iter_mut().for_each(|attempt| attempt.at = now);
            }
            Some(Mutant::ClaimUnwritten) => {
                let ahead = self.world.core().memory.unwritten.get(id).copied().unwrap_or_default();
                stored.version += ahead;
            }
            _ => {}
        }
    }

    /// Whether the mistake leaves out this write, which claims a charge.
    fn leaves_out(&self, change: &Change<'_>) -> bool {
        let claims = |recovery: &Recovery| recovery.attempts.iter().any(|attempt| attempt.fate == Fate::Claimed);
        self.is(Mutant::ClaimUnwritten) && claims(change.recovery) && !claims(&change.read.recovery)
    }
}

impl RecoveryStore for Ports {
    async fn recovery(&self, id: &str) -> Answer<Option<StoredRecovery>> {
        let mut found = self.call(TABLE, "recovery", None, || at_once(self.world.store.recovery(id))).await?;
        if let Some(found) = &mut found {
            self.misread(id, found);
        }
        Ok(found)
    }

    async fn never(&self, customer: &str) -> Answer<BTreeSet<String>> {
        self.call(TABLE, "never", None, || at_once(self.world.store.never(customer))).await
    }

    async fn change(&self, asked: &Change<'_>, now: Timestamp) -> Answer<Committed> {
        if self.leaves_out(asked) {
            *self.world.core().memory.unwritten.entry(asked.invoice.to_owned()).or_default() += 1;
            return Ok(Committed::Done);
        }
        let mut asked = asked.clone();
        let (mut read, mail) = (asked.read.clone(), asked.mail);
        if self.is(Mutant::ClaimUnwritten) {
            let ahead = self.world.core().memory.unwritten.get(asked.invoice).copied().unwrap_or_default();
            read.version = read.version.saturating_sub(ahead);
        }
        asked.read = &read;
        if self.is(Mutant::HardForgotten) {
            asked.never = Vec::new();
        }
        if self.is(Mutant::MailApart) {
            asked.mail = None;
        }
        let asked = &asked;
        let result = self.call(TABLE, "change", None, || change(&self.world, self.who, asked, now)).await?;
        if self.is(Mutant::MailApart) && result == Committed::Done {
            self.queue(asked.invoice, mail).await;
        }
        Ok(result)
    }

    async fn close_debtor(&self, customer: &str, read: &StoredRecovery) -> Answer<Committed> {
        let late = || -> Late {
            let (customer, read) = (customer.to_owned(), read.clone());
            Box::new(move |world| drop(at_once(world.store.close_debtor(&customer, &read))))
        };
        let close = || {
            let result = at_once(self.world.store.close_debtor(customer, read))?;
            if result == Committed::Done {
                self.world.rests(self.who, customer);
            }
            Ok(result)
        };
        self.call(TABLE, "close_debtor", Some(&late), close).await
    }

    async fn breathe(&self, _attempt: u32) {
        self.pass().await;
    }
}

impl Ports {
    async fn queue(&self, invoice: &str, mail: Option<&Mail>) {
        let Some(mail) = mail else { return };
        let queued = self.call(TABLE, "mail", None, || {
            self.world.witness(|witness, _, _| witness.mailed(invoice, mail));
            Ok(())
        });
        queued.await.ok();
    }
}
