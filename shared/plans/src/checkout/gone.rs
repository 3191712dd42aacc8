//! Requests whose facts changed since they were made first: the customer was deleted, the trial was used.

use comptoir::memory::{Fault, FaultPlan};
use serde_json::json;

use super::tests::{Shop, wish};
use crate::{
    checkout::CheckoutRequest,
    desk::Refused,
    memory::{SmallStripe, subscription},
    stripe::Buyer,
};

const ADDRESS: &str = "zoe@example.org";

#[test]
fn who_was_deleted_at_stripe_buys_again_by_their_address() {
    let shop = Shop::default();
    shop.subscribes("active");
    shop.subscribes("canceled");
    shop.stripe.delete_customer("cus_1");
    let page = shop.open(&wish("k1")).unwrap();
    assert_eq!(shop.stripe.asked().last().unwrap().buyer, Some(Buyer::Address(ADDRESS.to_owned())));
    assert_eq!(shop.open(&wish("k1")), Ok(page), "the same key, the same page");
    assert_eq!(shop.store.somebody(ADDRESS).unwrap().person.customer, None);
}

#[test]
fn a_subscription_of_a_deleted_customer_says_so() {
    let shop = Shop::default();
    shop.subscribes("active");
    let mut over = subscription("sub_1", "cus_1", "", "canceled", "price_essai");
    over.customer = serde_json::from_value(json!({"id": "cus_1", "object": "customer", "deleted": true})).unwrap();
    shop.sees(over);
    assert_eq!(shop.store.somebody(ADDRESS).unwrap().person.customer, None);
    shop.open(&wish("k1")).unwrap();
    assert_eq!(shop.stripe.asked()[0].buyer, Some(Buyer::Address(ADDRESS.to_owned())));
}

#[test]
fn a_request_whose_answer_was_lost_is_made_again_though_its_facts_have_changed() {
    let shop = Shop { stripe: SmallStripe::under(FaultPlan::with(0, Fault::After)), ..Shop::default() };
    assert!(shop.open(&wish("k1")).is_err());
    // Meanwhile a trial began and ended: none is left, and the customer is known.
    shop.subscribes("active");
    shop.subscribes("canceled");
    assert!(shop.open(&wish("k1")).is_ok());
    assert_eq!(shop.stripe.asked().last().unwrap().trial_days, 0);
}

#[test]
fn a_request_whose_answer_was_lost_is_made_again_in_another_spelling() {
    let shop = Shop { stripe: SmallStripe::under(FaultPlan::with(0, Fault::After)), ..Shop::default() };
    assert!(shop.open(&CheckoutRequest { email: Some("ZOE@example.org".to_owned()), ..wish("k1") }).is_err());
    assert!(shop.open(&wish("k1")).is_ok());
}

#[test]
fn a_long_key_is_a_key() {
    let shop = Shop::default();
    let long = "k".repeat(255);
    let page = shop.open(&wish(&long)).unwrap();
    assert_eq!(shop.open(&wish(&long)), Ok(page));
    shop.open(&wish("k1")).unwrap();
    let asked = shop.stripe.asked();
    assert_eq!((asked[0].reference.len(), asked[1].reference.as_str()), (64, "k1"));
}

#[test]
fn what_stripe_does_not_take_is_named_and_its_key_stays_free() {
    let shop = Shop::default();
    shop.stripe.refuses(Some("email"));
    assert_eq!(shop.open(&wish("k1")), Err(Refused::NotTaken("email").into()));
    shop.stripe.refuses(None);
    assert!(shop.open(&wish("k1")).is_ok());
}
