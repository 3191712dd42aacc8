//! Where declarations are kept, and what they ask of Stripe. Every write of a record names the version that it was decided on.

use std::future::Future;

use comptoir::{
    mail::Mail,
    outcome::{Reason, ServiceError},
};
use jiff::Timestamp;

use super::record::Declaration;
use crate::{store::Committed, stripe::Subscription};

/// A declaration as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDeclaration {
    /// The record.
    pub declaration: Declaration,
    /// 1 for the first write, each one higher than the one before.
    pub version: u64,
    /// Since when it is open, or when it is to be looked at again; `None` if nothing is to be done.
    pub open_since: Option<Timestamp>,
}

/// The most declarations that are taken on one day (UTC): anybody may declare, and each one is mailed about.
pub const MOST_A_DAY: u64 = 200;

/// The most that are taken on one day about one address: each is acknowledged by a mail.
pub const MOST_A_DAY_EACH: u64 = 5;

/// What keeping a declaration came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// It is kept, and the work on it is open.
    New,
    /// It was declared before.
    Before,
    /// Too many were taken today, in all or about this address.
    TooMany,
}

/// What happens to a record once it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then<'a> {
    /// Nothing is left to do.
    Rest,
    /// It is looked at again at this time.
    Until(Timestamp),
    /// A person has to look at it.
    Park(&'a Reason),
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'a> {
    /// The declaration's id.
    pub id: &'a str,
    /// The version that was read.
    pub version: u64,
    /// The record from now on.
    pub declaration: &'a Declaration,
    /// What happens then.
    pub then: Then<'a>,
    /// A mail, in the same transaction.
    pub mail: Option<&'a Mail>,
}

/// The declarations.
pub trait DeclarationStore: Send + Sync {
    /// Keeps a new one, and opens the work on it.
    fn declare(
        &self,
        id: &str,
        declaration: &Declaration,
        now: Timestamp,
    ) -> impl Future<Output = Result<Declared, ServiceError>> + Send;

    /// One, read consistently.
    fn declaration(&self, id: &str) -> impl Future<Output = Result<Option<StoredDeclaration>, ServiceError>> + Send;

    /// Writes one if its version still stands.
    fn change(
        &self,
        change: &Change<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Committed, ServiceError>> + Send;
}

impl<D: DeclarationStore> DeclarationStore for &D {
    async fn declare(&self, id: &str, declaration: &Declaration, now: Timestamp) -> Result<Declared, ServiceError> {
        D::declare(self, id, declaration, now).await
    }

    async fn declaration(&self, id: &str) -> Result<Option<StoredDeclaration>, ServiceError> {
        D::declaration(self, id).await
    }

    async fn change(&self, change: &Change<'_>, now: Timestamp) -> Result<Committed, ServiceError> {
        D::change(self, change, now).await
    }
}

/// What refunding a subscription came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refunded {
    /// Nothing of it is kept or asked for any more.
    All,
    /// A bank is at a payment: what it brings is refunded then.
    AtABank,
}

/// Stripe, as far as declarations need it. Each call may be repeated: it has the effect of one.
pub trait Ending: Send + Sync {
    /// Ends a subscription with what is paid, or lets it go on; as it stands then. `None` if Stripe does not know it, or it is
    /// over.
    fn end_with_period(
        &self,
        subscription: &str,
        ends: bool,
        key: &str,
    ) -> impl Future<Output = Result<Option<Subscription>, ServiceError>> + Send;

    /// Refunds whatever was paid for the newest invoices of a subscription that is over, and voids what is still to be paid.
    fn refund(&self, subscription: &str) -> impl Future<Output = Result<Refunded, ServiceError>> + Send;
}
