//! Turns a batch of the outbox into a digest and messages: queued notices are gathered first, so that a failing channel
//! delays no mail; then each message is composed (safe to fail) and passed to the domain to be posted once.

#[cfg(test)]
mod tests;

use std::time::Duration;

use comptoir::{
    clock::Clock,
    mail::{
        MailId,
        compose::Composer,
        dispatch::{self, Dispatched},
        outbox::Outbox,
    },
    outcome::{Outcome, Reason, ServiceError},
    settings::{SettingsReader, cache::CachedSettings},
    stream::{self, BatchAnswer, Record, StreamEvent},
    team::{Message, TeamNews, TeamRoom, gather, lines, room_is_silent, room_text},
    timing::{GATHER_SECONDS, ONE_MESSAGE_SECONDS, OPERATION_SECONDS, ROOM_PATIENCE_SECONDS},
};
use comptoir_edge::telemetry::{count, held};
use jiff::{SignedDuration, Timestamp};

const SERVICE: &str = "team-notifier";

/// The queued notices.
const TEAM: &str = "TEAM";

/// The longest that one message may take.
const ONE_MESSAGE: SignedDuration = SignedDuration::from_secs(ONE_MESSAGE_SECONDS.cast_signed());

/// The longest that gathering may take.
const GATHER: Duration = Duration::from_secs(GATHER_SECONDS);

/// Timeout of one operation.
const ONE_OPERATION: SignedDuration = SignedDuration::from_secs(OPERATION_SECONDS.cast_signed());

/// How long a message stays queued for a channel that takes none.
const PATIENCE: SignedDuration = SignedDuration::from_secs(ROOM_PATIENCE_SECONDS.cast_signed());

/// Slack accepts one message a second per webhook (docs.slack.dev, "Rate limits").
const BETWEEN: Duration = Duration::from_millis(1100);

/// The dependencies of a batch.
#[derive(Debug)]
pub struct Notifier<O, R, S, C> {
    /// The outbox.
    pub outbox: O,
    /// The team's channel.
    pub room: R,
    /// The templates.
    pub composer: Composer,
    /// The owner's settings.
    pub settings: CachedSettings<S>,
    /// The clock.
    pub clock: C,
    /// How long a lease holds; longer than the function's timeout.
    pub lease: SignedDuration,
}

impl<O: Outbox + TeamNews, R: TeamRoom, S: SettingsReader, C: Clock> Notifier<O, R, S, C> {
    /// Gathers the notices of a batch into one digest, then posts its messages one after the other. Stops posting when
    /// one has to be retried or too little is left before `deadline`; messages not begun are delivered again.
    pub async fn handle(&self, event: StreamEvent, request_id: &str, deadline: Timestamp) -> BatchAnswer {
        let gathered = self.gather(&event.records, request_id, deadline).await;
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(event.records.len());
        let mut stopped: Option<Reason> = None;
        let mut said = false;
        let mut answered: Vec<(MailId, Outcome)> = Vec::new();
        for record in &event.records {
            if record.kind() == Some(TEAM) {
                outcomes.push(record.check().map_or_else(Outcome::from, |()| gathered.clone()));
                continue;
            }
            if let Some(reason) = &stopped {
                outcomes.push(Outcome::Retry(reason.clone()));
                continue;
            }
            if said {
                tokio::time::sleep(BETWEEN).await;
            }
            let id = MailId(record.id().unwrap_or_default().to_owned());
            // A message that was woken may be in the batch twice; the first answer is that of both.
            if let Some((_, outcome)) = answered.iter().find(|(other, _)| *other == id) {
                outcomes.push(outcome.clone());
                continue;
            }
            let dispatched = match stream::in_time(self.clock.now(), ONE_MESSAGE, deadline) {
                Ok(()) => self.say(record, request_id).await,
                Err(reason) => Dispatched::Later(reason),
            };
            let dispatched = dispatch::rested(&id, dispatched, &self.outbox).await;
            said = matches!(dispatched, Dispatched::Sent(_) | Dispatched::Unknown);
            report(&dispatched, request_id, record.id().unwrap_or_default());
            if let Dispatched::Later(reason) = &dispatched {
                stopped = Some(reason.clone());
            }
            answered.push((id, dispatched.outcome()));
            outcomes.push(dispatched.outcome());
        }
        stream::answer(&event.records, &outcomes, self.clock.now())
    }

