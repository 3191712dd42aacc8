//! The contract of the stores of plans: whatever keeps people, subscriptions, grants and requests, in memory or on DynamoDB, keeps
//! this. For tests; no function links it.

mod joins;

use comptoir::outcome::{Reason, ServiceError};
use jiff::{SignedDuration, Timestamp};

use crate::{
    access::{Access, State},
    joining::JoinStore,
    person::{Person, PersonId},
    store::{
        AccessStore, Adopted, Begun, Committed, Grant, GrantResult, IN_FLIGHT_SECONDS, RequestStore, SECOND,
        StoredSubscription, UseResult,
    },
    tokens::Use,
};

fn is<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?} is not {expected:?}")) }
}

fn failed(error: ServiceError) -> String {
    error.to_string()
}

/// Keeps the contract, under names of its own.
///
/// # Errors
/// What does not hold, or that the store failed.
pub async fn contract(store: &(impl JoinStore + RequestStore), name: &str) -> Result<(), String> {
    let now: Timestamp = "2026-11-27T10:00:00Z".parse().map_err(|error: jiff::Error| error.to_string())?;
    people(store, name, now).await?;
    subscriptions(store, name, now).await?;
    joins::joins(store, name, now).await?;
    requests(store, name, now).await
}

async fn people(store: &impl AccessStore, name: &str, now: Timestamp) -> Result<(), String> {
    let email = format!("zoe-{name}@example.org");
    let id = PersonId::of(&email).ok_or("an address is an address")?;
    is("nobody", store.person(&id).await.map_err(failed)?, None)?;
    let grant = |invoice: &str, version, (before, after)| {
        let invoice = format!("in_{name}{invoice}");
        let id = id.clone();
        async move {
            let grant = Grant { invoice: &invoice, id: &id, version, before, after };
            store.grant(&grant, now).await.map_err(failed)
        }
    };
    is("a grant to nobody", grant("0", 0, (0, 5)).await?, GrantResult::Conflict)?;
    let person = Person::new(&email);
    let save = async |person: &Person, version| store.save_person(&id, person, version).await.map_err(failed);
    is("an update of nobody", save(&person, 1).await?, Committed::Conflict)?;
    is("the first write", save(&person, 0).await?, Committed::Done)?;
    is("the first write again", save(&person, 0).await?, Committed::Conflict)?;
    is("a grant to an older person", grant("1", 2, (0, 10)).await?, GrantResult::Conflict)?;
    is("a grant", grant("1", 1, (0, 10)).await?, GrantResult::Done)?;
    is("the same grant", grant("1", 1, (10, 20)).await?, GrantResult::Before)?;
    is("a grant on another balance", grant("2", 1, (0, 10)).await?, GrantResult::Conflict)?;
    let access = Access { plan: Some("solo".to_owned()), state: State::Active, until: Some(now) };
    let next = Person { access, customer: Some(format!("cus_{name}")), ..person };
    is("the second write", save(&next, 1).await?, Committed::Done)?;
    let standing = store.person(&id).await.map_err(failed)?.ok_or("somebody was written")?;
    is("a write leaves the tokens", (standing.person, standing.tokens, standing.version), (next, 10, 2))?;
    let used = |request: &str, amount, left| {
        let (id, request) = (id.clone(), request.to_owned());
        async move { store.use_tokens(&id, &request, Use { amount, left }, None, now).await.map_err(failed) }
    };
    is("a use", used("u1", 4, 6).await?, UseResult::Done)?;
    is("the same use", used("u1", 4, 2).await?, UseResult::Before(Use { amount: 4, left: 6 }))?;
    is("a use on another balance", used("u2", 4, 6).await?, UseResult::Conflict)?;
    let known = store.recorded_use(&id, "u1").await.map_err(failed)?;
    is("what was used", known, Some(Use { amount: 4, left: 6 }))?;
    is("what was not used", store.recorded_use(&id, "u2").await.map_err(failed)?, None)?;
    let balance = store.person(&id).await.map_err(failed)?.map(|standing| (standing.tokens, standing.version));
    is("the balance", balance, Some((6, 2)))
}

