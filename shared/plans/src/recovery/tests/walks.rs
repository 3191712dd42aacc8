//! Walks over the methods of a customer, case by case.

use comptoir::{
    clock::Clock,
    memory::{Fault, FaultPlan},
    outcome::Outcome,
};
use serde_json::json;

use super::{
    DECLINES, Scene,
    till::{Books, Does, method},
};
use crate::recovery::record::{Fate, State};

#[test]
fn three_cards_decline_each_once_and_one_mail_says_so() {
    let scene = Scene::new(&[("pm_0", "a", DECLINES), ("pm_1", "b", DECLINES), ("pm_2", "c", DECLINES)]);
    for _ in 0..32 {
        scene.failed();
    }
    scene.settle();
    assert_eq!(scene.till.charges(), ["pm_1", "pm_2"], "Stripe tried the first");
    assert_eq!((scene.state(), scene.mails()), (State::Exhausted, vec![false]));
    // Stripe tries again by itself, and fails.
    scene.pass(72);
    scene.failed();
    scene.settle();
    assert_eq!((scene.till.charges().len(), scene.mails().len()), (2, 1));
    // A method that comes later is tried once, and nobody is written to again.
    scene.till.change(|books| books.methods.push(("pm_3", "d", DECLINES, 2034)));
    scene.event("cus_1", true);
    scene.settle();
    assert_eq!((scene.till.charges().len(), scene.mails().len()), (3, 1));
    scene.till.change(|books| books.methods.push(("pm_4", "e", Does::Pays, 2034)));
    scene.event("cus_1", true);
    scene.settle();
    assert_eq!((scene.state(), scene.mails().len()), (State::Paid, 1));
}

#[test]
fn a_method_that_comes_later_leaves_the_record_settled() {
    let scene = Scene::new(&[("pm_0", "a", DECLINES), ("pm_1", "b", DECLINES)]);
    scene.failed();
    scene.settle();
    assert_eq!(scene.state(), State::Exhausted);
    for (id, does, state) in [("pm_2", DECLINES, State::Exhausted), ("pm_3", Does::Asks, State::NeedsCustomer)] {
        scene.till.change(|books| books.methods.push((id, id, does, 2034)));
        scene.event("cus_1", true);
        scene.settle();
        assert_eq!((scene.state(), scene.mails().len()), (state, 1), "{id}");
    }
    let version = scene.store.recovery_of("in_1").unwrap().version;
    scene.failed();
    scene.settle();
    assert_eq!(scene.state(), State::NeedsCustomer);
    assert_eq!(scene.store.recovery_of("in_1").unwrap().version, version + 1, "one look, and no more");
}

#[test]
fn the_one_that_pays_ends_it_and_nobody_is_written_to() {
    let scene = Scene::new(&[
        ("pm_0", "a", DECLINES),
        ("pm_1", "b", DECLINES),
        ("pm_2", "c", Does::Pays),
        ("pm_3", "d", DECLINES),
    ]);
    scene.failed();
    scene.settle();
    assert_eq!((scene.state(), scene.mails()), (State::Paid, Vec::new()));
    assert_eq!(scene.till.charges(), ["pm_1", "pm_2"]);
    assert!(scene.store.due(scene.clock.now()).is_empty());
}

#[test]
fn what_is_paid_void_cancelled_or_of_no_plan_is_left_alone() {
    type Change = fn(&mut Books);
    let cases: [(Change, State); 6] = [
        (|books| books.status = "paid", State::Paid),
        (|books| books.status = "void", State::Closed),
        (|books| books.status = "uncollectible", State::Closed),
        (|books| books.subscription = "canceled", State::Closed),
        (|books| books.subscription = "incomplete_expired", State::Closed),
        (|books| books.price = "price_other", State::Closed),
    ];
    for (change, state) in cases {
        let scene = Scene::new(&[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Pays)]);
        scene.till.change(change);
        scene.failed();
        scene.settle();
        assert_eq!((scene.state(), scene.mails(), scene.till.charges()), (state, Vec::new(), Vec::new()));
    }
}

#[test]
fn the_same_card_expired_ones_and_hard_declines_are_not_tried() {
    let lost = Does::Declines("lost_card");
    let scene = Scene::new(&[
        ("pm_0", "a", DECLINES),
        ("pm_1", "b", lost),
        ("pm_2", "b", lost),
        ("pm_3", "a", Does::Pays),
        ("pm_4", "c", DECLINES),
    ]);
    scene.till.change(|books| books.methods.push(("pm_5", "d", Does::Pays, 2025)));
    scene.failed();
    scene.settle();
    assert_eq!(scene.till.charges(), ["pm_1", "pm_4"]);
    // For no later invoice either.
    scene.till.change(|books| {
        books.keys.clear();
        books.charged.clear();
        books.asked.clear();
        books.intent = json!({"status": "requires_payment_method", "payment_method": null, "last_payment_error": null});
    });
    scene.event("in_2", false);
    scene.work("in_2");
    assert_eq!(scene.till.charges(), ["pm_4"]);
}

