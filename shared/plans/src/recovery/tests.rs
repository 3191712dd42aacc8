//! Recovery against a small Stripe with methods that decline, time that passes, calls that fail, and a second worker.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use comptoir::{
    clock::Clock,
    mail::Content,
    memory::{Fault, FaultPlan, at_once, locked},
    outcome::{Outcome, ServiceError},
    seller::Seller,
    testing::FRANCHISE_TOML,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    debt::{Charged, Collecting, Debt, Method},
    decline::Decline,
    letter::Writer,
    record::{By, Fate, Recovery, State},
    work::{Tools, recover},
};
use crate::{
    memory::{InMemoryAccess, catalogue},
    store::Wakes,
};

/// What a method does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Pays,
    Declines(&'static str),
    Asks,
    Processes,
}

/// What Stripe keeps of one invoice.
#[derive(Debug)]
struct Books {
    status: &'static str,
    subscription: &'static str,
    price: &'static str,
    locale: &'static str,
    intent: Value,
    attempted: bool,
    usual: Option<&'static str>,
    /// Method, fingerprint, what it does, its last year.
    methods: Vec<(&'static str, &'static str, Does, i16)>,
    /// Each key with its answer, as Stripe keeps them.
    keys: BTreeMap<String, Charged>,
    /// Every request to charge, also those that were answered from a key.
    asked: Vec<(String, String)>,
    /// What charges took effect.
    charged: Vec<String>,
    /// Every effect emits an event.
    events: usize,
    /// The next charge is a failure that is kept under its key.
    keeps_failure: bool,
}

/// Stripe, as far as recovery needs it.
#[derive(Debug)]
struct Till {
    books: Mutex<Books>,
    faults: FaultPlan,
}

impl Till {
    fn new(methods: &[(&'static str, &'static str, Does)], faults: FaultPlan) -> Self {
        let methods = methods.iter().map(|(id, fingerprint, does)| (*id, *fingerprint, *does, 2034)).collect();
        let books = Books {
            status: "open",
            subscription: "past_due",
            price: "price_solo",
            locale: "fr-FR",
            intent: json!({"status": "requires_payment_method", "payment_method": null, "last_payment_error": null}),
            attempted: true,
            usual: Some("pm_0"),
            methods,
            keys: BTreeMap::new(),
            asked: Vec::new(),
            charged: Vec::new(),
            events: 0,
            keeps_failure: false,
        };
        Self { books: Mutex::new(books), faults }
    }

    fn change(&self, change: impl FnOnce(&mut Books)) {
        change(&mut locked(&self.books));
    }

    fn charges(&self) -> Vec<String> {
        locked(&self.books).charged.clone()
    }
}

fn method(id: &str, fingerprint: &str, year: i16) -> Value {
    json!({"id": id, "type": "card", "card": {"fingerprint": fingerprint, "exp_month": 11, "exp_year": year}})
}

fn charge(books: &mut Books, instrument: &str, id: &str) -> Charged {
    let key = format!("in_1:{instrument}");
    books.asked.push((key.clone(), id.to_owned()));
    if let Some(kept) = books.keys.get(&key) {
        return match kept {
            Charged::Unknown(_) => Charged::FailureKept,
            kept => kept.clone(),
        };
    }
    if books.keeps_failure {
        books.keys.insert(key, Charged::Unknown("500".to_owned()));
        return Charged::Unknown("500".to_owned());
    }
    if books.status != "open" || books.intent["status"] == "processing" {
        return Charged::Refused(400);
    }
    let Some((_, fingerprint, does, year)) = books.methods.iter().find(|(known, ..)| *known == id).copied() else {
        return Charged::Refused(400);
    };
    books.charged.push(id.to_owned());
    books.events += 1;
    let answer = match does {
        Does::Pays => {
            books.status = "paid";
            books.intent = json!({"status": "succeeded", "payment_method": id, "last_payment_error": null});
            Charged::Paid
        }
        Does::Declines(code) => {
            let error =
                json!({"code": "card_declined", "decline_code": code, "payment_method": method(id, fingerprint, year)});
            books.intent =
                json!({"status": "requires_payment_method", "payment_method": null, "last_payment_error": error});
            Charged::Declined(Decline::of(Some("card_declined"), Some(code)))
        }
        Does::Asks => {
            books.intent = json!({"status": "requires_action", "payment_method": id, "last_payment_error": null});
            Charged::Declined(Decline::of(Some("invoice_payment_intent_requires_action"), None))
        }
        Does::Processes => {
            books.intent = json!({"status": "processing", "payment_method": id, "last_payment_error": null});
            Charged::Open
        }
    };
    books.keys.insert(key, answer.clone());
    answer
}

