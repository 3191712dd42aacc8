//! Until when what somebody has is paid.

use super::tests::{EMAIL, Shop};
use crate::memory::{invoice, subscription};

const FIRST: (i64, i64) = (1_795_257_000, 1_797_849_000);
const SECOND: (i64, i64) = (1_797_849_000, 1_800_441_000);
const THIRD: (i64, i64) = (1_800_441_000, 1_803_033_000);

/// The time until which access is paid, seen in this state and period.
fn until(shop: &Shop, status: &str, (start, end): (i64, i64)) -> i64 {
    let mut standing = subscription("sub_1", "cus_1", EMAIL, status, "price_solo");
    standing.items.data[0].current_period_start = Some(start);
    standing.items.data[0].current_period_end = Some(end);
    shop.stripe.put(standing);
    shop.woken("sub_1");
    shop.store.somebody(EMAIL).unwrap().person.access.until.unwrap().as_second()
}

#[test]
fn a_period_that_is_not_paid_yet_does_not_count() {
    let shop = Shop::new();
    shop.stripe.paid("sub_1", invoice("in_1", "subscription_create", "price_solo"));
    assert_eq!(until(&shop, "active", FIRST), FIRST.1);
    // It is renewed, and charged an hour later, or not at all for months.
    for (status, period) in [("active", SECOND), ("past_due", SECOND), ("past_due", THIRD), ("unpaid", THIRD)] {
        assert_eq!(until(&shop, status, period), FIRST.1, "{status}");
    }
    let mut paid = invoice("in_2", "subscription_cycle", "price_solo");
    paid.lines.data[0].period = serde_json::from_value(serde_json::json!({"start": THIRD.0, "end": THIRD.1})).unwrap();
    shop.stripe.paid("sub_1", paid);
    assert_eq!(until(&shop, "active", THIRD), THIRD.1);
    // Cut short, it is paid for longer than it runs.
    assert_eq!(until(&shop, "active", SECOND), SECOND.1);
}

#[test]
fn what_waits_to_be_charged_writes_nothing_each_time_it_is_looked_at() {
    let shop = Shop::new();
    shop.stripe.paid("sub_1", invoice("in_1", "subscription_create", "price_solo"));
    until(&shop, "active", FIRST);
    let version = shop.store.somebody(EMAIL).unwrap().version;
    until(&shop, "active", SECOND);
    assert_eq!(shop.store.somebody(EMAIL).unwrap().version, version);
}
