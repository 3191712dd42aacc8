//! SES delivery events for accepted mails, delivered to functions through EventBridge: at least once, in any order.
//!
//! The recipient address selects the outcome, as in SES's mailbox simulator (docs.aws.amazon.com/ses, "Using the
//! mailbox simulator"). Every event comes twice and in shuffled order, since AWS rules out neither; [`Bus::once`]
//! turns that off.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::lambda::pool::{Function, request_id};
use crate::mail::Mail;
use crate::stream::filter::Filter;

/// How long after a failure an event is retried. Lambda waits one minute, then two, then gives up. Here the wait is
/// shorter, and no one would read an on-failure queue.
const AGAIN: Duration = Duration::from_millis(500);

/// A rule of the bus, with its target function.
#[derive(Debug)]
pub struct Rule {
    /// Events that match it are delivered.
    pub pattern: Filter,
    /// The target.
    pub function: Arc<Function>,
}

/// The default event bus, as far as SES uses it.
#[derive(Debug, Default)]
pub struct Bus {
    rules: Vec<Rule>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Vec<Value>>,
    once: bool,
    under_way: JoinSet<()>,
}

impl Bus {
    /// A bus with these rules.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, state: Mutex::default() }
    }

    /// Holds events until [`Bus::release`].
    pub fn hold(&self) {
        self.state().held.get_or_insert_default();
    }

    /// Delivers the held events and stops holding.
    pub fn release(&self) {
        let held = self.state().held.take().unwrap_or_default();
        self.bring(held);
    }

    /// Delivers one event to its targets, with retries.
    pub fn put(&self, event: Value) {
        self.bring(vec![event]);
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
        self.bring(events);
    }

    fn bring(&self, events: Vec<Value>) {
        let mut state = self.state();
        if let Some(held) = &mut state.held {
            held.extend(events);
            return;
        }
        while state.under_way.try_join_next().is_some() {}
        let concerned = |event: &Value| {
            let rules = self.rules.iter().filter(|rule| matches(&rule.pattern, event));
            let payload = Bytes::from(event.to_string());
            rules.map(|rule| (rule.function.clone(), payload.clone())).collect::<Vec<_>>()
        };
        let deliveries: Vec<_> = events.iter().flat_map(concerned).collect();
        if state.once {
            state.under_way.spawn(async move {
                for (function, payload) in deliveries {
                    deliver(function, payload).await;
                }
            });
        } else {
            for (function, payload) in deliveries {
                state.under_way.spawn(deliver(function, payload));
            }
        }
    }

    /// Drops the events in flight.
    pub fn stop(&self) {
        self.state().under_way.abort_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn deliver(function: Arc<Function>, payload: Bytes) {
    while function.invoke(payload.clone()).await.is_err() {
        tokio::time::sleep(AGAIN).await;
    }
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

/// The events of a mail, by its recipient.
fn events(mail: &Mail) -> Vec<Value> {
    let to = mail.to.to_lowercase();
    let scene = to.strip_suffix("@simulator.amazonses.com").unwrap_or_default();
    // Told as soon as it is accepted.
    let now = mail.sent_at.clone();
    let recipients = json!([{"emailAddress": mail.to}]);
    let bounce = |kind: &str, sub_type: &str| {
        let bounce =
            json!({"bounceType": kind, "bounceSubType": sub_type, "bouncedRecipients": recipients, "timestamp": now});
        ("Email Bounced", "Bounce", "bounce", bounce)
    };
    let delivered = || ("Email Delivered", "Delivery", "delivery", json!({"timestamp": now, "recipients": [mail.to]}));
    let mut told = vec![("Email Sent", "Send", "send", json!({}))];
    match scene {
        "bounce" => told.push(bounce("Permanent", "General")),
        "suppressionlist" => told.push(bounce("Permanent", "Suppressed")),
        "ooto" => told.extend([delivered(), bounce("Transient", "General")]),
        "complaint" => {
            let complaint = json!({
                "complainedRecipients": recipients, "timestamp": now,
                "complaintFeedbackType": "abuse", "complaintSubType": null,
            });
            told.extend([delivered(), ("Email Complaint Received", "Complaint", "complaint", complaint)]);
        }
        // Not one of the simulator's addresses: there, a mail with a virus attachment is rejected.
        "reject" => told.push(("Email Rejected", "Reject", "reject", json!({"reason": "Bad content"}))),
        _ => told.push(delivered()),
    }
    told.into_iter().map(|(kind, name, part, body)| event(mail, kind, name, part, body)).collect()
}

fn event(mail: &Mail, kind: &str, name: &str, part: &str, body: Value) -> Value {
    let mut tags: serde_json::Map<String, Value> =
        mail.tags.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    if let Some(set) = &mail.configuration_set {
        tags.insert("ses:configuration-set".to_owned(), json!([set]));
    }
    let mut detail = json!({
        "eventType": name,
        "mail": {
            "timestamp": mail.sent_at, "source": mail.from, "messageId": mail.id,
            "destination": mail.to.split(", ").collect::<Vec<_>>(), "headersTruncated": false, "tags": tags,
        },
    });
    if let Some(detail) = detail.as_object_mut() {
        detail.insert(part.to_owned(), body);
    }
    json!({
        "version": "0", "id": request_id(), "detail-type": kind, "source": "aws.ses", "account": "000000000000",
        "time": mail.sent_at, "region": crate::aws::REGION, "resources": [], "detail": detail,
    })
}