impl Collecting for Till {
    async fn debt(&self, invoice: &str) -> Result<Option<Debt>, ServiceError> {
        self.faults.call("Stripe", || {
            let books = locked(&self.books);
            let subscription = json!({
                "id": "sub_1", "status": books.subscription, "created": 1, "customer": "cus_1",
                "items": {"data": [{"price": {"id": books.price}}]},
            });
            let debt = json!({
                "id": invoice, "status": books.status, "number": "A-1", "amount_remaining": 1900, "currency": "eur",
                "attempted": books.attempted, "hosted_invoice_url": "https://invoice.stripe.com/i/1",
                "collection_method": "charge_automatically",
                "customer": {"id": "cus_1", "email": "zoe@example.org", "name": "Zoé", "preferred_locales": [books.locale],
                    "invoice_settings": {"default_payment_method": books.usual}},
                "parent": {"subscription_details": {"subscription": subscription}},
                "payments": {"data": [{"payment": {"payment_intent": books.intent}}]},
            });
            Ok(Some(serde_json::from_value(debt).unwrap()))
        })
    }

    async fn open_debts(&self, _customer: &str) -> Result<Vec<String>, ServiceError> {
        self.faults.call("Stripe", || {
            Ok(if locked(&self.books).status == "open" { vec!["in_1".to_owned()] } else { Vec::new() })
        })
    }

    async fn methods(&self, _customer: &str) -> Result<Vec<Method>, ServiceError> {
        self.faults.call("Stripe", || {
            let books = locked(&self.books);
            let all = books.methods.iter().map(|(id, fingerprint, _, year)| method(id, fingerprint, *year));
            Ok(all.map(|method| serde_json::from_value(method).unwrap()).collect())
        })
    }

    async fn charge(&self, _invoice: &str, instrument: &str, method: &str) -> Result<Charged, ServiceError> {
        // A charge without an answer is no error of a service: its outcome is unknown.
        let called = self.faults.call("Stripe", || Ok(charge(&mut locked(&self.books), instrument, method)));
        match called {
            Err(error) if !error.is_permanent() => Ok(Charged::Unknown("no answer".to_owned())),
            called => called,
        }
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
    till: Till,
    clock: Hands,
    handled: AtomicUsize,
}

impl Scene {
    fn new(methods: &[(&'static str, &'static str, Does)]) -> Self {
        Self::under(methods, FaultPlan::default(), FaultPlan::default())
    }

    fn under(methods: &[(&'static str, &'static str, Does)], store: FaultPlan, till: FaultPlan) -> Self {
        let clock = Hands(Mutex::new("2026-11-27T10:00:00Z".parse().unwrap()));
        Self {
            store: InMemoryAccess::under(store),
            till: Till::new(methods, till),
            clock,
            handled: AtomicUsize::new(0),
        }
    }

    fn pass(&self, hours: i64) {
        *locked(&self.clock.0) += SignedDuration::from_hours(hours);
    }

    fn event(&self, id: &str, only_known: bool) {
        // Stripe delivers again until it is taken.
        while at_once(self.store.wake_recovery(id, only_known, self.clock.now())).is_err() {}
    }

    fn failed(&self) {
        self.event("in_1", false);
    }

    fn work(&self, id: &str) -> Outcome {
        self.work_with(id, &self.till)
    }

