//! Somebody who pays becomes a member, unless a member has the address: once for each subscription, whatever its events say.
//!
//! Paying proves no address. The account is made by an invitation, which only the owner of the mailbox can answer; so whoever
//! pays with somebody else's address gives them a plan, and gets nothing of theirs.
//!
//! Access never waits for this. The wish is written with the access that it comes from, and is work of its own.

use std::future::Future;

use comptoir::{
    email::mailable,
    outcome::{Reason, ServiceError},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    person::PersonId,
    store::{AccessStore, Committed},
};

/// How long an account may wait for its confirmation; then the pool forgets it, and the address may be invited.
const UNCONFIRMED_FOR: SignedDuration = SignedDuration::from_hours(25);

/// A wish that somebody becomes a member, as stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoredJoin {
    /// How often it was wished.
    pub wishes: u64,
    /// Since when it is open, or when it is to be looked at.
    pub open_since: Option<Timestamp>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// They were invited.
    Invited,
    /// A member has the address.
    Member,
    /// Their access is over, or they are forgotten: nobody is invited for it.
    Over,
    /// The owner wants no invitations.
    Unwanted,
}

impl Joined {
    /// The word that is stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Member => "member",
            Self::Over => "over",
            Self::Unwanted => "unwanted",
        }
    }
}

/// What becomes of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// It is settled.
    Settled(Joined),
    /// It is looked at again at this time.
    Until(Timestamp),
    /// A person has to put something right.
    Parked(Reason),
}

/// Wishes that people become members.
pub trait JoinStore: AccessStore {
    /// The wish for somebody, read consistently.
    fn join(&self, id: &PersonId) -> impl Future<Output = Result<Option<StoredJoin>, ServiceError>> + Send;

    /// Writes what became of it, if it was not wished anew since it was read.
    fn end_join(
        &self,
        id: &PersonId,
        read: StoredJoin,
        then: &Then,
        now: Timestamp,
    ) -> impl Future<Output = Result<Committed, ServiceError>> + Send;
}

/// What the sign-in says to an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invitation {
    /// An account is made, and its mail is on its way.
    Sent {
        /// The account.
        sub: String,
    },
    /// There is an account, and its address is verified.
    Known {
        /// The account.
        sub: String,
        /// Whether anybody has signed in to it: otherwise its invitation waits for an answer.
        answered: bool,
    },
    /// There is an account whose address is not verified.
    Unproven,
    /// Somebody signed up with the address a short while ago, and has not confirmed it.
    Waiting,
}

/// The members.
pub trait House: Send + Sync {
    /// Whether a member has this address.
    fn has(&self, address: &str) -> impl Future<Output = Result<bool, ServiceError>> + Send;

    /// Invites whoever owns this address, if there is no account: one mail, however often this is repeated.
    fn invite(&self, address: &str) -> impl Future<Output = Result<Invitation, ServiceError>> + Send;

    /// Makes the blank profile of this account, if it has none.
    fn welcome(&self, sub: &str, address: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;
}

/// Works on the wish for one person. `invites` says whether the owner wants it; `None` if there was nothing to do.
///
/// # Errors
/// A service failed: the wish stays open.
pub async fn join(
    id: &PersonId,
    store: &impl JoinStore,
    house: &impl House,
    invites: bool,
    now: Timestamp,
) -> Result<Option<Then>, ServiceError> {
    let Some(read) = store.join(id).await? else { return Ok(None) };
    if read.open_since.is_none_or(|since| since > now) {
        return Ok(None);
    }
    let then = match decide(id, store, house, invites, now).await {
        Ok(then) => then,
        Err(error) if error.is_permanent() => Then::Parked(error.reason()),
        Err(error) => return Err(error),
    };
    // Wished anew meanwhile: that wish is worked on by itself.
    let ended = store.end_join(id, read, &then, now).await?;
    Ok((ended == Committed::Done).then_some(then))
}

async fn decide(
    id: &PersonId,
    store: &impl JoinStore,
    house: &impl House,
    invites: bool,
    now: Timestamp,
) -> Result<Then, ServiceError> {
    if !invites {
        return Ok(Then::Settled(Joined::Unwanted));
    }
    // The work may be old: nobody is invited for what has ended since.
    let person = store.person(id).await?.map(|standing| standing.person).filter(|person| person.access.state.is_open());
    let Some(person) = person else { return Ok(Then::Settled(Joined::Over)) };
    let Ok(address) = mailable(&person.email) else {
        let text =
            "no mail reaches the address that was paid with; write to this customer, or invite them with another";
        return Ok(Then::Parked(Reason::new("address_unfit", text)));
    };
    if house.has(&address).await? {
        return Ok(Then::Settled(Joined::Member));
    }
    let (sub, joined) = match house.invite(&address).await? {
        Invitation::Sent { sub } => (sub, Joined::Invited),
        // Made a moment ago by an attempt that ended here, or invited by the owner.
        Invitation::Known { sub, answered: false } => (sub, Joined::Invited),
        Invitation::Known { sub, answered: true } => (sub, Joined::Member),
        Invitation::Unproven => return Ok(Then::Settled(Joined::Member)),
        Invitation::Waiting => return Ok(Then::Until(now.saturating_add(UNCONFIRMED_FOR).unwrap_or(Timestamp::MAX))),
    };
    house.welcome(&sub, &address).await?;
    Ok(Then::Settled(joined))
}

#[cfg(test)]
mod tests;
