//! Whose a subscription is.

use comptoir::{memory::at_once, outcome::Outcome};

use super::tests::{EMAIL, Shop};
use crate::{
    access::State,
    memory::subscription,
    person::{Person, PersonId},
    store::AccessStore,
};

#[test]
fn a_customer_stays_who_they_were_whatever_address_they_have_at_stripe_now() {
    let shop = Shop::new();
    for status in ["active", "canceled"] {
        shop.sells("sub_1", status, "price_solo");
        shop.woken("sub_1");
    }
    for (id, address) in [("sub_2", "other@example.org"), ("sub_3", "")] {
        let mut next = subscription(id, "cus_1", address, "active", "price_studio");
        next.created += 5;
        shop.stripe.put(next);
        shop.woken(id);
        assert_eq!((shop.has().1, shop.store.parked(id)), (State::Active, None), "{address}");
        assert_eq!(shop.store.somebody("other@example.org"), None);
        shop.stripe.put(subscription(id, "cus_1", address, "canceled", "price_studio"));
        shop.woken(id);
    }
    assert_eq!(shop.store.somebody(EMAIL).unwrap().person.customer.as_deref(), Some("cus_1"));
}

#[test]
fn what_ended_before_anybody_knew_of_it_writes_nobody_down() {
    let shop = Shop::new();
    for (id, address) in [("sub_1", EMAIL), ("sub_2", "")] {
        for status in ["canceled", "incomplete_expired"] {
            shop.stripe.put(subscription(id, "cus_1", address, status, "price_solo"));
            assert_eq!(shop.woken(id).outcome, Outcome::Done);
            assert_eq!((shop.store.somebody(EMAIL), shop.store.parked(id)), (None, None));
        }
    }
    assert!(shop.store.open().is_empty());
    // Who is known by then, as by their Checkout page, has had a subscription.
    let (id, person) = (PersonId::of(EMAIL).unwrap(), Person::new(EMAIL));
    at_once(shop.store.save_person(&id, &person, 0)).unwrap();
    shop.sells("sub_1", "canceled", "price_solo");
    shop.woken("sub_1");
    assert!(shop.store.somebody(EMAIL).unwrap().person.subscribed_before);
}
