//! The capability to keep profiles, with everything that must move in one step: the profile, the guards of its handle,
//! address and owner, its history, and what is told of it.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Profile, ProfileId,
    change::{FieldChange, GuardMove},
    handle::HandleKey,
    notice::Notice,
    search::Query,
    upload::Upload,
};
use comptoir::outcome::ServiceError;

/// One line of a profile's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version that this change made.
    pub version: u32,
    /// When.
    pub at: Timestamp,
    /// Who: `member/<sub>`, `iam/<role>`.
    pub by: String,
    /// What.
    pub changes: Vec<FieldChange>,
}

/// A profile to write with all that goes with it: a new one, or the next version of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The profile afterwards. Its `version` is 1 where it is new; otherwise it stands only if the one kept is the version
    /// before.
    pub profile: Profile,
    /// The guards that move with it; a new profile's owner is guarded as well.
    pub moves: Vec<GuardMove>,
    /// What the history says.
    pub entry: Entry,
    /// What is told, each once by its id.
    pub notices: Vec<Notice>,
    /// The upload that this uses up, if it does.
    pub upload: Option<String>,
}

/// What a commit found. Nothing of it was written but for `Done`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// All of it was written.
    Done,
    /// Something that it needs belongs to another profile.
    Taken(Taken),
    /// The profile is at another version than the one before, or gone.
    Moved(Option<Box<Profile>>),
}

/// What belongs to another profile.
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
    /// Whether anything is.
    pub fn any(self) -> bool {
        self.handle || self.email || self.owner
    }
}

/// Some of many, and where the rest begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// These.
    pub entries: Vec<T>,
    /// After which place the next page starts, in the words of the directory; none on the last page.
    pub next: Option<String>,
}

/// A profile that left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaver {
    /// Which.
    pub id: ProfileId,
    /// When.
    pub left_at: Timestamp,
}

/// A profile on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// The profile, at the version that leaves.
    pub profile: Profile,
    /// What is told.
    pub notices: Vec<Notice>,
}

/// Keeps profiles.
pub trait Directory: Send + Sync {
    /// Writes all of it or nothing, under the conditions that [`Commit`] tells; guards are judged at `now`, by
    /// [`HandleGuard::admits`](super::handle::HandleGuard::admits). Where both a version and a guard stand in the way, the
    /// version is told: what is taken may be the caller's own.
    fn commit(&self, commit: &Commit, now: Timestamp) -> impl Future<Output = Result<Committed, ServiceError>> + Send;

    /// The profile of this id.
    fn by_id(&self, id: &ProfileId) -> impl Future<Output = Result<Option<Profile>, ServiceError>> + Send;

    /// The profile of this member.
    fn by_owner(&self, sub: &str) -> impl Future<Output = Result<Option<Profile>, ServiceError>> + Send;

    /// The profile that has this handle, or gave it up so lately that it still leads there.
    fn by_handle(
        &self,
        key: &HandleKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Profile>, ServiceError>> + Send;

    /// At most `limit` profiles that answer `query`, after this place; each once over all pages, if nothing changes
    /// meanwhile. A page may hold fewer, even none, before the last.
    fn search(
        &self,
        query: &Query,
        after: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Result<Page<Profile>, ServiceError>> + Send;

    /// At most `limit` lines of a profile's history, the latest first, after this place.
    fn history(
        &self,
        id: &ProfileId,
        after: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Result<Page<Entry>, ServiceError>> + Send;

    /// Keeps what an upload was announced as, until it expires.
    fn expect_upload(&self, upload: &Upload) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// The upload of this id, if it was announced and not used up.
    fn upload(&self, id: &str) -> impl Future<Output = Result<Option<Upload>, ServiceError>> + Send;

    /// Forgets an upload that was refused; one that is forgotten already is fine.
    fn drop_upload(&self, id: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Takes a profile away with the guards of its handle, address and owner, queues what is told, and notes that the rest
    /// is still to be erased, all in one step. `Done` too if that was noted before.
    fn leave(&self, leaving: &Leaving, now: Timestamp) -> impl Future<Output = Result<Committed, ServiceError>> + Send;

    /// Profiles that left and of which something may still be kept.
    fn leavers(&self) -> impl Future<Output = Result<Vec<Leaver>, ServiceError>> + Send;

    /// Erases some of what is kept of a profile that left: history, uploads, guards of handles it gave up. True once
    /// nothing is left, and then as often as it is asked.
    fn erase(&self, id: &ProfileId) -> impl Future<Output = Result<bool, ServiceError>> + Send;

    /// Strikes a profile off the [`leavers`](Self::leavers), once its files are gone too.
    fn erased(&self, id: &ProfileId) -> impl Future<Output = Result<(), ServiceError>> + Send;
}