    /// Gathers the notices still queued. The ids suffice: a notice's content is read when the digest is composed.
    async fn gather(&self, records: &[Record], request_id: &str, deadline: Timestamp) -> Outcome {
        let waiting = records.iter().filter(|record| record.kind() == Some(TEAM) && record.check().is_ok());
        let waiting: Vec<MailId> = waiting.filter_map(|record| Some(MailId(record.id()?.to_owned()))).collect();
        if waiting.is_empty() {
            return Outcome::AlreadyDone;
        }
        let told = async {
            let open = self.room.is_open().await?;
            let now = self.clock.now();
            let settings = self.settings.get(now).await?;
            let seller = settings.of_day(settings.day_of(now));
            gather(waiting.clone(), &seller, open, &self.outbox, now).await
        };
        // A cut-off between two transactions, or in one that commits anyway, loses and repeats no notice.
        let told = tokio::time::timeout(GATHER, told).await;
        match told.unwrap_or_else(|_| Err(ServiceError::transient("the team's digest", "gathering took too long"))) {
            Ok(gathered) => {
                count(SERVICE, "TeamTold", gathered.told);
                tracing::info!(request_id, told = gathered.told, settled = gathered.settled, "gathered");
                Outcome::Done
            }
            Err(failure) if failure.is_permanent() => self.park_notices(&waiting, &failure, request_id, deadline).await,
            Err(failure) => {
                if held(SERVICE, &failure.reason()) {
                    tracing::error!(request_id, "held: {failure}");
                } else {
                    tracing::warn!(request_id, "to be tried again: {failure}");
                }
                Outcome::from(failure)
            }
        }
    }

    /// Parks notices that cannot be gathered. Those without time left, or that cannot be parked, are delivered again.
    async fn park_notices(
        &self,
        notices: &[MailId],
        failure: &ServiceError,
        request_id: &str,
        deadline: Timestamp,
    ) -> Outcome {
        for id in notices {
            let now = self.clock.now();
            let parked = match stream::in_time(now, ONE_OPERATION, deadline) {
                Ok(()) => dispatch::park(id, failure.reason(), &self.outbox, now).await,
                Err(reason) => Dispatched::Later(reason),
            };
            report(&parked, request_id, &id.0);
            if let Dispatched::Later(reason) = parked {
                return Outcome::Retry(reason);
            }
        }
        Outcome::Reject(failure.reason())
    }

    async fn say(&self, record: &Record, request_id: &str) -> Dispatched {
        let id = MailId(record.id().unwrap_or_default().to_owned());
        let park = async |reason| dispatch::park(&id, reason, &self.outbox, self.clock.now()).await;
        let message: Message = match record.data() {
            Ok(message) => message,
            Err(failure) if failure.is_permanent() => return park(failure.reason()).await,
            Err(failure) => return Dispatched::Later(failure.reason()),
        };
        let text = match self.text(&message).await {
            Ok(Some(text)) => text,
            // Every profile that the digest listed was deleted since.
            Ok(None) => return Dispatched::Settled,
            Err(NoText::Template(reason)) => return park(reason).await,
            Err(NoText::Outbox(failure)) if failure.is_permanent() => return park(failure.reason()).await,
            Err(NoText::Outbox(failure)) if failure.reason().is_held() => return Dispatched::Later(failure.reason()),
            Err(NoText::Outbox(failure)) => {
                return Dispatched::Later(Reason::new("outbox_unavailable", failure.to_string()));
            }
        };
        let post = self.room.say(&text);
        let now = || self.clock.now();
        let dispatched = dispatch::send(&id, request_id, &self.outbox, post, now, self.lease).await;
        match dispatched {
            Dispatched::Later(reason) if self.clock.now().duration_since(message.queued_at) > PATIENCE => {
                park(room_is_silent(&reason.message)).await
            }
            other => other,
        }
    }

    /// The text of a message; `None` if no profile is left to report on.
    async fn text(&self, message: &Message) -> Result<Option<String>, NoText> {
        let mut digest = message.digest.clone();
        digest.lines = lines(self.outbox.notices(&digest.notices).await.map_err(NoText::Outbox)?);
        if digest.lines.is_empty() {
            return Ok(None);
        }
        let composed = self.composer.digest(&digest).map_err(|error| {
            NoText::Template(Reason::new("mail_template", format!("{error}; mend the digest's template and replay")))
        })?;
        Ok(Some(room_text(&format!("{}\n{}", composed.subject, composed.text))))
    }
}

/// Why there is no text to post.
enum NoText {
    /// A person has to fix the template.
    Template(Reason),
    /// It is retried.
    Outbox(ServiceError),
}

fn report(dispatched: &Dispatched, request_id: &str, message: &str) {
    match dispatched {
        Dispatched::Sent(_) => {
            count(SERVICE, "MessageSent", 1);
            tracing::info!(request_id, message, "said to the team");
        }
        Dispatched::Settled => tracing::info!(request_id, message, "nothing to say"),
        Dispatched::Unknown => {
            count(SERVICE, "MessageUnknown", 1);
            tracing::error!(request_id, message, "nobody knows whether Slack has this message; look into the channel");
        }
        Dispatched::Parked(reason) => {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, message, reason = reason.code, "parked: {}", reason.message);
        }
        Dispatched::Later(reason) if held(SERVICE, reason) => {
            tracing::error!(request_id, message, reason = reason.code, "held: {}", reason.message);
        }
        Dispatched::InHand(reason) | Dispatched::Later(reason) => {
            tracing::warn!(request_id, message, reason = reason.code, "to be tried again: {}", reason.message);
        }
    }
}
