//! The capability to store profiles, with everything written in one transaction: the profile, the guards of its handle,
//! address and owner, its history, and its notices.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Profile, ProfileId,
    account::AccountId,
    change::{FieldChange, GuardMove},
    email::EmailKey,
    handle::HandleKey,
    notice::Notice,
    recent::{Recent, RecentKey},
    search::Query,
    upload::Upload,
};
use comptoir::outcome::ServiceError;

/// One line of a profile's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version that this change made.
    pub version: u32,
    /// The time.
    pub at: Timestamp,
    /// The author: `member/<sub>`, `iam/<role>`.
    pub by: String,
    /// The changes.
    pub changes: Vec<FieldChange>,
}

/// One transaction: a new profile, or the next version of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The new state. A `version` of 1 creates the profile; otherwise the write succeeds only if the stored one is the
    /// previous version.
    pub profile: Profile,
    /// The guards that move with it; a new profile's owner is guarded as well.
    pub moves: Vec<GuardMove>,
    /// The history entry.
    pub entry: Entry,
    /// The notices, each queued once by its id; one that collects changes is replaced while it is not being sent.
    pub notices: Vec<Notice>,
    /// The upload that this uses up, if any.
    pub upload: Option<String>,
    /// The user pool whose token proved the address, if one was given: the guard of the address keeps it.
    pub pool: Option<String>,
}

/// The result of a commit. Only `Done` wrote anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// All of it was written.
    Done,
    /// A guard belongs to another profile.
    Taken(Taken),
    /// The profile is not at the previous version, or gone.
    Moved(Option<Box<Profile>>),
    /// A notice that collects changes was sent already: another one has to be begun.
    NoticeSent,
}

/// Which guards belong to another profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// The handle, or one that looks like it.
    pub handle: bool,
    /// The address.
    pub email: bool,
    /// The owner has a profile already.
    pub owner: bool,
}

impl Taken {
    /// Whether any guard is taken.
    pub fn any(self) -> bool {
        self.handle || self.email || self.owner
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// The position after which the next page starts, as the directory encodes it; `None` on the last page.
    pub next: Option<String>,
}

/// A deleted profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaver {
    /// The profile.
    pub id: ProfileId,
    /// The time.
    pub left_at: Timestamp,
    /// The account at the sign-in, which goes too.
    pub account: Option<AccountId>,
}

/// Who has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The profile.
    pub profile: ProfileId,
    /// The user pool of the account that proved it, if it is known.
    pub pool: Option<String>,
}

/// What is stored of a profile beside itself and its history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beside {
    /// Announced uploads.
    pub uploads: Vec<Upload>,
    /// Handles that it gave up.
    pub handles: Vec<String>,
    /// The stored notices of these versions.
    pub notices: Vec<Value>,
}

/// A profile to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// The profile, at the version to delete.
    pub profile: Profile,
    /// The notices.
    pub notices: Vec<Notice>,
    /// The account at the sign-in, as far as it is known; it is deleted with what is erased.
    pub account: Option<AccountId>,
}

/// Stores profiles.
pub trait Directory: Send + Sync {
    /// Writes all of it or nothing, under the conditions of [`Commit`]; guards are judged at `now`, by
    /// [`HandleGuard::admits`](super::handle::HandleGuard::admits). If both a version and a guard conflict, the version
    /// is reported: the taken guard may be the caller's own.
    fn commit(&self, commit: &Commit, now: Timestamp) -> impl Future<Output = Result<Committed, ServiceError>> + Send;

    /// The profile of this id.
    fn by_id(&self, id: &ProfileId) -> impl Future<Output = Result<Option<Profile>, ServiceError>> + Send;

    /// The profile of this member.
    fn by_owner(&self, sub: &str) -> impl Future<Output = Result<Option<Profile>, ServiceError>> + Send;

    /// The profile that has this handle, or released it so recently that it still redirects there.
    fn by_handle(
        &self,
        key: &HandleKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Profile>, ServiceError>> + Send;

    /// Who has this address.
    fn holder(&self, key: &EmailKey) -> impl Future<Output = Result<Option<Holder>, ServiceError>> + Send;

    /// What is stored beside the profile, with the notices of these versions.
    fn beside(&self, id: &ProfileId, versions: &[u32]) -> impl Future<Output = Result<Beside, ServiceError>> + Send;

    /// At most `limit` profiles that match `query`, after this position; each once over all pages, if nothing changes
    /// meanwhile. A page may hold fewer, even none, before the last.
    fn search(
        &self,
        query: &Query,
        after: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Result<Page<Profile>, ServiceError>> + Send;

    /// At most `limit` history entries of a profile, newest first, after this position.
    fn history(
        &self,
        id: &ProfileId,
        after: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Result<Page<Entry>, ServiceError>> + Send;

    /// What this member did lately; the default if nothing.
    fn recent(&self, key: &RecentKey) -> impl Future<Output = Result<Recent, ServiceError>> + Send;

    /// Stores the record until [`KEPT`](super::recent::KEPT) after `now`, if the stored one is its previous version;
    /// returns whether it was.
    fn note(
        &self,
        key: &RecentKey,
        recent: &Recent,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, ServiceError>> + Send;

    /// Stores the announcement of an upload, until it expires.
    fn expect_upload(&self, upload: &Upload) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// The upload of this id, if it was announced and not used up.
    fn upload(&self, id: &str) -> impl Future<Output = Result<Option<Upload>, ServiceError>> + Send;

    /// Deletes a rejected upload; idempotent.
    fn drop_upload(&self, id: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Deletes a profile with the guards of its handle, address and owner, queues its notices, and records that the
    /// rest is still to be erased and that its owner left, in one transaction. Until that record is gone, the owner gets
    /// no other profile. Returns `Done` also if that was recorded before.
    fn leave(&self, leaving: &Leaving, now: Timestamp) -> impl Future<Output = Result<Committed, ServiceError>> + Send;

    /// Deleted profiles that may still have stored data.
    fn leavers(&self) -> impl Future<Output = Result<Vec<Leaver>, ServiceError>> + Send;

    /// Erases some of a deleted profile's data: history, uploads, guards of released handles. Returns true once nothing
    /// is left, and on every later call.
    fn erase(&self, id: &ProfileId) -> impl Future<Output = Result<bool, ServiceError>> + Send;

    /// Removes a profile from the [`leavers`](Self::leavers), once its files are gone too.
    fn erased(&self, id: &ProfileId) -> impl Future<Output = Result<(), ServiceError>> + Send;
}
