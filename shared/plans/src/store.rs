//! Where people, subscriptions, grants and uses are kept. Every write says what it was decided on and is refused if that has
//! changed, so that two workers never overwrite each other.

use std::future::Future;

use comptoir::{
    app::AppMessage,
    outcome::{Reason, ServiceError},
};
use jiff::Timestamp;

use crate::{
    person::{Person, PersonId},
    steps::Does,
    tokens::Use,
};

/// Somebody, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPerson {
    /// What is known.
    pub person: Person,
    /// Tokens that are left.
    pub tokens: u64,
    /// 1 for the first write, each one higher than the one before. Tokens change without it.
    pub version: u64,
}

/// A subscription whose access is to be refreshed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredSubscription {
    /// How often events woke it: what was fetched before the newest of them may be old.
    pub wakes: u64,
    /// Whose it is, since it was first fetched. Another address at Stripe later does not give it to somebody else.
    pub person: Option<PersonId>,
    /// The subscription that its customer had already: this one is being cancelled, and its owner told.
    pub second_to: Option<String>,
    /// What dunning does to its access.
    pub held_back: Option<Does>,
    /// Whether its customer was told that its trial ends.
    pub trial_told: bool,
}

/// The reason with which a second subscription is parked: its owner is told that it was cancelled.
pub const SECOND: &str = "second_subscription";

/// Whether a write took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It did.
    Done,
    /// What it was decided on has changed: read again, decide again.
    Conflict,
}

/// What recording a grant came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantResult {
    /// It was added.
    Done,
    /// The invoice has brought its tokens before.
    Before,
    /// The person or the balance changed in between.
    Conflict,
}

/// What recording a use came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseResult {
    /// It was recorded.
    Done,
    /// This id was used before.
    Before(Use),
    /// The balance changed in between.
    Conflict,
}

/// What is known of somebody after a look at one of their subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted<'a> {
    /// `sub_...`.
    pub subscription: &'a str,
    /// Whose it is.
    pub id: &'a PersonId,
    /// What is known of them now.
    pub person: &'a Person,
    /// The version that was read.
    pub version: PersonVersion,
    /// Whether what is left of the tokens ends.
    pub ends_tokens: bool,
    /// Whether it is wished now that they become a member.
    pub joins: bool,
    /// Another subscription that has to be looked at again.
    pub wakes_also: Option<&'a str>,
    /// What the seller's app is told of it, in the same transaction.
    pub tells: Option<&'a AppMessage>,
}

/// The version of a person that was read; 0 for nobody.
pub type PersonVersion = u64;

/// Tokens that an invoice brings somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant<'a> {
    /// `in_...`.
    pub invoice: &'a str,
    /// Who has them.
    pub id: &'a PersonId,
    /// The version of the person that was read.
    pub version: PersonVersion,
    /// The balance that was read.
    pub before: u64,
    /// The balance afterwards.
    pub after: u64,
}

/// People, subscriptions, grants.
pub trait AccessStore: Wakes {
    /// Somebody, read consistently.
    fn person(&self, id: &PersonId) -> impl Future<Output = Result<Option<StoredPerson>, ServiceError>> + Send;

    /// Who this customer of Stripe's is.
    fn customer(&self, customer: &str) -> impl Future<Output = Result<Option<PersonId>, ServiceError>> + Send;

    /// Writes somebody if `version` still stands; tokens stay.
    fn save_person(
        &self,
        id: &PersonId,
        person: &Person,
        version: PersonVersion,
    ) -> impl Future<Output = Result<Committed, ServiceError>> + Send;

    /// A subscription, read consistently.
    fn subscription(&self, id: &str) -> impl Future<Output = Result<Option<StoredSubscription>, ServiceError>> + Send;

