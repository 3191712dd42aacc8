//! What the seller's app is told about plans: which change of access is which message, and when tokens are few. Each is
//! written in the transaction of the change. What became of an unpaid invoice is told by `recovery/told.rs`.

use comptoir::app::{AppMessage, Topic};
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    access::{Access, State},
    catalogue::Catalogue,
    person::{Person, PersonId},
    store::{PersonVersion, StoredPerson},
    tokens::Use,
};

/// The message about a change of somebody's access, if there is one: who never had anything loses nothing.
///
/// `version` is the person's once it is written; each write has another one.
pub fn of_access(
    before: &Access,
    person: &Person,
    (subscription, version): (&str, PersonVersion),
    catalogue: &Catalogue,
    now: Timestamp,
) -> Option<AppMessage> {
    let after = &person.access;
    let topic = match (before.state, after.state) {
        _ if before == after => return None,
        (from, to) if to.is_open() && from.is_open() => Topic::AccessChanged,
        (_, to) if to.is_open() => Topic::AccessGranted,
        (from, State::Restricted) if from.is_open() => Topic::AccessRestricted,
        (from, State::Withdrawn | State::None | State::Pending) if from.is_open() || from == State::Restricted => {
            Topic::AccessWithdrawn
        }
        _ => return None,
    };
    let plan = after.plan.as_deref().and_then(|key| catalogue.plan(key));
    let data = json!({
        "email": person.email, "customer": person.customer, "subscription": subscription,
        "plan": after.plan, "plan_name": plan.map(|plan| &plan.name),
        "features": plan.filter(|_| after.state.is_open()).map_or(&[][..], |plan| &plan.features),
        "state": after.state, "until": after.until.map(|until| until.to_string()),
    });
    Some(AppMessage::new(topic, &[subscription, &version.to_string()], now, &data))
}

/// The message that few tokens are left, from the use that leaves fewer than the plan names; further uses say nothing.
pub fn of_tokens(
    standing: &StoredPerson,
    (id, request): (&PersonId, &str),
    used: Use,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Option<AppMessage> {
    let person = &standing.person;
    let plan = catalogue.plan(person.access.plan.as_deref()?)?;
    let low = plan.tokens_low;
    if used.left >= low || standing.tokens < low {
        return None;
    }
    let data = json!({
        "email": person.email, "customer": person.customer, "plan": plan.key, "tokens_left": used.left, "tokens_low": low,
    });
    // A request's id is its sender's own, and only together with the person unique.
    let cause = hex::encode(Sha256::digest(format!("{id}/{request}")));
    Some(AppMessage::new(Topic::TokensLow, &[cause.get(..40).unwrap_or(&cause)], now, &data))
}

#[cfg(test)]
mod tests {
    use comptoir::memory::at_once;

    use super::*;
    use crate::{
        desk::use_tokens,
        memory::{InMemoryAccess, SmallStripe, catalogue, invoice, subscription},
        refresh::refresh,
        store::Wakes,
    };

    fn now() -> Timestamp {
        crate::stripe::seconds(1_795_257_100)
    }

    fn access(state: State, until: i64) -> Access {
        Access { plan: Some("solo".to_owned()), state, until: Some(crate::stripe::seconds(until)) }
    }

    #[test]
    fn who_never_had_anything_loses_nothing_and_each_other_change_is_one_message() {
        use State::{Active, None as Nothing, PastDue, Pending, Restricted, Trialing, Withdrawn};
        for (from, to, topic) in [
            (Nothing, Active, "access.granted"),
            (Nothing, Trialing, "access.granted"),
            (Pending, Active, "access.granted"),
            (Restricted, Active, "access.granted"),
            (Withdrawn, Trialing, "access.granted"),
            (Trialing, Active, "access.changed"),
            (Active, PastDue, "access.changed"),
            (Active, Restricted, "access.restricted"),
            (PastDue, Restricted, "access.restricted"),
            (Active, Withdrawn, "access.withdrawn"),
            (Restricted, Withdrawn, "access.withdrawn"),
            (Active, Nothing, "access.withdrawn"),
            (Active, Pending, "access.withdrawn"),
            (Nothing, Pending, ""),
            (Pending, Nothing, ""),
            (Nothing, Withdrawn, ""),
            (Pending, Withdrawn, ""),
            (Nothing, Restricted, ""),
            (Withdrawn, Restricted, ""),
            (Active, Active, ""),
        ] {
            let person = Person { access: access(to, 1), ..Person::new("zoe@example.org") };
            let told = of_access(&access(from, 1), &person, ("sub_1", 2), &catalogue(), now());
            assert_eq!(told.map_or(String::new(), |told| told.topic), topic, "{from:?} to {to:?}");
        }
        let renewed = Person { access: access(Active, 2), ..Person::new("zoe@example.org") };
        let told = of_access(&access(Active, 1), &renewed, ("sub_1", 7), &catalogue(), now()).unwrap();
        assert_eq!((told.topic.as_str(), told.id.as_str()), ("access.changed", "access-changed-sub_1-7"));
    }

    #[test]
    fn a_purchase_and_its_end_are_told_once_however_often_they_are_looked_at() {
        let (store, stripe, plans) = (InMemoryAccess::default(), SmallStripe::default(), catalogue());
        let look = || {
            at_once(store.wake("sub_1", now())).unwrap();
            at_once(refresh("sub_1", &store, &stripe, &plans, now()));
        };
        let stands = |status: &str| stripe.put(subscription("sub_1", "cus_1", "zoe@example.org", status, "price_solo"));
        stands("incomplete");
        look();
        assert!(store.told().is_empty());
        stands("active");
        stripe.paid("sub_1", invoice("in_1", "subscription_create", "price_solo"));
        (0..3).for_each(|_| look());
        stands("canceled");
        (0..3).for_each(|_| look());
        let topics: Vec<String> = store.told().into_values().map(|told| told.topic).collect();
        assert_eq!(topics, ["access.granted", "access.withdrawn"]);
    }

    #[test]
    fn the_use_that_leaves_few_tokens_is_told_and_no_further_one() {
        let (store, stripe) = (InMemoryAccess::default(), SmallStripe::default());
        let mut plans = catalogue();
        plans.plans.iter_mut().for_each(|plan| plan.tokens_low = 4);
        stripe.put(subscription("sub_1", "cus_1", "zoe@example.org", "active", "price_solo"));
        stripe.paid("sub_1", invoice("in_1", "subscription_create", "price_solo"));
        at_once(store.wake("sub_1", now())).unwrap();
        at_once(refresh("sub_1", &store, &stripe, &plans, now()));
        let low = || store.told().into_keys().filter(|id| id.starts_with("tokens-low-")).count();
        for (amount, request, told) in [(6, "a", 0), (1, "b", 1), (1, "b", 1), (1, "c", 1), (2, "d", 1)] {
            at_once(use_tokens("zoe@example.org", amount, request, &store, &plans, now())).unwrap();
            assert_eq!(low(), told, "{request}");
        }
    }
}
