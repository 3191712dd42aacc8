//! What happens now and then: the sweep, the comparison at night, and what a person has done again.

use comptoir::{memory::at_once, sweep::STALE_SECONDS};
use comptoir_plans::{
    store::Wakes,
    wake::{ABOUT_RECOVERY, ABOUT_SUBSCRIPTIONS},
};
use jiff::Timestamp;

use super::Run;
use crate::plans::{mutant::Mutant, stripe::HOUR, world::Todo};

/// From one sweep to the next.
const SWEEP: i64 = STALE_SECONDS.cast_signed() * 1_000;

impl Run {
    /// Has the sweep come, if none is to come.
    pub(super) fn wants_sweep(&mut self) {
        if !self.sweeps && self.world.plan.mutant != Some(Mutant::NoSweep) {
            self.sweeps = true;
            let at = self.world.millis() + SWEEP;
            self.world.at(at, Todo::Sweep);
        }
    }

    /// Wakes what is open, and looks again as long as anything may be.
    pub(super) fn sweep(&mut self) {
        let now = self.world.millis();
        self.sweeps = false;
        let due = self.world.store.due(self.world.now());
        let open: Vec<String> = self.world.store.open().into_iter().chain(due).collect();
        let waits = !self.world.store.due(Timestamp::MAX).is_empty();
        self.world.note(|| format!("the sweep wakes {open:?}"));
        if !open.is_empty() || waits {
            let at = now + if open.is_empty() { 6 * HOUR } else { SWEEP };
            self.sweeps = true;
            self.world.at(at, Todo::Sweep);
        }
        for id in open {
            self.world.at(now, Todo::Work(id, 0, now));
        }
    }

    /// Compares Stripe's events with what arrived: those that leave no record are looked into once more.
    pub(super) fn night(&mut self) {
        if self.world.plan.mutant == Some(Mutant::NoNight) {
            return;
        }
        let now = self.world.millis();
        let kinds: Vec<&'static str> = self.world.stripe().events.iter().map(|event| event.kind).collect();
        let from = std::mem::replace(&mut self.compared, kinds.len());
        for (event, kind) in kinds.into_iter().enumerate().skip(from) {
            let leaves_none = ABOUT_RECOVERY.contains(&kind) || ABOUT_SUBSCRIPTIONS.contains(&kind);
            if leaves_none || !self.taken.contains(&event) {
                self.world.note(|| format!("at night, event {event} is found"));
                self.world.at(now, Todo::Deliver(event, 0));
            }
        }
    }

    pub(super) fn replay(&mut self, id: &str) {
        let now = self.world.now();
        if !self.world.core().parked.remove(id) {
            return;
        }
        self.world.core().refused.clear();
        self.world.note(|| format!("a person replays {id}"));
        if id.starts_with("sub_") {
            at_once(self.world.store.wake(id, now)).unwrap();
        } else {
            at_once(self.world.store.wake_recovery(id, true, now)).unwrap();
        }
        self.world.core().announced.push(id.to_owned());
    }

    pub(super) fn put_back(&mut self) {
        let parked: Vec<String> = self.world.core().parked.iter().cloned().collect();
        for id in parked {
            self.replay(&id);
        }
        self.follow();
        self.wants_sweep();
    }
}
