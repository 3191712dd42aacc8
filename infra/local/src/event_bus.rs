//! EventBridge's event buses: events of SES on the default one, of Stripe on the one of its partner event source. Each is
//! delivered to the functions whose rule it matches, at least once, in any order.
//!
//! Every event of SES comes twice and in shuffled order, since AWS rules out neither; [`Bus::once`] turns that off.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::aws::{ACCOUNT, REGION};
use crate::lambda::pool::{Function, request_id};
use crate::mail::Mail;
use crate::minute::{Early, leaves_work};
use crate::ses_events::events;
use crate::stream::filter::Filter;

/// How long after a failure an event is retried. Lambda waits one minute, then two, then gives up. Here the wait is
/// shorter, and no one would read an on-failure queue.
const AGAIN: Duration = Duration::from_millis(500);

/// A rule, with its target function.
#[derive(Debug)]
pub struct Rule {
    /// The bus that it listens on; the default one when `None`.
    pub bus: Option<String>,
    /// Events that match it are delivered.
    pub pattern: Filter,
    /// The target.
    pub function: Arc<Function>,
}

/// The event buses.
#[derive(Debug, Default)]
pub struct Bus {
    rules: Vec<Rule>,
    /// Told when a function leaves work to the schedule of a minute.
    early: Early,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Vec<Value>>,
    once: bool,
    under_way: JoinSet<()>,
}

impl Bus {
    /// Buses with these rules.
    pub fn new(rules: Vec<Rule>, early: Early) -> Self {
        Self { rules, early, state: Mutex::default() }
    }

    /// Holds events until [`Bus::release`].
    pub fn hold(&self) {
        self.state().held.get_or_insert_default();
    }

    /// Delivers the held events and stops holding.
    pub fn release(&self) {
        let held = self.state().held.take().unwrap_or_default();
        self.bring(None, held);
    }

    /// Delivers one event on the default bus, with retries.
    pub fn put(&self, event: Value) {
        self.bring(None, vec![event]);
    }

    /// Delivers an event of Stripe on the bus of an event source, with retries; returns how many rules it matched.
    pub fn put_of_stripe(&self, source: &str, event: &Value) -> usize {
        self.bring(Some(source), vec![of_stripe(source, event)])
    }

    /// From now on each event is delivered once and in order, as in the usual case.
    pub fn once(&self) {
        self.state().once = true;
    }

    /// Sends all events of a mail.
    pub fn tell(&self, mail: &Mail) {
        let mut events = events(mail);
        if !self.state().once {
            events.extend(events.clone());
            fastrand::shuffle(&mut events);
        }
        self.bring(None, events);
    }

    fn bring(&self, bus: Option<&str>, events: Vec<Value>) -> usize {
        let mut state = self.state();
        if let (Some(held), None) = (&mut state.held, bus) {
            held.extend(events);
            return 0;
        }
        while state.under_way.try_join_next().is_some() {}
        let concerned = |event: &Value| {
            let listens = |rule: &&Rule| rule.bus.as_deref() == bus && matches(&rule.pattern, event);
            let rules = self.rules.iter().filter(listens);
            let payload = Bytes::from(event.to_string());
            rules.map(|rule| (rule.function.clone(), payload.clone())).collect::<Vec<_>>()
        };
        let deliveries: Vec<_> = events.iter().flat_map(concerned).collect();
        let count = deliveries.len();
        let early = self.early.clone();
        if state.once {
            state.under_way.spawn(async move {
                for (function, payload) in deliveries {
                    deliver(function, payload, &early).await;
                }
            });
        } else {
            for (function, payload) in deliveries {
                let early = early.clone();
                state.under_way.spawn(async move { deliver(function, payload, &early).await });
            }
        }
        count
    }

    /// Drops the events in flight.
    pub fn stop(&self) {
        self.state().under_way.abort_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn deliver(function: Arc<Function>, payload: Bytes, early: &Early) {
    loop {
        match function.invoke(payload.clone()).await {
            Ok(answer) => {
                if serde_json::from_slice(&answer).is_ok_and(|answer: Value| leaves_work(&answer)) {
                    early.notify_one();
                }
                return;
            }
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// An event of Stripe as EventBridge hands it over (docs.stripe.com/event-destinations/eventbridge).
fn of_stripe(source: &str, event: &Value) -> Value {
    json!({
        "version": "0", "id": request_id(), "detail-type": event.get("type"), "source": source, "account": ACCOUNT,
        "time": crate::clock::now().to_string(), "region": REGION,
        "resources": [format!("arn:aws:events:{}::event-source/{source}", REGION)], "detail": event,
    })
}

/// A list in an event matches where one of its values does; a tag's value is always a list.
fn matches(pattern: &Filter, event: &Value) -> bool {
    let mut flat = event.clone();
    if let Some(tags) = flat.pointer_mut("/detail/mail/tags").and_then(Value::as_object_mut) {
        for value in tags.values_mut() {
            *value = value.get(0).cloned().unwrap_or_default();
        }
    }
    pattern.matches(&flat)
}
