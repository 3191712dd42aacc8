//! What became of a mail after it left, as the mail service tells it later: in any order, repeated, days late.
//!
//! The stages of a mail are ranked, and an event only ever moves it up; so the order in which events come does not matter.
//! Only a person moves a mail down, by putting back one that came back: it is sent again, and what is still said of the
//! message that came back is past.

pub mod event;
mod suppression;

#[cfg(test)]
mod tests;

use std::future::Future;

use jiff::Timestamp;

use super::{MailId, outbox::Status};
use crate::outcome::{Reason, ServiceError};
pub use suppression::{AddressHash, Cause};

/// How far a mail has come, the later the higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It waits.
    Queued,
    /// Someone claimed it.
    Sending,
    /// It may have been sent.
    Unknown,
    /// The service took it.
    Sent,
    /// The recipient's server took it.
    Delivered,
    /// It came back, even if it seemed delivered: servers may accept first and return later.
    Bounced,
    /// The service took it and then refused to send it.
    Rejected,
    /// The recipient has it and calls it spam.
    Complained,
}

impl Stage {
    /// All of them, in their order.
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

    /// The word for it in the outbox and in logs.
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

    /// Whether the customer does not have the mail and a person has to see to it.
    pub fn came_back(self) -> bool {
        matches!(self, Self::Bounced | Self::Rejected)
    }
}

impl Status {
    /// How far that is. A parked mail has not begun.
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

/// What an event says became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEvent {
    /// The service took it.
    Sent,
    /// The recipient's server took it.
    Delivered,
    /// It is late, or a server answered that it cannot take it now, or someone is out of office: this word is kept beside
    /// it. It proves that the mail was sent and nothing more.
    Deferred(String),
    /// It came back for good.
    Bounced(Reason),
    /// The service refused to send what it had taken.
    Rejected(Reason),
    /// The recipient calls it spam.
    Complained,
}

impl DeliveryEvent {
    /// How far a mail has come of which this is true.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Sent | Self::Deferred(_) => Stage::Sent,
            Self::Delivered => Stage::Delivered,
            Self::Bounced(_) => Stage::Bounced,
            Self::Rejected(_) => Stage::Rejected,
            Self::Complained => Stage::Complained,
        }
    }

    /// Where a mail stands once this is noted of it.
    pub fn status(&self) -> Status {
        match self {
            Self::Sent | Self::Deferred(_) => Status::Sent,
            Self::Delivered => Status::Delivered,
            Self::Bounced(_) => Status::Bounced,
            Self::Rejected(_) => Status::Rejected,
            Self::Complained => Status::Complained,
        }
    }

    /// Why a person has to see to the mail, if one has to. A complaint asks for nothing: the customer has the invoice.
    pub fn parks(&self) -> Option<&Reason> {
        match self {
            Self::Bounced(reason) | Self::Rejected(reason) => Some(reason),
            _ => None,
        }
    }
}

/// The one rule: where a mail goes from `stage`, or `None` if it stays. `came_back` says whether the message that the event
/// is about is one that came back earlier.
pub fn next(stage: Stage, came_back: bool, fate: &DeliveryEvent) -> Option<Stage> {
    let to = fate.stage();
    // Put back by a person since: the event belongs to the sending before.
    let past = came_back && stage < Stage::Bounced;
    (stage < to && !past).then_some(to)
}

/// One event about one of our mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which mail, from the tag it was sent with.
    pub mail: MailId,
    /// The service's id of the message; a mail that was put back has a new one.
    pub message_id: String,
    /// What became of it.
    pub fate: DeliveryEvent,
    /// The address that routine mails must leave alone from now on, and why.
    pub suppress: Option<(AddressHash, Cause)>,
}

/// What noting a report found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// The mail moved there.
    Moved(Stage),
    /// The mail stays where it is.
    Stays(Stage),
    /// There is no such mail.
    Absent,
}

/// Keeps what became of mails, and which addresses are to be left alone.
pub trait Deliveries: Send + Sync {
    /// Moves a mail as [`next`] says; noting a report again changes nothing.
    fn note(&self, report: &Report, now: Timestamp) -> impl Future<Output = Result<Transition, ServiceError>> + Send;

    /// Keeps an address from routine mails. A complaint outweighs a bounce.
    fn suppress(
        &self,
        address: &AddressHash,
        cause: Cause,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Why routine mails must leave this address alone, if they must. Invoices and credit notes are sent all the same: the
    /// law wants the customer to have them, and an address may work again.
    fn suppressed(&self, address: &AddressHash) -> impl Future<Output = Result<Option<Cause>, ServiceError>> + Send;
}

/// Notes what a report says. An address is suppressed only for a mail of ours, and each time: the answer to the first time
/// may have been lost.
///
/// # Errors
/// When the outbox fails; the same report may come again and loses nothing.
pub async fn follow(report: &Report, deliveries: &impl Deliveries, now: Timestamp) -> Result<Transition, ServiceError> {
    let noted = deliveries.note(report, now).await?;
    if let (Some((address, cause)), Transition::Moved(_) | Transition::Stays(_)) = (&report.suppress, noted) {
        deliveries.suppress(address, *cause, now).await?;
    }
    Ok(noted)
}
