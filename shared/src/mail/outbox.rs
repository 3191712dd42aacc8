//! The outbox and the mail transport, as capabilities: mails are claimed before they are sent.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use super::MailId;
use crate::outcome::{Reason, ServiceError};

/// How long a mail and its address are kept after it was sent, or after SES last reported on it. Its document stays in
/// the archive.
pub const SENT_KEPT: SignedDuration = SignedDuration::from_hours(180 * 24);

/// The same for what is sent to the team: it names notices by ids in which a profile's id stands, and a member who leaves is
/// to be forgotten.
pub const TOLD_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The status of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Queued.
    Queued,
    /// Claimed by a sender, who may be sending it until the lease ends.
    Sending {
        /// When the lease ends.
        lease_until: Timestamp,
    },
    /// The mail service accepted it.
    Sent,
    /// It may or may not have been sent; only a delivery event, or a person, can settle it.
    Unknown,
    /// Parked, for a person.
    Parked,
    /// The recipient's server accepted it.
    Delivered,
    /// It bounced and needs a person.
    Bounced,
    /// The mail service accepted it and then refused to send it; it needs a person.
    Rejected,
    /// The recipient has it and reported it as spam.
    Complained,
}

/// What happens to the expiry time of an outbox record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It has none: a person must settle the record first.
    Never,
    /// It is set to this, whatever it was before.
    At(Timestamp),
    /// It stays as it was when the record was queued.
    AsQueued,
}

impl Expiry {
    /// The rule, for a record that gets `status` at `now`. A record that needs a person is kept until it is settled,
    /// and then for [`SENT_KEPT`], or [`TOLD_KEPT`] if it delivers no document. Notices about members contain names and are sent within days or never: they expire
    /// at the time that was set when they were queued, whatever their status.
    pub fn of(id: &MailId, status: &Status, now: Timestamp) -> Self {
        match status {
            _ if id.is_about_member() => Self::AsQueued,
            Status::Queued | Status::Sending { .. } => Self::AsQueued,
            Status::Unknown | Status::Parked | Status::Bounced | Status::Rejected => Self::Never,
            Status::Sent | Status::Delivered | Status::Complained => {
                let kept = if id.delivers_document() { SENT_KEPT } else { TOLD_KEPT };
                Self::At(now.saturating_add(kept).unwrap_or(Timestamp::MAX))
            }
        }
    }
}

/// The result of claiming a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is ours until the lease ends.
    Ours,
    /// It was not queued; this is its status.
    Held(Status),
    /// There is no such mail.
    Absent,
}

/// The result of parking a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parking {
    /// It is parked now.
    Parked,
    /// It was not queued, or was parked before; this is its status.
    Held(Status),
    /// There is no such mail.
    Absent,
}

/// Stores mails and their status.
pub trait Outbox: Send + Sync {
    /// Claims a queued mail for `lease`. `claimant` tells our own earlier try, whose answer was lost, from another's.
    fn claim(
        &self,
        id: &MailId,
        claimant: &str,
        now: Timestamp,
        lease: SignedDuration,
    ) -> impl Future<Output = Result<Claim, ServiceError>> + Send;

    /// Releases a mail that `claimant` holds: it was certainly not sent. A mail that another claimant holds by now is
    /// left alone, because a late request must not take it from them.
    fn release(&self, id: &MailId, claimant: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Parks a mail that `claimant` holds: it was certainly not sent, and it cannot be sent as it is. One step, because
    /// between release and park another sender might claim it.
    fn refuse(
        &self,
        id: &MailId,
        claimant: &str,
        reason: &Reason,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Records that a claimed mail was sent, under the service's id, unless more is known by now: a message that
    /// bounced says nothing about a mail that was replayed since.
    fn sent(
        &self,
        id: &MailId,
        message_id: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Records that it is unknown whether a mail was sent that `claimant` holds, or whose lease has ended, unless it is
    /// known by now. A mail that another claimant holds is left alone: a person may have replayed it since.
    fn unknown(
        &self,
        id: &MailId,
        claimant: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Notes that nothing is left to do for a mail or message, so that the sweep lets it rest; changes nothing else. One
    /// that waits or is being sent stays open: a person may have requeued it since it was read.
    fn close(&self, id: &MailId) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Parks a queued mail with its reason until a person replays it. Any other mail keeps its status, which is
    /// returned: one that is being sent must not be parked, nor lost.
    fn park(
        &self,
        id: &MailId,
        reason: &Reason,
        now: Timestamp,
    ) -> impl Future<Output = Result<Parking, ServiceError>> + Send;
}

/// A mail ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingEmail {
    /// The mail's id, sent as a tag so that delivery events can be matched to it.
    pub id: MailId,
    /// `Name <address>`.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// The reply-to address.
    pub reply_to: Option<String>,
    /// Subject, one line.
    pub subject: String,
    /// HTML part.
    pub html: String,
    /// Text part.
    pub text: String,
    /// Its attachment, if any.
    pub enclosure: Option<AttachedFile>,
}

/// A PDF attached to a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedFile {
    /// The name the reader sees.
    pub filename: String,
    /// Its bytes.
    pub pdf: Vec<u8>,
}

/// The result of sending a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendResult {
    /// Accepted, under this id.
    Accepted(String),
    /// Certainly not accepted; retry later.
    Transient(String),
    /// Certainly not accepted, and never will be as it is.
    Permanent(Reason),
    /// The answer was lost: it may have been accepted.
    Ambiguous(String),
}

/// The mail transport. It must not retry a request on its own: the service has no idempotency key.
pub trait MailTransport: Send + Sync {
    /// Sends one mail.
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
        let told = Expiry::At(now.saturating_add(TOLD_KEPT).unwrap());
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
            assert_eq!(of("invoice/2026-11-0042", &status), expiry, "{status:?}");
            let of_team = if expiry == kept { &told } else { &expiry };
            for id in ["team/1", "slack/1"] {
                assert_eq!(of(id, &status), *of_team, "{id} {status:?}");
            }
            assert_eq!(of("profile/p1/2/member", &status), Expiry::AsQueued, "{status:?}");
        }
    }
}
