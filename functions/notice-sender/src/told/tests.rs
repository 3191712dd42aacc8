//! How the lane treats messages, over messages in memory and an app that answers as it is told.

use std::{collections::VecDeque, sync::Mutex};

use comptoir::{
    app::{
        AppMessage, Topic,
        delivery::{failed, verdict},
    },
    memory::{Fault, FaultPlan, InMemoryAppMessages},
    stream::StreamEvent,
};
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::constant(1_795_257_000, 0);

/// An app that gives these answers, one after the other, and then takes everything.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<Told>>,
    milliseconds: u64,
    asked: Mutex<Vec<String>>,
}

impl App for &Scripted {
    async fn tell(&self, message: &AppMessage) -> Told {
        tokio::time::sleep(Duration::from_millis(self.milliseconds)).await;
        self.asked.lock().unwrap().push(message.id.clone());
        self.answers.lock().unwrap().pop_front().unwrap_or(Told::Delivered)
    }
}

fn message(n: usize) -> AppMessage {
    AppMessage::new(Topic::InvoiceIssued, &[&n.to_string()], NOW, &json!({"n": n}))
}

fn id(n: usize) -> String {
    message(n).id
}

/// So many queued messages, and their records.
fn queued(count: usize) -> (InMemoryAppMessages, StreamEvent) {
    let messages = InMemoryAppMessages::default();
    (0..count).for_each(|n| messages.queue(&message(n)));
    let record = |n: usize| json!({"dynamodb": {"SequenceNumber": n.to_string(), "Keys": {"pk": {"S": format!("HOOK#{}", id(n))}}, "NewImage": {}}});
    let records: Vec<_> = (0..count).map(record).collect();
    (messages, serde_json::from_value(json!({"Records": records})).unwrap())
}

async fn told(
    messages: InMemoryAppMessages,
    app: &Scripted,
    event: &StreamEvent,
    now: Timestamp,
) -> (InMemoryAppMessages, Vec<Outcome>) {
    let teller = Teller { messages, app };
    let mut lane = Lane::new();
    let deadline = now + SignedDuration::from_secs(90);
    let mut outcomes = Vec::new();
    for record in &event.records {
        outcomes.push(teller.tell(record, &mut lane, "r", (now, deadline)).await);
    }
    (teller.messages, outcomes)
}

fn answering(answers: Vec<Told>) -> Scripted {
    Scripted { answers: Mutex::new(answers.into()), ..Scripted::default() }
}

#[tokio::test]
async fn each_is_sent_in_order_and_once_however_often_its_record_comes() {
    let (messages, event) = queued(3);
    let app = Scripted::default();
    let (messages, outcomes) = told(messages, &app, &event, NOW).await;
    assert_eq!(outcomes, [Outcome::Done, Outcome::Done, Outcome::Done]);
    let (_, again) = told(messages, &app, &event, NOW).await;
    assert_eq!(again, [Outcome::AlreadyDone, Outcome::AlreadyDone, Outcome::AlreadyDone]);
    assert_eq!(*app.asked.lock().unwrap(), [id(0), id(1), id(2)]);
}

#[tokio::test]
async fn behind_a_failure_nobody_is_asked_and_all_are_tried_later() {
    let (messages, event) = queued(4);
    let app = answering(vec![Told::Delivered, verdict(500, None)]);
    let (messages, outcomes) = told(messages, &app, &event, NOW).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done), "the batch goes on: {outcomes:?}");
    assert_eq!(*app.asked.lock().unwrap(), [id(0), id(1)]);
    for (n, attempts) in [(1, 1), (2, 0), (3, 0)] {
        let row = messages.message(&id(n)).await.unwrap().unwrap();
        let quarter = NOW + SignedDuration::from_mins(15);
        assert_eq!((row.attempts, row.due_at, row.waits), (attempts, Some(quarter), true), "{n}");
    }
    // The stream brings the batch again for another channel's sake: nothing is due.
    let (messages, _) = told(messages, &app, &event, NOW).await;
    assert_eq!(app.asked.lock().unwrap().len(), 2);
    messages.wake(&id(2));
    let (_, _) = told(messages, &app, &event, NOW).await;
    assert_eq!(app.asked.lock().unwrap()[2..], [id(2)], "a person may ask before");
}

