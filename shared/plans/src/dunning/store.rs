//! Where the records of customers who owe something are kept. Every write names the version that it was decided on.

use std::future::Future;

use comptoir::{mail::Mail, outcome::ServiceError};
use jiff::Timestamp;

use super::record::Episode;
use crate::{
    recovery::store::{RecoveryStore, Then},
    steps::Does,
    store::Committed,
};

/// A record as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredEpisode {
    /// How often recovery woke it.
    pub wakes: u64,
    /// The wakes that were known when it was last left alone.
    pub seen: u64,
    /// Since when it is open, or when it is to be looked at again.
    pub open_since: Option<Timestamp>,
    /// Each write of the record is one higher; 0 before the first.
    pub version: u64,
    /// The record.
    pub episode: Episode,
}

impl StoredEpisode {
    /// Whether there is anything to do: a stream also announces what the work itself wrote.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.wakes > self.seen || self.open_since.is_some_and(|since| since <= now)
    }
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeChange<'a> {
    /// `cus_...`.
    pub customer: &'a str,
    /// What was read.
    pub read: &'a StoredEpisode,
    /// The record from now on.
    pub episode: &'a Episode,
    /// What happens then.
    pub then: Then<'a>,
    /// The one mail of the step, in the same transaction.
    pub mail: Option<&'a Mail>,
}

impl EpisodeChange<'_> {
    /// The subscriptions that are woken in the same transaction, with what is in force for them now: those whose access depends
    /// on something that changes.
    pub fn woken(&self) -> Vec<&str> {
        let before = &self.read.episode;
        let now = self.episode;
        let all = before.subscriptions.union(&now.subscriptions);
        let changed = |subscription: &&String| {
            let held = before.subscriptions.contains(*subscription).then_some(before.in_force).flatten();
            held != self.in_force(subscription)
        };
        all.filter(changed).map(String::as_str).collect()
    }

    /// What is in force for a subscription from now on.
    pub fn in_force(&self, subscription: &str) -> Option<Does> {
        self.episode.subscriptions.contains(subscription).then_some(self.episode.in_force).flatten()
    }
}

/// The records.
pub trait EpisodeStore: RecoveryStore {
    /// A record, read consistently.
    fn episode(&self, customer: &str) -> impl Future<Output = Result<Option<StoredEpisode>, ServiceError>> + Send;

    /// Writes a record if its version still stands and nothing woke it in between, wakes the subscriptions concerned and queues the
    /// mail, all or nothing.
    fn change_episode(
        &self,
        change: &EpisodeChange<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Committed, ServiceError>> + Send;
}
