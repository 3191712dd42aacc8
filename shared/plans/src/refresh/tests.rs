use comptoir::memory::{Fault, FaultPlan, at_once};

use super::*;
use crate::{
    access::State,
    memory::{InMemoryAccess, SmallStripe, catalogue, invoice, subscription},
    store::Wakes,
};

pub(super) const EMAIL: &str = "zoe@example.org";

fn now() -> Timestamp {
    "2026-11-27T10:00:00Z".parse().unwrap()
}

pub(super) struct Shop {
    pub(super) store: InMemoryAccess,
    pub(super) stripe: SmallStripe,
}

impl Shop {
    pub(super) fn new() -> Self {
        Self { store: InMemoryAccess::default(), stripe: SmallStripe::default() }
    }

    pub(super) fn sells(&self, id: &str, status: &str, price: &str) {
        self.stripe.put(subscription(id, "cus_1", EMAIL, status, price));
    }

    fn wake(&self, id: &str) {
        at_once(self.store.wake(id, now())).ok();
    }

    fn refresh(&self, id: &str) -> Refreshed {
        at_once(refresh(id, &self.store, &self.stripe, &catalogue(), now()))
    }

    pub(super) fn woken(&self, id: &str) -> Refreshed {
        self.wake(id);
        self.refresh(id)
    }

    pub(super) fn has(&self) -> (Option<String>, State, u64) {
        let standing = self.store.somebody(EMAIL).unwrap();
        (standing.person.access.plan, standing.person.access.state, standing.tokens)
    }
}

#[test]
fn a_paid_subscription_gives_its_plan_and_its_tokens_once_however_often_it_is_woken() {
    let shop = Shop::new();
    shop.sells("sub_1", "active", "price_solo");
    shop.stripe.paid("sub_1", invoice("in_1", "subscription_create", "price_solo"));
    let first = shop.woken("sub_1");
    assert_eq!((first.outcome, first.granted, first.access.unwrap().state), (Outcome::Done, 1, State::Active));
    for _ in 0..5 {
        let again = shop.woken("sub_1");
        assert_eq!((again.outcome, again.granted, again.access), (Outcome::Done, 0, None));
    }
    assert_eq!(shop.has(), (Some("solo".to_owned()), State::Active, 10));
    assert!(shop.store.open().is_empty());
    shop.stripe.paid("sub_1", invoice("in_2", "subscription_cycle", "price_solo"));
    assert_eq!(shop.woken("sub_1").granted, 1);
    assert_eq!(shop.has().2, 10, "what is left of a period does not roll over here");
}

#[test]
fn what_ended_stays_ended_and_takes_its_tokens_along() {
    let shop = Shop::new();
    shop.sells("sub_1", "active", "price_studio");
    shop.stripe.paid("sub_1", invoice("in_1", "subscription_create", "price_studio"));
    shop.woken("sub_1");
    shop.sells("sub_1", "canceled", "price_studio");
    assert_eq!(shop.woken("sub_1").access.unwrap().state, State::Withdrawn);
    assert_eq!(shop.has(), (None, State::Withdrawn, 0));
    // The event of its payment arrives late: the invoice has brought its tokens before.
    assert_eq!(shop.woken("sub_1").granted, 0);
    assert_eq!(shop.has(), (None, State::Withdrawn, 0));
}

#[test]
fn unpaid_is_restricted_and_keeps_its_tokens_for_when_it_is_paid() {
    let shop = Shop::new();
    shop.sells("sub_1", "active", "price_studio");
    shop.stripe.paid("sub_1", invoice("in_1", "subscription_create", "price_studio"));
    shop.woken("sub_1");
    for (status, state) in [("past_due", State::PastDue), ("unpaid", State::Restricted), ("active", State::Active)] {
        shop.sells("sub_1", status, "price_studio");
        shop.woken("sub_1");
        assert_eq!(shop.has(), (Some("studio".to_owned()), state, 100));
    }
}

