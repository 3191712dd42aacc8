//! Reports changes of members' profiles to the team. Each change queues a notice; those queued at the same time become
//! one digest, which goes to the team by mail and to its chat room.
//!
//! A digest refers to notices and copies nothing from them: their content is read when it is sent, so that a deleted
//! member is gone from it too. `gather` does the gathering, `digest` the content.

mod digest;
mod gather;

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use digest::{lines, room_text};
pub use gather::{Digest, Gathered, gather};

use crate::{
    mail::{DigestMail, Mail, MailId, NoticeEvent, outbox::SendResult},
    outcome::{Reason, ServiceError},
};

/// One change of a profile, for the team. It names the fields that changed, not their values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamNotice {
    /// `profile/<id>/<version>/team`.
    pub id: MailId,
    /// What happened.
    pub event: NoticeEvent,
    /// The profile's id.
    pub profile: String,
    /// Its handle, if it has one.
    pub handle: Option<String>,
    /// The member's name, if known.
    pub name: String,
    /// The fields that changed, as the API names them.
    pub changes: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// A message for the team's chat room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `slack/<digest>`.
    pub id: MailId,
    /// Its text.
    pub digest: DigestMail,
    /// When it was queued.
    pub queued_at: Timestamp,
}

/// Stores the team's notices.
pub trait TeamNews: Send + Sync {
    /// The content of these notices, in any order; those that no longer exist are left out.
    fn notices(&self, ids: &[MailId]) -> impl Future<Output = Result<Vec<TeamNotice>, ServiceError>> + Send;

    /// Marks these notices as sent and queues their digest, in one step. If some of them are no longer queued, nothing
    /// is done, and those are returned; an empty result means done.
    fn tell(
        &self,
        notices: &[MailId],
        mail: Option<&Mail>,
        message: Option<&Message>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<MailId>, ServiceError>> + Send;
}

/// The team's chat room. A posted message cannot be recalled, and only the answer says whether it was posted: it must
/// not be retried automatically.
pub trait TeamRoom: Send + Sync {
    /// Whether there is such a room.
    fn is_open(&self) -> impl Future<Output = Result<bool, ServiceError>> + Send;

    /// Posts it, as plain text.
    fn say(&self, text: &str) -> impl Future<Output = SendResult> + Send;
}

/// Why a message is parked although the room was only busy: after this long the room is taken as down, and later
/// messages would be blocked too.
pub fn room_is_silent(detail: &str) -> Reason {
    let text = format!("Slack took no message for a quarter of an hour ({detail}); replay once it does");
    Reason::new("slack_silent", text)
}
