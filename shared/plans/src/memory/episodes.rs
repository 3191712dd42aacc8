//! The records of customers who owe something, and the marks of trials, in memory.

use comptoir::{mail::Mail, memory::locked, outcome::ServiceError};
use jiff::Timestamp;

use super::{InMemoryAccess, Rows, WHAT, wake};
use crate::{
    dunning::store::{EpisodeChange, EpisodeStore, StoredEpisode},
    recovery::store::Then,
    store::{Committed, Known, KnownSubscriptions},
    trial::TrialStore,
};

impl InMemoryAccess {
    /// What is known of a customer who owes something.
    pub fn episode_of(&self, customer: &str) -> Option<StoredEpisode> {
        locked(&self.rows).episodes.get(customer).cloned()
    }

    /// The customers whose dunning is due.
    pub fn dunning_due(&self, now: Timestamp) -> Vec<String> {
        let rows = locked(&self.rows);
        let due = rows.episodes.iter().filter(|(_, stored)| stored.open_since.is_some() && stored.is_due(now));
        due.map(|(id, _)| id.clone()).collect()
    }
}

/// Wakes the dunning of a customer.
pub(super) fn wake_dunning(rows: &mut Rows, customer: &str, now: Timestamp) {
    let stored = rows.episodes.entry(customer.to_owned()).or_default();
    stored.wakes += 1;
    stored.open_since = Some(now);
}

/// Queues a mail, unless one with its id was queued.
fn queue(rows: &mut Rows, mail: &Mail) {
    if rows.mails.iter().all(|queued| queued.id != mail.id) {
        rows.mails.push(mail.clone());
    }
}

impl EpisodeStore for InMemoryAccess {
    async fn episode(&self, customer: &str) -> Result<Option<StoredEpisode>, ServiceError> {
        self.faults.call(WHAT, || Ok(locked(&self.rows).episodes.get(customer).cloned()))
    }

    async fn change_episode(&self, change: &EpisodeChange<'_>, _now: Timestamp) -> Result<Committed, ServiceError> {
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let Some(stored) = rows.episodes.get_mut(change.customer) else { return Ok(Committed::Conflict) };
            let stays = matches!(change.then, Then::GoOn | Then::Park(_));
            if stored.version != change.read.version || (stored.wakes != change.read.wakes && !stays) {
                return Ok(Committed::Conflict);
            }
            stored.version += 1;
            stored.episode = change.episode.clone();
            match &change.then {
                Then::GoOn => {}
                Then::Rest => (stored.seen, stored.open_since) = (stored.wakes, None),
                Then::Until(at) => (stored.seen, stored.open_since) = (stored.wakes, Some(*at)),
                Then::Park(reason) => {
                    stored.open_since = None;
                    rows.parked.insert(change.customer.to_owned(), (*reason).clone());
                }
            }
            for subscription in change.woken() {
                wake(rows, subscription);
                if let Some(stored) = rows.subscriptions.get_mut(subscription) {
                    stored.held_back = change.in_force(subscription);
                }
            }
            if let Some(mail) = change.mail {
                queue(rows, mail);
            }
            Ok(Committed::Done)
        })
    }
}

impl TrialStore for InMemoryAccess {
    async fn told_of_trial(&self, subscription: &str, mail: &Mail, _now: Timestamp) -> Result<(), ServiceError> {
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            if let Some(stored) = rows.subscriptions.get_mut(subscription).filter(|stored| !stored.trial_told) {
                stored.trial_told = true;
                queue(rows, mail);
            }
            Ok(())
        })
    }
}

impl KnownSubscriptions for InMemoryAccess {
    async fn known(&self, subscription: &str) -> Result<Known, ServiceError> {
        self.faults.call(WHAT, || {
            let rows = locked(&self.rows);
            let Some(stored) = rows.subscriptions.get(subscription) else { return Ok(Known::No) };
            if rows.open.contains(subscription) || rows.parked.contains_key(subscription) {
                return Ok(Known::InHand);
            }
            Ok(Known::Seen { as_seen: rows.seen.get(subscription).cloned(), trial_told: stored.trial_told })
        })
    }
}