async fn subscriptions(store: &impl AccessStore, name: &str, now: Timestamp) -> Result<(), String> {
    let (one, other) = (format!("sub_{name}1"), format!("sub_{name}2"));
    let email = format!("ada-{name}@example.org");
    let id = PersonId::of(&email).ok_or("an address is an address")?;
    let wakes =
        async |id: &str| Ok::<_, String>(store.subscription(id).await.map_err(failed)?.map(|stored| stored.wakes));
    is("an unknown subscription", wakes(&one).await?, None)?;
    store.wake(&one, now).await.map_err(failed)?;
    store.wake(&one, now).await.map_err(failed)?;
    is("woken twice", wakes(&one).await?, Some(2))?;
    let person = Person { customer: Some(format!("cus_{name}ada")), ..Person::new(&email) };
    let adopt = async |version, also: Option<&str>, ends_tokens| {
        let adopted = Adopted {
            subscription: &one,
            id: &id,
            person: &person,
            version,
            ends_tokens,
            joins: false,
            wakes_also: also,
            tells: None,
        };
        store.adopt(&adopted, now).await.map_err(failed)
    };
    let close = async |id: &str, wakes| store.close(id, wakes).await.map_err(failed);
    is("adopted by an old person", adopt(3, Some(&other), false).await?, Committed::Conflict)?;
    is("nothing was written then", (store.person(&id).await.map_err(failed)?, wakes(&other).await?), (None, None))?;
    is("adopted", adopt(0, Some(&other), false).await?, Committed::Done)?;
    is("the other was woken", wakes(&other).await?, Some(1))?;
    let owned = store.subscription(&one).await.map_err(failed)?.and_then(|stored| stored.person);
    is("whose it is", owned, Some(id.clone()))?;
    let customer = store.customer(&format!("cus_{name}ada")).await.map_err(failed)?;
    is("whose customer it is", customer, Some(id.clone()))?;
    is("an unknown customer", store.customer("cus_unknown").await.map_err(failed)?, None)?;
    let grant = Grant { invoice: &format!("in_{name}ada"), id: &id, version: 1, before: 0, after: 7 };
    is("a grant", store.grant(&grant, now).await.map_err(failed)?, GrantResult::Done)?;
    is("closed on an old look", close(&one, 1).await?, Committed::Conflict)?;
    is("closed", close(&one, 2).await?, Committed::Done)?;
    store.wake(&one, now).await.map_err(failed)?;
    is("adopted at its end", adopt(1, None, true).await?, Committed::Done)?;
    let standing = store.person(&id).await.map_err(failed)?.map(|standing| (standing.tokens, standing.version));
    is("the end takes the tokens", standing, Some((0, 2)))?;
    store.mark_second(&other, &one).await.map_err(failed)?;
    let marked = StoredSubscription { wakes: 2, person: None, second_to: Some(one.clone()), ..Default::default() };
    is("marked", store.subscription(&other).await.map_err(failed)?, Some(marked.clone()))?;
    is("closed on a look before the mark", close(&other, 1).await?, Committed::Conflict)?;
    store.park(&other, &Reason::new("stripe_refused", "mend the key"), now).await.map_err(failed)?;
    is("parked for something else", store.subscription(&other).await.map_err(failed)?, Some(marked))?;
    store.park(&other, &Reason::new(SECOND, "refund it"), now).await.map_err(failed)?;
    let parked = StoredSubscription { wakes: 2, ..Default::default() };
    is("parked", store.subscription(&other).await.map_err(failed)?, Some(parked))?;
    store.mark_second(&other, &one).await.map_err(failed)?;
    is("closed", close(&other, 3).await?, Committed::Done)?;
    let closed = StoredSubscription { wakes: 3, ..Default::default() };
    is("the mark goes", store.subscription(&other).await.map_err(failed)?, Some(closed))
}

async fn requests(store: &impl RequestStore, name: &str, now: Timestamp) -> Result<(), String> {
    let later = |seconds| now + SignedDuration::from_secs(seconds);
    let begin =
        async |key: &str, digest: &str, at| store.begin(&format!("{key}{name}"), digest, at).await.map_err(failed);
    is("a new key", begin("k1", "d1", now).await?, Begun::Fresh)?;
    is("the same a moment later", begin("k1", "d1", later(1)).await?, Begun::InFlight)?;
    is("another wish", begin("k1", "d2", later(1)).await?, Begun::Another)?;
    is("left behind", begin("k1", "d1", later(IN_FLIGHT_SECONDS)).await?, Begun::Fresh)?;
    is("taken over by one", begin("k1", "d1", later(IN_FLIGHT_SECONDS)).await?, Begun::InFlight)?;
    store.release(&format!("k1{name}")).await.map_err(failed)?;
    is("released", begin("k1", "d1", later(IN_FLIGHT_SECONDS + 1)).await?, Begun::Fresh)?;
    store.answered(&format!("k1{name}"), "cs_1", "https://example.org/p").await.map_err(failed)?;
    let answered = Begun::Answered { session: "cs_1".to_owned(), url: "https://example.org/p".to_owned() };
    is("answered", begin("k1", "d1", later(9_999)).await?, answered)?;
    is("another wish after the answer", begin("k1", "d2", later(9_999)).await?, Begun::Another)?;
    store.forget(&format!("k1{name}")).await.map_err(failed)?;
    is("forgotten", begin("k1", "d2", later(9_999)).await?, Begun::Fresh)
}

#[cfg(test)]
mod tests {
    use comptoir::memory::at_once;

    use crate::memory::InMemoryAccess;

    #[test]
    fn the_store_in_memory_keeps_the_contract() {
        let store = InMemoryAccess::default();
        at_once(super::contract(&store, "a")).unwrap();
        at_once(super::contract(&store, "b")).unwrap();
    }
}
