//! Keys and items of the Profiles table.
//!
//! All items of one profile share a partition, so that they are found together when it is deleted: the profile, its
//! history, its uploads, and handles it released. Guards and pointers are stored under what they guard, because their
//! existence is the rule. Addresses are hashed keys: a guard only has to be found again, not read.
//!
//! ```text
//! pk               sk                  what
//! PROFILE#<id>     PROFILE             the profile, and whether it is listed
//! PROFILE#<id>     HISTORY#0000000001  one change
//! PROFILE#<id>     UPLOAD#<upload>     that an upload is announced
//! PROFILE#<id>     HANDLE#<key>        that a handle was given up
//! HANDLE#<key>     GUARD               whose a handle is, or was until when
//! EMAIL#<hash>     GUARD               whose an address is
//! OWNER#<sub>      GUARD               which profile a member has
//! UPLOAD#<upload>  UPLOAD              what was announced, until it expires
//! RECENT#<hash>    RECENT              what a member did in the last hour, and whether they left, for a day
//! LEAVERS          <id>                that a profile left and is to be erased
//! ```

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use comptoir::{outcome::ServiceError, seller::Seller, sweep::STALE_SECONDS};
use comptoir_aws::{
    item::{Item, json, new_item, number, text},
    outbox, team,
};
use comptoir_members::profile::{
    Profile, ProfileId,
    account::AccountId,
    directory::{Commit, Entry, Leaving},
    email::EmailKey,
    handle::{HandleKey, RESERVED_FOR},
    notice::{Event, Notice},
    recent::{KEPT, Recent, RecentKey},
    upload::Upload,
};

pub(super) const WHAT: &str = "the profile directory";

/// The partition of deleted profiles.
pub(super) const LEAVERS: &str = "LEAVERS";

/// The sparse index of searchable profiles, and its one partition.
pub(super) const LISTED_INDEX: &str = "listed";
pub(super) const LISTED: &str = "LISTED";

/// How much longer an announced upload is kept than it is valid: a late client gets that as its error.
const UPLOAD_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// How long notices stay queued at most; they name people. A deleted member is to be forgotten within a day.
const NOTICE_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
const FAREWELL_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// The longest key part stored in clear: DynamoDB takes 2048 bytes for `pk` and 1024 for `sk`.
const LONGEST: usize = 500;

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Place {
    fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    pub(super) fn profile(id: &ProfileId) -> Self {
        Self::new(format!("PROFILE#{id}"), "PROFILE")
    }

    pub(super) fn history(id: &ProfileId, version: u32) -> Self {
        Self::new(format!("PROFILE#{id}"), format!("HISTORY#{version:010}"))
    }

    pub(super) fn upload_of(id: &ProfileId, upload: &str) -> Self {
        Self::new(format!("PROFILE#{id}"), format!("UPLOAD#{upload}"))
    }

    pub(super) fn handle_of(id: &ProfileId, key: &HandleKey) -> Self {
        Self::new(format!("PROFILE#{id}"), format!("HANDLE#{}", short(&key.0)))
    }

    pub(super) fn handle(key: &HandleKey) -> Self {
        Self::new(format!("HANDLE#{}", short(&key.0)), "GUARD")
    }

    pub(super) fn email(key: &EmailKey) -> Self {
        Self::new(format!("EMAIL#{}", hash(&key.0)), "GUARD")
    }

    pub(super) fn owner(sub: &str) -> Self {
        Self::new(format!("OWNER#{sub}"), "GUARD")
    }

    pub(super) fn upload(id: &str) -> Self {
        Self::new(format!("UPLOAD#{id}"), "UPLOAD")
    }

    pub(super) fn recent(key: &RecentKey) -> Self {
        Self::new(format!("RECENT#{}", key.0), "RECENT")
    }

    pub(super) fn leaver(id: &ProfileId) -> Self {
        Self::new(LEAVERS, &*id.0)
    }

    /// Whether DynamoDB would accept it as a key.
    pub(super) fn is_possible(&self) -> bool {
        self.pk.len() <= LONGEST + 10 && (1..=LONGEST + 10).contains(&self.sk.len())
    }

    pub(super) fn key(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([("pk".to_owned(), text(&self.pk)), ("sk".to_owned(), text(&self.sk))])
    }

    /// A new item with this key.
    fn item(&self, kind: &str) -> Item {
        new_item(self.key(), kind)
    }
}

/// A long key part: its hash, if it would not fit.
fn short(key: &str) -> String {
    if key.len() > LONGEST { hash(key) } else { key.to_owned() }
}

fn hash(value: &str) -> String {
    hex::encode(Sha256::digest(value.as_bytes()))
}

/// A time for the table's time to live, in whole seconds after it.
fn seconds(at: Timestamp, kept: SignedDuration) -> AttributeValue {
    number(at.saturating_add(kept).unwrap_or(Timestamp::MAX).as_second().saturating_add(1))
}

/// A new profile, listed if search may find it.
pub(super) fn profile(profile: &Profile) -> Result<Item, ServiceError> {
    let mut item = Place::profile(&profile.id).item("PROFILE");
    item.insert("data".to_owned(), json(profile, WHAT)?);
    item.insert("version".to_owned(), number(profile.version));
    if !profile.is_blank() {
        item.insert("listed".to_owned(), text(LISTED));
    }
    Ok(item)
}

