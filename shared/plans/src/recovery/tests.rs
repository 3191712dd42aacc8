//! Recovery against a small Stripe with methods that decline, time that passes, calls that fail, and a second worker.

mod later;
mod storms;
mod till;
mod walks;

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
    memory::{FaultPlan, at_once, locked},
    outcome::Outcome,
    seller::Seller,
    testing::FRANCHISE_TOML,
};
use jiff::{SignedDuration, Timestamp};

use self::till::{Does, Till};
use super::{
    debt::Collecting,
    letter::Writer,
    record::{By, Recovery, State},
    work::{Tools, recover},
};
use crate::{
    memory::{InMemoryAccess, catalogue},
    store::Wakes,
};

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

const DECLINES: Does = Does::Declines("insufficient_funds");
