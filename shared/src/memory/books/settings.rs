//! Versions of the settings.

use super::InMemoryStore;
use crate::{
    outcome::ServiceError,
    settings::{SaveResult, SettingsReader, SettingsWriter, StoredSettings},
};

const WHAT: &str = "the settings";

impl SettingsReader for InMemoryStore {
    async fn newest(&self) -> Result<Option<StoredSettings>, ServiceError> {
        self.call(WHAT, |written| Ok(written.settings.last().cloned()))
    }

    async fn version(&self, version: u64) -> Result<Option<StoredSettings>, ServiceError> {
        self.call(WHAT, |written| Ok(written.settings.iter().find(|stored| stored.version == version).cloned()))
    }
}

impl SettingsWriter for InMemoryStore {
    async fn books(&self) -> Result<Option<String>, ServiceError> {
        self.call(WHAT, |written| Ok(written.identity.as_ref().map(|identity| identity.siren.clone())))
    }

    async fn save(&self, next: &StoredSettings) -> Result<SaveResult, ServiceError> {
        self.call(WHAT, |written| {
            if written.settings.last().map_or(0, |newest| newest.version) + 1 != next.version {
                return Ok(SaveResult::Conflict);
            }
            written.settings.push(next.clone());
            Ok(SaveResult::Saved)
        })
    }
}
