//! The directory of profiles on DynamoDB: `mod` reads, `beside` what is stored around a profile, `commit` writes
//! transactions, `erase` removes a deleted member's data; `rows` defines keys and items.

mod beside;
mod commit;
mod erase;
mod rows;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use comptoir::{outcome::ServiceError, settings::cache::CachedSettings};
use comptoir_aws::item::{self, Item, data, number, read_number, read_text, text, trouble};
use comptoir_aws::settings_store::DynamoSettings;
use comptoir_members::profile::{
    Profile, ProfileId,
    account::AccountId,
    directory::{Beside, Commit, Committed, Directory, Entry, Holder, Leaver, Leaving, Page},
    email::EmailKey,
    handle::{HandleGuard, HandleKey},
    recent::{Recent, RecentKey},
    search::Query,
    upload::Upload,
};
use rows::{LEAVERS, LISTED, LISTED_INDEX, Place, WHAT};

/// Profiles read by one request of a search, and the most requests per page: a page still short by then is returned as
/// is, and the search continues with the next.
const SLICE: i32 = 200;
const SLICES: usize = 5;

/// Profiles in the Profiles table, notices in the Notices table.
///
/// Reads are consistent, except a search, which may miss what was written in the second before it.
#[derive(Debug, Clone)]
pub struct DynamoDirectory {
    client: Client,
    profiles: String,
    notices: String,
    /// Where messages for the seller's app are queued; nowhere if it is told nothing.
    told: Option<String>,
    settings: Arc<CachedSettings<DynamoSettings>>,
}

impl DynamoDirectory {
    /// The directory in these tables; its notices are of the seller that `settings` describe.
    pub fn new(
        client: Client,
        profiles: String,
        notices: String,
        settings: Arc<CachedSettings<DynamoSettings>>,
    ) -> Self {
        Self { client, profiles, notices, told: None, settings }
    }

    /// The same, which queues messages for the seller's app in this table.
    pub fn telling(self, told: Option<String>) -> Self {
        Self { told, ..self }
    }

    async fn get(&self, place: &Place) -> Result<Option<Item>, ServiceError> {
        // A value that cannot be a key belongs to no profile: strangers may request any name.
        if !place.is_possible() {
            return Ok(None);
        }
        item::read(&self.client, &self.profiles, place.key(), WHAT).await
    }

    /// The profile that a guard or a pointer references.
    async fn named_by(&self, item: Option<Item>) -> Result<Option<Profile>, ServiceError> {
        match item.as_ref().and_then(|item| read_text(item, "profile")) {
            Some(id) => self.by_id(&ProfileId(id.to_owned())).await,
            None => Ok(None),
        }
    }

    /// One slice of the listed profiles, ordered by id.
    async fn listed(&self, after: Option<&str>) -> Result<(Vec<Profile>, bool), ServiceError> {
        let start = after.map(|id| {
            let mut key = Place::profile(&ProfileId(id.to_owned())).key();
            key.insert("listed".to_owned(), text(LISTED));
            key
        });
        let found = self
            .client
            .query()
            .table_name(&self.profiles)
            .index_name(LISTED_INDEX)
            .key_condition_expression("listed = :listed")
            .expression_attribute_values(":listed", text(LISTED))
            .set_exclusive_start_key(start)
            .limit(SLICE)
            .send()
            .await
            .map_err(|error| trouble(WHAT, &error))?;
        let more = found.last_evaluated_key.is_some();
        let profiles = found.items.unwrap_or_default().iter().map(|item| data(item, WHAT)).collect::<Result<_, _>>()?;
        Ok((profiles, more))
    }
}

impl Directory for DynamoDirectory {
    async fn commit(&self, commit: &Commit, now: Timestamp) -> Result<Committed, ServiceError> {
        self.write_commit(commit, now).await
    }

    async fn by_id(&self, id: &ProfileId) -> Result<Option<Profile>, ServiceError> {
        let item = self.get(&Place::profile(id)).await?;
        item.map(|item| data(&item, WHAT)).transpose()
    }

    async fn by_owner(&self, sub: &str) -> Result<Option<Profile>, ServiceError> {
        let pointer = self.get(&Place::owner(sub)).await?;
        self.named_by(pointer).await
    }

    async fn by_handle(&self, key: &HandleKey, now: Timestamp) -> Result<Option<Profile>, ServiceError> {
        let Some(item) = self.get(&Place::handle(key)).await? else { return Ok(None) };
        let guard = HandleGuard {
            key: key.clone(),
            profile: ProfileId(read_text(&item, "profile").unwrap_or_default().to_owned()),
            released_at: read_number(&item, "released_at").and_then(|ns| Timestamp::from_nanosecond(ns).ok()),
        };
        if !guard.leads(now) {
            return Ok(None);
        }
        self.by_id(&guard.profile).await
    }

    async fn holder(&self, key: &EmailKey) -> Result<Option<Holder>, ServiceError> {
        let guard = self.get(&Place::email(key)).await?;
        Ok(guard.as_ref().and_then(|guard| {
            let profile = ProfileId(read_text(guard, "profile")?.to_owned());
            Some(Holder { profile, pool: read_text(guard, "pool").map(str::to_owned) })
        }))
    }