#[tokio::test]
async fn after_three_days_all_are_parked_though_one_alone_was_tried() {
    let (messages, event) = queued(2);
    let app = answering(vec![failed("app_silent", "no answer")]);
    let (messages, _) = told(messages, &app, &event, NOW + SignedDuration::from_hours(72)).await;
    for (n, attempts) in [(0, 1), (1, 0)] {
        let row = messages.message(&id(n)).await.unwrap().unwrap();
        assert_eq!((row.attempts, row.waits), (attempts, false), "{n}");
    }
}

#[tokio::test]
async fn who_will_take_no_more_and_what_cannot_be_called_is_parked_at_once() {
    let (messages, event) = queued(2);
    let private = Told::Refused(Reason::new("app_address_private", "no"));
    let app = answering(vec![verdict(410, None), private]);
    let (messages, _) = told(messages, &app, &event, NOW).await;
    assert_eq!(app.asked.lock().unwrap().len(), 2, "the other one may be taken");
    for n in 0..2 {
        assert!(!messages.message(&id(n)).await.unwrap().unwrap().waits, "{n}");
    }
}

#[tokio::test]
async fn what_must_be_configured_first_is_no_attempt() {
    let (messages, event) = queued(1);
    let app = answering(vec![Told::Unready(Reason::new("app_secret_missing", "store one"))]);
    let (messages, _) = told(messages, &app, &event, NOW).await;
    let row = messages.message(&id(0)).await.unwrap().unwrap();
    assert_eq!((row.attempts, row.waits, row.due_at.is_some()), (0, true, true));
}

#[tokio::test]
async fn once_the_time_of_the_lane_is_over_the_rest_is_left_open() {
    let (messages, event) = queued(3);
    let app = Scripted { milliseconds: 50, ..Scripted::default() };
    let teller = Teller { messages, app: &app };
    let mut lane = Lane { ends: Instant::now() + Duration::from_millis(40), down: None };
    for record in &event.records {
        let times = (NOW, NOW + SignedDuration::from_secs(90));
        assert_eq!(teller.tell(record, &mut lane, "r", times).await, Outcome::Done);
    }
    assert_eq!(*app.asked.lock().unwrap(), [id(0)]);
    let left = teller.messages.message(&id(2)).await.unwrap().unwrap();
    assert_eq!((left.attempts, left.due_at, left.waits), (0, None, true), "the sweep wakes it");
    // Nor is anything begun that might not end before the function does.
    let times = (NOW, NOW + SignedDuration::from_secs(30));
    teller.tell(&event.records[1], &mut Lane::new(), "r", times).await;
    assert_eq!(app.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_that_fails_brings_the_record_again_and_the_app_the_same_id() {
    let (mut messages, event) = queued(1);
    messages.faults = FaultPlan::with(1, Fault::Before);
    let app = Scripted::default();
    let (messages, outcomes) = told(messages, &app, &event, NOW).await;
    assert!(matches!(outcomes[0], Outcome::Retry(_)), "{outcomes:?}");
    let (messages, outcomes) = told(messages, &app, &event, NOW).await;
    assert_eq!(outcomes, [Outcome::Done]);
    assert_eq!(*app.asked.lock().unwrap(), [id(0), id(0)], "at least once");
    assert_eq!(messages.message(&id(0)).await.unwrap().unwrap().attempts, 1);
}

#[tokio::test]
async fn what_the_store_refuses_for_good_is_parked_and_stops_nobody() {
    for call in [0, 1] {
        let (mut messages, event) = queued(2);
        messages.faults = FaultPlan::with(call, Fault::Refused);
        let (messages, outcomes) = told(messages, &Scripted::default(), &event, NOW).await;
        assert_eq!(outcomes, [Outcome::Done, Outcome::Done], "{call}");
        let row = messages.message(&id(0)).await.unwrap().unwrap();
        assert!(!row.waits, "{call}: it waits for a person");
        assert_eq!(messages.message(&id(1)).await.unwrap().unwrap().attempts, 1, "{call}");
    }
}
