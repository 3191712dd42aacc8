//! What the seller's app is told of members: that somebody joined, and that they left. It names nobody: who may see the profile
//! asks for it by its id.

use comptoir::app::{AppMessage, Topic};
use jiff::Timestamp;
use serde_json::json;

use super::Profile;

/// The message about the first version of a profile.
pub fn joined(profile: &Profile, now: Timestamp) -> AppMessage {
    of(Topic::MemberJoined, profile, now)
}

/// The message about its deletion.
pub fn left(profile: &Profile, now: Timestamp) -> AppMessage {
    of(Topic::MemberLeft, profile, now)
}

fn of(topic: Topic, profile: &Profile, now: Timestamp) -> AppMessage {
    let data = json!({"profile": profile.id.0, "sub": profile.owner});
    AppMessage::new(topic, &[&profile.id.0], now, &data)
}