#[test]
fn at_most_five_are_tried_before_the_customer_is_told() {
    let many: Vec<(&'static str, &'static str, Does)> = [
        ("pm_0", "a"),
        ("pm_1", "b"),
        ("pm_2", "c"),
        ("pm_3", "d"),
        ("pm_4", "e"),
        ("pm_5", "f"),
        ("pm_6", "g"),
        ("pm_7", "h"),
    ]
    .map(|(id, fingerprint)| (id, fingerprint, DECLINES))
    .to_vec();
    let scene = Scene::new(&many);
    scene.failed();
    scene.work("in_1");
    assert_eq!((scene.till.charges().len(), scene.mails().len()), (5, 1));
}

#[test]
fn the_customer_is_asked_to_confirm_whichever_event_comes_first() {
    let scene = Scene::new(&[("pm_0", "a", Does::Asks), ("pm_1", "b", Does::Declines("authentication_required"))]);
    scene.till.change(|books| {
        books.intent = json!({"status": "requires_action", "payment_method": "pm_0", "last_payment_error": null});
    });
    scene.failed();
    scene.failed();
    scene.settle();
    assert_eq!((scene.state(), scene.mails()), (State::NeedsCustomer, vec![true]));
    assert_eq!(scene.till.charges(), ["pm_1"]);
    scene.till.change(|books| books.status = "paid");
    scene.event("in_1", true);
    scene.settle();
    assert_eq!((scene.state(), scene.mails().len()), (State::Paid, 1));
}

#[test]
fn a_debit_in_flight_is_waited_for() {
    let scene = Scene::new(&[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Processes), ("pm_2", "c", DECLINES)]);
    scene.failed();
    scene.settle();
    assert_eq!(
        (scene.state(), scene.mails(), scene.till.charges()),
        (State::Processing, vec![], vec!["pm_1".to_owned()])
    );
    scene.pass(25);
    assert_eq!(scene.store.due(scene.clock.now()), ["in_1"], "the sweep looks again");
    scene.settle();
    assert_eq!((scene.state(), scene.mails()), (State::Processing, vec![]));
    scene.pass(5 * 24);
    let error =
        json!({"code": "insufficient_funds", "decline_code": null, "payment_method": method("pm_1", "b", 2034)});
    scene.till.change(|books| {
        books.intent =
            json!({"status": "requires_payment_method", "payment_method": null, "last_payment_error": error});
    });
    scene.failed();
    scene.settle();
    assert_eq!((scene.state(), scene.mails()), (State::Exhausted, vec![false]));
    assert_eq!(scene.till.charges(), ["pm_1", "pm_2"]);
}

#[test]
fn a_failure_that_stripe_keeps_is_left_to_a_person_and_the_customer_is_told() {
    let scene = Scene::new(&[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Pays), ("pm_2", "c", Does::Pays)]);
    scene.till.change(|books| books.keeps_failure = true);
    scene.failed();
    assert!(matches!(scene.work("in_1"), Outcome::Reject(reason) if reason.code == "charge_unknown"));
    assert_eq!((scene.state(), scene.mails().len(), scene.till.charges().len()), (State::Unknown, 1, 0));
    assert_eq!(scene.store.parked("in_1").unwrap().code, "charge_unknown");
    scene.till.change(|books| books.keeps_failure = false);
    scene.failed();
    scene.settle();
    assert!(scene.till.charges().is_empty(), "no second key, no other card");
    scene.till.change(|books| books.status = "paid");
    scene.event("in_1", true);
    scene.settle();
    assert_eq!((scene.state(), scene.mails().len()), (State::Paid, 1));
}

#[test]
fn a_claim_of_yesterday_is_not_asked_for_again() {
    let scene = Scene::under(
        &[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Pays)],
        FaultPlan::default(),
        FaultPlan::with(3, Fault::Refused),
    );
    scene.failed();
    // The key has no right to charge.
    assert!(matches!(scene.work("in_1"), Outcome::Reject(_)));
    assert!(matches!(scene.store.recovery_of("in_1").unwrap().recovery.unsettled().unwrap().fate, Fate::Claimed));
    scene.pass(23);
    scene.failed();
    scene.settle();
    assert_eq!((scene.state(), scene.mails().len(), scene.till.charges().len()), (State::Unknown, 1, 0));
}

#[test]
fn cancelled_between_claim_and_charge_nothing_is_charged() {
    let scene = Scene::under(
        &[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Pays)],
        FaultPlan::default(),
        FaultPlan::with(3, Fault::Refused),
    );
    scene.failed();
    scene.work("in_1");
    scene.till.change(|books| books.subscription = "canceled");
    scene.failed();
    scene.settle();
    assert_eq!((scene.state(), scene.mails(), scene.till.charges()), (State::Closed, vec![], vec![]));
}
