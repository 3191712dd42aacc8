//! A batch of queued mails becomes letters and outcomes: prepare what can fail safely, then let the domain dispatch.

#[cfg(test)]
mod tests;

use comptoir::{
    archive::Archive,
    clock::Clock,
    mail::{
        Attachment, Content, Mail, MailId,
        compose::Composer,
        delivery::{AddressHash, Deliveries},
        dispatch::{self, Dispatched},
        outbox::{AttachedFile, MailTransport, Outbox, OutgoingEmail},
    },
    outcome::{Outcome, Reason, ServiceError},
    stream::{self, BatchAnswer, Record, StreamEvent},
    team::{TeamNews, lines},
    timing::ONE_MAIL_SECONDS,
};
use comptoir_edge::telemetry::count;
use jiff::{SignedDuration, Timestamp};

const SERVICE: &str = "mail-sender";

/// The longest that one mail may take.
const ONE_MAIL: SignedDuration = SignedDuration::from_secs(ONE_MAIL_SECONDS.cast_signed());

/// Everything a batch needs.
#[derive(Debug)]
pub struct Sender<O, A, P, C> {
    /// Where mails wait.
    pub outbox: O,
    /// Where attachments lie.
    pub archive: A,
    /// Who sends.
    pub post_office: P,
    /// Who writes.
    pub composer: Composer,
    /// Time.
    pub clock: C,
    /// How long a claim holds; longer than the function's timeout.
    pub lease: SignedDuration,
}

impl<O: Outbox + Deliveries + TeamNews, A: Archive, P: MailTransport, C: Clock> Sender<O, A, P, C> {
    /// Sends the mails of a batch, one after the other: SES limits the rate, and order costs nothing here. Stops where a
    /// service fails, or too little time is left before `deadline`, so that no send is ever cut off between claim and
    /// record; what was not begun comes again.
    pub async fn handle(&self, event: StreamEvent, request_id: &str, deadline: Timestamp) -> BatchAnswer {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(event.records.len());
        for record in &event.records {
            let dispatched = match stream::in_time(self.clock.now(), ONE_MAIL, deadline) {
                Ok(()) => self.send(record, request_id).await,
                Err(reason) => Dispatched::Later(reason),
            };
            report(&dispatched, request_id, record.id().unwrap_or_default());
            outcomes.push(dispatched.outcome());
            if matches!(dispatched, Dispatched::Later(_)) {
                break;
            }
        }
        stream::answer(&event.records, &outcomes)
    }

    async fn send(&self, record: &Record, request_id: &str) -> Dispatched {
        let id = MailId(record.id().unwrap_or_default().to_owned());
        let mut mail: Mail = match record.data() {
            Ok(mail) => mail,
            Err(reason) => return dispatch::park(&id, reason, &self.outbox, self.clock.now()).await,
        };
        match self.letter(&mut mail).await {
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

    /// The letter of a mail, with its attachment, or why there is none.
    async fn letter(&self, mail: &mut Mail) -> Result<OutgoingEmail, Outcome> {
        let to = mail.recipient().map_err(Outcome::Reject)?;
        if self.leaves_alone(mail).await? {
            return Err(Outcome::AlreadyDone);
        }
        if let Content::Digest(digest) = &mut mail.content {
            digest.lines = lines(self.outbox.notices(&digest.notices).await?);
            // Everyone it told of has left since.
            if digest.lines.is_empty() {
                return Err(Outcome::AlreadyDone);
            }
        }
        let composed = self.composer.compose(&mail.content).map_err(|error| {
            Outcome::Reject(Reason::new("mail_template", format!("{error}; mend the mail template and replay")))
        })?;
        let enclosure = match &mail.attachment {
            None => None,
            Some(attachment) => Some(self.enclosure(&mail.id, attachment).await?),
        };
        Ok(OutgoingEmail {
            id: mail.id.clone(),
            from: mail.sender(),
            to,
            reply_to: mail.answers(),
            subject: composed.subject,
            html: composed.html,
            text: composed.text,
            enclosure,
        })
    }

    /// Whether nobody is told: a notice may go unread, and whoever sent mail back or called it spam wants none of them. An
    /// invoice is sent all the same.
    async fn leaves_alone(&self, mail: &Mail) -> Result<bool, ServiceError> {
        match (&mail.content, &mail.to) {
            (Content::Notice(_) | Content::Digest(_), Some(to)) => {
                Ok(self.outbox.suppressed(&AddressHash::of(to)).await?.is_some())
            }
            _ => Ok(false),
        }
    }

    async fn enclosure(&self, id: &MailId, attachment: &Attachment) -> Result<AttachedFile, Outcome> {
        let pdf = self.archive.read(&attachment.document.key).await?.ok_or_else(|| {
            let text = format!("the document of {id} is not in the archive; restore it there and replay");
            Outcome::Reject(Reason::new("attachment_missing", text))
        })?;
        let document = &attachment.document;
        if !document.is(&pdf) {
            // No key: it carries the customer's name.
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
            tracing::error!(request_id, mail, reason = reason.word, "parked: {}", reason.text);
        }
        Dispatched::InHand(reason) | Dispatched::Later(reason) => {
            tracing::warn!(request_id, mail, reason = reason.word, "to be tried again: {}", reason.text);
        }
    }
}
