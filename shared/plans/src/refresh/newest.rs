//! Plans that were saved a moment ago, where those of some minutes ago are still kept.

use comptoir::{
    memory::{InMemoryStore, at_once},
    outcome::Outcome,
    settings::cache::{Cached, SETTINGS_KEPT},
};

use super::{
    refresh,
    tests::{EMAIL, Shop},
};
use crate::{
    access::State,
    catalogue::PlansDocument,
    memory::subscription,
    store::Wakes,
    stored::{CachedCatalogue, PlansAt, save},
};

fn plans(prices: &str) -> PlansDocument {
    let text = format!("[site]\norigins = []\n[[plan]]\nkey = \"x\"\nname = \"X\"\nprices = [{prices}]");
    PlansDocument::from_toml(&text).unwrap()
}

#[test]
fn what_is_sold_since_a_moment_ago_is_not_left_alone() {
    let (shop, settings, now) = (Shop::new(), InMemoryStore::default(), "2026-11-27T10:00:00Z".parse().unwrap());
    let kept: CachedCatalogue<_> = Cached::new(&settings, SETTINGS_KEPT);
    let saves = |prices| at_once(save(&settings, &plans(prices), (None, "owner".to_owned()), now)).unwrap();
    let woken = |id: &str| {
        at_once(shop.store.wake(id, now)).unwrap();
        at_once(refresh(id, &shop.store, &shop.stripe, &PlansAt { kept: &kept, now }, now)).outcome
    };
    saves("\"price_1\"");
    shop.sells("sub_1", "active", "price_2");
    assert_eq!((woken("sub_1"), shop.store.somebody(EMAIL)), (Outcome::Done, None));
    saves("\"price_1\", \"price_2\"");
    assert_eq!((woken("sub_1"), shop.has().1), (Outcome::Done, State::Active));
    // A worker of older plans does not take the first one for one of no plan.
    let older: CachedCatalogue<_> = Cached::new(&settings, SETTINGS_KEPT);
    saves("\"price_1\"");
    at_once(older.get(now)).unwrap();
    saves("\"price_1\", \"price_2\"");
    let mut later = subscription("sub_2", "cus_1", EMAIL, "active", "price_1");
    later.created += 5;
    shop.stripe.put(later);
    at_once(shop.store.wake("sub_2", now)).unwrap();
    at_once(refresh("sub_2", &shop.store, &shop.stripe, &PlansAt { kept: &older, now }, now));
    assert_eq!(shop.stripe.cancelled(), ["sub_2"]);
}
