//! Sends a batch of notices: those for the team are gathered first, so that a failing channel delays no notice; then each
//! mail and each message is prepared (safe to fail) and passed to the domain to be sent once. The seller's app comes last.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use comptoir::{
    app::{
        KIND,
        delivery::{App, AppMessages},
    },
    clock::Clock,
    mail::{
        MailId,
        compose::Composer,
        delivery::Deliveries,
        dispatch::{self, Dispatched},
        outbox::{MailTransport, Outbox},
        quota::QuotaReader,
    },
    outcome::{Outcome, Reason},
    settings::{SettingsReader, cache::CachedSettings},
    stream::{self, BatchAnswer, Record, StreamEvent},
    team::{TeamNews, TeamRoom},
    timing::{ONE_MESSAGE_SECONDS, ONE_NOTICE_SECONDS},
};
use comptoir_edge::telemetry::{count, held};
use jiff::{SignedDuration, Timestamp};

use crate::{
    budget::Budget,
    told::{Lane, Teller},
};

pub const SERVICE: &str = "notice-sender";

/// A notice for the team, to be gathered.
pub const TEAM: &str = "TEAM";

/// A message for the team's room.
const MESSAGE: &str = "SLACK";

/// Slack accepts one message a second per webhook (docs.slack.dev, "Rate limits").
const BETWEEN: Duration = Duration::from_millis(1100);

/// The dependencies of a batch.
#[derive(Debug)]
pub struct NoticeSender<O, P, Q, R, S, C, T> {
    /// The notices.
    pub notices: O,
    /// The mail service.
    pub post_office: P,
    /// The mails that notices may still use.
    pub budget: Budget<Q>,
    /// The team's room.
    pub room: R,
    /// The seller's app, and its messages.
    pub app: T,
    /// The templates.
    pub composer: Composer,
    /// The owner's settings.
    pub settings: CachedSettings<S>,
    /// The clock.
    pub clock: C,
    /// How long a lease holds; longer than the function's timeout.
    pub lease: SignedDuration,
}

/// What became of the records of a batch so far.
#[derive(Default)]
struct Batch {
    /// The outcome of each mail and message: one that was woken may be in the batch twice.
    answered: BTreeMap<MailId, Outcome>,
    /// The channels that failed, by the kind of their records: their further records are delivered again.
    stopped: BTreeMap<String, Reason>,
    /// Whether the room was posted to.
    said: bool,
}

impl<O, P, Q, R, S, C, M, A> NoticeSender<O, P, Q, R, S, C, Teller<M, A>>
where
    O: Outbox + Deliveries + TeamNews,
    P: MailTransport,
    Q: QuotaReader,
    R: TeamRoom,
    S: SettingsReader,
    C: Clock,
    M: AppMessages,
    A: App,
{
    /// Gathers the notices for the team into one digest, then sends mails and messages one after the other. A channel stops
    /// when one of its records has to be retried or too little is left before `deadline`; what was not begun is delivered
    /// again.
    pub async fn handle(&self, event: StreamEvent, request_id: &str, deadline: Timestamp) -> BatchAnswer {
        let gathered = self.gather(&event.records, request_id, deadline).await;
        let mut batch = Batch::default();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(event.records.len());
        for record in &event.records {
            outcomes.push(match record.kind() {
                Some(TEAM) => record.check().map_or_else(Outcome::from, |()| gathered.clone()),
                // Its turn comes after everything else.
                Some(KIND) => Outcome::Done,
                _ => self.one(record, &mut batch, request_id, deadline).await,
            });
        }
        let mut lane = Lane::new();
        for (record, outcome) in event.records.iter().zip(&mut outcomes) {
            if record.kind() == Some(KIND) {
                let times = (self.clock.now(), deadline);
                *outcome = Box::pin(self.app.tell(record, &mut lane, request_id, times)).await;
            }
        }
        stream::answer(&event.records, &outcomes, self.clock.now())
    }

    async fn one(&self, record: &Record, batch: &mut Batch, request_id: &str, deadline: Timestamp) -> Outcome {
        let kind = record.kind().unwrap_or_default();
        if let Some(reason) = batch.stopped.get(kind) {
            return Outcome::Retry(reason.clone());
        }
        let id = MailId(record.id().unwrap_or_default().to_owned());
        if let Some(outcome) = batch.answered.get(&id) {
            return outcome.clone();
        }
        let to_room = kind == MESSAGE;
        if to_room && batch.said {
            tokio::time::sleep(BETWEEN).await;
        }
        let longest = if to_room { ONE_MESSAGE_SECONDS } else { ONE_NOTICE_SECONDS };
        let longest = SignedDuration::from_secs(longest.cast_signed());
        let dispatched = match stream::in_time(self.clock.now(), longest, deadline) {
            // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
            Ok(()) if to_room => Box::pin(self.say(record, request_id)).await,
            Ok(()) => Box::pin(self.mail(record, request_id)).await,
            Err(reason) => Dispatched::Later(reason),
        };
        let dispatched = dispatch::rested(&id, dispatched, &self.notices).await;
        batch.said |= to_room && matches!(dispatched, Dispatched::Sent(_) | Dispatched::Unknown);
        report(&dispatched, request_id, record.id().unwrap_or_default());
        if let Dispatched::Later(reason) = &dispatched {
            batch.stopped.insert(kind.to_owned(), reason.clone());
        }
        batch.answered.insert(id, dispatched.outcome());
        dispatched.outcome()
    }
}

/// Logs and counts what became of a notice or a message.
pub fn report(dispatched: &Dispatched, request_id: &str, notice: &str) {
    match dispatched {
        Dispatched::Sent(message_id) => {
            count(SERVICE, "NoticeSent", 1);
            tracing::info!(request_id, notice, message_id, "notice sent");
        }
        Dispatched::Settled => tracing::info!(request_id, notice, "nothing to send"),
        Dispatched::Unknown => {
            count(SERVICE, "NoticeUnknown", 1);
            tracing::error!(
                request_id,
                notice,
                "nobody knows whether this was sent; look for its delivery event, or into Slack"
            );
        }
        Dispatched::Parked(reason) => {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, notice, reason = reason.code, "parked: {}", reason.message);
        }
        Dispatched::Deferred(reason) => {
            count(SERVICE, "NoticeDeferred", 1);
            tracing::warn!(request_id, notice, reason = reason.code, "left to the sweep: {}", reason.message);
        }
        Dispatched::Later(reason) if held(SERVICE, reason) => {
            tracing::error!(request_id, notice, reason = reason.code, "held: {}", reason.message);
        }
        Dispatched::InHand(reason) | Dispatched::Later(reason) => {
            tracing::warn!(request_id, notice, reason = reason.code, "to be tried again: {}", reason.message);
        }
    }
}
