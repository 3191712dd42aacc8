//! Dunning against a small Stripe with many invoices, in any order of events, with calls that fail.

use std::{collections::BTreeMap, sync::Mutex};

use comptoir::{
    calendar::Place,
    clock::Clock,
    mail::{Content, Mail},
    memory::{Fault, FaultPlan, at_once, locked},
    outcome::{Outcome, ServiceError},
    seller::Seller,
    testing::FRANCHISE_TOML,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{store::EpisodeStore, work::dun};
use crate::{
    catalogue::Catalogue,
    memory::{InMemoryAccess, catalogue},
    recovery::{
        debt::{Charged, Collecting, Debt, Method},
        letter::Writer,
        record::State,
        store::{Change, RecoveryStore, Then},
        work::Tools,
    },
    steps::{Does, Step},
    store::{AccessStore, Wakes},
};

/// An invoice of the small Stripe.
#[derive(Debug, Clone, Copy)]
struct Bill {
    status: &'static str,
    processing: bool,
}

#[derive(Debug)]
struct Books {
    bills: BTreeMap<String, Bill>,
    subscription: &'static str,
}

#[derive(Debug)]
struct Stripe {
    books: Mutex<Books>,
    faults: FaultPlan,
}

impl Collecting for Stripe {
    async fn debt(&self, invoice: &str) -> Result<Option<Debt>, ServiceError> {
        self.faults.call("Stripe", || {
            let books = locked(&self.books);
            let Some(bill) = books.bills.get(invoice) else { return Ok(None) };
            let status = if bill.processing { "processing" } else { "requires_payment_method" };
            let debt = json!({
                "id": invoice, "status": bill.status, "created": 1_795_257_000, "amount_remaining": 1900, "currency": "eur",
                "collection_method": "charge_automatically", "attempted": true,
                "hosted_invoice_url": format!("https://invoice.stripe.com/i/{invoice}"),
                "customer": {"id": "cus_1", "email": "zoe@example.org", "name": "Zoé"},
                "parent": {"subscription_details": {"subscription": {
                    "id": "sub_1", "customer": "cus_1", "status": books.subscription, "created": 1_795_257_000,
                    "items": {"data": [{"price": {"id": "price_solo"}}]},
                }}},
                "payments": {"data": [{"payment": {"payment_intent": {"status": status}}}]},
            });
            Ok(Some(serde_json::from_value(debt).unwrap()))
        })
    }

    async fn open_debts(&self, _customer: &str) -> Result<Vec<String>, ServiceError> {
        self.faults.call("Stripe", || {
            let books = locked(&self.books);
            Ok(books.bills.iter().filter(|(_, bill)| bill.status == "open").map(|(id, _)| id.clone()).collect())
        })
    }

    async fn methods(&self, _customer: &str) -> Result<Vec<Method>, ServiceError> {
        Ok(Vec::new())
    }

    async fn charge(&self, _invoice: &str, _instrument: &str, _method: &str) -> Result<Charged, ServiceError> {
        Ok(Charged::Open)
    }
}

/// A clock that a test moves.
#[derive(Debug)]
struct Hands(Mutex<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *locked(&self.0)
    }
}

struct Scene {
    store: InMemoryAccess,
    stripe: Stripe,
    clock: Hands,
    catalogue: Catalogue,
    seller: Seller,
}

impl Scene {
    fn new(store: FaultPlan, stripe: FaultPlan) -> Self {
        let steps = [(1, Does::Mail), (2, Does::Warn), (3, Does::Restrict), (4, Does::CutOff)];
        let dunning = steps.map(|(unpaid, does)| Step { unpaid, does }).to_vec();
        let books = Books { bills: BTreeMap::new(), subscription: "past_due" };
        Self {
            store: InMemoryAccess::under(store),
            stripe: Stripe { books: Mutex::new(books), faults: stripe },
            // A Tuesday.
            clock: Hands(Mutex::new("2026-12-01T10:00:00Z".parse().unwrap())),
            catalogue: Catalogue { dunning, ..catalogue() },
            seller: Seller::from_toml(FRANCHISE_TOML).unwrap(),
        }
    }

    fn plain() -> Self {
        Self::new(FaultPlan::default(), FaultPlan::default())
    }

    fn bill(&self, invoice: &str, status: &'static str, processing: bool) {
        locked(&self.stripe.books).bills.insert(invoice.to_owned(), Bill { status, processing });
    }

