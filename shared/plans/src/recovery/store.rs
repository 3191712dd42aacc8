//! Where the records of unpaid invoices are kept. Every write names the version that it was decided on.

use std::{collections::BTreeSet, future::Future};

use comptoir::{
    app::AppMessage,
    mail::Mail,
    outcome::{Reason, ServiceError},
};
use jiff::Timestamp;

use super::record::Recovery;
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
    /// Each write of the record is one higher; 0 before the first.
    pub version: u64,
    /// The record.
    pub recovery: Recovery,
}

impl StoredRecovery {
    /// Whether there is anything to do: a stream also announces what the work itself wrote.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.wakes > self.seen || self.open_since.is_some_and(|since| since <= now)
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
