//! Refreshes what a subscription gives: fetches it from Stripe, adds what its paid invoices bring, writes what it gives.
//!
//! Every step may be repeated. If an event arrives in the middle, the work is done once more; if another worker was faster,
//! it is decided again on what that one wrote.

use comptoir::outcome::{Outcome, Reason, ServiceError};
use jiff::Timestamp;

use crate::{
    access::{self, Access, State},
    catalogue::Catalogue,
    person::{Current, Person, PersonId, Place, place},
    store::{AccessStore, Adopted, Committed, Grant, GrantResult, StoredPerson, StoredSubscription},
    stripe::{Billing, Status, Subscription, seconds},
    tokens,
};

/// How often a decision is made again when others write at the same time.
const ATTEMPTS: u32 = 12;

/// What refreshing a subscription came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// Whether it is done.
    pub outcome: Outcome,
    /// What its owner has now, if that changed.
    pub access: Option<Access>,
    /// Invoices that brought tokens now.
    pub granted: u32,
}

/// Why a round ended early.
enum Stop {
    Again,
    Settled(Outcome),
}

impl From<ServiceError> for Stop {
    fn from(error: ServiceError) -> Self {
        Self::Settled(error.into())
    }
}

/// Refreshes one subscription.
pub async fn refresh(
    subscription: &str,
    store: &impl AccessStore,
    billing: &impl Billing,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Refreshed {
    let mut granted = 0;
    for attempt in 0..ATTEMPTS {
        match round(subscription, (store, billing), catalogue, &mut granted, now).await {
            Ok(access) => return Refreshed { outcome: Outcome::Done, access, granted },
            Err(Stop::Settled(Outcome::Reject(reason))) => {
                let outcome = match store.park(subscription, &reason, now).await {
                    Ok(()) => Outcome::Reject(reason),
                    Err(error) => Outcome::Retry(error.reason()),
                };
                return Refreshed { outcome, access: None, granted };
            }
            Err(Stop::Settled(outcome)) => return Refreshed { outcome, access: None, granted },
            Err(Stop::Again) => store.pause(attempt).await,
        }
    }
    let reason = Reason::new("access_contended", "others wrote at the same time, each time it was tried");
    Refreshed { outcome: Outcome::Retry(reason), access: None, granted }
}

async fn round<S: AccessStore, B: Billing>(
    subscription: &str,
    (store, billing): (&S, &B),
    catalogue: &Catalogue,
    granted: &mut u32,
    now: Timestamp,
) -> Result<Option<Access>, Stop> {
    let Some(stored) = store.subscription(subscription).await? else { return Err(Stop::Settled(Outcome::AlreadyDone)) };
    let Some(fetched) = billing.subscription(subscription).await? else {
        return unknown(subscription, &stored, store).await;
    };
    if fetched.status == Status::Unknown {
        return Err(reject(
            "subscription_status_unknown",
            "Stripe says a status that this version does not know; deploy a newer one, then replay",
        ));
    }
    // Cancelled by an attempt that ended before it told anybody. One that lives is looked at anew: the first may have ended.
    if let Some(first) = stored.second_to.as_ref().filter(|_| fetched.status.is_final()) {
        return Err(told(subscription, first));
    }
    let (id, email) = owner(stored.person.as_ref(), &fetched)?;
    let standing = match store.person(&id).await? {
        Some(standing) => standing,
        None => created(store, &id, &email).await?,
    };
    let current = standing.person.current.as_ref();
    // What is over stays over: this look is older than the one that saw the end.
    if current.is_some_and(|current| current.over && current.subscription == subscription) && !fetched.status.is_final()
    {
        return Err(Stop::Again);
    }
    let seen = match (place(current, &fetched), current) {
        (Place::Second, Some(current)) => last_look(current, &fetched, billing).await?,
        (seen, _) => seen,
    };
    let gives = access::given(&fetched, catalogue);
    if let (Place::Second, Some(current)) = (seen, current) {
        // Before anything is granted for it. What was paid for it is refunded by the owner.
        store.mark_second(subscription, &current.subscription).await?;
        billing.cancel(subscription).await?;
        return Err(told(subscription, &current.subscription));
    }
    let next = next(&standing.person, &fetched, seen, gives);
    let later = current.filter(|_| seen == Place::Earlier).map(|later| later.subscription.as_str());
    let mut version = standing.version;
    // First the subscription counts, then its tokens come, then its access is seen: with its tokens.
    if let Some(next) = next.as_ref().filter(|next| !next.counts_as(current)) {
        let before = &standing.person;
        let counted = Person { access: before.access.clone(), joined_by: before.joined_by.clone(), ..next.clone() };
        let adopted = Adopted {
            subscription,
            id: &id,
            person: &counted,
            version,
            ends_tokens: false,
            joins: false,
            wakes_also: later,
        };
        adopt(store, adopted, now).await?;
        version += 1;
    }
    let counts = next.as_ref().map_or(current, |next| next.current.as_ref());
    // What is over brings nothing.
    if counts.is_some_and(|counts| counts.subscription == subscription && !counts.over) {
        *granted += grant(subscription, (store, billing), &id, catalogue, now).await?;
    }
    if let Some(person) = &next {
        let ends_tokens = person.current.as_ref().is_some_and(|current| current.over);
        let joins = catalogue.invites && person.joined_by != standing.person.joined_by;
        adopt(store, Adopted { subscription, id: &id, person, version, ends_tokens, joins, wakes_also: None }, now)
            .await?;
    }
    if store.close(subscription, stored.wakes).await? == Committed::Conflict {
        return Err(Stop::Again);
    }
    Ok(next.map(|next| next.access).filter(|access| *access != standing.person.access))
}

async fn adopt(store: &impl AccessStore, adopted: Adopted<'_>, now: Timestamp) -> Result<(), Stop> {
    match store.adopt(&adopted, now).await? {
        Committed::Done => Ok(()),
        Committed::Conflict => Err(Stop::Again),
    }
}

/// A subscription that Stripe does not know gives nothing. One that it knew before is parked: the API key may be another
/// account's.
async fn unknown(
    subscription: &str,
    stored: &StoredSubscription,
    store: &impl AccessStore,
) -> Result<Option<Access>, Stop> {
    if stored.person.is_none() {
        return match store.close(subscription, stored.wakes).await? {
            Committed::Done => Ok(None),
            Committed::Conflict => Err(Stop::Again),
        };
    }
    let text =
        "Stripe does not know this subscription any more; check that the API key is of the account that sells it";
    Err(reject("subscription_unknown", text))
}

/// Whether the first one lives, before the second is cancelled: its end may not have been seen here yet.
async fn last_look(current: &Current, fetched: &Subscription, billing: &impl Billing) -> Result<Place, Stop> {
    let first = billing.subscription(&current.subscription).await?;
    let over = first.is_none_or(|first| first.status.is_final());
    Ok(place(Some(&Current { over, ..current.clone() }), fetched))
}

/// The owner is told of a second subscription.
fn told(subscription: &str, first: &str) -> Stop {
    let text = format!(
        "this customer has {first} already, so {subscription} was cancelled at Stripe; refund what was paid for it, then replay"
    );
    reject("second_subscription", &text)
}

fn reject(code: &str, text: &str) -> Stop {
    Stop::Settled(Outcome::Reject(Reason::new(code, text)))
}

/// Whose it is: who it was first, or who has the customer's address.
fn owner(known: Option<&PersonId>, fetched: &Subscription) -> Result<(PersonId, String), Stop> {
    let email = fetched.email().unwrap_or_default();
    let id = known.cloned().or_else(|| PersonId::of(email));
    let id = id.ok_or_else(|| {
        reject(
            "customer_without_address",
            "the customer has no e-mail address at Stripe, or was deleted; enter one there, then replay",
        )
    })?;
    Ok((id, email.to_owned()))
}

/// Writes down somebody new, so that grants have a balance to be added to.
async fn created(store: &impl AccessStore, id: &PersonId, email: &str) -> Result<StoredPerson, Stop> {
    let person = Person::new(email);
    match store.save_person(id, &person, 0).await? {
        Committed::Done => Ok(StoredPerson { person, tokens: 0, version: 1 }),
        Committed::Conflict => Err(Stop::Again),
    }
}

/// Adds what paid invoices bring that have brought nothing yet, the oldest first; how many.
async fn grant<S: AccessStore, B: Billing>(
    subscription: &str,
    (store, billing): (&S, &B),
    id: &PersonId,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<u32, Stop> {
    let invoices = billing.paid_invoices(subscription).await?;
    let mut count = 0;
    for invoice in invoices.iter().rev() {
        let Some(brings) = tokens::granted(invoice, catalogue, now).filter(|brings| brings.tokens > 0) else {
            continue;
        };
        for attempt in 0..ATTEMPTS {
            let Some(standing) = store.person(id).await? else { return Err(Stop::Again) };
            // Another worker has seen its end, or another subscription, which this one had not yet.
            let counts = |current: &Current| !current.over && current.subscription == subscription;
            if !standing.person.current.as_ref().is_some_and(counts) {
                return Err(Stop::Again);
            }
            let (before, after) = (standing.tokens, brings.added_to(standing.tokens));
            let grant = Grant { invoice: &invoice.id, id, version: standing.version, before, after };
            match store.grant(&grant, now).await? {
                GrantResult::Done => {
                    count += 1;
                    break;
                }
                GrantResult::Before => break,
                GrantResult::Conflict if attempt + 1 == ATTEMPTS => return Err(Stop::Again),
                GrantResult::Conflict => store.pause(attempt).await,
            }
        }
    }
    Ok(count)
}

/// What is known of somebody after a look at one subscription; `None` if nothing changes.
fn next(person: &Person, fetched: &Subscription, seen: Place, gives: Option<Access>) -> Option<Person> {
    let counts = person.current.as_ref().is_some_and(|current| current.subscription == fetched.id);
    if seen == Place::Past || (gives.is_none() && !counts) {
        return None;
    }
    let begun_only = fetched.status == Status::Incomplete;
    let ever = !begun_only && fetched.status != Status::IncompleteExpired;
    let current = Current {
        subscription: fetched.id.clone(),
        created: seconds(fetched.created),
        over: fetched.status.is_final(),
        begun_only,
    };
    let access = gives.unwrap_or_default();
    let opens = matches!(access.state, State::Trialing | State::Active);
    let next = Person {
        customer: Some(fetched.customer.id().to_owned()),
        current: Some(current),
        // Nothing where the subscription is of no plan any more.
        access,
        subscribed_before: person.subscribed_before || ever,
        joined_by: opens.then(|| fetched.id.clone()).or_else(|| person.joined_by.clone()),
        ..person.clone()
    };
    Some(next).filter(|next| next != person)
}

#[cfg(test)]
mod storm;
#[cfg(test)]
mod tests;
