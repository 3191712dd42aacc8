//! What happens once the customer was told: methods that come later are tried, and those that were left out are not.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use comptoir::outcome::ServiceError;
use serde_json::json;

use super::{
    DECLINES, Scene,
    till::{Does, method},
};
use crate::recovery::{
    debt::{Charged, Collecting, Debt, Method},
    record::State,
};

/// Cards with these numbers that all decline.
fn cards(numbers: std::ops::Range<usize>) -> Vec<(&'static str, &'static str, Does)> {
    const CARDS: [(&str, &str); 13] = [
        ("pm_0", "a"),
        ("pm_1", "b"),
        ("pm_2", "c"),
        ("pm_3", "d"),
        ("pm_4", "e"),
        ("pm_5", "f"),
        ("pm_6", "g"),
        ("pm_7", "h"),
        ("pm_8", "i"),
        ("pm_9", "j"),
        ("pm_10", "k"),
        ("pm_11", "l"),
        ("pm_12", "m"),
    ];
    CARDS[numbers].iter().map(|&(id, fingerprint)| (id, fingerprint, DECLINES)).collect()
}

#[test]
fn the_events_of_our_own_failures_set_off_no_further_charges() {
    let scene = Scene::new(&cards(0..13));
    scene.failed();
    scene.settle();
    assert_eq!((scene.till.charges().len(), scene.mails()), (5, vec![false]));
    // A method that comes later is another matter.
    scene.till.change(|books| books.methods.push(("pm_20", "z", Does::Pays, 2034)));
    scene.event("cus_1", true);
    scene.settle();
    assert_eq!((scene.till.charges().last().map(String::as_str), scene.state()), (Some("pm_20"), State::Paid));
}

#[test]
fn the_usual_method_that_was_set_after_the_failure_is_tried() {
    let scene = Scene::new(&[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Pays)]);
    scene.till.change(|books| {
        let error = json!({"code": "card_declined", "decline_code": null, "payment_method": method("pm_0", "a", 2034)});
        books.intent =
            json!({"status": "requires_payment_method", "payment_method": null, "last_payment_error": error});
        books.usual = Some("pm_1");
    });
    scene.failed();
    scene.settle();
    assert_eq!((scene.till.charges(), scene.state()), (vec!["pm_1".to_owned()], State::Paid));
}

/// Stripe for a customer who saves a card that pays, with its event, right after this many lists of their methods.
struct Meanwhile<'a> {
    scene: &'a Scene,
    lists: AtomicUsize,
}

impl Collecting for Meanwhile<'_> {
    async fn debt(&self, invoice: &str) -> Result<Option<Debt>, ServiceError> {
        self.scene.till.debt(invoice).await
    }

    async fn open_debts(&self, customer: &str) -> Result<Vec<String>, ServiceError> {
        self.scene.till.open_debts(customer).await
    }

    async fn methods(&self, customer: &str) -> Result<Vec<Method>, ServiceError> {
        let methods = self.scene.till.methods(customer).await;
        if self.lists.fetch_sub(1, SeqCst) == 1 {
            self.scene.till.change(|books| books.methods.push(("pm_20", "z", Does::Pays, 2034)));
            self.scene.event("cus_1", true);
            self.scene.work("cus_1");
        }
        methods
    }

    async fn charge(&self, invoice: &str, instrument: &str, method: &str) -> Result<Charged, ServiceError> {
        self.scene.till.charge(invoice, instrument, method).await
    }
}

#[test]
fn a_card_that_is_saved_between_list_and_mail_is_tried() {
    for others in [1, 3] {
        let scene = Scene::new(&cards(0..others));
        scene.failed();
        scene.work_with("in_1", &Meanwhile { scene: &scene, lists: AtomicUsize::new(1) });
        scene.settle();
        assert_eq!((scene.state(), scene.mails()), (State::Paid, vec![]), "{others}");
    }
}

#[test]
fn the_state_says_again_who_is_asked_once_a_later_method_has_declined() {
    for (usual, state) in [(DECLINES, State::Exhausted), (Does::Asks, State::NeedsCustomer)] {
        let scene = Scene::new(&[("pm_0", "a", DECLINES), ("pm_1", "b", usual)]);
        scene.failed();
        scene.settle();
        scene.till.change(|books| books.methods.push(("pm_2", "c", DECLINES, 2034)));
        scene.event("cus_1", true);
        scene.settle();
        assert_eq!((scene.till.charges().len(), scene.state(), scene.mails().len()), (2, state, 1));
    }
}

#[test]
fn after_a_charge_that_nobody_knows_of_a_later_method_is_tried_and_no_earlier_one() {
    let scene = Scene::new(&[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Pays), ("pm_2", "c", Does::Pays)]);
    scene.till.change(|books| books.keeps_failure = true);
    scene.failed();
    scene.settle();
    scene.till.change(|books| books.keeps_failure = false);
    scene.till.change(|books| books.methods.push(("pm_3", "d", DECLINES, 2034)));
    scene.event("cus_1", true);
    scene.settle();
    assert_eq!((scene.till.charges(), scene.state()), (vec!["pm_3".to_owned()], State::Unknown));
    scene.till.change(|books| books.methods.push(("pm_4", "e", Does::Pays, 2034)));
    scene.event("cus_1", true);
    scene.settle();
    assert_eq!((scene.till.charges().len(), scene.state(), scene.mails().len()), (2, State::Paid, 1));
}
