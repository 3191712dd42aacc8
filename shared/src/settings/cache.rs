//! Keeps the newest settings for a while, for functions whose answers may lag behind a change by minutes.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::{SettingsReader, StoredSettings, missing};
use crate::{outcome::ServiceError, seller::Settings};

/// How long functions keep settings that decide about no number and no tax: names, addresses, looks of mails.
pub const SETTINGS_KEPT: SignedDuration = SignedDuration::from_mins(5);

/// What a document of the settings says.
pub trait Document: Sized {
    /// What a stored version says.
    ///
    /// # Errors
    /// Held: this code cannot read it.
    fn read(stored: &StoredSettings) -> Result<Self, ServiceError>;

    /// What holds while none is saved.
    ///
    /// # Errors
    /// Held: nothing can be done without it.
    fn without() -> Result<Self, ServiceError>;

    /// The version that it was read from.
    fn version(&self) -> u64;
}

impl Document for Settings {
    fn read(stored: &StoredSettings) -> Result<Self, ServiceError> {
        stored.read()
    }

    fn without() -> Result<Self, ServiceError> {
        Err(missing())
    }

    fn version(&self) -> u64 {
        self.version
    }
}

/// The newest version of a document, read again when it is older than this.
#[derive(Debug)]
pub struct Cached<S, D> {
    reader: S,
    keep: SignedDuration,
    kept: Mutex<Option<(Timestamp, Arc<D>)>>,
}

/// The facts of the seller.
pub type CachedSettings<S> = Cached<S, Settings>;

impl<S: SettingsReader, D: Document> Cached<S, D> {
    /// What `reader` reads, kept for `keep`; zero reads at each call, and parses what has changed.
    pub fn new(reader: S, keep: SignedDuration) -> Self {
        Self { reader, keep, kept: Mutex::default() }
    }

    /// The newest version as of `now`, or that of a little earlier.
    ///
    /// # Errors
    /// Held: none is saved, or it cannot be used. Transient: the store does not answer, and nothing is kept.
    pub async fn get(&self, now: Timestamp) -> Result<Arc<D>, ServiceError> {
        let kept = self.kept();
        if let Some((read_at, document)) = &kept
            && now.duration_since(*read_at) < self.keep
        {
            return Ok(document.clone());
        }
        match (self.reader.newest().await, kept) {
            (Ok(stored), _) => self.put(stored, now),
            // Settings of a little earlier are better than none where a lag is allowed.
            (Err(_), Some((_, document))) if !self.keep.is_zero() => Ok(document),
            (Err(error), _) => Err(error),
        }
    }

    /// The newest version, read now: for an answer that a version of a little earlier would make wrong for good.
    ///
    /// # Errors
    /// As [`get`](Self::get), and whenever the store does not answer.
    pub async fn newest(&self, now: Timestamp) -> Result<Arc<D>, ServiceError> {
        self.put(self.reader.newest().await?, now)
    }

    fn put(&self, stored: Option<StoredSettings>, now: Timestamp) -> Result<Arc<D>, ServiceError> {
        let document = match (self.kept(), stored) {
            (_, None) => Arc::new(D::without()?),
            (Some((_, document)), Some(stored)) if document.version() == stored.version => document,
            (_, Some(stored)) => Arc::new(D::read(&stored)?),
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, document.clone()));
        Ok(document)
    }

    fn kept(&self) -> Option<(Timestamp, Arc<D>)> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{InMemoryStore, at_once},
        seller::SettingsDocument,
        settings::change::{Change, save},
        testing::FRANCHISE_TOML,
    };

    fn start() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    fn saved(store: &InMemoryStore, toml: &str) {
        let document = SettingsDocument::from_toml(toml).unwrap();
        at_once(save(store, Change { document, seen: None, by: "owner".to_owned(), past: false }, start())).unwrap();
    }

    #[test]
    fn they_are_read_again_when_they_are_old() {
        let store = InMemoryStore::default();
        let cached: CachedSettings<_> = Cached::new(&store, SignedDuration::from_secs(60));
        let get = |seconds| at_once(cached.get(start() + SignedDuration::from_secs(seconds)));
        assert_eq!(get(0).unwrap_err().reason().code, "settings_missing");
        saved(&store, FRANCHISE_TOML);
        assert_eq!(get(1).unwrap().version, 1, "that none are saved is not kept");
        saved(&store, &FRANCHISE_TOML.replace("contact@", "bonjour@"));
        assert_eq!((get(60).unwrap().version, get(61).unwrap().version), (1, 2));
        saved(&store, &FRANCHISE_TOML.replace("contact@", "salut@"));
        let newest = at_once(cached.newest(start() + SignedDuration::from_secs(62))).unwrap();
        assert_eq!((newest.version, get(63).unwrap().version), (3, 3), "the newest is kept");
        let fresh: CachedSettings<_> = Cached::new(&store, SignedDuration::ZERO);
        let same = [at_once(fresh.get(start())).unwrap(), at_once(fresh.get(start())).unwrap()];
        assert!(Arc::ptr_eq(&same[0], &same[1]), "the same version is parsed once");
    }
}
