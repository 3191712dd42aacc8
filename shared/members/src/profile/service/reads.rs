//! The queries: one profile, a search, a profile's history, and the export of the caller's data.

use serde_json::{Value, json};

use super::{Failure, Task, arguments::Arguments};
use crate::profile::{
    Profile, ProfileId, Status,
    access::{Caller, Group},
    account::{AccountId, Accounts, Attributes},
    change::FieldChange,
    directory::{Beside, Directory, Entry},
    handle::HandleKey,
    recent::{Recent, RecentKey},
    search::{self, Query},
    upload::{Files, Prepare},
};

/// Default and largest page size of history.
const HISTORY_PAGE: u32 = 50;

/// Bytes of history after which an export ends: AppSync limits a response to 5 MB, and each page may add as much again.
const EXPORTED: usize = 2_000_000;

/// The latest versions whose queued notices are exported; notices are kept for a week.
const NOTICED: u32 = 30;

/// What an export does not hold, and erasure does not reach.
const KEPT_BY_LAW: &str = "Les factures et avoirs à votre adresse sont conservés dix ans, comme la loi l'exige (C. com., art. L123-22), séparément du profil ; demandez-en copie au vendeur. Invoices and credit notes to your address are kept for ten years, as the law demands, apart from the profile; ask the seller for copies.";

