//! What the team is told of members' profiles. Each change leaves a notice that waits; those that wait at the same time
//! become one digest, which goes to the team by mail and to the room where it talks.
//!
//! A digest names notices and holds nothing of them: what they say is read when it is sent, so that whoever leaves is gone
//! from it too. Gathering lives in `gather`, what a digest says in `digest`.

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

/// One change of a profile, for the team. It names the fields that changed, and not what they hold.
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
    /// The member's name, as far as it is known.
    pub name: String,
    /// The fields that changed, as the API names them.
    pub changes: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// A message for the room where the team talks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `slack/<digest>`.
    pub id: MailId,
    /// What it says.
    pub digest: DigestMail,
    /// When it was queued.
    pub queued_at: Timestamp,
}

/// Keeps what the team is told.
pub trait TeamNews: Send + Sync {
    /// What these notices say, in any order; those that are gone are left out.
    fn notices(&self, ids: &[MailId]) -> impl Future<Output = Result<Vec<TeamNotice>, ServiceError>> + Send;

    /// Notes in one step that these notices are told, and queues what tells them. If some of them wait no longer, nothing
    /// is done, and they are answered; nothing answered means done.
    fn tell(
        &self,
        notices: &[MailId],
        mail: Option<&Mail>,
        message: Option<&Message>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<MailId>, ServiceError>> + Send;
}

/// The room where the team talks. A message that was said cannot be taken back, and nothing tells whether it was said but
/// the answer: it must not be said again on its own.
pub trait TeamRoom: Send + Sync {
    /// Whether there is such a room.
    fn is_open(&self) -> impl Future<Output = Result<bool, ServiceError>> + Send;

    /// Says it, as plain text.
    fn say(&self, text: &str) -> impl Future<Output = SendResult> + Send;
}

/// Why a message waits although the room only had no time: for longer than this nobody listens, and what comes after it
/// would wait too.
pub fn room_is_silent(detail: &str) -> Reason {
    let text = format!("Slack took no message for a quarter of an hour ({detail}); replay once it does");
    Reason::new("slack_silent", text)
}
