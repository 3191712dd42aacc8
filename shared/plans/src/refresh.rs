//! Refreshes what a subscription gives: fetches it from Stripe, adds what its paid invoices bring, writes what it gives.
//!
//! Every step may be repeated. If an event arrives in the middle, the work is done once more; if another worker was faster,
//! it is decided again on what that one wrote.

use comptoir::outcome::{Outcome, Reason, ServiceError};
use jiff::Timestamp;

use crate::{
    access::{self, Access, State, held_back},
    catalogue::Catalogue,
    person::{Current, Person, PersonId, Place, place},
    store::{AccessStore, Adopted, Committed, Grant, GrantResult, SECOND, StoredPerson, StoredSubscription},
    stored::{Plans, judging},
    stripe::{Billing, Invoice, Status, Subscription, seconds},
    tokens, told,
    trial::{self, Tell},
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

/// Refreshes one subscription, and tells nobody of its trial.
pub async fn refresh(
    subscription: &str,
    store: &impl AccessStore,
    billing: &impl Billing,
    plans: &impl Plans,
    now: Timestamp,
) -> Refreshed {
    refresh_and_tell(subscription, (store, billing), plans, &trial::Nobody, now).await
}

/// Refreshes one subscription, and tells its customer if its trial ends.
pub async fn refresh_and_tell(
    subscription: &str,
    (store, billing): (&impl AccessStore, &impl Billing),
    plans: &impl Plans,
    tell: &impl Tell,
    now: Timestamp,
) -> Refreshed {
    let mut granted = 0;
    for attempt in 0..ATTEMPTS {
        match round(subscription, (store, billing), plans, tell, &mut granted, now).await {
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

async fn round<S: AccessStore, B: Billing, T: Tell>(
    subscription: &str,
    (store, billing): (&S, &B),
    plans: &impl Plans,
    tell: &T,
    granted: &mut u32,
    now: Timestamp,
) -> Result<Option<Access>, Stop> {
    let Some(stored) = store.subscription(subscription).await? else { return Err(Stop::Settled(Outcome::AlreadyDone)) };
    let Some(fetched) = billing.subscription(subscription).await? else {
        return unknown(subscription, &stored, store).await;
    };
    let catalogue = &*judging(&fetched, plans).await?;
    // What no plan ever sold is its seller's own affair: nobody is written down for it, and it is never cancelled.
    if stored.person.is_none() && stored.second_to.is_none() && !access::is_sold(&fetched, catalogue) {
        return closed(subscription, &stored, store).await;
    }
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
    // What ended before anybody here knew of it is nobody's: they may have been erased, and the nightly comparison came by.
    let unseen = stored.person.is_none() && fetched.status.is_final();
    let (id, email) = match owner(stored.person.as_ref(), &fetched, store).await? {
        Some(owner) => owner,
        None if unseen => return closed(subscription, &stored, store).await,
        None => {
            return Err(reject(
                "customer_without_address",
                "the customer has no e-mail address at Stripe, or was deleted; enter one there, then replay",
            ));
        }
    };
    let standing = match store.person(&id).await? {
        Some(standing) => standing,
        None if unseen => return closed(subscription, &stored, store).await,
        None => created(store, &id, &email).await?,
    };
    let current = standing.person.current.as_ref();
    // What is over stays over: this look is older than the one that saw the end.
    if current.is_some_and(|current| current.over && current.subscription == subscription) && !fetched.status.is_final()
    {
        return Err(Stop::Again);
    }
    let gives = access::given(&fetched, catalogue).map(|access| held_back(access, stored.held_back));
    let seen = match (place(current, &fetched), current) {
        // What no plan sells is nobody's second one: it is sold elsewhere, and left alone.
        (Place::Second, _) if gives.is_none() => Place::Past,
        (Place::Second, Some(current)) => last_look(current, &fetched, billing, plans).await?,
        (seen, _) => seen,
    };
    if let (Place::Second, Some(current)) = (seen, current) {
        // Before anything is granted for it. What was paid for it is refunded by the owner.
        store.mark_second(subscription, &current.subscription).await?;
        billing.cancel(subscription).await?;
        return Err(told(subscription, &current.subscription));
    }
    // What is over brings nothing, and what no plan sells neither.
    let brings = gives.is_some() && seen != Place::Past && !fetched.status.is_final();
    let invoices = if brings { billing.paid_invoices(subscription).await? } else { Vec::new() };
    let gives = gives.map(|gives| gives.paid_until(tokens::paid_until(&invoices, catalogue)));
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
            tells: None,
        };
        adopt(store, adopted, now).await?;
        version += 1;
    }
    let counts = next.as_ref().map_or(current, |next| next.current.as_ref());
    if counts.is_some_and(|counts| counts.subscription == subscription && !counts.over) {
        *granted += grant(subscription, &invoices, (store, &id), catalogue, now).await?;
    }
    if let Some(person) = &next {
        let ends_tokens = person.current.as_ref().is_some_and(|current| current.over);
        let tells = told::of_access(&standing.person.access, person, (subscription, version + 1), catalogue, now);
        let tells = tells.as_ref();
        let joins = catalogue.invites && person.joined_by != standing.person.joined_by;
        let adopted = Adopted { subscription, id: &id, person, version, ends_tokens, joins, wakes_also: None, tells };
        adopt(store, adopted, now).await?;
    }
    tell_customer(&fetched, &stored, tell, catalogue, now)
        .await
        .map_err(|error| Stop::Settled(Outcome::Retry(error.reason())))?;
    if store.close_as(subscription, stored.wakes, &fetched.as_seen()).await? == Committed::Conflict {
        return Err(Stop::Again);
    }
    Ok(next.map(|next| next.access).filter(|access| *access != standing.person.access))
}

/// Tells the customer what is to be told. Access is there by now, and a failure parks nothing of it.
async fn tell_customer(
    fetched: &Subscription,
    stored: &StoredSubscription,
    tell: &impl Tell,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<(), ServiceError> {
    if !stored.trial_told {
        tell.of_trial(fetched, catalogue, now).await?;
    }
    tell.of_renewal(fetched, catalogue, now).await
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
        return closed(subscription, stored, store).await;
    }
    let text =
        "Stripe does not know this subscription any more; check that the API key is of the account that sells it";
    Err(reject("subscription_unknown", text))
}

/// A subscription that gives nobody anything.
async fn closed(
    subscription: &str,
    stored: &StoredSubscription,
    store: &impl AccessStore,
) -> Result<Option<Access>, Stop> {
    match store.close(subscription, stored.wakes).await? {
        Committed::Done => Ok(None),
        Committed::Conflict => Err(Stop::Again),
    }
}

/// Whether the first one lives and is of a plan, before the second is cancelled: its end may not have been seen here yet.
async fn last_look(
    current: &Current,
    fetched: &Subscription,
    billing: &impl Billing,
    plans: &impl Plans,
) -> Result<Place, Stop> {
    let over = match billing.subscription(&current.subscription).await? {
        Some(first) if !first.status.is_final() => !access::is_sold(&first, &*judging(&first, plans).await?),
        _ => true,
    };
    Ok(place(Some(&Current { over, ..current.clone() }), fetched))
}

/// The owner is told of a second subscription.
fn told(subscription: &str, first: &str) -> Stop {
    let text = format!(
        "this customer has {first} already, so {subscription} was cancelled at Stripe; refund what was paid for it, then replay"
    );
    reject(SECOND, &text)
}

fn reject(code: &str, text: &str) -> Stop {
    Stop::Settled(Outcome::Reject(Reason::new(code, text)))
}

/// Whose it is: who it was first, or whose customer it is, or who has the customer's address; with that address.
async fn owner(
    known: Option<&PersonId>,
    fetched: &Subscription,
    store: &impl AccessStore,
) -> Result<Option<(PersonId, String)>, Stop> {
    let email = fetched.email().unwrap_or_default();
    let known = match known {
        Some(known) => Some(known.clone()),
        // Somebody buys as the customer that they are here, whatever address it has at Stripe since.
        None => store.customer(fetched.customer.id()).await?,
    };
    Ok(known.or_else(|| PersonId::of(email)).map(|id| (id, email.to_owned())))
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
async fn grant(
    subscription: &str,
    invoices: &[Invoice],
    (store, id): (&impl AccessStore, &PersonId),
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<u32, Stop> {
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
    let sold = gives.is_some();
    let access = gives.unwrap_or_default();
    let opens = matches!(access.state, State::Trialing | State::Active);
    let next = Person {
        customer: fetched.living_customer().map(str::to_owned),
        // One that is of no plan any more gives way to any other, and counts again once it is of one.
        current: Some(current).filter(|current| sold || current.over),
        // Nothing where the subscription is of no plan any more.
        access,
        subscribed_before: person.subscribed_before || ever,
        joined_by: opens.then(|| fetched.id.clone()).or_else(|| person.joined_by.clone()),
        ..person.clone()
    };
    Some(next).filter(|next| next != person)
}

#[cfg(test)]
mod newest;
#[cfg(test)]
mod owner;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unsold;
#[cfg(test)]
mod until;
