//! Hands events to the webhook, as Stripe does: signed, again until the answer is 2xx, and in the order and as often as a
//! test wants.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Copies that are posted at once.
pub const AT_ONCE: usize = 64;

/// Pauses before a delivery that failed is tried again. Stripe's are hours.
pub const PAUSES: [u64; 8] = [1, 2, 4, 8, 15, 30, 60, 60];

/// How often it is looked whether all is handed over.
const LOOK: Duration = Duration::from_millis(10);

/// How events are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Manner {
    /// Whether they wait.
    pub hold: bool,
    /// Whether those that wait come in any order.
    pub shuffle: bool,
    /// How often each comes in all.
    pub duplicate: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Self { hold: false, shuffle: false, duplicate: 1 }
    }
}

/// A change of the manner. A misspelt key is an error.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    hold: Option<bool>,
    shuffle: Option<bool>,
    duplicate: Option<usize>,
}

/// An event on its way, and how often it was tried.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The event.
    pub event: Value,
    /// Tries that failed.
    pub tries: usize,
}

/// The events that wait.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    woken: Notify,
}

#[derive(Debug, Default)]
struct State {
    manner: Manner,
    waiting: VecDeque<Parcel>,
    under_way: usize,
}

impl Queue {
    /// Events to deliver.
    pub fn add(&self, events: impl IntoIterator<Item = Value>) {
        self.locked().waiting.extend(events.into_iter().map(|event| Parcel { event, tries: 0 }));
        self.woken.notify_one();
    }

    /// An event whose delivery failed, to be tried again.
    pub fn again(&self, parcel: Parcel) {
        self.locked().waiting.push_back(parcel);
        self.woken.notify_one();
    }

    /// Changes the manner; returns it, and how many events wait.
    pub fn change(&self, change: Change) -> (Manner, usize) {
        let mut state = self.locked();
        let manner = &mut state.manner;
        manner.hold = change.hold.unwrap_or(manner.hold);
        manner.shuffle = change.shuffle.unwrap_or(manner.shuffle);
        manner.duplicate = change.duplicate.unwrap_or(manner.duplicate).clamp(1, 1_000);
        let told = (state.manner, state.waiting.len());
        drop(state);
        self.woken.notify_one();
        told
    }

    /// What is posted next, each event as often as wanted: one event, or all that wait where the order is any.
    pub async fn next(&self) -> Vec<Parcel> {
        loop {
            if let Some(parcels) = self.take() {
                return parcels;
            }
            self.woken.notified().await;
        }
    }

    fn take(&self) -> Option<Vec<Parcel>> {
        let mut state = self.locked();
        if state.manner.hold || state.waiting.is_empty() {
            return None;
        }
        let taken: Vec<Parcel> = match state.manner.shuffle {
            true => state.waiting.drain(..).collect(),
            false => state.waiting.pop_front().into_iter().collect(),
        };
        let copies = state.manner.duplicate;
        let mut parcels: Vec<Parcel> = taken
            .iter()
            .flat_map(|parcel| std::iter::repeat_n(parcel.clone(), if parcel.tries == 0 { copies } else { 1 }))
            .collect();
        if state.manner.shuffle {
            fastrand::shuffle(&mut parcels);
        }
        state.under_way += parcels.len();
        Some(parcels)
    }

    /// One of those that were taken was answered.
    pub fn done(&self) {
        let mut state = self.locked();
        state.under_way = state.under_way.saturating_sub(1);
    }

    /// Waits until everything was posted once, or is held; no longer than `patience`.
    pub async fn idle(&self, patience: Duration) {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            {
                let state = self.locked();
                let fresh = state.waiting.iter().any(|parcel| parcel.tries == 0);
                if state.under_way == 0 && (state.manner.hold || !fresh) {
                    return;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids(parcels: &[Parcel]) -> Vec<i64> {
        parcels.iter().map(|parcel| parcel.event.as_i64().unwrap()).collect()
    }

    #[tokio::test]
    async fn events_come_in_order_or_held_and_shuffled_and_doubled() {
        let queue = Queue::default();
        queue.add([json!(1), json!(2)]);
        assert_eq!(ids(&queue.next().await), [1]);
        assert_eq!(ids(&queue.next().await), [2]);
        queue.change(serde_json::from_str(r#"{"hold":true,"shuffle":true,"duplicate":3}"#).unwrap());
        queue.add((0..20).map(|n| json!(n)));
        assert!(queue.take().is_none());
        assert_eq!(queue.change(serde_json::from_str(r#"{"hold":false}"#).unwrap()).1, 20);
        let mut all = ids(&queue.next().await);
        assert_ne!(all, (0..20).flat_map(|n| [n, n, n]).collect::<Vec<_>>());
        all.sort_unstable();
        assert_eq!(all, (0..20).flat_map(|n| [n, n, n]).collect::<Vec<_>>());
        queue.again(Parcel { event: json!(5), tries: 1 });
        assert_eq!(ids(&queue.next().await), [5], "a repetition is one");
        assert!(serde_json::from_str::<Change>(r#"{"held":true}"#).is_err());
    }
}
