//! How a message is delivered: at least once, in growing pauses for three days, then parked.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use super::AppMessage;
use crate::outcome::{Reason, ServiceError};

/// How long a message is tried.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(72);

/// The first pause; the sweep, which ends it, comes as often.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// The longest pause.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// How long a delivered message is kept.
pub const DELIVERED_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What the app said to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It took it.
    Delivered,
    /// It did not, and may later; it may have asked for a pause.
    Failed {
        /// Why.
        reason: Reason,
        /// The pause.
        wait: Option<SignedDuration>,
    },
    /// It will take no more, or cannot be called as it is configured.
    Refused(Reason),
    /// It was not called: something must be configured first.
    Unready(Reason),
}

/// The seller's app.
pub trait App: Send + Sync {
    /// Sends one message, once.
    fn tell(&self, message: &AppMessage) -> impl Future<Output = Told> + Send;
}

/// What a status says. Anything but 2xx is worth another try, because an app that is being deployed, or has a mistake, answers
/// 404 and 401 like one that will never take a message; 410 is how the specification says that it will not.
pub fn verdict(status: u16, retry_after: Option<&str>) -> Told {
    match status {
        200..=299 => Told::Delivered,
        410 => Told::Refused(Reason::new(
            "app_gone",
            "the app answered 410, so that it is sent nothing more of this; give another address, or none, then replay",
        )),
        300..=399 => failed(
            "app_redirects",
            format!("the app answered {status}; redirects are not followed: give its last address"),
        ),
        _ => {
            let wait = retry_after.and_then(|wait| wait.trim().parse().ok()).map(SignedDuration::from_secs);
            let reason = Reason::new("app_refuses", format!("the app answered {status}; see its log"));
            Told::Failed { reason, wait: wait.filter(|wait| wait.is_positive()) }
        }
    }
}

/// A failure that is tried again by the usual pauses.
pub fn failed(code: &str, text: impl Into<String>) -> Told {
    Told::Failed { reason: Reason::new(code, text), wait: None }
}

/// When a message is tried again that was queued, or put back, at `began`: after as long as it has waited so far. `None` once
/// it was tried for three days; the last try falls on their end.
pub fn next_try(began: Timestamp, now: Timestamp, asked: Option<SignedDuration>) -> Option<Timestamp> {
    let end = began.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
    if now >= end {
        return None;
    }
    let waited = now.duration_since(began).clamp(FIRST_PAUSE, LONGEST_PAUSE);
    let pause = waited.max(asked.unwrap_or_default().min(LONGEST_PAUSE));
    Some(now.saturating_add(pause).unwrap_or(Timestamp::MAX).min(end))
}

/// A message as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The message.
    pub message: AppMessage,
    /// How often it was sent.
    pub attempts: u64,
    /// Since when it is tried: when it was queued, or put back.
    pub began: Timestamp,
    /// When it is tried next; at once if there is none.
    pub due_at: Option<Timestamp>,
    /// Whether the sweep, or a person, asked for it.
    pub woken: bool,
    /// Whether it waits: it is neither delivered nor parked.
    pub waits: bool,
}

impl Queued {
    /// Whether it is to be sent now. A stream delivers a record again that was behind another one.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.waits && (self.woken || self.due_at.is_none_or(|due| due <= now))
    }
}

/// What is written about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written<'a> {
    /// It was sent and taken.
    Delivered,
    /// It is tried again then; `sent` says whether it was sent now.
    Again {
        /// When.
        due: Timestamp,
        /// Whether the app was called.
        sent: bool,
        /// Why not before.
        reason: &'a Reason,
    },
    /// It waits for a person.
    Parked {
        /// Whether the app was called.
        sent: bool,
        /// Why.
        reason: &'a Reason,
    },
}

/// The messages.
pub trait AppMessages: Send + Sync {
    /// A message, read consistently.
    fn message(&self, id: &str) -> impl Future<Output = Result<Option<Queued>, ServiceError>> + Send;

    /// Writes what became of a message, if it waits and nobody wrote of it since it was `read`; whether it was written.
    fn note(
        &self,
        read: &Queued,
        written: &Written<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, ServiceError>> + Send;

    /// Parks a message that waits and cannot be read, or not be written as it is; whether it was parked now.
    fn give_up(
        &self,
        id: &str,
        reason: &Reason,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, ServiceError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_the_last_try_is_after_three_days() {
        let began = Timestamp::constant(1_795_257_000, 0);
        let (mut now, mut minutes) = (began, vec![0]);
        while let Some(next) = next_try(began, now, None) {
            minutes.push(next.duration_since(began).as_mins());
            now = next;
        }
        assert_eq!(minutes, [0, 15, 30, 60, 120, 240, 480, 960, 1920, 3360, 4320]);
        assert_eq!(next_try(began, began + PATIENCE + PATIENCE, None), None, "also when it was not looked at for long");
        let asked = |hours| next_try(began, began, Some(SignedDuration::from_hours(hours))).unwrap();
        assert_eq!(asked(2), began + SignedDuration::from_hours(2));
        assert_eq!(asked(99), began + LONGEST_PAUSE, "an app does not put us off for ever");
    }

    #[test]
    fn only_2xx_is_taken_and_410_ends_it() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(verdict(status, None), Told::Delivered, "{status}");
        }
        for status in [100, 301, 302, 307, 308, 400, 401, 404, 405, 413, 422, 429, 500, 502, 503, 504, 599] {
            assert!(matches!(verdict(status, None), Told::Failed { wait: None, .. }), "{status}");
        }
        assert!(matches!(verdict(410, None), Told::Refused(reason) if reason.code == "app_gone"));
        let wait = |text| match verdict(429, Some(text)) {
            Told::Failed { wait, .. } => wait,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait("120"), Some(SignedDuration::from_secs(120)));
        assert_eq!((wait("-1"), wait("Fri, 31 Dec 1999 23:59:59 GMT"), wait("")), (None, None, None));
    }
}
