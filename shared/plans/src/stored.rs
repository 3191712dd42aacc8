//! The plans in the settings store: a document of its own beside the seller's, with the same versions and history.

use std::{future::Future, sync::Arc};

use comptoir::{
    outcome::ServiceError,
    seller::InvalidSettings,
    settings::{
        SettingsReader, SettingsWriter, StoredSettings,
        cache::{Cached, Document},
        change::{NotSaved, Saved, commit},
    },
};
use jiff::Timestamp;

use crate::{
    access,
    catalogue::{Catalogue, PlansDocument},
    stripe::Subscription,
};

/// The name of the document in the settings store.
pub const DOCUMENT: &str = "plans";

const WHAT: &str = "the plans";

/// The newest plans, kept for a while.
pub type CachedCatalogue<S> = Cached<S, Catalogue>;

/// The plans for one piece of work.
pub trait Plans: Send + Sync {
    /// Those of some minutes ago at most.
    fn known(&self) -> impl Future<Output = Result<Arc<Catalogue>, ServiceError>> + Send;

    /// The newest.
    fn newest(&self) -> impl Future<Output = Result<Arc<Catalogue>, ServiceError>> + Send;
}

/// Plans that are kept for a while, at a time.
#[derive(Debug)]
pub struct PlansAt<'a, S> {
    /// The plans.
    pub kept: &'a CachedCatalogue<S>,
    /// The time.
    pub now: Timestamp,
}

impl<S: SettingsReader> Plans for PlansAt<'_, S> {
    async fn known(&self) -> Result<Arc<Catalogue>, ServiceError> {
        self.kept.get(self.now).await
    }

    async fn newest(&self) -> Result<Arc<Catalogue>, ServiceError> {
        self.kept.newest(self.now).await
    }
}

/// Plans that never change.
#[cfg(any(test, feature = "testing"))]
impl Plans for Catalogue {
    async fn known(&self) -> Result<Arc<Catalogue>, ServiceError> {
        Ok(Arc::new(self.clone()))
    }

    async fn newest(&self) -> Result<Arc<Catalogue>, ServiceError> {
        self.known().await
    }
}

/// The plans by which a subscription is judged: whether none sells it is asked of the newest, because it is left alone then, and
/// nothing wakes it again.
///
/// # Errors
/// When the store does not answer, or the plans cannot be read.
pub async fn judging(subscription: &Subscription, plans: &impl Plans) -> Result<Arc<Catalogue>, ServiceError> {
    let known = plans.known().await?;
    if access::is_sold(subscription, &known) { Ok(known) } else { plans.newest().await }
}

impl Document for Catalogue {
    fn read(stored: &StoredSettings) -> Result<Self, ServiceError> {
        let read = PlansDocument::from_json(&stored.document).and_then(|document| Self::of(&document));
        let catalogue = read.map_err(|InvalidSettings(problems)| {
            let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
            let text = format!(
                "version {} of the plans cannot be used ({}); save plans that can, or deploy the version of the program that \
                 saved them",
                stored.version,
                fields.join(", ")
            );
            ServiceError::held(WHAT, "settings_unreadable", text)
        })?;
        Ok(Self { version: stored.version, ..catalogue })
    }

    /// Nothing is sold.
    fn without() -> Result<Self, ServiceError> {
        Ok(Self::default())
    }

    fn version(&self) -> u64 {
        self.version
    }
}

/// Saves plans as the next version, made from version `seen` where that is given. The same plans save nothing.
///
/// # Errors
/// What is wrong with them, that another version stands, or that the store failed.
pub async fn save(
    store: &(impl SettingsReader + SettingsWriter),
    document: &PlansDocument,
    (seen, by): (Option<u64>, String),
    now: Timestamp,
) -> Result<Saved, NotSaved> {
    Catalogue::of(document)?;
    let newest = store.newest().await?;
    let standing = newest.as_ref().map_or(0, |newest| newest.version);
    let document = serde_json::to_string(document)
        .map_err(|error| ServiceError::permanent(WHAT, "record_unwritable", error.to_string()))?;
    if newest.is_some_and(|newest| newest.document == document) {
        return Ok(Saved { version: standing, changed: false });
    }
    if seen.is_some_and(|seen| seen != standing) {
        return Err(NotSaved::Conflict(standing));
    }
    commit(store, StoredSettings { version: standing + 1, document, saved_at: now, saved_by: by }).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use comptoir::memory::{InMemoryStore, at_once};

    fn at() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    fn plans(tokens: u64) -> PlansDocument {
        PlansDocument::from_toml(&format!(
            "[site]\norigins = []\n[[plan]]\nkey = \"x\"\nname = \"X\"\nprices = [\"a\"]\ntokens_per_period = {tokens}"
        ))
        .unwrap()
    }

    #[test]
    fn plans_have_versions_and_the_newest_one_is_read() {
        let store = InMemoryStore::default();
        let owner = || (None, "owner".to_owned());
        let cached: CachedCatalogue<_> = Cached::new(&store, jiff::SignedDuration::ZERO);
        assert_eq!(at_once(cached.get(at())).unwrap().plans.len(), 0, "without a document nothing is sold");
        assert_eq!(at_once(save(&store, &plans(1), owner(), at())).unwrap(), Saved { version: 1, changed: true });
        assert_eq!(at_once(save(&store, &plans(1), owner(), at())).unwrap(), Saved { version: 1, changed: false });
        let stale = at_once(save(&store, &plans(2), (Some(0), "owner".to_owned()), at()));
        assert!(matches!(stale, Err(NotSaved::Conflict(1))), "{stale:?}");
        assert_eq!(at_once(save(&store, &plans(2), (Some(1), "owner".to_owned()), at())).unwrap().version, 2);
        let read = at_once(cached.get(at())).unwrap();
        assert_eq!((read.version, read.plans[0].tokens_per_period), (2, 2));
    }

    #[test]
    fn plans_that_nobody_can_read_hold_the_work() {
        let stored = StoredSettings { version: 3, document: "{}".to_owned(), saved_at: at(), saved_by: String::new() };
        assert!(Catalogue::read(&stored).unwrap_err().reason().is_held());
    }
}
