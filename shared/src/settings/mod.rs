//! The owner's settings as they are stored: versions that follow one another, each kept for good.
//!
//! [`change`] decides what may be saved. Readers take the newest version; a document names the version that it was made
//! under, and whatever prints it again uses that one.

pub mod cache;
pub mod change;

#[cfg(test)]
mod tests;

use std::future::Future;

use jiff::Timestamp;

use crate::{
    outcome::ServiceError,
    seller::{Settings, SettingsDocument},
};

const WHAT: &str = "the settings";

/// One version of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSettings {
    /// 1 for the first, each one higher than the one before.
    pub version: u64,
    /// The document as JSON.
    pub document: String,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// Who saved it: an opaque name.
    pub saved_by: String,
}

impl StoredSettings {
    /// The settings of this version.
    ///
    /// # Errors
    /// Held: this code cannot read them. No number is given on facts that nobody understood.
    pub fn read(&self) -> Result<Settings, ServiceError> {
        let read = SettingsDocument::stored(&self.document).and_then(|document| Settings::of(&document));
        let mut settings = read.map_err(|invalid| {
            let fields: Vec<&str> = invalid.0.iter().map(|problem| problem.field.as_str()).collect();
            let text = format!(
                "version {} of the settings cannot be used ({}); save settings that can, or deploy the version of the \
                 program that saved them",
                self.version,
                fields.join(", ")
            );
            ServiceError::held(WHAT, "settings_unreadable", text)
        })?;
        settings.version = self.version;
        Ok(settings)
    }
}

/// The error while no settings are saved.
pub fn missing() -> ServiceError {
    let text = "none are saved yet, so nobody knows who sells; save infra/seller.toml (README, \"Settings\"): everything that \
                came in meanwhile is then processed";
    ServiceError::held(WHAT, "settings_missing", text)
}

/// The error where documents were made under a later version of the settings than any that is saved.
pub fn older(newest: Option<u64>, used: Option<u64>) -> ServiceError {
    let (newest, used) = (newest.unwrap_or_default(), used.unwrap_or_default());
    let text = format!(
        "documents were made under version {used} of the settings, and the newest that is saved is {newest}: their records \
         were deleted, or come from a backup; infra/OPERATIONS.md says how to go on from version {used}"
    );
    ServiceError::held(WHAT, "settings_older", text)
}

/// What saving came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveResult {
    /// It is the newest version now.
    Saved,
    /// Someone else saved a version in the meantime.
    Conflict,
}

/// Reads settings.
pub trait SettingsReader: Send + Sync {
    /// The newest version, read consistently; none before the first is saved.
    fn newest(&self) -> impl Future<Output = Result<Option<StoredSettings>, ServiceError>> + Send;

    /// One version of the history.
    fn version(&self, version: u64) -> impl Future<Output = Result<Option<StoredSettings>, ServiceError>> + Send;
}

impl<S: SettingsReader> SettingsReader for &S {
    async fn newest(&self) -> Result<Option<StoredSettings>, ServiceError> {
        S::newest(self).await
    }

    async fn version(&self, version: u64) -> Result<Option<StoredSettings>, ServiceError> {
        S::version(self, version).await
    }
}

/// Saves settings.
pub trait SettingsWriter: Send + Sync {
    /// The SIREN of the books, once they are begun: documents may have been made under the settings.
    fn books(&self) -> impl Future<Output = Result<Option<String>, ServiceError>> + Send;

    /// Saves the version that follows the newest one, if that is still `next.version - 1`; in one transaction with its
    /// entry in the history.
    fn save(&self, next: &StoredSettings) -> impl Future<Output = Result<SaveResult, ServiceError>> + Send;
}

/// The newest settings.
///
/// # Errors
/// Held: none are saved, or they cannot be used.
pub async fn newest(reader: &impl SettingsReader) -> Result<Settings, ServiceError> {
    reader.newest().await?.ok_or_else(missing)?.read()
}
