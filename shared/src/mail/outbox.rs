//! The outbox and the post office, as capabilities: mails are claimed before they are sent, and sent as they are.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use super::MailId;
use crate::outcome::{Reason, ServiceError};

/// How long a mail is kept after it was sent, or after SES last told of it, with the address it went to. Its document
/// stays in the archive.
pub const SENT_KEPT: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Where a mail stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Waiting.
    Queued,
    /// Claimed by someone who may be sending it until the lease ends.
    Sending {
        /// When the claim ends.
        lease_until: Timestamp,
    },
    /// The mail service has it.
    Sent,
    /// It may or may not have been sent; only a delivery event, or a person, can tell.
    Unknown,
    /// Waiting for a person.
    Parked,
    /// The recipient's server has it.
    Delivered,
    /// It came back and waits for a person.
    Bounced,
    /// The mail service took it and then refused to send it; it waits for a person.
    Rejected,
    /// The recipient has it and called it spam.
    Complained,
}

/// What becomes of the time at which a record of the outbox is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It has none: a person has to see to the record first.
    Never,
    /// It is this, whatever it was before.
    At(Timestamp),
    /// It stays as it was when the record was queued.
    AsQueued,
}

impl Expiry {
    /// The rule, for a record that comes to `status` at `now`. What waits for a person is kept until it is settled, and what
    /// is settled is kept for [`SENT_KEPT`] from then on. Notices about members name people and are told within days or
    /// never: they go when it was said that they would, whatever became of them.
    pub fn of(id: &MailId, status: &Status, now: Timestamp) -> Self {
        match status {
            _ if id.is_about_member() => Self::AsQueued,
            Status::Queued | Status::Sending { .. } => Self::AsQueued,
            Status::Unknown | Status::Parked | Status::Bounced | Status::Rejected => Self::Never,
            Status::Sent | Status::Delivered | Status::Complained => {
                Self::At(now.saturating_add(SENT_KEPT).unwrap_or(Timestamp::MAX))
            }
        }
    }
}

/// What claiming a mail found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is ours until the lease ends.
    Ours,
    /// It was not waiting; this is where it stands.
    Held(Status),
    /// There is no such mail.
    Absent,
}

/// What parking a mail found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parking {
    /// It is parked now.
    Parked,
    /// It was not waiting, or was parked before; this is where it stands.
    Held(Status),
    /// There is no such mail.
    Absent,
}

/// Keeps mails and where each stands.
pub trait Outbox: Send + Sync {
    /// Claims a waiting mail for `lease`. `claimant` tells our own earlier try, whose answer was lost, from a stranger's.
    fn claim(
        &self,
        id: &MailId,
        claimant: &str,
        now: Timestamp,
        lease: SignedDuration,
    ) -> impl Future<Output = Result<Claim, ServiceError>> + Send;

    /// Gives a mail back that `claimant` holds: it was certainly not sent. One that somebody else holds by now is left
    /// alone, because a request that lands late must not take it out of their hands.
    fn release(&self, id: &MailId, claimant: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Parks a mail that `claimant` holds: it was certainly not sent, and it will not be as it stands. One step, because
    /// between giving it back and parking it somebody else might claim it.
    fn refuse(
        &self,
        id: &MailId,
        claimant: &str,
        reason: &Reason,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Notes that a claimed mail was sent, under the service's id, unless more is known of it by now: a message that came
    /// back says nothing of a mail that was put back since.
    fn sent(
        &self,
        id: &MailId,
        message_id: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Notes that nobody knows whether a mail was sent that `claimant` holds, or whose lease is over, unless that is known by
    /// now. One that somebody else holds is left alone: a person may have put it back since.
    fn unknown(
        &self,
        id: &MailId,
        claimant: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Parks a waiting mail with its reason until a person replays it. Any other stays as it is, and it is told where it
    /// stands: one that is being sent must not be parked, nor left behind.
    fn park(
        &self,
        id: &MailId,
        reason: &Reason,
        now: Timestamp,
    ) -> impl Future<Output = Result<Parking, ServiceError>> + Send;
}

/// A mail ready to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingEmail {
    /// The mail's id, carried as a tag so that delivery events find it.
    pub id: MailId,
    /// `Name <address>`.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// Subject, one line.
    pub subject: String,
    /// HTML part.
    pub html: String,
    /// Text part.
    pub text: String,
    /// What it brings, if it brings something.
    pub enclosure: Option<AttachedFile>,
}

/// A PDF that a letter brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedFile {
    /// The name the reader sees.
    pub filename: String,
    /// Its bytes.
    pub pdf: Vec<u8>,
}

/// What posting a letter came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendResult {
    /// Accepted, under this id.
    Accepted(String),
    /// Certainly not accepted; worth another try later.
    Transient(String),
    /// Certainly not accepted, and it never will be as it stands.
    Permanent(Reason),
    /// The answer was lost: it may have been accepted.
    Ambiguous(String),
}

/// Sends letters. Must not repeat a request on its own: the service has no idempotency key.
pub trait MailTransport: Send + Sync {
    /// Sends one letter.
    fn post(&self, letter: &OutgoingEmail) -> impl Future<Output = SendResult> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_person_never_expires_and_what_is_settled_does() {
        let now = Timestamp::UNIX_EPOCH;
        let of = |id: &str, status: &Status| Expiry::of(&MailId(id.to_owned()), status, now);
        let kept = Expiry::At(now.saturating_add(SENT_KEPT).unwrap());
        let sending = Status::Sending { lease_until: now };
        for (status, expiry) in [
            (Status::Queued, Expiry::AsQueued),
            (sending, Expiry::AsQueued),
            (Status::Unknown, Expiry::Never),
            (Status::Parked, Expiry::Never),
            (Status::Bounced, Expiry::Never),
            (Status::Rejected, Expiry::Never),
            (Status::Sent, kept),
            (Status::Delivered, kept),
            (Status::Complained, kept),
        ] {
            for id in ["invoice/2026-11-0042", "team/1", "slack/1"] {
                assert_eq!(of(id, &status), expiry, "{id} {status:?}");
            }
            assert_eq!(of("profile/p1/2/member", &status), Expiry::AsQueued, "{status:?}");
        }
    }
}