    /// Writes what a subscription gives, and whose it is, in one transaction, if the person is as it was read. Tokens are granted
    /// afterwards, so that they end with the subscription that brought them.
    fn adopt(
        &self,
        adopted: &Adopted<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Committed, ServiceError>> + Send;

    /// Closes the work on a subscription, if nothing woke it since it was read.
    fn close(&self, subscription: &str, wakes: u64) -> impl Future<Output = Result<Committed, ServiceError>> + Send;

    /// The same, with what was seen of it at Stripe.
    fn close_as(
        &self,
        subscription: &str,
        wakes: u64,
        seen: &str,
    ) -> impl Future<Output = Result<Committed, ServiceError>> + Send;

    /// Marks a subscription as a second one, before it is cancelled: whoever goes on after a crash knows. It counts as a wake, so
    /// that another worker, who read it before, does not close it with the mark.
    fn mark_second(&self, subscription: &str, first: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Parks a subscription with its reason, until a person replays it. A mark as a second one goes if that is the reason
    /// ([`SECOND`]): another one does not tell what the mark says.
    fn park(
        &self,
        subscription: &str,
        reason: &Reason,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Adds what an invoice brings, once for each invoice, if person and balance are as they were read: access that has ended
    /// meanwhile has no tokens.
    fn grant(
        &self,
        grant: &Grant<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<GrantResult, ServiceError>> + Send;

    /// Records a use under an id of the person's own: the balance becomes `used.left` if it is `used.left + used.amount`.
    /// `tells` is told to the seller's app in the same transaction.
    fn use_tokens(
        &self,
        id: &PersonId,
        request: &str,
        used: Use,
        tells: Option<&AppMessage>,
        now: Timestamp,
    ) -> impl Future<Output = Result<UseResult, ServiceError>> + Send;

    /// A use that was recorded.
    fn recorded_use(
        &self,
        id: &PersonId,
        request: &str,
    ) -> impl Future<Output = Result<Option<Use>, ServiceError>> + Send;

    /// Waits a moment, at random, after a conflict.
    fn pause(&self, attempt: u32) -> impl Future<Output = ()> + Send;
}

/// Wakes the work on a subscription, or on an unpaid invoice.
pub trait Wakes: Send + Sync {
    /// Says that something happened to a subscription. Twice is no harm.
    fn wake(&self, subscription: &str, now: Timestamp) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// The same of an unpaid invoice, or of the customer of one; `only_known` leaves alone what has no record yet.
    fn wake_recovery(
        &self,
        id: &str,
        only_known: bool,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;
}

/// What is known of a subscription that Stripe lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    No,
    /// Work on it is open, or it waits for a person: nothing is to be added to that.
    InHand,
    /// It was looked at.
    Seen {
        /// What was seen of it, if that was written down.
        as_seen: Option<String>,
        /// Whether its customer was told that its trial ends.
        trial_told: bool,
    },
}

/// Says what is known of subscriptions.
pub trait KnownSubscriptions: Send + Sync {
    /// What is known of one.
    fn known(&self, subscription: &str) -> impl Future<Output = Result<Known, ServiceError>> + Send;
}

/// A request for a Checkout page, by the key that its sender chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is new, or was left behind long ago: it may go on.
    Fresh,
    /// It was answered.
    Answered {
        /// `cs_...`.
        session: String,
        /// Where the customer pays.
        url: String,
    },
    /// It is under way.
    InFlight,
    /// The key was used for another request.
    Another,
}

/// How long a request may be under way, in seconds: longer than a function lives. Then it was left behind.
pub const IN_FLIGHT_SECONDS: i64 = 60;

/// How long requests are kept, in hours: longer than Stripe keeps its own (24).
pub const REQUESTS_KEPT_HOURS: i64 = 48;

/// Requests by idempotency key.
pub trait RequestStore: Send + Sync {
    /// Begins a request; `digest` is a hash of what was asked for.
    fn begin(
        &self,
        key: &str,
        digest: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Begun, ServiceError>> + Send;

    /// Keeps the answer.
    fn answered(&self, key: &str, session: &str, url: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Says that a request failed half-way: the same one may go on at once.
    fn release(&self, key: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Forgets a request that made nothing, so that its key may be used again.
    fn forget(&self, key: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;
}
