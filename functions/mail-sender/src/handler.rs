//! Sends a batch of queued mails, each of which delivers a document: prepares each (safe to fail), then lets the domain dispatch it.

#[cfg(test)]
mod tests;

use comptoir::{
    archive::Archive,
    clock::Clock,
    mail::{
        Attachment, Mail, MailId,
        compose::Composer,
        dispatch::{self, Dispatched},
        outbox::{AttachedFile, MailTransport, Outbox, OutgoingEmail},
    },
    outcome::{Outcome, Reason},
    stream::{self, BatchAnswer, Record, StreamEvent},
    timing::ONE_MAIL_SECONDS,
};
use comptoir_edge::telemetry::{count, held};
use jiff::{SignedDuration, Timestamp};

const SERVICE: &str = "mail-sender";

/// The longest that one mail may take.
const ONE_MAIL: SignedDuration = SignedDuration::from_secs(ONE_MAIL_SECONDS.cast_signed());

/// The dependencies of a batch.
#[derive(Debug)]
pub struct Sender<O, A, P, C> {
    /// The outbox.
    pub outbox: O,
    /// The archive with the attachments.
    pub archive: A,
    /// The sender.
    pub post_office: P,
    /// The templates.
    pub composer: Composer,
    /// The clock.
    pub clock: C,
    /// How long a lease holds; longer than the function's timeout.
    pub lease: SignedDuration,
}

impl<O: Outbox, A: Archive, P: MailTransport, C: Clock> Sender<O, A, P, C> {
    /// Sends the mails of a batch one after the other: SES limits the rate, and order costs nothing here. Stops when a
    /// service fails or too little time is left before `deadline`, so that no send is cut off between claim and record;
    /// mails not begun are delivered again by the stream.
    pub async fn handle(&self, event: StreamEvent, request_id: &str, deadline: Timestamp) -> BatchAnswer {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(event.records.len());
        for record in &event.records {
            let dispatched = match stream::in_time(self.clock.now(), ONE_MAIL, deadline) {
                // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
                Ok(()) => Box::pin(self.send(record, request_id)).await,
                Err(reason) => Dispatched::Later(reason),
            };
            let id = MailId(record.id().unwrap_or_default().to_owned());
            let dispatched = dispatch::rested(&id, dispatched, &self.outbox).await;
            report(&dispatched, request_id, record.id().unwrap_or_default());
            outcomes.push(dispatched.outcome());
            if matches!(dispatched, Dispatched::Later(_)) {
                break;
            }
        }
        stream::answer(&event.records, &outcomes, self.clock.now())
    }

    async fn send(&self, record: &Record, request_id: &str) -> Dispatched {
        let id = MailId(record.id().unwrap_or_default().to_owned());
        let mail: Mail = match record.data() {
            Ok(mail) => mail,
            Err(failure) if failure.is_permanent() => {
                return dispatch::park(&id, failure.reason(), &self.outbox, self.clock.now()).await;
            }
            Err(failure) => return Dispatched::Later(failure.reason()),
        };
        match self.letter(&mail).await {
            Ok(letter) => {
                dispatch::dispatch(
                    &letter,
                    request_id,
                    &self.outbox,
                    &self.post_office,
                    || self.clock.now(),
                    self.lease,
                )
                .await
            }
            Err(Outcome::Retry(reason)) => Dispatched::Later(reason),
            Err(Outcome::Reject(reason)) => dispatch::park(&id, reason, &self.outbox, self.clock.now()).await,
            Err(Outcome::Done | Outcome::AlreadyDone) => Dispatched::Settled,
        }
    }

    /// The composed mail with its attachment, or why there is none.
    async fn letter(&self, mail: &Mail) -> Result<OutgoingEmail, Outcome> {
        let to = mail.recipient().map_err(Outcome::Reject)?;
        let composed = self.composer.compose(&mail.content).map_err(|error| {
            Outcome::Reject(Reason::new("mail_template", format!("{error}; mend the mail template and replay")))
        })?;
        let enclosure = match &mail.attachment {
            None => None,
            Some(attachment) => Some(self.enclosure(&mail.id, attachment).await?),
        };
        Ok(composed.letter(mail, to, enclosure))
    }

    async fn enclosure(&self, id: &MailId, attachment: &Attachment) -> Result<AttachedFile, Outcome> {
        let pdf = self.archive.read(&attachment.document.key).await?.ok_or_else(|| {
            let text = format!("the document of {id} is not in the archive; restore it there and replay");
            Outcome::Reject(Reason::new("attachment_missing", text))
        })?;
        let document = &attachment.document;
        if !document.is(&pdf) {
            let text = format!(
                "what lies in the archive is not the document of {id} that was issued (SHA-256 {}); restore that version \
                 there and replay",
                document.sha256
            );
            return Err(Outcome::Reject(Reason::new("attachment_differs", text)));
        }
        Ok(AttachedFile { filename: attachment.filename.clone(), pdf })
    }
}

fn report(dispatched: &Dispatched, request_id: &str, mail: &str) {
    match dispatched {
        Dispatched::Sent(message_id) => {
            count(SERVICE, "MailSent", 1);
            tracing::info!(request_id, mail, message_id, "mail sent");
        }
        Dispatched::Settled => tracing::info!(request_id, mail, "nothing to send"),
        Dispatched::Unknown => {
            count(SERVICE, "MailUnknown", 1);
            tracing::error!(request_id, mail, "nobody knows whether this mail was sent; look for its delivery event");
        }
        Dispatched::Parked(reason) => {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, mail, reason = reason.code, "parked: {}", reason.message);
        }
        Dispatched::Later(reason) if held(SERVICE, reason) => {
            tracing::error!(request_id, mail, reason = reason.code, "held: {}", reason.message);
        }
        Dispatched::InHand(reason) | Dispatched::Later(reason) | Dispatched::Deferred(reason) => {
            tracing::warn!(request_id, mail, reason = reason.code, "to be tried again: {}", reason.message);
        }
    }
}
