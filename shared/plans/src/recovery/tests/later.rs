//! What happens once the customer was told: methods that come later are tried, and those that were left out are not.

use serde_json::json;

use super::{
    DECLINES, Scene,
    till::{Does, method},
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
    assert_eq!((scene.till.charges().last().map(String::as_str), scene.state()), (Some("pm_20"), super::State::Paid));
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
    assert_eq!((scene.till.charges(), scene.state()), (vec!["pm_1".to_owned()], super::State::Paid));
}
