//! Announced events: genuine events that are stored as they came, because what they lack is asked for later.
//!
//! An event is announced when Stripe may not be asked, or does not answer, while its sender waits. It is open work until it
//! is completed, with its record deleted by the write that settles it. How it is received is in `receive`.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::{outcome::ServiceError, payment::Recorded, stripe::classify};

/// The kind of its record.
pub const KIND: &str = "ANNOUNCED";

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedEvent {
    /// Its id.
    pub id: String,
    /// Its body, verified, as it came.
    pub body: String,
    /// When it was stored.
    pub announced_at: Timestamp,
}

/// How long after it was made an event may be stored and still have come in time, in seconds. Stripe delivers within seconds.
const IN_TIME_SECONDS: i64 = 900;

impl AnnouncedEvent {
    /// Whether it was stored so late that its delivery was missed: it was found in Stripe's list, or came again.
    pub fn came_late(&self) -> bool {
        let made = classify::read(self.body.as_bytes()).map_or(0, |event| event.created);
        made > 0 && self.announced_at.as_second().saturating_sub(made) > IN_TIME_SECONDS
    }
}

/// How long before its event an object may have been made to count: a customer takes minutes to pay.
const RECENTLY: SignedDuration = SignedDuration::from_hours(1);

/// Since when an event stored `now` counts as open: since its object was made, if that was within the hour. Events that are
/// completed in this order are about sessions that stand together in Stripe's lists.
pub fn open_since(body: &str, now: Timestamp) -> Timestamp {
    #[derive(Deserialize)]
    struct Made {
        created: i64,
    }
    let earliest = now.saturating_sub(RECENTLY).unwrap_or(now);
    let made = classify::read(body.as_bytes()).ok();
    let made = made.and_then(|event| serde_json::from_str::<Made>(event.data.object.get()).ok());
    made.and_then(|made| Timestamp::from_second(made.created).ok()).map_or(now, |made| made.max(earliest).min(now))
}

/// Stores events until they are completed.
pub trait AnnouncedEvents: Send + Sync {
    /// Stores a genuine event as open work; [`Recorded::AlreadyRecorded`] if it is stored, and then nothing changes. One that
    /// was dismissed is stored anew.
    fn announce(
        &self,
        event_id: &str,
        body: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Recorded, ServiceError>> + Send;

    /// A stored event; `None` once it is settled or dismissed.
    fn announced(&self, event_id: &str) -> impl Future<Output = Result<Option<AnnouncedEvent>, ServiceError>> + Send;

    /// Deletes an event that was completed or parked; does nothing if it is not stored.
    fn settle_announced(&self, event_id: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Settles an event that was read and leaves no record: its id is kept without its body for as long as Stripe lists it, so
    /// that the reconciliation does not miss it again. Does nothing if it is not stored.
    fn dismiss_announced(
        &self,
        event_id: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_open_since_its_object_was_made() {
        let now = Timestamp::from_second(1_795_257_600).unwrap();
        let since = |object: &str| {
            let body = format!(r#"{{"id":"evt_1","type":"checkout.session.completed","data":{{"object":{object}}}}}"#);
            now.as_second() - open_since(&body, now).as_second()
        };
        assert_eq!(since(r#"{"created":1795257000}"#), 600);
        assert_eq!(since(r#"{"created":1795157000}"#), 3600, "a page that was left open");
        for unknown in [r#"{"created":1795258000}"#, r#"{"created":"then"}"#, "{}", "7"] {
            assert_eq!(since(unknown), 0, "{unknown}");
        }
        assert_eq!(open_since("no event", now), now);
    }

    #[test]
    fn an_event_that_is_found_in_the_list_came_late() {
        let late = |seconds: i64| {
            let body = r#"{"id":"evt_1","type":"invoice.paid","created":1795257000,"data":{"object":{}}}"#.to_owned();
            let announced_at = Timestamp::from_second(1_795_257_000 + seconds).unwrap();
            AnnouncedEvent { id: "evt_1".to_owned(), body, announced_at }.came_late()
        };
        assert_eq!([0, 900, 901, 90_000].map(late), [false, false, true, true]);
    }
}
