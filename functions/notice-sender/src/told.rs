//! The lane of the seller's app: its messages are sent after everything else of a batch, one after the other, for some seconds.
//!
//! Once the app fails, the messages behind wait as if each had been tried; what there was no time for is left to the sweep. So
//! an app that is slow or gone holds up no mail and no message to the team.

use std::time::Duration;

use comptoir::{
    app::delivery::{App, AppMessages, Queued, Told, Written, next_try},
    outcome::{Outcome, Reason, ServiceError},
    stream::{self, Record},
    timing::{APP_LANE_SECONDS, ONE_TELLING_SECONDS},
};
use comptoir_edge::telemetry::{count, held};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The function, in its metrics; the handler uses this module, and not the other way round.
const SERVICE: &str = "notice-sender";

/// The longest that one message may take.
const ONE: SignedDuration = SignedDuration::from_secs(ONE_TELLING_SECONDS.cast_signed());

/// Tells the app.
#[derive(Debug)]
pub struct Teller<M, A> {
    /// The messages.
    pub messages: M,
    /// The app.
    pub app: A,
}

/// What a batch has left for the app.
#[derive(Debug)]
pub struct Lane {
    ends: Instant,
    /// Why the app takes nothing now.
    down: Option<Reason>,
}

impl Lane {
    /// A lane that begins now.
    pub fn new() -> Self {
        Self { ends: Instant::now() + Duration::from_secs(APP_LANE_SECONDS), down: None }
    }
}

impl<M: AppMessages, A: App> Teller<M, A> {
    /// Sends the message of a record. What is not sent stays open, and the sweep wakes it.
    pub async fn tell(
        &self,
        record: &Record,
        lane: &mut Lane,
        request_id: &str,
        (now, deadline): (Timestamp, Timestamp),
    ) -> Outcome {
        if let Err(newer) = record.check() {
            return Outcome::Retry(newer.reason());
        }
        let id = record.id().unwrap_or_default();
        if Instant::now() >= lane.ends || stream::in_time(now, ONE, deadline).is_err() {
            tracing::warn!(request_id, message = id, "left to the sweep: the app took too long");
            return Outcome::Done;
        }
        let read = match self.messages.message(id).await {
            Ok(Some(read)) if read.is_due(now) => read,
            Ok(_) => return Outcome::AlreadyDone,
            Err(error) => return self.failed(id, error, request_id, now).await,
        };
        match self.one(&read, lane, request_id, now).await {
            Ok(()) => Outcome::Done,
            Err(error) => self.failed(id, error, request_id, now).await,
        }
    }

    /// What the store refuses for good is parked, where it can be; else the sweep's alarm tells of it. Anything else comes again.
    async fn failed(&self, id: &str, error: ServiceError, request_id: &str, now: Timestamp) -> Outcome {
        let reason = error.reason();
        if !error.is_permanent() {
            held(SERVICE, &reason);
            return Outcome::Retry(reason);
        }
        match self.messages.give_up(id, &reason, now).await {
            Ok(true) => parked(id, &reason, request_id),
            Ok(false) => {}
            Err(again) => tracing::error!(request_id, message = id, "cannot even be parked ({again}): {error}"),
        }
        Outcome::Done
    }

    async fn one(&self, read: &Queued, lane: &mut Lane, request_id: &str, now: Timestamp) -> Result<(), ServiceError> {
        let id = read.message.id.as_str();
        let (reason, sent, wait) = match &lane.down {
            Some(reason) => (reason.clone(), false, None),
            None => match self.app.tell(&read.message).await {
                Told::Delivered => {
                    let first = self.messages.note(read, &Written::Delivered, now).await?;
                    count(SERVICE, "AppTold", usize::from(first));
                    tracing::info!(request_id, message = id, attempts = read.attempts + 1, "told the app");
                    return Ok(());
                }
                Told::Refused(reason) => return self.park(read, (&reason, true), request_id, now).await,
                Told::Failed { reason, wait } => (reason, true, wait),
                // Its owner is told now, and not after three days.
                Told::Unready(reason) => {
                    count(SERVICE, "Parked", 1);
                    tracing::error!(request_id, reason = reason.code, "the app is not told: {}", reason.message);
                    (reason, false, None)
                }
            },
        };
        lane.down = Some(reason.clone());
        let Some(due) = next_try(read.began, now, wait) else {
            return self.park(read, (&reason, sent), request_id, now).await;
        };
        self.messages.note(read, &Written::Again { due, sent, reason: &reason }, now).await?;
        count(SERVICE, "AppFailed", 1);
        tracing::warn!(request_id, message = id, reason = reason.code, %due, "to be tried again: {}", reason.message);
        Ok(())
    }

    async fn park(
        &self,
        read: &Queued,
        (reason, sent): (&Reason, bool),
        request_id: &str,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        if self.messages.note(read, &Written::Parked { sent, reason }, now).await? {
            parked(&read.message.id, reason, request_id);
        }
        Ok(())
    }
}

fn parked(id: &str, reason: &Reason, request_id: &str) {
    count(SERVICE, "Parked", 1);
    tracing::error!(request_id, message = id, reason = reason.code, "parked: {}", reason.message);
}

#[cfg(test)]
mod tests;
