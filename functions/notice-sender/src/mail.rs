//! Notices by mail, to members and to the team: claimed, sent once and settled, within their part of the quota.

use comptoir::{
    clock::Clock,
    mail::{
        Content, Mail, MailId,
        delivery::{AddressHash, Deliveries},
        dispatch::{self, Dispatched},
        outbox::{MailTransport, Outbox, OutgoingEmail},
        quota::QuotaReader,
    },
    outcome::{Outcome, Reason},
    stream::Record,
    team::{TeamNews, lines},
};

use crate::handler::NoticeSender;

impl<O, P, Q, R, S, C, T> NoticeSender<O, P, Q, R, S, C, T>
where
    O: Outbox + Deliveries + TeamNews,
    P: MailTransport,
    Q: QuotaReader,
    C: Clock,
{
    /// Sends the notice of a record.
    pub async fn mail(&self, record: &Record, request_id: &str) -> Dispatched {
        let id = MailId(record.id().unwrap_or_default().to_owned());
        let park = async |reason| dispatch::park(&id, reason, &self.notices, self.clock.now()).await;
        let mut mail: Mail = match record.data() {
            Ok(mail) => mail,
            Err(failure) if failure.is_permanent() => return park(failure.reason()).await,
            Err(failure) => return Dispatched::Later(failure.reason()),
        };
        let letter = match self.letter(&mut mail).await {
            Ok(letter) => letter,
            Err(Outcome::Retry(reason)) => return Dispatched::Later(reason),
            Err(Outcome::Reject(reason)) => return park(reason).await,
            Err(Outcome::Done | Outcome::AlreadyDone) => return Dispatched::Settled,
        };
        match self.budget.take(self.clock.now()).await {
            Ok(true) => {}
            // The sweep looks at the quota before it wakes a notice.
            Ok(false) if record.is_open() => return Dispatched::Deferred(quota_used()),
            Ok(false) => return Dispatched::Later(quota_used()),
            Err(failure) => return Dispatched::Later(failure.reason()),
        }
        let now = || self.clock.now();
        dispatch::dispatch(&letter, request_id, &self.notices, &self.post_office, now, self.lease).await
    }

    /// The composed mail, or why there is none.
    async fn letter(&self, mail: &mut Mail) -> Result<OutgoingEmail, Outcome> {
        let to = mail.recipient().map_err(Outcome::Reject)?;
        // A notice may go unread: an address that bounced or complained gets none.
        if self.notices.suppressed(&AddressHash::of(&to)).await?.is_some() {
            return Err(Outcome::AlreadyDone);
        }
        if let Content::Digest(digest) = &mut mail.content {
            digest.lines = lines(self.notices.notices(&digest.notices).await?);
            // Every profile that the digest listed was deleted since.
            if digest.lines.is_empty() {
                return Err(Outcome::AlreadyDone);
            }
        }
        let composed = self.composer.compose(&mail.content).map_err(|error| {
            Outcome::Reject(Reason::new("mail_template", format!("{error}; mend the mail template and replay")))
        })?;
        Ok(composed.letter(mail, to, None))
    }
}

fn quota_used() -> Reason {
    Reason::new("quota_kept", "half of the day's mail quota is used, and the rest is kept for documents")
}
