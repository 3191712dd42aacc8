//! The team's room: one message, claimed, posted once and settled.

use comptoir::{
    clock::Clock,
    mail::{
        MailId,
        dispatch::{self, Dispatched},
        outbox::Outbox,
    },
    outcome::{Reason, ServiceError},
    stream::Record,
    team::{Message, TeamNews, TeamRoom, lines, room_is_silent, room_text},
    timing::ROOM_PATIENCE_SECONDS,
};
use jiff::SignedDuration;

use crate::handler::NoticeSender;

/// How long a message stays queued for a channel that takes none.
const PATIENCE: SignedDuration = SignedDuration::from_secs(ROOM_PATIENCE_SECONDS.cast_signed());

/// How long a message is retried by the stream, which holds up the notices behind it. From then on the sweep wakes it.
const RETRIED: SignedDuration = SignedDuration::from_mins(1);

impl<O: Outbox + TeamNews, P, Q, R: TeamRoom, S, C: Clock, T> NoticeSender<O, P, Q, R, S, C, T> {
    /// Posts the message of a record.
    pub async fn say(&self, record: &Record, request_id: &str) -> Dispatched {
        let id = MailId(record.id().unwrap_or_default().to_owned());
        let park = async |reason| dispatch::park(&id, reason, &self.notices, self.clock.now()).await;
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
            Err(NoText::Store(failure)) if failure.is_permanent() => return park(failure.reason()).await,
            Err(NoText::Store(failure)) if failure.reason().is_held() => return Dispatched::Later(failure.reason()),
            Err(NoText::Store(failure)) => {
                return Dispatched::Later(Reason::new("outbox_unavailable", failure.to_string()));
            }
        };
        let post = self.room.say(&text);
        let now = || self.clock.now();
        let dispatched = dispatch::send(&id, request_id, &self.notices, post, now, self.lease).await;
        let waited = self.clock.now().duration_since(message.queued_at);
        match dispatched {
            Dispatched::Later(reason) if waited > PATIENCE => park(room_is_silent(&reason.message)).await,
            Dispatched::Later(reason) if waited > RETRIED && record.is_open() => Dispatched::Deferred(reason),
            other => other,
        }
    }

    /// The text of a message; `None` if no profile is left to report on.
    async fn text(&self, message: &Message) -> Result<Option<String>, NoText> {
        let mut digest = message.digest.clone();
        digest.lines = lines(self.notices.notices(&digest.notices).await.map_err(NoText::Store)?);
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
    Store(ServiceError),
}