    fn work_with(&self, id: &str, billing: &impl Collecting) -> Outcome {
        let (catalogue, seller) = (catalogue(), Seller::from_toml(FRANCHISE_TOML).unwrap());
        let tools = Tools {
            store: &self.store,
            billing,
            catalogue: &catalogue,
            writer: Writer { seller: &seller, local_host: None },
            clock: &self.clock,
            until: Timestamp::MAX,
        };
        at_once(recover(id, &tools))
    }

    /// Works until nothing is due; each charge tells of itself, as Stripe does.
    fn settle(&self) {
        for _ in 0..12 {
            let due = self.store.due(self.clock.now());
            let told = locked(&self.till.books).events;
            if due.is_empty() && told == self.handled.load(SeqCst) {
                break;
            }
            for id in due {
                self.work(&id);
            }
            for _ in self.handled.swap(told, SeqCst)..told {
                self.failed();
            }
        }
        self.holds();
    }

    fn state(&self) -> State {
        self.store.recovery_of("in_1").unwrap().recovery.state
    }

    /// `confirm` of the mails.
    fn mails(&self) -> Vec<bool> {
        let mails = self.store.mails();
        let confirm = |content: &Content| matches!(content, Content::Recovery(mail) if mail.confirm);
        mails.iter().map(|mail| confirm(&mail.content)).collect()
    }

    /// What must hold whatever happened.
    fn holds(&self) {
        let books = locked(&self.till.books);
        assert!(self.store.mails().len() <= 1, "{:?}", self.store.mails());
        let mut once: BTreeMap<&str, &str> = BTreeMap::new();
        for (key, method) in &books.asked {
            assert_eq!(*once.entry(key).or_insert(method), method, "the same key, other parameters");
        }
        let mut charged = books.charged.clone();
        charged.sort();
        charged.dedup();
        assert_eq!(charged.len(), books.charged.len(), "{:?}", books.charged);
        if let Some(stored) = self.store.recovery_of("in_1") {
            let attempts = &stored.recovery.attempts;
            assert!(attempts.iter().filter(|attempt| attempt.is_unsettled()).count() <= 1, "{attempts:?}");
            let mut instruments: Vec<_> = attempts.iter().map(|attempt| &attempt.instrument).collect();
            instruments.sort();
            instruments.dedup();
            assert_eq!(instruments.len(), attempts.len(), "{attempts:?}");
            let ours = attempts.iter().filter(|attempt| attempt.by == By::Us).count();
            assert!(ours >= once.len(), "what is charged is claimed: {attempts:?}");
            self.told(&stored.recovery);
        }
    }
}

impl Scene {
    /// The app is told what the record says, in the same write.
    fn told(&self, recovery: &Recovery) {
        let messages = self.store.told();
        let told = |topic: &str| messages.contains_key(&format!("payment-{topic}-in_1"));
        let unpaid = matches!(recovery.state, State::Exhausted | State::NeedsCustomer);
        assert!(told("failed") || !unpaid, "{recovery:?}");
        let had_failed = recovery.told_at.is_some() || recovery.charges() > 0;
        assert_eq!(told("recovered"), recovery.state == State::Paid && had_failed, "{recovery:?}");
    }
}

/// Stripe for a worker that is overtaken: before its call of this number, another does all of the work.
struct Overtaken<'a> {
    scene: &'a Scene,
    left: AtomicUsize,
}

impl Overtaken<'_> {
    fn meanwhile(&self) {
        if self.left.fetch_sub(1, SeqCst) == 1 {
            self.scene.work("in_1");
        }
    }
}

impl Collecting for Overtaken<'_> {
    async fn debt(&self, invoice: &str) -> Result<Option<Debt>, ServiceError> {
        self.meanwhile();
        let debt = self.scene.till.debt(invoice).await;
        // Also between what was read and what is decided on it.
        self.meanwhile();
        debt
    }

    async fn open_debts(&self, customer: &str) -> Result<Vec<String>, ServiceError> {
        self.scene.till.open_debts(customer).await
    }

    async fn methods(&self, customer: &str) -> Result<Vec<Method>, ServiceError> {
        self.meanwhile();
        self.scene.till.methods(customer).await
    }

    async fn charge(&self, invoice: &str, instrument: &str, method: &str) -> Result<Charged, ServiceError> {
        self.meanwhile();
        let charged = self.scene.till.charge(invoice, instrument, method).await;
        self.meanwhile();
        charged
    }
}