    /// Recovery writes what it came to, as often as it takes.
    fn recovered(&self, invoice: &str, state: State) {
        let now = self.clock.now();
        while at_once(self.store.wake_recovery(invoice, false, now)).is_err() {}
        loop {
            let Ok(Some(read)) = at_once(self.store.recovery(invoice)) else { continue };
            let mut recovery = read.recovery.clone();
            (recovery.state, recovery.customer) = (state, Some("cus_1".to_owned()));
            recovery.told_at = recovery.told_at.or(Some(now));
            let (read, recovery) = (&read, &recovery);
            let change =
                Change { invoice, read, recovery, then: Then::Rest, mail: None, tells: None, never: Vec::new() };
            if at_once(self.store.change(&change, now)).is_ok() {
                return;
            }
        }
    }

    fn fails(&self, invoice: &str) {
        self.bill(invoice, "open", false);
        self.recovered(invoice, State::Exhausted);
    }

    fn ends(&self, invoice: &str, status: &'static str) {
        self.bill(invoice, status, false);
        self.recovered(invoice, if status == "paid" { State::Paid } else { State::Closed });
    }

    fn work(&self) -> Outcome {
        let tools = Tools {
            store: &self.store,
            billing: &self.stripe,
            catalogue: &self.catalogue,
            writer: Writer { seller: &self.seller, local_host: None },
            clock: &self.clock,
            until: Timestamp::MAX,
        };
        at_once(dun("cus_1", &tools))
    }

    /// Works until nothing is due now.
    fn settle(&self) {
        for _ in 0..100 {
            if self.store.dunning_due(self.clock.now()).is_empty() {
                return;
            }
            let _ = self.work();
        }
        panic!("it never rests: {:?}", self.store.episode_of("cus_1"));
    }

    fn pass(&self, hours: i64) {
        *locked(&self.clock.0) += SignedDuration::from_hours(hours);
        self.settle();
    }

    fn mails(&self) -> Vec<Mail> {
        self.store.mails()
    }

    fn ids(&self) -> Vec<String> {
        self.mails().into_iter().map(|mail| mail.id.0).collect()
    }

    fn held_back(&self) -> Option<Does> {
        // A call may be made to fail once.
        let mut looks = (0..2).filter_map(|_| at_once(self.store.subscription("sub_1")).ok());
        looks.next().flatten().and_then(|stored| stored.held_back)
    }
}

#[test]
fn each_step_is_taken_once_and_all_paid_at_once_reinstates() {
    let scene = Scene::plain();
    for (n, held_back) in [(1, None), (2, None), (3, Some(Does::Restrict)), (4, Some(Does::CutOff))] {
        scene.fails(&format!("in_{n}"));
        scene.fails(&format!("in_{n}"));
        scene.settle();
        assert_eq!((scene.ids().len(), scene.held_back().filter(|does| does.takes_away())), (n, held_back));
        scene.pass(24);
    }
    let expected = ["dunning/cus_1-1/1", "dunning/cus_1-1/2", "dunning/cus_1-1/3", "dunning/cus_1-1/4"];
    assert_eq!(scene.ids(), expected);
    let Content::Dunning(last) = scene.mails().pop().unwrap().content else { panic!("another mail") };
    assert_eq!((last.bills.len(), last.total.as_deref()), (4, Some("76,00\u{a0}€")));
    // Three are paid: no step is taken back, and none again.
    for n in 1..4 {
        scene.ends(&format!("in_{n}"), "paid");
    }
    scene.settle();
    assert_eq!(scene.held_back(), Some(Does::CutOff));
    scene.fails("in_5");
    scene.pass(24);
    assert_eq!(scene.ids().len(), 4);
    scene.ends("in_4", "void");
    scene.ends("in_5", "uncollectible");
    scene.settle();
    assert_eq!(scene.held_back(), None);
    let wakes = at_once(scene.store.subscription("sub_1")).unwrap().unwrap().wakes;
    // What comes late changes nothing.
    scene.recovered("in_1", State::Paid);
    scene.pass(48);
    assert_eq!(at_once(scene.store.subscription("sub_1")).unwrap().unwrap().wakes, wakes);
    // Another debt is another episode.
    scene.fails("in_6");
    scene.settle();
    assert_eq!(scene.ids().last().unwrap(), "dunning/cus_1-2/1");
}

#[test]
fn what_is_at_a_bank_or_cancelled_is_not_dunned_for() {
    let scene = Scene::plain();
    scene.fails("in_1");
    scene.settle();
    scene.bill("in_2", "open", true);
    scene.recovered("in_2", State::Processing);
    scene.pass(24);
    assert_eq!(scene.ids().len(), 1);
    // The bank still is at the only one that is left: nothing is closed, and nothing more is taken.
    scene.ends("in_1", "paid");
    scene.settle();
    assert!(scene.store.episode_of("cus_1").unwrap().episode.opened_at.is_some());
    scene.bill("in_2", "open", false);
    scene.recovered("in_2", State::Exhausted);
    scene.settle();
    assert_eq!(scene.ids(), ["dunning/cus_1-1/1"], "that step was taken");
    locked(&scene.stripe.books).subscription = "canceled";
    scene.pass(24);
    assert!(scene.store.episode_of("cus_1").unwrap().episode.opened_at.is_none());
}