impl<D: Directory, F: Files, P: Prepare, A: Accounts> Task<'_, D, F, P, A> {
    pub(super) async fn me(&self) -> Result<Value, Failure> {
        let sub = self.caller.sub().ok_or(Failure::Denied)?;
        self.allowed(Some(sub))?;
        self.shown(self.desk.directory.by_owner(sub).await?).await
    }

    pub(super) async fn profile(&self) -> Result<Value, Failure> {
        let id = self.id()?;
        let found = self.desk.directory.by_id(&id).await?;
        self.found(found).await
    }

    pub(super) async fn profile_by_handle(&self) -> Result<Value, Failure> {
        let mut arguments = Arguments::new(&self.request.arguments);
        arguments.need("handle");
        let handle = arguments.text("handle").unwrap_or_default();
        arguments.end()?;
        // No spelling of a handle is longer.
        let found = match handle.trim().trim_start_matches('@') {
            long if long.len() > 1000 => None,
            handle => self.desk.directory.by_handle(&HandleKey::of(handle), self.request.now).await?,
        };
        self.found(found).await
    }

    pub(super) async fn search(&self) -> Result<Value, Failure> {
        self.allowed(None)?;
        let mut arguments = Arguments::new(&self.request.arguments);
        let (skill, text) = (arguments.text("skill"), arguments.text("text"));
        let availability = arguments.choice("availability", &Status::ALL, Status::name);
        let limit = arguments.between("limit", 1, search::LARGEST_PAGE).unwrap_or(search::USUAL_PAGE);
        let cursor = arguments.text("cursor");
        arguments.end()?;
        let query = Query::new(skill, text, availability)?;
        let of = query.fingerprint();
        let after = cursor.map(|cursor| search::place(&of, cursor)).transpose()?;
        let page = self.desk.directory.search(&query, after.as_deref(), limit).await?;
        let mut items = Vec::new();
        for profile in &page.entries {
            items.push(self.present(profile).await?);
        }
        Ok(json!({ "items": items, "cursor": page.next.map(|next| search::cursor(&of, &next)) }))
    }

    pub(super) async fn history(&self) -> Result<Value, Failure> {
        self.allowed(None)?;
        let mut arguments = Arguments::new(&self.request.arguments);
        arguments.need("id");
        let id = ProfileId(arguments.text("id").unwrap_or_default().to_owned());
        let limit = arguments.between("limit", 1, HISTORY_PAGE).unwrap_or(HISTORY_PAGE);
        let cursor = arguments.text("cursor");
        arguments.end()?;
        let of = format!("history/{id}");
        let after = cursor.map(|cursor| search::place(&of, cursor)).transpose()?;
        let page = self.desk.directory.history(&id, after.as_deref(), limit).await?;
        let items: Vec<Value> = page.entries.iter().map(line).collect();
        Ok(json!({ "items": items, "cursor": page.next.map(|next| search::cursor(&of, &next)) }))
    }

    /// All stored data of the caller, as JSON (GDPR, articles 15 and 20).
    pub(super) async fn export(&self) -> Result<Value, Failure> {
        let sub = self.caller.sub().ok_or(Failure::Denied)?;
        self.allowed(Some(sub))?;
        self.count(sub, Recent::export).await?;
        let profile = self.desk.directory.by_owner(sub).await?;
        let mut history = Vec::new();
        let mut shown = Value::Null;
        let mut left_out = false;
        let mut beside = Beside::default();
        if let Some(profile) = &profile {
            shown = self.present(profile).await?;
            let mut after = None;
            let mut size = 0;
            while size < EXPORTED {
                let page = self.desk.directory.history(&profile.id, after.as_deref(), HISTORY_PAGE).await?;
                for entry in &page.entries {
                    let line = line(entry);
                    size += line.to_string().len();
                    history.push(line);
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            left_out = after.is_some();
            let version = profile.version;
            let latest = (version.saturating_sub(NOTICED).saturating_add(1)..=version).rev();
            // A notice that collects changes has the version that began it.
            let collects = profile.pace.joined.as_ref().map(|joined| joined.version);
            let mut versions: Vec<u32> = latest.chain(collects).collect();
            versions.sort_unstable_by(|a, b| b.cmp(a));
            versions.dedup();
            beside = self.desk.directory.beside(&profile.id, &versions).await?;
        }
        let language = profile.as_ref().map(|profile| profile.language);
        Ok(json!({
            "exportedAt": self.request.now,
            "owner": sub,
            "language": language,
            "profile": shown,
            "history": history,
            // Newest first; an admin reads older ones page by page with `profileHistory`.
            "olderHistoryLeftOut": left_out,
            "uploads": beside.uploads,
            "formerHandles": beside.handles,
            "notices": beside.notices,
            "lately": self.desk.directory.recent(&RecentKey::of(sub)).await?,
            "signIn": self.sign_in(sub).await?,
            "invoices": KEPT_BY_LAW,
        }))
    }

    /// What the sign-in knows of the caller.
    async fn sign_in(&self, sub: &str) -> Result<Option<Attributes>, Failure> {
        let Some(pool) = self.caller.pool() else { return Ok(None) };
        let id = AccountId { pool: pool.to_owned(), sub: sub.to_owned() };
        Ok(self.desk.accounts.attributes(&id).await?)
    }

    fn id(&self) -> Result<ProfileId, Failure> {
        let mut arguments = Arguments::new(&self.request.arguments);
        arguments.need("id");
        let id = ProfileId(arguments.text("id").unwrap_or_default().to_owned());
        arguments.end()?;
        Ok(id)
    }

    /// What the caller gets of a found profile: nothing, if it is hidden from them.
    async fn found(&self, found: Option<Profile>) -> Result<Value, Failure> {
        self.allowed(found.as_ref().map(|profile| profile.owner.as_str()))?;
        self.shown(found.filter(|profile| !profile.is_blank() || self.sees_blank(profile))).await
    }

    /// Whether the caller sees a blank profile.
    fn sees_blank(&self, profile: &Profile) -> bool {
        match self.caller {
            Caller::Iam { .. } => true,
            Caller::Member { sub, groups, .. } => {
                *sub == profile.owner || groups.contains(&Group::Team) || groups.contains(&Group::Admin)
            }
        }
    }

    async fn shown(&self, found: Option<Profile>) -> Result<Value, Failure> {
        match found {
            Some(profile) => self.present(&profile).await,
            None => Ok(Value::Null),
        }
    }
}

/// A history entry, as the API writes it: old and new values are JSON of the field's type.
fn line(entry: &Entry) -> Value {
    let changes: Vec<Value> = entry
        .changes
        .iter()
        // Entries of former versions kept what contact fields held.
        .map(FieldChange::recorded)
        .map(|change| json!({ "field": change.field.name(), "from": change.from.to_string(), "to": change.to.to_string() }))
        .collect();
    json!({ "version": entry.version, "at": entry.at, "by": entry.by, "changes": changes })
}