#[test]
fn a_second_subscription_is_cancelled_and_its_owner_told_whichever_event_comes_first() {
    for order in [["sub_1", "sub_2"], ["sub_2", "sub_1"]] {
        let shop = Shop::new();
        shop.sells("sub_1", "active", "price_solo");
        let mut later = subscription("sub_2", "cus_2", EMAIL, "active", "price_studio");
        later.created += 5;
        shop.stripe.put(later);
        shop.stripe.paid("sub_1", invoice("in_1", "subscription_create", "price_solo"));
        for id in order {
            shop.woken(id);
        }
        // The earlier one that came later wakes the other.
        while let Some(open) = shop.store.open().pop() {
            shop.refresh(&open);
        }
        assert_eq!(shop.stripe.cancelled(), ["sub_2"], "{order:?}");
        assert_eq!(shop.store.parked("sub_2").unwrap().code, "second_subscription");
        assert_eq!(shop.has(), (Some("solo".to_owned()), State::Active, 10));
        // Its end is announced as well.
        shop.woken("sub_2");
        assert_eq!(shop.has(), (Some("solo".to_owned()), State::Active, 10));
    }
}

#[test]
fn another_subscription_after_the_end_of_the_first_counts() {
    let shop = Shop::new();
    for status in ["active", "canceled"] {
        shop.sells("sub_1", status, "price_solo");
        shop.woken("sub_1");
    }
    let mut next = subscription("sub_2", "cus_1", EMAIL, "active", "price_studio");
    next.created += 5;
    shop.stripe.put(next);
    shop.stripe.paid("sub_2", invoice("in_2", "subscription_create", "price_studio"));
    shop.woken("sub_2");
    shop.woken("sub_1");
    assert_eq!(shop.has(), (Some("studio".to_owned()), State::Active, 100));
}

/// Two that live, of which the second is marked and cancelled by a worker that dies then.
fn left_in_the_middle(shop: &Shop) {
    at_once(shop.store.mark_second("sub_2", "sub_1")).unwrap();
    at_once(shop.stripe.cancel("sub_2")).unwrap();
}

fn with_two() -> Shop {
    let shop = Shop::new();
    shop.sells("sub_1", "active", "price_solo");
    shop.woken("sub_1");
    let mut later = subscription("sub_2", "cus_2", EMAIL, "active", "price_solo");
    later.created += 5;
    shop.stripe.put(later);
    shop.wake("sub_2");
    shop
}