#[test]
fn a_debt_that_is_cleared_without_an_event_is_seen_the_next_day() {
    let scene = Scene::plain();
    for n in 1..5 {
        scene.fails(&format!("in_{n}"));
    }
    scene.settle();
    assert_eq!((scene.ids(), scene.held_back()), (vec!["dunning/cus_1-1/4".to_owned()], Some(Does::CutOff)));
    for n in 1..5 {
        scene.bill(&format!("in_{n}"), "paid", false);
    }
    scene.pass(23);
    assert_eq!(scene.held_back(), Some(Does::CutOff));
    scene.pass(2);
    assert_eq!(scene.held_back(), None);
}

#[test]
fn every_call_may_fail_before_or_after_it_took_effect() {
    let play = |store: FaultPlan, stripe: FaultPlan| {
        let scene = Scene::new(store, stripe);
        for n in 1..5 {
            scene.fails(&format!("in_{n}"));
            scene.settle();
        }
        scene
    };
    let end = |scene: &Scene| (scene.ids(), scene.held_back());
    let usual = play(FaultPlan::default(), FaultPlan::default());
    let (store_calls, stripe_calls) = (usual.store.faults.calls(), usual.stripe.faults.calls());
    assert!(usual.ids().len() == 4 && store_calls > 20 && stripe_calls > 10);
    for fault in [Fault::Before, Fault::After] {
        for call in 0..store_calls {
            assert_eq!(end(&play(FaultPlan::with(call, fault), FaultPlan::default())), end(&usual), "{call} {fault:?}");
        }
        for call in 0..stripe_calls {
            assert_eq!(end(&play(FaultPlan::default(), FaultPlan::with(call, fault))), end(&usual), "{call} {fault:?}");
        }
    }
}

#[test]
fn any_order_of_failures_payments_and_nights_keeps_the_promises() {
    let place = Place { time_zone: Scene::plain().seller.time_zone, postal_code: "34000".to_owned() };
    for seed in 0..400 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let scene = Scene::plain();
        let mut before = (0, 0, None);
        for _ in 0..60 {
            let invoice = format!("in_{}", dice.u8(1..7));
            let owed = |scene: &Scene| locked(&scene.stripe.books).bills.values().any(|bill| bill.status == "open");
            match dice.u8(0..8) {
                0..=2 => scene.fails(&invoice),
                3 => scene.ends(&invoice, "paid"),
                4 => scene.ends(&invoice, "void"),
                5 => {
                    scene.bill(&invoice, "open", true);
                    scene.recovered(&invoice, State::Processing);
                }
                6 => scene.pass(dice.i64(1..30)),
                _ => {}
            }
            let mails = scene.ids().len();
            scene.settle();
            assert!(scene.ids().len() <= mails + 1, "{seed}: one mail at a time");
            assert!(scene.ids().len() == mails || owed(&scene), "{seed}: nobody is written to who owes nothing");
            let stored = scene.store.episode_of("cus_1").unwrap_or_default();
            let now = (stored.episode.number, stored.episode.step, stored.episode.in_force);
            if now.0 == before.0 && stored.episode.opened_at.is_some() {
                assert!(now.1 >= before.1 && now.2 >= before.2, "{seed}: never back");
                let harder = now.2.is_some_and(|does| does.takes_away()) && now.2 > before.2;
                let today = scene.clock.now().to_zoned(place.time_zone.clone()).date();
                assert!(!harder || !place.is_quiet(today), "{seed}: a cut on {today}");
            }
            before = now;
        }
        let mut ids = scene.ids();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), scene.ids().len(), "{seed}: each mail once");
        for n in 1..7 {
            scene.ends(&format!("in_{n}"), "paid");
        }
        scene.settle();
        assert_eq!(scene.held_back(), None, "{seed}: all is paid");
    }
}

#[test]
fn two_workers_at_once_take_one_step() {
    let scene = Scene::plain();
    scene.fails("in_1");
    let read = at_once(scene.store.episode("cus_1")).unwrap().unwrap();
    scene.settle();
    let episode = &read.episode;
    let change = super::store::EpisodeChange { customer: "cus_1", read: &read, episode, then: Then::Rest, mail: None };
    let late = at_once(scene.store.change_episode(&change, scene.clock.now())).unwrap();
    assert_eq!((late, scene.ids().len()), (crate::store::Committed::Conflict, 1));
}
