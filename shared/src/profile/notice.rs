//! What the member and the team are told of a profile. Values only: a notice is queued in the same write as what it tells
//! of, and its id says what that was, so that it is told once. Wording and sending live with the mails.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Language, Profile, ProfileId, change::FieldChange, email::EmailKey};

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "to")]
pub enum Audience {
    /// The member, at this address.
    Member {
        /// Where.
        email: String,
        /// In which language.
        language: Language,
    },
    /// The team, wherever it is told things.
    Team,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The profile was created, or first filled in.
    Created,
    /// It changed.
    Changed,
    /// It is being deleted, with all that belongs to it.
    Deleted,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// `profile/<id>/<version>/member`, `profile/<id>/<version>/team`.
    pub id: String,
    /// Whom.
    pub audience: Audience,
    /// What.
    pub event: Event,
    /// Of which profile.
    pub profile: ProfileId,
    /// Its handle, if it has one.
    pub handle: Option<String>,
    /// The member's name, as far as it is known.
    pub name: String,
    /// What changed; nothing when it is deleted.
    pub changes: Vec<FieldChange>,
    /// When.
    pub at: Timestamp,
}

/// What is told when a profile was created or changed. Where the address changed, the one before is told too: whoever
/// took the account over cannot take the mailbox with it.
pub fn of_change(event: Event, before: Option<&Profile>, after: &Profile, changes: &[FieldChange]) -> Vec<Notice> {
    if changes.is_empty() {
        return Vec::new();
    }
    let mut notices = pair(event, after, after.version, changes, after.updated_at);
    let moved = before.filter(|before| EmailKey::of(&before.email) != EmailKey::of(&after.email));
    if let Some(before) = moved {
        let audience = Audience::Member { email: before.email.clone(), language: after.written_to_in() };
        notices.push(notice(event, after, after.version, "member-before", audience, changes, after.updated_at));
    }
    notices
}

/// What is told when a profile goes.
pub fn of_leave(profile: &Profile, now: Timestamp) -> Vec<Notice> {
    pair(Event::Deleted, profile, profile.version.saturating_add(1), &[], now)
}

fn pair(event: Event, profile: &Profile, version: u32, changes: &[FieldChange], at: Timestamp) -> Vec<Notice> {
    let member = Audience::Member { email: profile.email.clone(), language: profile.written_to_in() };
    vec![
        notice(event, profile, version, "member", member, changes, at),
        notice(event, profile, version, "team", Audience::Team, changes, at),
    ]
}

fn notice(
    event: Event,
    profile: &Profile,
    version: u32,
    whom: &str,
    audience: Audience,
    changes: &[FieldChange],
    at: Timestamp,
) -> Notice {
    Notice {
        id: format!("profile/{}/{version}/{whom}", profile.id),
        audience,
        event,
        profile: profile.id.clone(),
        handle: profile.handle.clone(),
        name: profile.full_name(),
        changes: changes.to_vec(),
        at,
    }
}
