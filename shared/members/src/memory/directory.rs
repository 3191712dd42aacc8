//! Profiles in memory: the directory of members with its guards, history and notices.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use jiff::Timestamp;

use crate::profile::{
    Profile, ProfileId,
    change::GuardMove,
    directory::{Beside, Commit, Committed, Directory, Entry, Holder, Leaver, Leaving, Page, Taken},
    email::EmailKey,
    handle::{HandleGuard, HandleKey},
    notice::{self, Notice},
    recent::{Recent, RecentKey},
    search::Query,
    upload::Upload,
};
use comptoir::{
    memory::{FaultPlan, locked, pass_the_turn},
    outcome::ServiceError,
};

/// A directory of members.
#[derive(Debug, Default)]
pub struct Members {
    kept: Mutex<Kept>,
    faults: Arc<FaultPlan>,
}

#[derive(Debug, Default)]
struct Kept {
    profiles: BTreeMap<ProfileId, Profile>,
    handles: BTreeMap<HandleKey, HandleGuard>,
    emails: BTreeMap<EmailKey, Holder>,
    owners: BTreeMap<String, ProfileId>,
    history: BTreeMap<ProfileId, BTreeMap<u32, Entry>>,
    notices: BTreeMap<String, Notice>,
    sent: BTreeSet<String>,
    uploads: BTreeMap<String, Upload>,
    leavers: BTreeMap<ProfileId, Leaver>,
    recents: BTreeMap<RecentKey, Recent>,
}

impl Kept {
    /// Which guards of a commit belong to another profile.
    fn taken(&self, commit: &Commit, now: Timestamp) -> Taken {
        let id = &commit.profile.id;
        let mut taken = Taken::default();
        for step in &commit.moves {
            match step {
                GuardMove::ClaimHandle(key) => {
                    taken.handle |= self.handles.get(key).is_some_and(|guard| !guard.admits(id, now));
                }
                GuardMove::ClaimEmail(key) => {
                    taken.email |= self.emails.get(key).is_some_and(|holder| holder.profile != *id)
                }
                GuardMove::ReleaseHandle(_) | GuardMove::FreeEmail(_) => {}
            }
        }
        if commit.profile.version == 1 {
            taken.owner = self.owners.contains_key(&commit.profile.owner);
        }
        taken
    }

    fn step(&mut self, step: &GuardMove, commit: &Commit, now: Timestamp) {
        let id = &commit.profile.id;
        match step {
            GuardMove::ClaimHandle(key) => {
                let guard = HandleGuard { key: key.clone(), profile: id.clone(), released_at: None };
                self.handles.insert(key.clone(), guard);
            }
            GuardMove::ReleaseHandle(key) => {
                if let Some(guard) = self.handles.get_mut(key).filter(|guard| guard.profile == *id) {
                    guard.released_at = Some(now);
                }
            }
            GuardMove::ClaimEmail(key) => {
                self.emails.insert(key.clone(), Holder { profile: id.clone(), pool: commit.pool.clone() });
            }
            GuardMove::FreeEmail(key) => {
                if self.emails.get(key).is_some_and(|holder| holder.profile == *id) {
                    self.emails.remove(key);
                }
            }
        }
    }

    fn queue(&mut self, notices: &[Notice]) {
        for notice in notices {
            match notice.due {
                Some(_) => drop(self.notices.insert(notice.id.clone(), notice.clone())),
                None => drop(self.notices.entry(notice.id.clone()).or_insert_with(|| notice.clone())),
            }
        }
    }

    fn commit(&mut self, commit: &Commit, now: Timestamp) -> Committed {
        let profile = &commit.profile;
        let taken = self.taken(commit, now);
        let known = self.profiles.get(&profile.id);
        // The id of a deleted profile is never reused: its files may not be erased yet.
        let stands = known.map_or(0, |known| known.version).saturating_add(1) == profile.version
            && !self.leavers.contains_key(&profile.id)
            && (profile.version > 1 || !self.left(&profile.owner));
        if !stands {
            return Committed::Moved(known.cloned().map(Box::new));
        }
        if taken.any() {
            return Committed::Taken(taken);
        }
        if commit.notices.iter().any(|notice| notice.due.is_some() && self.sent.contains(&notice.id)) {
            return Committed::NoticeSent;
        }
        for step in &commit.moves {
            self.step(step, commit, now);
        }
        self.owners.insert(profile.owner.clone(), profile.id.clone());
        self.profiles.insert(profile.id.clone(), profile.clone());
        self.history.entry(profile.id.clone()).or_default().insert(commit.entry.version, commit.entry.clone());
        self.queue(&commit.notices);
        if let Some(upload) = &commit.upload {
            self.uploads.remove(upload);
        }
        Committed::Done
    }

