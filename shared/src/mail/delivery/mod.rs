//! Delivery events: what SES later reports about a sent mail, in any order, repeated, days late.
//!
//! The statuses of a mail are ranked, and an event only ever moves it up, so the order of events does not matter. Only
//! a person moves a mail down, by replaying one that bounced: it is sent again, and later events of the bounced message
//! are ignored.

pub mod event;
mod suppression;

#[cfg(test)]
mod tests;

use std::future::Future;

use jiff::Timestamp;

use super::{MailId, outbox::Status};
use crate::outcome::{Reason, ServiceError};
pub use suppression::{AddressHash, Cause};

/// How far a mail has come; later is higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Queued.
    Queued,
    /// Claimed by a sender.
    Sending,
    /// It may have been sent.
    Unknown,
    /// The mail service accepted it.
    Sent,
    /// The recipient's server accepted it.
    Delivered,
    /// It bounced, even if it seemed delivered: servers may accept first and return later.
    Bounced,
    /// The service accepted it and then refused to send it.
    Rejected,
    /// The recipient has it and reported it as spam.
    Complained,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sending,
        Self::Unknown,
        Self::Sent,
        Self::Delivered,
        Self::Bounced,
        Self::Rejected,
        Self::Complained,
    ];

    /// Its name in the outbox and in logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Rejected => "rejected",
            Self::Complained => "complained",
        }
    }

    /// Whether the customer does not have the mail and a person must act.
    pub fn came_back(self) -> bool {
        matches!(self, Self::Bounced | Self::Rejected)
    }
}

impl Status {
    /// The rank of a status. A parked mail has not begun.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Queued | Self::Parked => Stage::Queued,
            Self::Sending { .. } => Stage::Sending,
            Self::Unknown => Stage::Unknown,
            Self::Sent => Stage::Sent,
            Self::Delivered => Stage::Delivered,
            Self::Bounced => Stage::Bounced,
            Self::Rejected => Stage::Rejected,
            Self::Complained => Stage::Complained,
        }
    }
}

/// What an event reports about a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEvent {
    /// The service accepted it.
    Sent,
    /// The recipient's server accepted it.
    Delivered,
    /// Delayed, or a server cannot accept it now, or an out-of-office reply: this word is kept beside it. It proves
    /// that the mail was sent and nothing more.
    Deferred(String),
    /// It bounced permanently.
    Bounced(Reason),
    /// The service refused to send what it had accepted.
    Rejected(Reason),
    /// The recipient reports it as spam.
    Complained,
}

impl DeliveryEvent {
    /// The rank of a mail for which this is true.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Sent | Self::Deferred(_) => Stage::Sent,
            Self::Delivered => Stage::Delivered,
            Self::Bounced(_) => Stage::Bounced,
            Self::Rejected(_) => Stage::Rejected,
            Self::Complained => Stage::Complained,
        }
    }

    /// The status of a mail once this is recorded.
    pub fn status(&self) -> Status {
        match self {
            Self::Sent | Self::Deferred(_) => Status::Sent,
            Self::Delivered => Status::Delivered,
            Self::Bounced(_) => Status::Bounced,
            Self::Rejected(_) => Status::Rejected,
            Self::Complained => Status::Complained,
        }
    }

    /// Why a person must act on the mail, if so. A complaint needs no action: the customer has the invoice.
    pub fn parks(&self) -> Option<&Reason> {
        match self {
            Self::Bounced(reason) | Self::Rejected(reason) => Some(reason),
            _ => None,
        }
    }
}

/// The one rule: a mail's next stage after `stage`, or `None` for no change. `came_back` says whether the message that
/// the event is about bounced earlier.
pub fn next(stage: Stage, came_back: bool, happened: &DeliveryEvent) -> Option<Stage> {
    let to = happened.stage();
    // Replayed by a person since: the event belongs to the earlier message.
    let past = came_back && stage < Stage::Bounced;
    (stage < to && !past).then_some(to)
}

/// One delivery event about one of our mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which mail, from the tag it was sent with.
    pub mail: MailId,
    /// The service's id of the message; a replayed mail has a new one.
    pub message_id: String,
    /// What it reports.
    pub happened: DeliveryEvent,
    /// The address to suppress for routine mails from now on, and why.
    pub suppress: Option<(AddressHash, Cause)>,
}

/// The result of recording a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// The mail moved to this status.
    Moved(Stage),
    /// The mail keeps its status.
    Stays(Stage),
    /// There is no such mail.
    Absent,
}

/// Stores delivery events of mails, and the suppression list.
pub trait Deliveries: Send + Sync {
    /// Moves a mail as [`next`] says; idempotent: recording a report again changes nothing.
    fn note(&self, report: &Report, now: Timestamp) -> impl Future<Output = Result<Transition, ServiceError>> + Send;

    /// Suppresses an address for routine mails. A complaint outweighs a bounce.
    fn suppress(
        &self,
        address: &AddressHash,
        cause: Cause,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Why routine mails must not go to this address, if so. Invoices and credit notes are sent all the same: the law
    /// requires that the customer gets them, and an address may work again.
    fn suppressed(&self, address: &AddressHash) -> impl Future<Output = Result<Option<Cause>, ServiceError>> + Send;
}

/// Records a report. An address is suppressed only for a mail of ours, and on every repetition: the answer to the first
/// attempt may have been lost.
///
/// # Errors
/// When the outbox fails; the same report may be delivered again without loss.
pub async fn follow(report: &Report, deliveries: &impl Deliveries, now: Timestamp) -> Result<Transition, ServiceError> {
    let noted = deliveries.note(report, now).await?;
    if let (Some((address, cause)), Transition::Moved(_) | Transition::Stays(_)) = (&report.suppress, noted) {
        deliveries.suppress(address, *cause, now).await?;
    }
    Ok(noted)
}
