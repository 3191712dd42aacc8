//! Where the records of unpaid invoices are kept. Every write names the version that it was decided on.

use std::{collections::BTreeSet, future::Future};

use comptoir::{
    app::AppMessage,
    mail::Mail,
    outcome::{Reason, ServiceError},
};
use jiff::Timestamp;

use super::record::{Recovery, State};
use crate::store::{Committed, Wakes};

/// A record as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredRecovery {
    /// How often events woke it.
    pub wakes: u64,
    /// The wakes that were known when it was last left alone.
    pub seen: u64,
    /// Since when it is open, or when it is to be looked at again.
    pub open_since: Option<Timestamp>,
    /// Whether the sweep woke it since: it does so where it is due, and moves the time on where it did so often.
    pub swept: bool,
    /// Each write of the record is one higher; 0 before the first.
    pub version: u64,
    /// The record.
    pub recovery: Recovery,
}

impl StoredRecovery {
    /// Whether there is anything to do: a stream also announces what the work itself wrote.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.wakes > self.seen || self.swept || self.open_since.is_some_and(|since| since <= now)
    }
}

/// What happens to a record once it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then<'a> {
    /// The work goes on.
    GoOn,
    /// It is left alone, unless an event came in between.
    Rest,
    /// It is looked at again at this time, or when an event comes.
    Until(Timestamp),
    /// A person has to look at it.
    Park(&'a Reason),
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'a> {
    /// `in_...`.
    pub invoice: &'a str,
    /// What was read.
    pub read: &'a StoredRecovery,
    /// The record from now on.
    pub recovery: &'a Recovery,
    /// What happens then.
    pub then: Then<'a>,
    /// The one mail to the customer, in the same transaction.
    pub mail: Option<&'a Mail>,
    /// What the seller's app is told, in the same transaction.
    pub tells: Option<&'a AppMessage>,
    /// Instruments of the customer's that are never charged again.
    pub never: Vec<&'a str>,
}

impl Change<'_> {
    /// The customer whose dunning is woken in the same transaction: who was told of the invoice, and its state changes.
    pub fn wakes_dunning(&self) -> Option<&str> {
        let told = self.recovery.told_at.is_some() && self.recovery.state != self.read.recovery.state;
        self.recovery.customer.as_deref().filter(|_| told)
    }

    /// The customer whose own item is written with it: from the first look on, so that no method which comes is missed.
    pub fn debtor(&self) -> Option<&str> {
        let over = matches!(self.recovery.state, State::Paid | State::Closed);
        let first = self.read.recovery.customer.is_none() && !over;
        let wanted = first || self.mail.is_some() || !self.never.is_empty();
        self.recovery.customer.as_deref().filter(|_| wanted)
    }
}

/// The records.
pub trait RecoveryStore: Wakes {
    /// A record, read consistently.
    fn recovery(&self, id: &str) -> impl Future<Output = Result<Option<StoredRecovery>, ServiceError>> + Send;

    /// The instruments of a customer that are never charged again.
    fn never(&self, customer: &str) -> impl Future<Output = Result<BTreeSet<String>, ServiceError>> + Send;

    /// Writes a record if its version still stands. Where it is left alone, no event may have come in between either.
    fn change(
        &self,
        change: &Change<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Committed, ServiceError>> + Send;

    /// Closes the work on a customer's record, if nothing woke it in between.
    fn close_debtor(
        &self,
        customer: &str,
        read: &StoredRecovery,
    ) -> impl Future<Output = Result<Committed, ServiceError>> + Send;

    /// Waits a moment, at random, after a conflict.
    fn breathe(&self, attempt: u32) -> impl Future<Output = ()> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sweep_woke_is_due_whatever_time_it_moved_it_to() {
        let now: Timestamp = "2026-11-27T10:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-11-27T16:00:00Z".parse().unwrap();
        let waits = StoredRecovery { wakes: 2, seen: 2, open_since: Some(later), ..StoredRecovery::default() };
        assert!(!waits.is_due(now) && waits.is_due(later));
        assert!(StoredRecovery { swept: true, ..waits.clone() }.is_due(now));
        assert!(StoredRecovery { wakes: 3, ..waits }.is_due(now), "an event came");
    }
}
