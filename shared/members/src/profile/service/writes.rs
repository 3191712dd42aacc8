//! The mutations of a profile: create, update, delete; and the blank profile of a new user.

use jiff::Timestamp;
use serde_json::Value;

use super::{Desk, Failure, Task, arguments::Arguments, leave};
use crate::profile::{
    Language, Pace, Profile, ProfileId,
    access::Caller,
    account::{AccountId, Accounts, is_answered},
    change::{self, FieldChange, Updated},
    directory::{Commit, Committed, Directory, Entry, Leaver, Leaving, Taken},
    email::{self, EmailKey},
    input, names,
    notice::{self, Audience, Event, Notice},
    recent::RecentKey,
    upload::{Files, Prepare},
    violation::{Code, Findings, Violation},
};
use comptoir::outcome::ServiceError;

/// How often a decision is retried after a conflict. Each conflict means that another writer succeeded, so that ends.
const TRIES: usize = 8;

impl<D: Directory, F: Files, P: Prepare, A: Accounts> Task<'_, D, F, P, A> {
    pub(super) async fn create(&self) -> Result<Value, Failure> {
        let sub = self.caller.sub().ok_or(Failure::Denied)?;
        self.allowed(Some(sub))?;
        let mut arguments = Arguments::new(&self.request.arguments);
        arguments.need("input");
        let given = arguments.get("input").unwrap_or(&Value::Null);
        arguments.end()?;
        let draft = input::draft(given)?;
        for _ in 0..TRIES {
            let before = self.desk.directory.by_owner(sub).await?;
            let updated = match &before {
                None => {
                    // An old token of who left creates nothing anew.
                    if self.desk.directory.recent(&RecentKey::of(sub)).await?.gone_at.is_some() {
                        return Err(Failure::Denied);
                    }
                    let id = ProfileId((self.desk.random)());
                    change::create(draft.clone(), id, sub, self.request.language, self.request.now)
                }
                Some(known) => {
                    let change = draft.rest.clone();
                    let filled = change::update(known, change, known.version, self.request.now)?;
                    if filled.changes.is_empty() {
                        // The response to the same request was lost.
                        return self.present(known).await;
                    }
                    if !known.is_blank() {
                        return Err(Failure::Exists(known.id.clone()));
                    }
                    filled
                }
            };
            self.verified(before.as_ref(), &updated.profile)?;
            match self.commit(Event::Created, before.as_ref(), &updated, None).await? {
                Committed::Done => return self.present(&updated.profile).await,
                Committed::Taken(taken) if !taken.owner => self.freed(taken, &updated.profile).await?,
                Committed::Taken(_) | Committed::Moved(_) | Committed::NoticeSent => {}
            }
        }
        Err(busy())
    }

    pub(super) async fn update(&self) -> Result<Value, Failure> {
        let mut arguments = Arguments::new(&self.request.arguments);
        arguments.need("id");
        arguments.need("expectedVersion");
        arguments.need("input");
        let id = ProfileId(arguments.text("id").unwrap_or_default().to_owned());
        let expected = arguments.between("expectedVersion", 1, i32::MAX.unsigned_abs()).unwrap_or_default();
        let given = arguments.get("input").unwrap_or(&Value::Null);
        arguments.end()?;
        let mut current = self.existing(&id).await?;
        let country = current.location.as_ref().map(|location| location.country.clone());
        let change = input::change(given, country.as_deref())?;
        for _ in 0..TRIES {
            let updated = change::update(&current, change.clone(), expected, self.request.now)?;
            if updated.changes.is_empty() {
                return self.present(&current).await;
            }
            self.verified(Some(&current), &updated.profile)?;
            match self.commit(Event::Changed, Some(&current), &updated, None).await? {
                Committed::Done => {
                    self.clear(&current, &updated.profile).await;
                    return self.present(&updated.profile).await;
                }
                Committed::Taken(taken) => self.freed(taken, &updated.profile).await?,
                Committed::Moved(Some(moved)) => current = *moved,
                Committed::Moved(None) => return Err(Failure::NotFound),
                Committed::NoticeSent => {}
            }
        }
        Err(busy())
    }

    pub(super) async fn delete(&self) -> Result<Value, Failure> {
        let mut arguments = Arguments::new(&self.request.arguments);
        arguments.need("id");
        let id = ProfileId(arguments.text("id").unwrap_or_default().to_owned());
        arguments.end()?;
        let mut profile = self.existing(&id).await?;
        for _ in 0..TRIES {
            let notices = notice::of_leave(&profile, self.request.now);
            match self.leave(&profile, notices).await? {
                Committed::Done => {
                    let gone = Profile { avatar: None, cv: None, ..profile };
                    return self.present(&gone).await;
                }
                Committed::Moved(Some(moved)) => profile = *moved,
                Committed::Moved(None) | Committed::Taken(_) | Committed::NoticeSent => return Err(Failure::NotFound),
            }
        }
        Err(busy())
    }

    /// Deletes a profile with its account. What cannot be erased now is found among the leavers, and erased within the
    /// day.
    async fn leave(&self, profile: &Profile, notices: Vec<Notice>) -> Result<Committed, Failure> {
        let known = match self.caller.pool() {
            Some(pool) => Some(pool.to_owned()),
            None => self.desk.directory.holder(&EmailKey::of(&profile.email)).await?.and_then(|holder| holder.pool),
        };
        let account = known.map(|pool| AccountId { pool, sub: profile.owner.clone() });
        let leaving = Leaving { profile: profile.clone(), notices, account: account.clone() };
        let left = self.desk.directory.leave(&leaving, self.request.now).await?;
        if left == Committed::Done {
            let leaver = Leaver { id: profile.id.clone(), left_at: self.request.now, account };
            let Desk { directory, files, accounts, .. } = *self.desk;
            if let Err(failure) = leave::erase(&leaver, directory, files, accounts).await {
                tracing::warn!(%failure, "a profile that left is not erased yet");
            }
        }
        Ok(left)
    }

    /// Frees an address whose account is gone, or waits for somebody to answer its invitation: its new owner has proven it, and the profile of the former one leaves
    /// first. The decision is then taken again.
    ///
    /// # Errors
    /// What is taken.
    async fn freed(&self, taken: Taken, wanted: &Profile) -> Result<(), Failure> {
        let refused = || Err(self.taken(taken, wanted));
        let (false, true, Some(pool)) = (taken.handle, taken.email, self.caller.pool()) else { return refused() };
        let key = EmailKey::of(&wanted.email);
        let Some(holder) = self.desk.directory.holder(&key).await? else { return Ok(()) };
        // What another pool proved is another pool's to judge; so is what no pool is named for.
        if holder.pool.as_deref() != Some(pool) {
            return refused();
        }
        let Some(former) = self.desk.directory.by_id(&holder.profile).await? else { return Ok(()) };
        if EmailKey::of(&former.email) != key {
            return Ok(());
        }
        let account = AccountId { pool: pool.to_owned(), sub: former.owner.clone() };
        let attributes = self.desk.accounts.attributes(&account).await?;
        if former.owner == wanted.owner || attributes.as_ref().is_some_and(is_answered) {
            return refused();
        }
        // The address is somebody else's now: the farewell is for the team alone.
        let mut notices = notice::of_leave(&former, self.request.now);
        notices.retain(|notice| notice.audience == Audience::Team);
        self.leave(&former, notices).await.map(drop)
    }

    /// The profile of this id, if the caller may do this to it.
    pub(super) async fn existing(&self, id: &ProfileId) -> Result<Profile, Failure> {
        let found = self.desk.directory.by_id(id).await?;
        self.allowed(found.as_ref().map(|profile| profile.owner.as_str()))?;
        found.ok_or(Failure::NotFound)
    }

    /// Commits a decision with its history and its notices, at the pace of the profile.
    pub(super) async fn commit(
        &self,
        event: Event,
        before: Option<&Profile>,
        updated: &Updated,
        upload: Option<String>,
    ) -> Result<Committed, Failure> {
        let known = updated.profile.pace.clone();
        let committed = self.commit_at(&known, event, before, updated, upload.clone()).await?;
        if committed != Committed::NoticeSent {
            return Ok(committed);
        }
        match self.commit_at(&known.without_joined(), event, before, updated, upload).await? {
            Committed::NoticeSent => Err(busy()),
            committed => Ok(committed),
        }
    }

    async fn commit_at(
        &self,
        pace: &Pace,
        event: Event,
        before: Option<&Profile>,
        updated: &Updated,
        upload: Option<String>,
    ) -> Result<Committed, Failure> {
        let mut profile = updated.profile.clone();
        let (pace, reported) = pace
            .change(&updated.changes, profile.version, self.request.now)
            .map_err(|refused| Failure::TooMany { until: refused.until })?;
        profile.pace = pace;
        let entry = Entry {
            version: profile.version,
            at: profile.updated_at,
            by: self.caller.label(),
            changes: updated.changes.iter().map(FieldChange::recorded).collect(),
        };
        let notices = notice::of_change(event, before, &profile, &updated.changes, &reported);
        let pool = self.caller.pool().map(str::to_owned);
        let commit = Commit { profile, moves: updated.moves.clone(), entry, notices, upload, pool };
        Ok(self.desk.directory.commit(&commit, self.request.now).await?)
    }

    /// Removes files that a profile no longer references. One left behind is erased with the profile.
    pub(super) async fn clear(&self, before: &Profile, after: &Profile) {
        let kept = [&after.avatar, &after.cv];
        for file in [&before.avatar, &before.cv].into_iter().flatten() {
            if kept.into_iter().flatten().any(|still| still.key == file.key) {
                continue;
            }
            for key in std::iter::once(&file.key).chain(&file.thumbnail) {
                if let Err(failure) = self.desk.files.remove(key).await {
                    tracing::warn!(%failure, "a replaced file is not removed yet");
                }
            }
        }
    }

    /// A profile accepts only the address that its owner's own token marks as verified: mail goes to it in our name. No
    /// other caller can prove an address, so no other caller changes it.
    fn verified(&self, before: Option<&Profile>, after: &Profile) -> Result<(), Failure> {
        let is_after = |address: &str| EmailKey::of(address) == EmailKey::of(&after.email);
        let verified = match self.caller {
            Caller::Member { sub, email: Some(email), .. } if *sub == after.owner => email::read(email, "email").ok(),
            Caller::Member { .. } | Caller::Iam { .. } => None,
        };
        if before.is_some_and(|before| is_after(&before.email)) || verified.is_some_and(|address| is_after(&address)) {
            return Ok(());
        }
        Err(Violation::new(Code::EmailNotVerified, "email", &after.email).into())
    }

    fn taken(&self, taken: Taken, wanted: &Profile) -> Failure {
        let mut violations = Vec::new();
        if taken.handle {
            violations.push(Violation::new(Code::HandleTaken, "handle", wanted.handle.as_deref().unwrap_or_default()));
        }
        if taken.email {
            violations.push(Violation::new(Code::EmailTaken, "email", &wanted.email));
        }
        Failure::Invalid(violations)
    }
}