    fn leave(&mut self, leaving: &Leaving, now: Timestamp) -> Committed {
        let id = &leaving.profile.id;
        if self.leavers.contains_key(id) {
            return Committed::Done;
        }
        match self.profiles.get(id) {
            None => return Committed::Moved(None),
            Some(known) if known.version != leaving.profile.version => {
                return Committed::Moved(Some(Box::new(known.clone())));
            }
            Some(_) => {}
        }
        self.profiles.remove(id);
        self.owners.remove(&leaving.profile.owner);
        self.emails.retain(|_, holder| holder.profile != *id);
        if let Some(handle) = &leaving.profile.handle {
            self.handles.remove(&HandleKey::of(handle));
        }
        self.queue(&leaving.notices);
        let leaver = Leaver { id: id.clone(), left_at: now, account: leaving.account.clone() };
        self.leavers.insert(id.clone(), leaver);
        self.recents.insert(RecentKey::of(&leaving.profile.owner), Recent::of_leaver(now));
        Committed::Done
    }

    fn left(&self, owner: &str) -> bool {
        self.recents.get(&RecentKey::of(owner)).is_some_and(|recent| recent.gone_at.is_some())
    }

    fn beside(&self, id: &ProfileId, versions: &[u32]) -> Beside {
        let uploads = self.uploads.values().filter(|upload| upload.profile == *id).cloned().collect();
        let given_up = self.handles.values().filter(|guard| guard.profile == *id && guard.released_at.is_some());
        let handles = given_up.map(|guard| guard.key.0.clone()).collect();
        let ids = versions.iter().flat_map(|version| notice::ids(id, *version));
        let queued = ids.filter_map(|id| self.notices.get(&id.0));
        let notices = queued.map(|notice| serde_json::to_value(notice).unwrap_or_default()).collect();
        Beside { uploads, handles, notices }
    }

    /// Erases one item of a deleted profile, as a store that works in small batches.
    fn erase(&mut self, id: &ProfileId) -> bool {
        if let Some(lines) = self.history.get_mut(id)
            && lines.pop_first().is_some()
        {
            return false;
        }
        let upload = self.uploads.values().find(|upload| upload.profile == *id).map(|upload| upload.id.clone());
        if let Some(upload) = upload {
            return self.uploads.remove(&upload).is_none();
        }
        let guard = self.handles.values().find(|guard| guard.profile == *id).map(|guard| guard.key.clone());
        if let Some(guard) = guard {
            return self.handles.remove(&guard).is_none();
        }
        self.history.remove(id);
        true
    }
}

impl Members {
    /// An empty directory under this fault plan.
    pub fn new(faults: Arc<FaultPlan>) -> Self {
        Self { kept: Mutex::default(), faults }
    }

    /// Every notice that was queued, by id.
    pub fn notices(&self) -> Vec<Notice> {
        locked(&self.kept).notices.values().cloned().collect()
    }

    /// Marks a notice as sent.
    pub fn send(&self, id: &str) {
        locked(&self.kept).sent.insert(id.to_owned());
    }

    /// All stored data except notices, as text: tests search it for traces of a deleted member.
    pub fn everything(&self) -> String {
        let kept = locked(&self.kept);
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            kept.profiles, kept.handles, kept.emails, kept.owners, kept.history, kept.uploads, kept.recents
        )
    }

    async fn call<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> Result<T, ServiceError> {
        pass_the_turn().await;
        self.faults.call("the profile directory", || Ok(work(&mut locked(&self.kept))))
    }
}

impl Directory for Members {
    async fn commit(&self, commit: &Commit, now: Timestamp) -> Result<Committed, ServiceError> {
        self.call(|kept| kept.commit(commit, now)).await
    }

