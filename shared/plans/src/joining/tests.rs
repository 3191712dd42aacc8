use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use comptoir::memory::{Fault, FaultPlan, at_once};

use super::*;
use crate::{
    memory::{InMemoryAccess, SmallStripe, catalogue, subscription},
    refresh::refresh,
    store::Wakes,
};

const ZOE: &str = "zoe@example.org";

fn now() -> Timestamp {
    "2026-11-27T10:00:00Z".parse().unwrap()
}

fn after(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

/// A pool and its profiles.
#[derive(Debug, Default)]
struct SmallHouse {
    faults: FaultPlan,
    pool: Mutex<Pool>,
}

#[derive(Debug, Default)]
struct Pool {
    accounts: BTreeMap<String, Account>,
    profiles: BTreeMap<String, String>,
    mails: Vec<String>,
    /// What every invitation is refused with.
    refuses: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Account {
    Invited,
    Verified,
    Unverified,
    Unconfirmed,
}

impl SmallHouse {
    fn pool<T>(&self, act: impl FnOnce(&mut Pool) -> T) -> T {
        act(&mut self.pool.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with(address: &str, account: Account) -> Self {
        let house = Self::default();
        house.pool(|pool| pool.accounts.insert(address.to_owned(), account));
        house
    }

    fn mails(&self) -> usize {
        self.pool(|pool| pool.mails.len())
    }

    fn profiles(&self) -> Vec<String> {
        self.pool(|pool| pool.profiles.keys().cloned().collect())
    }
}

impl House for &SmallHouse {
    async fn has(&self, address: &str) -> Result<bool, ServiceError> {
        self.faults.call("the profiles", || Ok(self.pool(|pool| pool.profiles.contains_key(address))))
    }

    async fn invite(&self, address: &str) -> Result<Invitation, ServiceError> {
        self.faults.call("the sign-in", || {
            self.pool(|pool| {
                if let Some(why) = pool.refuses {
                    return Err(ServiceError::permanent("the sign-in", why, "refused"));
                }
                let sub = format!("sub of {address}");
                Ok(match pool.accounts.get(address) {
                    Some(Account::Invited) => Invitation::Known { sub, answered: false },
                    Some(Account::Verified) => Invitation::Known { sub, answered: true },
                    Some(Account::Unverified) => Invitation::Unproven,
                    Some(Account::Unconfirmed) => Invitation::Waiting,
                    None => {
                        pool.accounts.insert(address.to_owned(), Account::Invited);
                        pool.mails.push(address.to_owned());
                        Invitation::Sent { sub }
                    }
                })
            })
        })
    }

    async fn welcome(&self, sub: &str, address: &str) -> Result<(), ServiceError> {
        self.faults.call("the profiles", || {
            self.pool(|pool| {
                pool.profiles.entry(address.to_owned()).or_insert_with(|| sub.to_owned());
            });
            Ok(())
        })
    }
}

/// Somebody who buys, and what Stripe says of it.
#[derive(Default)]
struct Shop {
    store: InMemoryAccess,
    stripe: SmallStripe,
}

impl Shop {
    fn subscribes(&self, id: &str, status: &str) {
        self.stripe.put(subscription(id, "cus_1", ZOE, status, "price_solo"));
        self.event(id);
    }

    fn event(&self, id: &str) {
        at_once(self.store.wake(id, now())).unwrap();
        self.refreshes(id);
    }

    fn refreshes(&self, id: &str) {
        at_once(refresh(id, &self.store, &self.stripe, &catalogue(), now()));
    }

    fn joins(&self, house: &SmallHouse, at: Timestamp) -> Result<Option<Then>, ServiceError> {
        at_once(join(&PersonId::of(ZOE).unwrap(), &self.store, &house, true, at))
    }
}

#[test]
fn who_pays_is_invited_once_whatever_events_say_it() {
    let (shop, house) = (Shop::default(), SmallHouse::default());
    assert_eq!(shop.joins(&house, now()), Ok(None), "nobody has bought");
    shop.subscribes("sub_1", "incomplete");
    assert_eq!(shop.store.wish(ZOE), None, "nothing is paid");
    shop.subscribes("sub_1", "active");
    for _ in 0..5 {
        shop.event("sub_1");
    }
    assert_eq!(shop.store.wish(ZOE).unwrap().stored.wishes, 1);
    assert_eq!(shop.joins(&house, now()), Ok(Some(Then::Settled(Joined::Invited))));
    assert_eq!(shop.joins(&house, now()), Ok(None));
    assert_eq!((house.mails(), house.profiles()), (1, vec![ZOE.to_owned()]));
}

#[test]
fn who_has_left_stays_away_until_they_buy_anew() {
    let (shop, house) = (Shop::default(), SmallHouse::default());
    shop.subscribes("sub_1", "trialing");
    shop.joins(&house, now()).unwrap();
    house.pool(|pool| (pool.accounts.clear(), pool.profiles.clear()));
    for status in ["active", "past_due", "active", "canceled"] {
        shop.subscribes("sub_1", status);
        assert_eq!(shop.joins(&house, after(24)), Ok(None), "{status}");
    }
    assert_eq!((house.mails(), house.profiles().len()), (1, 0));
    shop.subscribes("sub_2", "active");
    assert_eq!(shop.joins(&house, now()), Ok(Some(Then::Settled(Joined::Invited))), "bought anew");
    assert_eq!(house.mails(), 2);
}

#[test]
fn a_member_is_not_invited_and_an_address_that_is_not_theirs_gives_nothing() {
    let member = SmallHouse::default();
    member.pool(|pool| pool.profiles.insert(ZOE.to_owned(), "s1".to_owned()));
    for (house, then, profiles) in [
        (member, Then::Settled(Joined::Member), 1),
        (SmallHouse::with(ZOE, Account::Invited), Then::Settled(Joined::Invited), 1),
        (SmallHouse::with(ZOE, Account::Verified), Then::Settled(Joined::Member), 1),
        (SmallHouse::with(ZOE, Account::Unverified), Then::Settled(Joined::Member), 0),
        (SmallHouse::with(ZOE, Account::Unconfirmed), Then::Until(after(25)), 0),
    ] {
        let shop = Shop::default();
        shop.subscribes("sub_1", "active");
        assert_eq!(shop.joins(&house, now()), Ok(Some(then)));
        assert_eq!((house.mails(), house.profiles().len()), (0, profiles));
    }
}

#[test]
fn who_waits_for_a_confirmation_is_looked_at_a_day_later() {
    let (shop, house) = (Shop::default(), SmallHouse::with(ZOE, Account::Unconfirmed));
    shop.subscribes("sub_1", "active");
    shop.joins(&house, now()).unwrap();
    // The pool has forgotten the account meanwhile.
    house.pool(|pool| pool.accounts.clear());
    assert_eq!(shop.joins(&house, after(24)), Ok(None), "not yet");
    assert_eq!(shop.joins(&house, after(25)), Ok(Some(Then::Settled(Joined::Invited))));
}

#[test]
fn nobody_is_invited_for_what_is_over_or_where_the_owner_says_no() {
    let (shop, house) = (Shop::default(), SmallHouse::default());
    shop.subscribes("sub_1", "active");
    let unwanted = at_once(join(&PersonId::of(ZOE).unwrap(), &shop.store, &&house, false, now()));
    assert_eq!(unwanted, Ok(Some(Then::Settled(Joined::Unwanted))));
    let shop = Shop::default();
    shop.subscribes("sub_1", "active");
    shop.subscribes("sub_1", "canceled");
    assert_eq!(shop.joins(&house, now()), Ok(Some(Then::Settled(Joined::Over))));
    assert_eq!(house.mails(), 0);
}

#[test]
fn what_cannot_be_is_parked_and_access_stands() {
    let (shop, house) = (Shop::default(), SmallHouse::default());
    house.pool(|pool| pool.refuses = Some("invitation_not_sent"));
    shop.subscribes("sub_1", "active");
    let Ok(Some(Then::Parked(reason))) = shop.joins(&house, now()) else { panic!() };
    assert_eq!(reason.code, "invitation_not_sent");
    assert!(shop.store.somebody(ZOE).unwrap().person.access.state.is_open());
    assert_eq!(shop.joins(&house, now()), Ok(None));
}

/// Each call fails in turn, before or after it took effect; what is repeated ends in the same state.
#[test]
fn every_call_may_fail_and_there_is_one_member_and_one_mail() {
    for fault in [Fault::Before, Fault::After] {
        for call in 0..12 {
            for of_house in [false, true] {
                let (house, store) = match of_house {
                    true => (FaultPlan::with(call, fault), FaultPlan::default()),
                    false => (FaultPlan::default(), FaultPlan::with(call, fault)),
                };
                let house = SmallHouse { faults: house, ..SmallHouse::default() };
                let shop = Shop { store: InMemoryAccess::under(store), stripe: SmallStripe::default() };
                shop.stripe.put(subscription("sub_1", "cus_1", ZOE, "active", "price_solo"));
                for _ in 0..3 {
                    at_once(shop.store.wake("sub_1", now())).ok();
                    shop.refreshes("sub_1");
                }
                for _ in 0..3 {
                    shop.joins(&house, now()).ok();
                }
                let told = format!("{fault:?} {call} {of_house}");
                assert_eq!((house.mails(), house.profiles().len()), (1, 1), "{told}");
                // If the profile is there before the wish is settled, the next look finds a member.
                assert!(shop.store.wish(ZOE).unwrap().joined.is_some(), "{told}");
                assert!(shop.store.somebody(ZOE).unwrap().person.access.state.is_open(), "{told}");
            }
        }
    }
}