pub(super) fn busy() -> Failure {
    Failure::Unavailable(ServiceError::transient("the profile directory", "others were faster each time"))
}

/// A new user, as the user pool describes them.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer<'a> {
    /// The `sub`.
    pub sub: &'a str,
    /// Their address, verified by the user pool.
    pub email: &'a str,
    /// Their full name, if an identity provider gave it.
    pub name: Option<&'a str>,
    /// The language of their sign-up.
    pub language: Language,
    /// The user pool.
    pub pool: Option<&'a str>,
}

/// Creates a blank profile for a new user, unless they have one. If their address is taken by another profile or
/// invalid, the member starts without a profile and picks an address when creating it.
///
/// # Errors
/// The directory does not answer; the step may be repeated.
pub async fn welcome(
    directory: &impl Directory,
    id: ProfileId,
    newcomer: Newcomer<'_>,
    now: Timestamp,
) -> Result<Option<Profile>, ServiceError> {
    let Newcomer { sub, email, name, language, pool } = newcomer;
    let Ok(address) = email::read(email, "email") else { return directory.by_owner(sub).await };
    let (given, family) = names::split(name.unwrap_or_default());
    // An invalid name is left to the member: there is no caller to report it to.
    let read = |name: &str| names::read(name, "name", &mut Findings::default());
    let profile = Profile {
        first_name: read(&given),
        last_name: read(&family),
        ..Profile::blank(id, sub, &address, language, now)
    };
    let entry = Entry { version: 1, at: now, by: format!("member/{sub}"), changes: Vec::new() };
    let moves = change::moves(None, &profile);
    let pool = pool.map(str::to_owned);
    let commit = Commit { profile: profile.clone(), moves, entry, notices: Vec::new(), upload: None, pool };
    match directory.commit(&commit, now).await? {
        Committed::Done => Ok(Some(profile)),
        Committed::Taken(_) | Committed::Moved(_) | Committed::NoticeSent => directory.by_owner(sub).await,
    }
}