    async fn beside(&self, id: &ProfileId, versions: &[u32]) -> Result<Beside, ServiceError> {
        self.read_beside(id, versions).await
    }

    // Every listed profile is read, because a search may request anything: a thousand profiles of 4 KB cost 0.00006 USD
    // (us-east-1, on demand). With many thousands of members, words need items of their own.
    async fn search(&self, query: &Query, after: Option<&str>, limit: u32) -> Result<Page<Profile>, ServiceError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut after = after.map(str::to_owned);
        if after.as_deref().is_some_and(|id| !Place::profile(&ProfileId(id.to_owned())).is_possible()) {
            return Ok(Page { entries: Vec::new(), next: None });
        }
        let mut entries: Vec<Profile> = Vec::new();
        for _ in 0..SLICES {
            let (slice, more) = self.listed(after.as_deref()).await?;
            let last = slice.last().map(|profile| profile.id.0.clone());
            for profile in slice.into_iter().filter(|profile| query.finds(profile)) {
                if entries.len() == limit {
                    // One more than requested was found: the page ends before it.
                    let next = entries.last().map(|profile| profile.id.0.clone());
                    return Ok(Page { entries, next });
                }
                entries.push(profile);
            }
            if !more {
                return Ok(Page { entries, next: None });
            }
            after = last.or(after);
        }
        Ok(Page { entries, next: after })
    }

    async fn history(&self, id: &ProfileId, after: Option<&str>, limit: u32) -> Result<Page<Entry>, ServiceError> {
        let before: u32 = after.map_or(Some(u32::MAX), |after| after.parse().ok()).unwrap_or_default();
        let place = Place::history(id, before);
        // Nothing precedes the first version, and DynamoDB rejects a BETWEEN that ends before it begins.
        if before <= 1 || !place.is_possible() {
            return Ok(Page { entries: Vec::new(), next: None });
        }
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let found = self
            .client
            .query()
            .table_name(&self.profiles)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(&place.pk))
            .expression_attribute_values(":first", text(Place::history(id, 1).sk))
            .expression_attribute_values(":last", text(Place::history(id, before.saturating_sub(1)).sk))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(limit)
            .send()
            .await
            .map_err(|error| trouble(WHAT, &error))?;
        let more = found.last_evaluated_key.is_some();
        let entries: Vec<Entry> =
            found.items.unwrap_or_default().iter().map(|item| data(item, WHAT)).collect::<Result<_, _>>()?;
        // The first version is the last of every history, so a full page ending there needs no further read.
        let next = entries.last().filter(|last| more && last.version > 1).map(|last| last.version.to_string());
        Ok(Page { entries, next })
    }

    async fn recent(&self, key: &RecentKey) -> Result<Recent, ServiceError> {
        let item = self.get(&Place::recent(key)).await?;
        Ok(item.map(|item| data(&item, WHAT)).transpose()?.unwrap_or_default())
    }

    async fn note(&self, key: &RecentKey, recent: &Recent, now: Timestamp) -> Result<bool, ServiceError> {
        let put = self.client.put_item().table_name(&self.profiles).set_item(Some(rows::recent(key, recent, now)?));
        let before = recent.version.saturating_sub(1);
        let put = if before == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :before").expression_attribute_values(":before", number(before))
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }

    async fn expect_upload(&self, upload: &Upload) -> Result<(), ServiceError> {
        self.write_upload(upload).await
    }

    async fn upload(&self, id: &str) -> Result<Option<Upload>, ServiceError> {
        let item = self.get(&Place::upload(id)).await?;
        item.map(|item| data(&item, WHAT)).transpose()
    }

    async fn drop_upload(&self, id: &str) -> Result<(), ServiceError> {
        let Some(upload) = self.upload(id).await? else { return Ok(()) };
        self.delete(&Place::upload(id)).await?;
        self.delete(&Place::upload_of(&upload.profile, id)).await
    }

    async fn leave(&self, leaving: &Leaving, now: Timestamp) -> Result<Committed, ServiceError> {
        self.write_leave(leaving, now).await
    }

    async fn leavers(&self) -> Result<Vec<Leaver>, ServiceError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.profiles)
            .key_condition_expression("pk = :leavers")
            .expression_attribute_values(":leavers", text(LEAVERS))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut leavers = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| trouble(WHAT, &error))?;
            // An entry with an unreadable time counts as deleted long ago.
            let left_at = read_text(&item, "left_at").and_then(|at| at.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH);
            let id = read_text(&item, "sk").map(|id| ProfileId(id.to_owned()));
            let of = |name: &str| read_text(&item, name).map(str::to_owned);
            let account = of("pool").zip(of("sub")).map(|(pool, sub)| AccountId { pool, sub });
            leavers.extend(id.map(|id| Leaver { id, left_at, account }));
        }
        Ok(leavers)
    }

    async fn erase(&self, id: &ProfileId) -> Result<bool, ServiceError> {
        self.erase_some(id).await
    }

    async fn erased(&self, id: &ProfileId) -> Result<(), ServiceError> {
        self.delete(&Place::leaver(id)).await
    }
}