#[test]
fn a_worker_that_was_there_before_the_mark_does_not_close_a_second_one_untold() {
    let mut overtaken = 0;
    for polls in 0..12 {
        let shop = with_two();
        let plans = catalogue();
        let mut slow = Box::pin(refresh("sub_2", &shop.store, &shop.stripe, &plans, now()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let ended = (0..polls).any(|_| slow.as_mut().poll(&mut context).is_ready());
        if !ended {
            left_in_the_middle(&shop);
            at_once(slow);
            overtaken += 1;
        }
        for id in shop.store.open() {
            shop.refresh(&id);
        }
        assert_eq!(shop.store.parked("sub_2").unwrap().code, SECOND, "after {polls} steps");
    }
    assert!(overtaken > 4, "{overtaken}");
}

#[test]
fn the_owner_is_told_of_a_second_one_also_after_it_was_parked_for_something_else() {
    let shop = with_two();
    left_in_the_middle(&shop);
    at_once(shop.store.park("sub_2", &Reason::new("stripe_refused", "mend the key"), now())).unwrap();
    assert!(matches!(shop.woken("sub_2").outcome, Outcome::Reject(reason) if reason.code == SECOND));
    assert_eq!(shop.store.parked("sub_2").unwrap().code, SECOND);
    assert_eq!(shop.woken("sub_2").outcome, Outcome::Done, "told once");
}

#[test]
fn what_no_plan_sells_gives_nothing() {
    let shop = Shop::new();
    shop.sells("sub_1", "active", "price_other");
    shop.stripe.paid("sub_1", invoice("in_1", "subscription_create", "price_other"));
    let done = shop.woken("sub_1");
    assert_eq!((done.outcome, done.access, done.granted), (Outcome::Done, None, 0));
    assert_eq!(shop.store.somebody(EMAIL), None);
    assert!(shop.store.open().is_empty());
}

#[test]
fn what_no_plan_sells_is_no_second_one_and_is_not_cancelled() {
    for (first, second) in [("sub_1", "sub_2"), ("sub_2", "sub_1")] {
        let shop = Shop::new();
        shop.sells(first, "active", "price_solo");
        shop.sells(second, "active", "price_other");
        for id in [first, second, first, second] {
            assert_eq!(shop.woken(id).outcome, Outcome::Done);
        }
        assert_eq!((shop.stripe.cancelled(), shop.has().1), (Vec::new(), State::Active), "{first}");
    }
}

#[test]
fn a_plan_that_is_changed_is_the_new_one() {
    let shop = Shop::new();
    shop.sells("sub_1", "active", "price_solo");
    shop.woken("sub_1");
    shop.sells("sub_1", "active", "price_studio");
    assert_eq!(shop.woken("sub_1").access.unwrap().plan.as_deref(), Some("studio"));
    shop.sells("sub_1", "active", "price_other");
    assert_eq!(shop.woken("sub_1").access.unwrap().plan, None);
}

#[test]
fn what_cannot_be_decided_is_parked_with_its_reason() {
    let shop = Shop::new();
    assert_eq!(shop.woken("sub_0").outcome, Outcome::Done, "Stripe never knew it: it gives nothing");
    assert_eq!(shop.store.parked("sub_0"), None);
    shop.sells("sub_3", "active", "price_solo");
    shop.woken("sub_3");
    shop.stripe.forget("sub_3");
    shop.woken("sub_3");
    assert_eq!(shop.store.parked("sub_3").unwrap().code, "subscription_unknown");
    let shop = Shop::new();
    shop.sells("sub_1", "frozen", "price_solo");
    shop.woken("sub_1");
    assert_eq!(shop.store.parked("sub_1").unwrap().code, "subscription_status_unknown");
    shop.stripe.put(subscription("sub_2", "cus_1", "", "active", "price_solo"));
    shop.woken("sub_2");
    assert_eq!(shop.store.parked("sub_2").unwrap().code, "customer_without_address");
    assert!(shop.store.open().is_empty(), "what is parked waits for a person");
}

#[test]
fn an_event_in_mid_refresh_is_not_lost() {
    let shop = Shop::new();
    shop.sells("sub_1", "active", "price_solo");
    shop.wake("sub_1");
    let read = at_once(shop.store.subscription("sub_1")).unwrap().unwrap().wakes;
    shop.wake("sub_1");
    assert_eq!(at_once(shop.store.close("sub_1", read)).unwrap(), Committed::Conflict);
    assert_eq!(shop.store.open(), ["sub_1"]);
}

#[test]
fn every_call_may_fail_before_or_after_it_took_effect() {
    let scene = |store_fails: FaultPlan, stripe_fails: FaultPlan| {
        let shop = Shop { store: InMemoryAccess::under(store_fails), stripe: SmallStripe::under(stripe_fails) };
        shop.sells("sub_1", "active", "price_solo");
        let mut later = subscription("sub_2", "cus_2", EMAIL, "active", "price_studio");
        later.created += 5;
        shop.stripe.put(later);
        shop.stripe.paid("sub_1", invoice("in_1", "subscription_create", "price_solo"));
        shop.stripe.paid("sub_2", invoice("in_2", "subscription_create", "price_studio"));
        // Whatever fails is tried again, as the webhook, the stream and the sweep do.
        for id in ["sub_2", "sub_1"] {
            shop.wake(id);
            shop.wake(id);
        }
        for _ in 0..6 {
            for open in shop.store.open().into_iter().rev() {
                shop.refresh(&open);
            }
        }
        shop
    };
    let usual = scene(FaultPlan::default(), FaultPlan::default());
    let (store_calls, stripe_calls) = (usual.store.faults.calls(), usual.stripe.faults.calls());
    assert!(store_calls > 10 && stripe_calls > 4);
    let check = |shop: &Shop, what: &str| {
        assert_eq!(shop.store.open(), Vec::<String>::new(), "{what}");
        assert_eq!(shop.stripe.cancelled().first().map(String::as_str), Some("sub_2"), "{what}");
        assert!(!shop.stripe.cancelled().contains(&"sub_1".to_owned()), "{what}");
        assert_eq!(
            shop.store.parked("sub_2").map(|reason| reason.code).as_deref(),
            Some("second_subscription"),
            "{what}"
        );
        let (plan, state, _) = shop.has();
        assert_eq!((plan.as_deref(), state), (Some("solo"), State::Active), "{what}");
    };
    for fault in [Fault::Before, Fault::After] {
        for call in 0..store_calls {
            check(&scene(FaultPlan::with(call, fault), FaultPlan::default()), &format!("store {call} {fault:?}"));
        }
        for call in 0..stripe_calls {
            check(&scene(FaultPlan::default(), FaultPlan::with(call, fault)), &format!("stripe {call} {fault:?}"));
        }
    }
}
