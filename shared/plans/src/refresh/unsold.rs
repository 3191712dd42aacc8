//! Subscriptions that no plan sells: they are the seller's own affair, and are left alone.

use comptoir::outcome::Outcome;

use super::tests::{EMAIL, Shop};
use crate::{
    access::State,
    memory::{invoice, subscription},
};

#[test]
fn a_subscription_of_no_plan_is_not_cancelled_because_its_customer_has_a_plan() {
    let shop = Shop::new();
    shop.sells("sub_1", "active", "price_solo");
    shop.stripe.paid("sub_1", invoice("in_1", "subscription_create", "price_solo"));
    shop.woken("sub_1");
    for (id, created) in [("sub_2", 5), ("sub_3", -5)] {
        let mut other = subscription(id, "cus_1", EMAIL, "active", "price_other");
        other.created += created;
        shop.stripe.put(other);
        assert_eq!(shop.woken(id).outcome, Outcome::Done);
    }
    assert_eq!((shop.stripe.cancelled(), shop.store.parked("sub_2")), (Vec::new(), None));
    assert_eq!(shop.has(), (Some("solo".to_owned()), State::Active, 10));
    assert!(shop.store.open().is_empty());
}

#[test]
fn nobody_is_written_down_or_told_for_what_no_plan_sells() {
    let shop = Shop::new();
    shop.sells("sub_1", "active", "price_other");
    assert_eq!(shop.woken("sub_1").outcome, Outcome::Done);
    assert_eq!(shop.store.somebody(EMAIL), None);
    for (id, email, status) in [("sub_2", "", "active"), ("sub_3", EMAIL, "frozen")] {
        shop.stripe.put(subscription(id, "cus_2", email, status, "price_other"));
        assert_eq!((shop.woken(id).outcome, shop.store.parked(id)), (Outcome::Done, None), "{id}");
    }
    assert!(shop.store.open().is_empty());
}

#[test]
fn what_is_of_no_plan_any_more_gives_way_to_a_plan() {
    // With and without a look at it since it changed.
    for looked_at in [false, true] {
        let shop = Shop::new();
        shop.sells("sub_1", "active", "price_solo");
        shop.woken("sub_1");
        shop.sells("sub_1", "active", "price_other");
        if looked_at {
            shop.woken("sub_1");
            assert!(!shop.store.somebody(EMAIL).unwrap().person.is_subscribed(), "another plan may be bought");
        }
        let mut next = subscription("sub_2", "cus_1", EMAIL, "active", "price_studio");
        next.created += 5;
        shop.stripe.put(next);
        shop.woken("sub_2");
        assert_eq!((shop.has().0.as_deref(), shop.stripe.cancelled()), (Some("studio"), Vec::new()));
        // Sold again, it is the earlier one.
        shop.sells("sub_1", "active", "price_solo");
        shop.woken("sub_1");
        assert_eq!((shop.has().0.as_deref(), shop.store.open()), (Some("solo"), vec!["sub_2".to_owned()]));
    }
}