    async fn by_id(&self, id: &ProfileId) -> Result<Option<Profile>, ServiceError> {
        self.call(|kept| kept.profiles.get(id).cloned()).await
    }

    async fn by_owner(&self, sub: &str) -> Result<Option<Profile>, ServiceError> {
        self.call(|kept| kept.profiles.get(kept.owners.get(sub)?).cloned()).await
    }

    async fn by_handle(&self, key: &HandleKey, now: Timestamp) -> Result<Option<Profile>, ServiceError> {
        self.call(|kept| {
            let guard = kept.handles.get(key).filter(|guard| guard.leads(now))?;
            kept.profiles.get(&guard.profile).cloned()
        })
        .await
    }

    async fn holder(&self, key: &EmailKey) -> Result<Option<Holder>, ServiceError> {
        self.call(|kept| kept.emails.get(key).cloned()).await
    }

    async fn beside(&self, id: &ProfileId, versions: &[u32]) -> Result<Beside, ServiceError> {
        self.call(|kept| kept.beside(id, versions)).await
    }

    async fn search(&self, query: &Query, after: Option<&str>, limit: u32) -> Result<Page<Profile>, ServiceError> {
        let after = after.unwrap_or_default();
        self.call(|kept| {
            let behind = kept.profiles.values().filter(|profile| profile.id.0.as_str() > after);
            page(behind.filter(|profile| query.finds(profile)), limit, |profile| profile.id.0.clone())
        })
        .await
    }

    async fn history(&self, id: &ProfileId, after: Option<&str>, limit: u32) -> Result<Page<Entry>, ServiceError> {
        let before = after.map_or(Some(u32::MAX), |after| after.parse().ok()).unwrap_or_default();
        self.call(|kept| {
            let lines = kept.history.get(id).into_iter().flat_map(|lines| lines.range(..before).rev());
            page(lines.map(|(_, entry)| entry), limit, |entry| entry.version.to_string())
        })
        .await
    }

    async fn recent(&self, key: &RecentKey) -> Result<Recent, ServiceError> {
        self.call(|kept| kept.recents.get(key).cloned().unwrap_or_default()).await
    }

    async fn note(&self, key: &RecentKey, recent: &Recent, _: Timestamp) -> Result<bool, ServiceError> {
        self.call(|kept| {
            let known = kept.recents.get(key).map_or(0, |known| known.version);
            let follows = known.saturating_add(1) == recent.version;
            if follows {
                kept.recents.insert(key.clone(), recent.clone());
            }
            follows
        })
        .await
    }

    async fn expect_upload(&self, upload: &Upload) -> Result<(), ServiceError> {
        self.call(|kept| {
            kept.uploads.insert(upload.id.clone(), upload.clone());
        })
        .await
    }

    async fn upload(&self, id: &str) -> Result<Option<Upload>, ServiceError> {
        self.call(|kept| kept.uploads.get(id).cloned()).await
    }

    async fn drop_upload(&self, id: &str) -> Result<(), ServiceError> {
        self.call(|kept| {
            kept.uploads.remove(id);
        })
        .await
    }

    async fn leave(&self, leaving: &Leaving, now: Timestamp) -> Result<Committed, ServiceError> {
        self.call(|kept| kept.leave(leaving, now)).await
    }

    async fn leavers(&self) -> Result<Vec<Leaver>, ServiceError> {
        self.call(|kept| kept.leavers.values().cloned().collect()).await
    }

    async fn erase(&self, id: &ProfileId) -> Result<bool, ServiceError> {
        self.call(|kept| kept.erase(id)).await
    }

    async fn erased(&self, id: &ProfileId) -> Result<(), ServiceError> {
        self.call(|kept| {
            kept.leavers.remove(id);
        })
        .await
    }
}

/// The first `limit`, and the position of the last of them if there are more.
fn page<'a, T: Clone + 'a>(all: impl Iterator<Item = &'a T>, limit: u32, place: impl Fn(&T) -> String) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut entries: Vec<T> = all.take(limit.saturating_add(1)).cloned().collect();
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(place);
    Page { entries, next }
}