const DECLINES: Does = Does::Declines("insufficient_funds");

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
        FaultPlan::with(2, Fault::Refused),
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
        FaultPlan::with(2, Fault::Refused),
    );
    scene.failed();
    scene.work("in_1");
    scene.till.change(|books| books.subscription = "canceled");
    scene.failed();
    scene.settle();
    assert_eq!((scene.state(), scene.mails(), scene.till.charges()), (State::Closed, vec![], vec![]));
}

#[test]
fn every_call_may_fail_before_or_after_it_took_effect() {
    let walks: [&[(&'static str, &'static str, Does)]; 4] = [
        &[("pm_0", "a", DECLINES), ("pm_1", "b", DECLINES), ("pm_2", "c", DECLINES)],
        &[("pm_0", "a", DECLINES), ("pm_1", "b", DECLINES), ("pm_2", "c", Does::Pays), ("pm_3", "d", DECLINES)],
        &[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Declines("lost_card")), ("pm_2", "c", Does::Asks)],
        &[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Processes)],
    ];
    for walk in walks {
        let play = |store: FaultPlan, till: FaultPlan| {
            let scene = Scene::under(walk, store, till);
            scene.failed();
            scene.failed();
            scene.settle();
            scene
        };
        let usual = play(FaultPlan::default(), FaultPlan::default());
        let end = |scene: &Scene| (scene.state(), scene.mails(), scene.till.charges());
        let (store_calls, till_calls) = (usual.store.faults.calls(), usual.till.faults.calls());
        assert!(store_calls > 5 && till_calls > 3);
        for fault in [Fault::Before, Fault::After] {
            for call in 0..store_calls {
                let scene = play(FaultPlan::with(call, fault), FaultPlan::default());
                assert_eq!(end(&scene), end(&usual), "store {call} {fault:?}");
            }
            for call in 0..till_calls {
                let scene = play(FaultPlan::default(), FaultPlan::with(call, fault));
                assert_eq!(end(&scene), end(&usual), "Stripe {call} {fault:?}");
            }
        }
        // What is refused for good waits for a person, who has it done again.
        for call in 0..till_calls {
            let scene = play(FaultPlan::default(), FaultPlan::with(call, Fault::Refused));
            scene.failed();
            scene.settle();
            assert_eq!(end(&scene), end(&usual), "Stripe {call} refused");
        }
    }
}

#[test]
fn another_worker_may_overtake_at_any_call() {
    let walks: [&[(&'static str, &'static str, Does)]; 3] = [
        &[("pm_0", "a", DECLINES), ("pm_1", "b", DECLINES), ("pm_2", "c", DECLINES)],
        &[("pm_0", "a", DECLINES), ("pm_1", "b", DECLINES), ("pm_2", "c", Does::Pays), ("pm_3", "d", DECLINES)],
        &[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Processes)],
    ];
    for walk in walks {
        let end = |scene: &Scene| (scene.state(), scene.mails(), scene.till.charges());
        let usual = Scene::new(walk);
        usual.failed();
        usual.settle();
        let mut overtaken = 0;
        for call in 1..20 {
            let scene = Scene::new(walk);
            scene.failed();
            let stripe = Overtaken { scene: &scene, left: AtomicUsize::new(call) };
            scene.work_with("in_1", &stripe);
            scene.holds();
            scene.settle();
            assert_eq!(end(&scene), end(&usual), "before call {call}");
            // Past the last call, the counter is still above nothing.
            overtaken += usize::from(stripe.left.load(SeqCst).wrapping_sub(1) >= 20);
        }
        assert!(overtaken > 4, "{overtaken}");
    }
}
