use std::{collections::BTreeMap, sync::Mutex};

use comptoir::{
    memory::{Fault, FaultPlan, at_once, locked},
    seller::Seller,
    testing::FRANCHISE_TOML,
};

use super::*;
use crate::memory::{SmallStripe, catalogue, subscription};

const BEGAN: i64 = 1_795_257_000;
const DAY: i64 = 86_400;

/// Renewals in memory.
#[derive(Default)]
struct Waiting {
    rows: Mutex<BTreeMap<String, (StoredRenewal, Option<Timestamp>)>>,
    mails: Mutex<Vec<Mail>>,
    faults: FaultPlan,
}

impl RenewalStore for Waiting {
    async fn renewal(&self, subscription: &str) -> Result<Option<StoredRenewal>, ServiceError> {
        self.faults.call("renewals", || Ok(locked(&self.rows).get(subscription).map(|(stored, _)| *stored)))
    }

    async fn await_renewal(&self, subscription: &str, renewal: Renewal) -> Result<(), ServiceError> {
        self.faults.call("renewals", || {
            let stored = StoredRenewal { end: renewal.end, told: false };
            locked(&self.rows).insert(subscription.to_owned(), (stored, Some(renewal.tell_at)));
            Ok(())
        })
    }

    async fn told_of_renewal(
        &self,
        subscription: &str,
        end: Timestamp,
        mail: &Mail,
        _now: Timestamp,
    ) -> Result<(), ServiceError> {
        self.faults.call("renewals", || {
            if let Some((stored, due)) = locked(&self.rows).get_mut(subscription)
                && stored.end == end
                && !stored.told
            {
                (stored.told, *due) = (true, None);
                locked(&self.mails).push(mail.clone());
            }
            Ok(())
        })
    }

    async fn no_renewal(&self, subscription: &str) -> Result<(), ServiceError> {
        self.faults.call("renewals", || {
            let rows = &mut *locked(&self.rows);
            if rows.get(subscription).is_some_and(|(stored, _)| !stored.told) {
                rows.remove(subscription);
            }
            Ok(())
        })
    }
}

impl Waiting {
    fn due(&self) -> Option<Timestamp> {
        locked(&self.rows).get("sub_1").and_then(|(_, due)| *due)
    }

    fn ids(&self) -> Vec<String> {
        locked(&self.mails).iter().map(|mail| mail.id.0.clone()).collect()
    }
}

fn lasting(days: i64) -> Subscription {
    let mut contract = subscription("sub_1", "cus_1", "zoe@example.org", "active", "price_solo");
    let item = &mut contract.items.data[0];
    (item.current_period_start, item.current_period_end) = (Some(BEGAN), Some(BEGAN + days * DAY));
    contract
}

fn announced(waiting: &Waiting, contract: &Subscription, day: i64, by_timer: bool) -> Outcome {
    let stripe = SmallStripe::default();
    stripe.put(contract.clone());
    let (seller, catalogue) = (Seller::from_toml(FRANCHISE_TOML).unwrap(), catalogue());
    let writer = Writer { seller: &seller, public_url: "https://shop.example.org" };
    let announcing = Announcing { store: waiting, billing: &stripe, catalogue: &catalogue, writer };
    let now = seconds(BEGAN + day * DAY);
    match by_timer {
        true => at_once(announcing.announce("sub_1", now)),
        false => at_once(announcing.look(contract, now)).map_or_else(Outcome::from, |()| Outcome::Done),
    }
}

#[test]
fn a_year_is_announced_two_months_before_its_end_and_once() {
    let (waiting, year) = (Waiting::default(), lasting(365));
    assert_eq!(announced(&waiting, &year, 0, false), Outcome::Done);
    assert_eq!((waiting.due(), waiting.ids().len()), (Some(seconds(BEGAN + 305 * DAY)), 0));
    for day in [305, 305, 306, 364] {
        assert_eq!(announced(&waiting, &year, day, true), Outcome::Done);
        assert_eq!(announced(&waiting, &year, day, false), Outcome::Done);
    }
    assert_eq!((waiting.ids(), waiting.due()), (vec!["renewal/sub_1/2027-11-21".to_owned()], None));
    let next = {
        let mut next = lasting(365);
        let item = &mut next.items.data[0];
        (item.current_period_start, item.current_period_end) = (Some(BEGAN + 365 * DAY), Some(BEGAN + 730 * DAY));
        next
    };
    announced(&waiting, &next, 366, false);
    announced(&waiting, &next, 670, true);
    assert_eq!(waiting.ids().len(), 2, "each period is announced");
}

#[test]
fn the_mail_names_the_last_day_to_refuse() {
    let waiting = Waiting::default();
    announced(&waiting, &lasting(365), 310, false);
    match &locked(&waiting.mails)[0].content {
        Content::Renewal(mail) => {
            let days = (mail.renews_on.as_str(), mail.last_day.as_str());
            assert_eq!(days, ("21\u{a0}novembre\u{a0}2027", "20\u{a0}novembre\u{a0}2027"));
            assert_eq!(mail.link, "https://shop.example.org/resilier");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_does_not_renew_itself_is_not_announced() {
    assert_eq!(of(&lasting(31), &catalogue()), None, "a month");
    assert!(of(&lasting(92), &catalogue()).is_some(), "a quarter");
    for change in [
        (|contract: &mut Subscription| contract.cancel_at_period_end = true) as fn(&mut Subscription),
        |contract| contract.cancel_at = Some(BEGAN + 365 * DAY),
        |contract| contract.status = Status::Canceled,
        |contract| contract.status = Status::Trialing,
    ] {
        let (waiting, mut contract) = (Waiting::default(), lasting(365));
        announced(&waiting, &contract, 0, false);
        change(&mut contract);
        assert_eq!(announced(&waiting, &contract, 305, true), Outcome::Done);
        assert_eq!((waiting.ids().len(), waiting.due()), (0, None), "{:?}", contract.status);
    }
}

#[test]
fn each_call_may_fail_and_the_mail_is_queued_once() {
    for call in 0..6 {
        for fault in [Fault::Before, Fault::After] {
            let waiting = Waiting { faults: FaultPlan::with(call, fault), ..Waiting::default() };
            for day in [0, 0, 305, 305, 305] {
                announced(&waiting, &lasting(365), day, day > 0);
            }
            assert_eq!(waiting.ids().len(), 1, "{call} {fault:?}");
        }
    }
}

#[test]
fn one_that_was_to_end_and_goes_on_is_announced() {
    let (waiting, mut contract) = (Waiting::default(), lasting(365));
    announced(&waiting, &contract, 0, false);
    contract.cancel_at_period_end = true;
    announced(&waiting, &contract, 100, false);
    assert_eq!(waiting.due(), None, "nobody waits for the day of a contract that ends");
    contract.cancel_at_period_end = false;
    announced(&waiting, &contract, 200, false);
    assert_eq!(waiting.due(), Some(seconds(BEGAN + 305 * DAY)), "it waits anew");
    announced(&waiting, &contract, 305, true);
    assert_eq!(waiting.ids().len(), 1);
}