/// A history entry.
pub(super) fn history(id: &ProfileId, entry: &Entry) -> Result<Item, ServiceError> {
    let mut item = Place::history(id, entry.version).item("HISTORY");
    item.insert("data".to_owned(), json(entry, WHAT)?);
    item.insert("version".to_owned(), number(entry.version));
    Ok(item)
}

/// A guard that names an owner.
pub(super) fn guard(place: &Place, id: &ProfileId) -> Item {
    let mut item = place.item("GUARD");
    item.insert("profile".to_owned(), text(&id.0));
    item
}

/// The guard of an address, and whose token proved it.
pub(super) fn proof(key: &EmailKey, commit: &Commit) -> Item {
    let mut item = guard(&Place::email(key), &commit.profile.id);
    item.insert("sub".to_owned(), text(&commit.profile.owner));
    if let Some(pool) = &commit.pool {
        item.insert("pool".to_owned(), text(pool));
    }
    item
}

/// A released handle, stored beside the profile that released it.
pub(super) fn given_up(id: &ProfileId, key: &HandleKey) -> Item {
    let mut item = Place::handle_of(id, key).item("GIVEN_UP");
    item.insert("handle".to_owned(), text(&key.0));
    item
}

/// When a handle was released, in the exact format that conditions compare.
pub(super) fn released(at: Timestamp) -> AttributeValue {
    number(at.as_nanosecond())
}

/// A handle released until then is free at `now`.
pub(super) fn free_if_released_by(now: Timestamp) -> AttributeValue {
    released(now.saturating_sub(RESERVED_FOR).unwrap_or(Timestamp::MIN))
}

/// When the guard of a released handle expires: it guards nothing any more.
pub(super) fn unguarded_after(at: Timestamp) -> AttributeValue {
    seconds(at, RESERVED_FOR)
}

/// The announcement, and its copy beside the profile.
pub(super) fn upload(upload: &Upload) -> Result<[Item; 2], ServiceError> {
    let mut announced = Place::upload(&upload.id).item("UPLOAD");
    announced.insert("data".to_owned(), json(upload, WHAT)?);
    let beside = Place::upload_of(&upload.profile, &upload.id).item("ANNOUNCED");
    let expires = seconds(upload.expires_at, UPLOAD_KEPT);
    Ok([announced, beside].map(|mut item| {
        item.insert("expires_at".to_owned(), expires.clone());
        item
    }))
}

/// What a member did lately.
pub(super) fn recent(key: &RecentKey, recent: &Recent, now: Timestamp) -> Result<Item, ServiceError> {
    let mut item = Place::recent(key).item("RECENT");
    item.insert("data".to_owned(), json(recent, WHAT)?);
    item.insert("version".to_owned(), number(recent.version));
    if let Some(gone_at) = recent.gone_at {
        item.insert("gone_at".to_owned(), text(gone_at.to_string()));
    }
    item.insert("expires_at".to_owned(), seconds(now, KEPT));
    Ok(item)
}

/// The record of a deleted profile.
pub(super) fn leaver(leaving: &Leaving, now: Timestamp) -> Item {
    let mut item = Place::leaver(&leaving.profile.id).item("LEAVER");
    if let Some(AccountId { pool, sub }) = &leaving.account {
        item.insert("pool".to_owned(), text(pool));
        item.insert("sub".to_owned(), text(sub));
    }
    item.insert("left_at".to_owned(), text(now.to_string()));
    item
}

/// A notice for the Notices table: a mail from the seller to the member, or a notice queued for the team.
pub(super) fn notice(notice: &Notice, seller: Option<&Seller>) -> Result<Option<Item>, ServiceError> {
    let kept = if notice.event == Event::Deleted { FAREWELL_KEPT } else { NOTICE_KEPT };
    let mut item = match (seller.and_then(|seller| notice.mail(seller)), notice.for_team()) {
        (Some(mail), _) => outbox::queued(&mail, "profile-mutation-validator")?,
        (None, Some(waiting)) => team::waiting(&waiting)?,
        (None, None) => return Ok(None),
    };
    item.insert("expires_at".to_owned(), seconds(notice.at, kept));
    // The stream leaves it alone until the sweep wakes it, as work that has been open for a quarter of an hour.
    if let Some(due) = notice.due.filter(|_| item.contains_key("open_since")) {
        let since = due.as_second().saturating_sub(STALE_SECONDS.cast_signed());
        item.insert("due_at".to_owned(), text(due.to_string()));
        item.insert("open_since".to_owned(), number(since));
    }
    Ok(Some(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fit_whatever_is_asked_for() {
        let long = "ﷺ".repeat(300);
        assert!(Place::handle(&HandleKey::of(&long)).is_possible());
        assert!(Place::email(&EmailKey::of(&long)).is_possible());
        let id = ProfileId("x".repeat(1_000_000));
        assert!(!Place::profile(&id).is_possible() && !Place::history(&id, 1).is_possible());
        assert!(!Place::upload(&id.0).is_possible() && !Place::leaver(&ProfileId(String::new())).is_possible());
    }
}
