//! When Stripe may be asked: within a request as far as the process's budget goes, outside of one at a steady pace.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use comptoir::{
    clock::{Clock, SystemClock},
    stripe::{
        budget::{ReadBudget, ReadLimits},
        object::TaxRate,
    },
};
use tokio::time::{Instant, sleep_until};

use comptoir_stripe::client::Trouble;

/// From one read to the next outside of requests: ten a second, of the 25 that Stripe answers for a kind of object.
const PACE: Duration = Duration::from_millis(100);

/// What a process remembers of asking Stripe.
#[derive(Debug)]
pub struct Asking {
    budget: Mutex<ReadBudget>,
    next: tokio::sync::Mutex<Option<Instant>>,
    /// Tax rates by id. What a rate says of percentage and country never changes (docs.stripe.com/api/tax_rates).
    rates: Mutex<BTreeMap<String, TaxRate>>,
}

/// Most tax rates that are remembered: a shop has some dozens.
const MOST_RATES: usize = 1000;

impl Asking {
    /// Nothing was asked yet.
    pub fn new(limits: ReadLimits) -> Self {
        let budget = Mutex::new(ReadBudget::new(limits));
        Self { budget, next: tokio::sync::Mutex::default(), rates: Mutex::default() }
    }

    /// A tax rate that was read before.
    pub fn rate(&self, id: &str) -> Option<TaxRate> {
        locked(&self.rates).get(id).cloned()
    }

    /// Remembers a tax rate.
    pub fn remember(&self, id: &str, rate: &TaxRate) {
        let mut rates = locked(&self.rates);
        if rates.len() < MOST_RATES {
            rates.insert(id.to_owned(), rate.clone());
        }
    }
}

/// Reads in a row that Stripe does not answer, after which work that nobody waits for gives up.
const GIVES_UP_AFTER: u32 = 3;

/// The gate before each read of one piece of work.
#[derive(Debug)]
pub struct Gate<'a> {
    asking: &'a Asking,
    waits: bool,
    cut_off: AtomicBool,
    /// Reads in a row that Stripe did not answer.
    unanswered: AtomicU32,
}

impl<'a> Gate<'a> {
    /// For a request, whose sender waits.
    pub fn within_budget(asking: &'a Asking) -> Self {
        Self { asking, waits: false, cut_off: AtomicBool::new(false), unanswered: AtomicU32::new(0) }
    }

    /// For work that nobody waits for.
    pub fn at_a_pace(asking: &'a Asking) -> Self {
        Self { waits: true, ..Self::within_budget(asking) }
    }

    /// What the process remembers.
    pub fn asking(&self) -> &'a Asking {
        self.asking
    }

    /// Whether a read was refused here, or not answered by Stripe: nothing more is asked then.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// Waits, or not, for a read to be granted.
    ///
    /// # Errors
    /// When none is.
    pub async fn enter(&self) -> Result<(), Trouble> {
        if self.is_cut_off() {
            return Err(Trouble::NotNow);
        }
        if self.waits {
            let mut next = self.asking.next.lock().await;
            let at = next.unwrap_or_else(Instant::now).max(Instant::now());
            sleep_until(at).await;
            *next = Some(at + PACE);
        } else if !locked(&self.asking.budget).take(SystemClock.now()) {
            self.cut_off.store(true, Ordering::Relaxed);
            return Err(Trouble::NotNow);
        }
        Ok(())
    }

    /// Takes note of a read that failed.
    pub fn failed(&self, trouble: &Trouble) {
        if matches!(trouble, Trouble::Refused(429)) {
            locked(&self.asking.budget).close(SystemClock.now());
        }
        if trouble.error().is_permanent() {
            return self.answered();
        }
        // One object or list that Stripe cannot answer must not keep all other work from being done.
        let in_a_row = self.unanswered.fetch_add(1, Ordering::Relaxed) + 1;
        let stays_away = matches!(trouble, Trouble::Refused(429) | Trouble::NotNow) || in_a_row >= GIVES_UP_AFTER;
        if !self.waits || stays_away {
            self.cut_off.store(true, Ordering::Relaxed);
        }
    }

    /// Takes note of an answer.
    pub fn answered(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_refused_what_other_work_waits_for() {
        let asking = Asking::new(ReadLimits { per_second: 1, burst: 2 });
        for (gate, granted) in [(Gate::within_budget(&asking), true), (Gate::within_budget(&asking), true)] {
            assert_eq!(gate.enter().await.is_ok(), granted);
        }
        let third = Gate::within_budget(&asking);
        assert_eq!(third.enter().await, Err(Trouble::NotNow));
        assert!(third.is_cut_off());
        let begun = Instant::now();
        let gate = Gate::at_a_pace(&asking);
        let (one, two, three) = tokio::join!(gate.enter(), gate.enter(), gate.enter());
        assert_eq!((one, two, three), (Ok(()), Ok(()), Ok(())));
        assert!(begun.elapsed() >= 2 * PACE);
    }

    #[tokio::test]
    async fn what_stripe_turns_away_closes_the_process_and_ends_the_work() {
        let asking = Asking::new(ReadLimits { per_second: 1000, burst: 1000 });
        let gate = Gate::at_a_pace(&asking);
        gate.failed(&Trouble::Refused(404));
        assert!(gate.enter().await.is_ok(), "that is an answer");
        gate.failed(&Trouble::Refused(429));
        assert_eq!(gate.enter().await, Err(Trouble::NotNow));
        assert_eq!(Gate::within_budget(&asking).enter().await, Err(Trouble::NotNow));
    }

    #[tokio::test]
    async fn one_read_that_stripe_cannot_answer_ends_no_other_work() {
        let asking = Asking::new(ReadLimits { per_second: 1000, burst: 1000 });
        let gate = Gate::at_a_pace(&asking);
        for _ in 0..10 {
            gate.failed(&Trouble::Refused(500));
            gate.failed(&Trouble::Refused(500));
            assert!(gate.enter().await.is_ok());
            gate.answered();
        }
        (0..GIVES_UP_AFTER).for_each(|_| gate.failed(&Trouble::Refused(500)));
        assert_eq!(gate.enter().await, Err(Trouble::NotNow));
        let waited_for = Gate::within_budget(&asking);
        waited_for.failed(&Trouble::Refused(500));
        assert!(waited_for.is_cut_off(), "whose sender waits gives up at once");
    }
}
