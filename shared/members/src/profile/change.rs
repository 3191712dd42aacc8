//! Decides a change of a profile: created, updated, merged, or rejected as a conflict.
//!
//! A profile stores for each field the version that last changed it. A change based on an older version is accepted if
//! its fields were not changed since, or if both changes set the same values.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Field, KeptFile, Language, Profile, ProfileId,
    email::EmailKey,
    form::Edit,
    handle::HandleKey,
    input::{Change, Draft},
    upload,
};

/// One field's change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Which field.
    pub field: Field,
    /// The old value, as the API writes it.
    pub from: Value,
    /// The new value.
    pub to: Value,
}

impl FieldChange {
    /// The change as the history keeps it: that a contact field changed, and not what it was. What a member took away
    /// would stand there for as long as the profile otherwise.
    #[must_use]
    pub fn recorded(&self) -> Self {
        match self.field {
            Field::Email | Field::Phone | Field::Location => {
                Self { field: self.field, from: Value::Null, to: Value::Null }
            }
            _ => self.clone(),
        }
    }
}

/// A guard that a profile takes or releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuardMove {
    /// The profile takes the handle, if it is free.
    ClaimHandle(HandleKey),
    /// The profile releases the handle, which redirects to it for a grace period.
    ReleaseHandle(HandleKey),
    /// The profile takes the address, if it is free.
    ClaimEmail(EmailKey),
    /// The profile releases the address, at once.
    FreeEmail(EmailKey),
}

/// A profile after a change, and the changed fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// The new state.
    pub profile: Profile,
    /// The changed fields, in the order of the API; empty if nothing changed, and then the version stays.
    pub changes: Vec<FieldChange>,
    /// The guards that move with it.
    pub moves: Vec<GuardMove>,
}

/// Why a change is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The same fields were changed concurrently.
    Conflict {
        /// The current profile.
        current: Box<Profile>,
        /// The fields changed differently by both.
        fields: Vec<Field>,
    },
    /// The change is based on a version that does not exist yet.
    Future {
        /// The current profile.
        current: Box<Profile>,
    },
}

/// A new profile, with all its fields as changes from nothing.
pub fn create(draft: Draft, id: ProfileId, owner: &str, language: Language, now: Timestamp) -> Updated {
    let mut profile = Profile::blank(id, owner, &draft.email, language, now);
    apply(&mut profile, draft.rest);
    let nothing = Profile::blank(profile.id.clone(), owner, "", language, now);
    let changes = differences(&nothing, &profile);
    profile.touched = changes.iter().map(|change| (change.field, 1)).collect();
    let moves = moves(None, &profile);
    Updated { profile, changes, moves }
}

/// The profile after `change`, which was based on version `expected`.
///
/// # Errors
/// The same fields were changed since, or the version does not exist.
pub fn update(current: &Profile, change: Change, expected: u32, now: Timestamp) -> Result<Updated, Refused> {
    decide(current, expected, now, |profile| apply(profile, change))
}

/// The profile with a verified file, which replaces the previous one.
///
/// # Errors
/// As [`update`]; a file never conflicts, so only for a version that does not exist.
pub fn with_file(current: &Profile, kind: upload::Kind, file: &KeptFile, now: Timestamp) -> Result<Updated, Refused> {
    decide(current, current.version, now, |profile| match kind {
        upload::Kind::Avatar => profile.avatar = Some(file.clone()),
        upload::Kind::Cv => profile.cv = Some(file.clone()),
    })
}

fn decide(
    current: &Profile,
    expected: u32,
    now: Timestamp,
    apply: impl FnOnce(&mut Profile),
) -> Result<Updated, Refused> {
    if expected > current.version || expected == 0 {
        return Err(Refused::Future { current: Box::new(current.clone()) });
    }
    let mut profile = current.clone();
    apply(&mut profile);
    let changes = differences(current, &profile);
    let since = |field: &Field| current.touched.get(field).is_some_and(|version| *version > expected);
    let fields: Vec<Field> = changes.iter().map(|change| change.field).filter(since).collect();
    if !fields.is_empty() {
        return Err(Refused::Conflict { current: Box::new(current.clone()), fields });
    }
    if changes.is_empty() {
        return Ok(Updated { profile: current.clone(), changes, moves: Vec::new() });
    }
    profile.version = current.version.saturating_add(1);
    profile.updated_at = now.max(current.updated_at);
    let touched = changes.iter().map(|change| (change.field, profile.version));
    profile.touched.extend(touched.collect::<BTreeMap<_, _>>());
    let moves = moves(Some(current), &profile);
    Ok(Updated { profile, changes, moves })
}

/// The difference between two states of a profile, in the fields that members write.
pub fn differences(before: &Profile, after: &Profile) -> Vec<FieldChange> {
    let states = Field::CONTENT.map(|field| FieldChange { field, from: field.of(before), to: field.of(after) });
    states.into_iter().filter(|change| change.from != change.to).collect()
}

fn apply(profile: &mut Profile, change: Change) {
    // Required fields cannot be cleared: parsing the input rejected it.
    if let Edit::Set(email) = change.email {
        profile.email = email;
    }
    let set = |edit: Edit<String>, before: &mut Option<String>| {
        if let Edit::Set(value) = edit {
            *before = Some(value);
        }
    };
    set(change.handle, &mut profile.handle);
    set(change.first_name, &mut profile.first_name);
    set(change.last_name, &mut profile.last_name);
    profile.phone = change.phone.over(profile.phone.take());
    profile.headline = change.headline.over(profile.headline.take());
    profile.bio = change.bio.over(profile.bio.take());
    profile.skills = change.skills.over(Some(std::mem::take(&mut profile.skills))).unwrap_or_default();
    profile.links = change.links.over(Some(std::mem::take(&mut profile.links))).unwrap_or_default();
    profile.location = change.location.over(profile.location.take());
    profile.availability = change.availability.over(profile.availability.take());
    profile.languages = change.languages.over(Some(std::mem::take(&mut profile.languages))).unwrap_or_default();
    if change.remove_avatar {
        profile.avatar = None;
    }
    if change.remove_cv {
        profile.cv = None;
    }
}

/// The guards that move between two states of a profile.
pub fn moves(before: Option<&Profile>, after: &Profile) -> Vec<GuardMove> {
    let mut moves = Vec::new();
    let handle = |profile: &Profile| profile.handle.as_deref().map(HandleKey::of);
    let (old, new) = (before.and_then(handle), handle(after));
    if old != new {
        moves.extend(new.map(GuardMove::ClaimHandle));
        moves.extend(old.map(GuardMove::ReleaseHandle));
    }
    let (old, new) = (before.map(|profile| EmailKey::of(&profile.email)), EmailKey::of(&after.email));
    if old.as_ref() != Some(&new) {
        moves.push(GuardMove::ClaimEmail(new));
        moves.extend(old.map(GuardMove::FreeEmail));
    }
    moves
}
