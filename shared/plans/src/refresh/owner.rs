//! Whose a subscription is.

use super::tests::{EMAIL, Shop};
use crate::{access::State, memory::subscription};

#[test]
fn a_customer_stays_who_they_were_whatever_address_they_have_at_stripe_now() {
    let shop = Shop::new();
    shop.sells("sub_1", "canceled", "price_solo");
    shop.woken("sub_1");
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
