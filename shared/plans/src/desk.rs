//! What the seller's site and app ask: what somebody has, whether tokens may be used, where subscriptions are managed.

use comptoir::outcome::ServiceError;
use jiff::Timestamp;

use crate::{
    access::Access,
    address,
    catalogue::Catalogue,
    person::PersonId,
    store::{AccessStore, UseResult},
    stripe::{Billing, Made},
    tokens::Use,
    told,
};

/// How often a use is tried again when the balance changes at the same time.
const ATTEMPTS: u32 = 200;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No plan has this price.
    #[error("no plan is sold at this price; write a price that infra/plans.toml names")]
    UnknownPrice,
    /// The field holds an address of somebody else's site.
    #[error("this is no address of the seller's site; write one of an origin that infra/plans.toml names")]
    OriginNotAllowed(&'static str),
    /// The e-mail address is none.
    #[error("this is no e-mail address; write one such as zoe@example.org")]
    NoAddress,
    /// Stripe does not take what the field holds.
    #[error("Stripe does not take this value; write another one")]
    NotTaken(&'static str),
    /// The key was used for another request.
    #[error("this key was used for another request; write a new one")]
    KeyReused,
    /// The first request with this key is under way.
    #[error("the first request with this key is under way; ask again in a moment")]
    InFlight,
    /// They have a subscription.
    #[error("this customer is subscribed already; changes are made in the portal (POST /portal)")]
    AlreadySubscribed,
    /// Nobody bought with this address or customer.
    #[error("nobody with this address or customer has bought anything")]
    UnknownPerson,
    /// The id was used for another amount.
    #[error("this id was used for another amount; write a new one")]
    UseIdReused,
    /// There are not enough.
    #[error("not enough tokens are left")]
    NotEnoughTokens {
        /// What is left.
        left: u64,
    },
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDone {
    /// The request is refused.
    Refused(Refused),
    /// A service failed.
    Failed(ServiceError),
}

impl From<Refused> for NotDone {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<ServiceError> for NotDone {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

/// What somebody has, and how many tokens are left.
///
/// # Errors
/// The address is none, or the store failed.
pub async fn access(email: &str, store: &impl AccessStore) -> Result<(Access, u64), NotDone> {
    let id = PersonId::of(email).ok_or(Refused::NoAddress)?;
    let Some(standing) = store.person(&id).await? else { return Ok((Access::default(), 0)) };
    let access = standing.person.access;
    let left = if access.state.is_open() { standing.tokens } else { 0 };
    Ok((access, left))
}

/// Tokens that were used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// How many were left afterwards.
    pub left: u64,
    /// Whether this is the answer to an earlier request with the same id.
    pub repeated: bool,
}

/// Uses tokens, once for each id of a person's.
///
/// # Errors
/// There are not enough, the id was used for another amount, or the store failed.
pub async fn use_tokens(
    email: &str,
    amount: u64,
    request: &str,
    store: &impl AccessStore,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Used, NotDone> {
    let id = PersonId::of(email).ok_or(Refused::NoAddress)?;
    let repeated = |before: Use| match before.amount == amount {
        true => Ok(Used { left: before.left, repeated: true }),
        false => Err(NotDone::from(Refused::UseIdReused)),
    };
    for attempt in 0..ATTEMPTS {
        let standing = store.person(&id).await?;
        let open = standing.filter(|standing| standing.person.access.state.is_open());
        let tokens = open.as_ref().map_or(0, |standing| standing.tokens);
        let Some(left) = tokens.checked_sub(amount) else {
            // What was used before stays used, whatever is left now.
            return match store.recorded_use(&id, request).await? {
                Some(before) => repeated(before),
                None => Err(Refused::NotEnoughTokens { left: tokens }.into()),
            };
        };
        let used = Use { amount, left };
        let tells = open.and_then(|standing| told::of_tokens(&standing, (&id, request), used, catalogue, now));
        match store.use_tokens(&id, request, used, tells.as_ref(), now).await? {
            UseResult::Done => return Ok(Used { left, repeated: false }),
            UseResult::Before(before) => return repeated(before),
            UseResult::Conflict => store.pause(attempt).await,
        }
    }
    Err(ServiceError::transient("the tokens", "others used tokens of the same person each time it was tried").into())
}

/// Whose portal is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder<'a> {
    /// Who has this address.
    Address(&'a str),
    /// A customer of Stripe's.
    Customer(&'a str),
}

/// The address of a page on which somebody manages subscriptions and methods of payment.
///
/// # Errors
/// Nobody is known, the page would return to somebody else's site, or a service failed.
pub async fn portal(
    holder: Holder<'_>,
    return_url: &str,
    (store, billing): (&impl AccessStore, &impl Billing),
    catalogue: &Catalogue,
    development: bool,
) -> Result<String, NotDone> {
    if !address::is_on(return_url, &catalogue.origins, development) {
        return Err(Refused::OriginNotAllowed("return_url").into());
    }
    let customer = match holder {
        Holder::Address(email) => {
            let id = PersonId::of(email).ok_or(Refused::NoAddress)?;
            store.person(&id).await?.and_then(|standing| standing.person.customer)
        }
        Holder::Customer(customer) => store.customer(customer).await?.map(|_| customer.to_owned()),
    };
    let customer = customer.ok_or(Refused::UnknownPerson)?;
    match billing.open_portal(&customer, return_url).await? {
        Made::Page(url) => Ok(url),
        Made::NoCustomer => Err(Refused::UnknownPerson.into()),
        Made::Wrong(field) => Err(Refused::NotTaken(field).into()),
    }
}

#[cfg(test)]
mod tests {
    use comptoir::memory::{Fault, FaultPlan, at_once};

    use super::*;
    use crate::{
        access::State,
        memory::{InMemoryAccess, SmallStripe, catalogue},
        person::Person,
        store::{Grant, GrantResult},
    };

    fn now() -> Timestamp {
        "2026-11-27T10:00:00Z".parse().unwrap()
    }

    fn holder(store: &InMemoryAccess, state: State, tokens: u64) {
        let id = PersonId::of("zoe@example.org").unwrap();
        let access = Access { plan: Some("solo".to_owned()), state, until: None };
        let person = Person { access, customer: Some("cus_1".to_owned()), ..Person::new("zoe@example.org") };
        at_once(store.save_person(&id, &person, 0)).unwrap();
        let grant = Grant { invoice: "in_1", id: &id, version: 1, before: 0, after: tokens };
        assert_eq!(at_once(store.grant(&grant, now())).unwrap(), GrantResult::Done);
    }

    fn used(store: &InMemoryAccess, amount: u64, id: &str) -> Result<Used, NotDone> {
        at_once(use_tokens("Zoe@Example.org", amount, id, store, &catalogue(), now()))
    }

    #[test]
    fn tokens_are_used_once_an_id_and_never_below_zero() {
        let store = InMemoryAccess::default();
        assert_eq!(used(&store, 1, "a"), Err(Refused::NotEnoughTokens { left: 0 }.into()), "nobody is known");
        holder(&store, State::Active, 10);
        assert_eq!(used(&store, 7, "a"), Ok(Used { left: 3, repeated: false }));
        assert_eq!(used(&store, 4, "b"), Err(Refused::NotEnoughTokens { left: 3 }.into()));
        assert_eq!(used(&store, 7, "a"), Ok(Used { left: 3, repeated: true }), "though 7 are not left");
        assert_eq!(used(&store, 3, "b"), Ok(Used { left: 0, repeated: false }), "what was refused may be asked again");
        assert_eq!(used(&store, 6, "a"), Err(Refused::UseIdReused.into()));
        assert_eq!(used(&store, 1, "a"), Err(Refused::UseIdReused.into()));
        assert_eq!(used(&store, u64::MAX, "c"), Err(Refused::NotEnoughTokens { left: 0 }.into()));
    }

    #[test]
    fn a_use_whose_answer_was_lost_is_one_use() {
        for call in 0..4 {
            for fault in [Fault::Before, Fault::After] {
                let store = InMemoryAccess::under(FaultPlan::with(call + 2, fault));
                holder(&store, State::Active, 10);
                let [_, _, last] = [(); 3].map(|()| used(&store, 4, "a"));
                assert_eq!(last, Ok(Used { left: 6, repeated: true }), "{call} {fault:?}");
            }
        }
    }

    #[test]
    fn who_has_no_access_has_no_tokens_to_use() {
        for (state, left) in [
            (State::Active, 10),
            (State::Trialing, 10),
            (State::PastDue, 10),
            (State::Pending, 0),
            (State::Restricted, 0),
            (State::Withdrawn, 0),
        ] {
            let store = InMemoryAccess::default();
            holder(&store, state, 10);
            assert_eq!(at_once(access("zoe@example.org", &store)).unwrap().1, left, "{state:?}");
            assert_eq!(used(&store, 1, "a").is_ok(), left > 0, "{state:?}");
        }
    }

    #[test]
    fn somebody_unknown_has_nothing_and_no_portal() {
        let (store, stripe) = (InMemoryAccess::default(), SmallStripe::default());
        assert_eq!(at_once(access("zoe@example.org", &store)), Ok((Access::default(), 0)));
        assert_eq!(at_once(access("zoe", &store)), Err(Refused::NoAddress.into()));
        let portal = |holder, url| at_once(portal(holder, url, (&store, &stripe), &catalogue(), false));
        let home = "https://example.org/compte";
        for nobody in [Holder::Address("zoe@example.org"), Holder::Customer("cus_1")] {
            assert_eq!(portal(nobody, home), Err(Refused::UnknownPerson.into()));
        }
        assert_eq!(stripe.faults.calls(), 0, "nothing is made at Stripe");
        holder(&store, State::Active, 1);
        for known in [Holder::Address("ZOE@example.org"), Holder::Customer("cus_1")] {
            assert_eq!(portal(known, home).as_deref(), Ok("https://billing.stripe.com/p/session/cus_1"));
            let elsewhere = portal(known, "https://evil.example/");
            assert_eq!(elsewhere, Err(Refused::OriginNotAllowed("return_url").into()));
        }
        stripe.delete_customer("cus_1");
        for deleted in [Holder::Address("zoe@example.org"), Holder::Customer("cus_1")] {
            assert_eq!(portal(deleted, home), Err(Refused::UnknownPerson.into()));
        }
    }
}
