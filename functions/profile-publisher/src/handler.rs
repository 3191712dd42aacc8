//! Publishes a batch of profile changes: reads each, lets the domain decide what to publish, publishes it.

use comptoir::{
    clock::Clock,
    outcome::Outcome,
    stream::{self, BatchAnswer, Record, StreamEvent},
    timing::ONE_CHANGE_SECONDS,
};
use comptoir_edge::telemetry::{count, held};
use comptoir_members::profile::{
    Profile,
    publish::{self, Subscribers},
};
use jiff::{SignedDuration, Timestamp};

const SERVICE: &str = "profile-publisher";

/// The longest that one change may take.
const ONE_CHANGE: SignedDuration = SignedDuration::from_secs(ONE_CHANGE_SECONDS.cast_signed());

/// The dependencies of a batch.
#[derive(Debug)]
pub struct Publisher<S, C> {
    /// The subscribers.
    pub subscribers: S,
    /// The clock.
    pub clock: C,
}

impl<S: Subscribers, C: Clock> Publisher<S, C> {
    /// Publishes the changes of a batch in the order they were made. Stops when the API fails or too little time is
    /// left before `deadline`; unpublished changes are delivered again. An unreadable record is dropped with an error
    /// log: a retry would not change it, and the profile itself is in its table.
    pub async fn handle(&self, event: StreamEvent, request_id: &str, deadline: Timestamp) -> BatchAnswer {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(event.records.len());
        for record in &event.records {
            let outcome = match stream::in_time(self.clock.now(), ONE_CHANGE, deadline) {
                Ok(()) => self.publish(record, request_id).await,
                Err(reason) => Outcome::Retry(reason),
            };
            report(&outcome, request_id, record.id().unwrap_or_default());
            let stops = matches!(outcome, Outcome::Retry(_));
            outcomes.push(outcome);
            if stops {
                break;
            }
        }
        stream::answer(&event.records, &outcomes, self.clock.now())
    }

    async fn publish(&self, record: &Record, request_id: &str) -> Outcome {
        let (before, after) = match record.step::<Profile>() {
            Ok(step) => step,
            Err(failure) => return failure.into(),
        };
        let announcements = publish::announcements(before.as_ref(), after.as_ref());
        let outcome = publish::publish(&announcements, &self.subscribers).await;
        if let (Outcome::Done, Some(told)) = (&outcome, announcements.first()) {
            count(SERVICE, "ChangePublished", 1);
            tracing::info!(request_id, profile = told.id.0, version = told.version, "change published");
        }
        outcome
    }
}

fn report(outcome: &Outcome, request_id: &str, profile: &str) {
    match outcome {
        Outcome::Done | Outcome::AlreadyDone => {}
        Outcome::Reject(reason) => {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, profile, reason = reason.code, "given up: {}", reason.message);
        }
        Outcome::Retry(reason) if held(SERVICE, reason) => {
            tracing::error!(request_id, profile, reason = reason.code, "held: {}", reason.message);
        }
        Outcome::Retry(reason) => {
            tracing::warn!(request_id, profile, reason = reason.code, "to be tried again: {}", reason.message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use comptoir::{clock::FixedClock, outcome::ServiceError};
    use comptoir_members::profile::{Language, ProfileId, publish::Announcement};
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_257_000, 0);

    /// Records versions; fails for this one.
    #[derive(Default)]
    struct Hall {
        deaf_to: Option<u32>,
        heard: Mutex<Vec<(u32, bool)>>,
    }

    impl Subscribers for Hall {
        async fn tell(&self, announcement: &Announcement) -> Result<(), ServiceError> {
            if self.deaf_to == Some(announcement.version) {
                return Err(ServiceError::transient("the profile API", "away"));
            }
            self.heard.lock().unwrap().push((announcement.version, announcement.for_team));
            Ok(())
        }
    }

    fn profile(version: u32) -> Value {
        let blank = Profile::blank(ProfileId("p1".to_owned()), "sub", "zoe@example.org", Language::En, NOW);
        let headline = Some(format!("At version {version}"));
        serde_json::to_value(Profile { handle: Some("zoe".to_owned()), headline, version, ..blank }).unwrap()
    }

    /// The record that makes this version of the profile, with the given data.
    fn record(version: u32, data: &str) -> Value {
        let image = |data: &str| json!({"pk": {"S": "PROFILE#p1"}, "sk": {"S": "PROFILE"}, "data": {"S": data}});
        json!({"eventName": "MODIFY", "dynamodb": {
            "SequenceNumber": version.to_string(), "Keys": {"pk": {"S": "PROFILE#p1"}, "sk": {"S": "PROFILE"}},
            "OldImage": image(&profile(version - 1).to_string()), "NewImage": image(data),
        }})
    }

    async fn handled(publisher: &Publisher<Hall, FixedClock>, records: &[Value], seconds: i64) -> Value {
        let event = serde_json::from_value(json!({ "Records": records })).unwrap();
        let deadline = NOW.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
        serde_json::to_value(publisher.handle(event, "r", deadline).await).unwrap()
    }

    #[tokio::test]
    async fn a_batch_goes_on_after_what_cannot_be_read_and_stops_where_the_api_fails() {
        let hall = Hall { deaf_to: Some(5), ..Hall::default() };
        let publisher = Publisher { subscribers: hall, clock: FixedClock(NOW) };
        let good = |version: u32| record(version, &profile(version).to_string());
        let records = [good(2), record(3, "{\"id\":7}"), good(4), good(5), good(6)];
        let answered = handled(&publisher, &records, 60).await;
        assert_eq!(answered, json!({"batchItemFailures": [{"itemIdentifier": "5"}]}));
        assert_eq!(*publisher.subscribers.heard.lock().unwrap(), [(2, false), (2, true), (4, false), (4, true)]);
        let again = Publisher { subscribers: Hall::default(), clock: FixedClock(NOW) };
        assert_eq!(handled(&again, &records[3..], 60).await, json!({"batchItemFailures": []}));
        assert_eq!(again.subscribers.heard.lock().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn nothing_is_begun_that_cannot_end_in_time() {
        let publisher = Publisher { subscribers: Hall::default(), clock: FixedClock(NOW) };
        let records = [record(2, &profile(2).to_string())];
        let answered = handled(&publisher, &records, ONE_CHANGE_SECONDS.cast_signed() - 1).await;
        assert_eq!(answered, json!({"batchItemFailures": [{"itemIdentifier": "2"}]}));
        assert!(publisher.subscribers.heard.lock().unwrap().is_empty());
    }
}
