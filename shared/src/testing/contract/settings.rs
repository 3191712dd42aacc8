//! The contract of a settings store.

use super::now;
use crate::{
    outcome::ServiceError,
    settings::{SaveResult, SettingsReader, SettingsWriter, StoredSettings},
};

/// Runs every case; the store may hold settings already.
///
/// # Errors
/// When the store fails; a broken guarantee panics.
pub async fn settings(store: &(impl SettingsReader + SettingsWriter)) -> Result<(), ServiceError> {
    let before = store.newest().await?;
    let standing = before.as_ref().map_or(0, |newest| newest.version);
    let next = |version: u64, by: &str| StoredSettings {
        version,
        document: before.as_ref().map_or_else(|| "{\"format\":1}".to_owned(), |newest| newest.document.clone()),
        saved_at: now(),
        saved_by: by.to_owned(),
    };
    let first = next(standing + 1, "one");
    assert_eq!(store.save(&next(standing + 2, "ahead")).await?, SaveResult::Conflict, "a version is left out");
    assert_eq!(store.save(&first).await?, SaveResult::Saved);
    assert_eq!(store.save(&next(standing + 1, "two")).await?, SaveResult::Conflict, "the version stands");
    let second = next(standing + 2, "two");
    assert_eq!(store.save(&second).await?, SaveResult::Saved);
    assert_eq!(store.newest().await?, Some(second.clone()));
    assert_eq!(store.version(standing + 1).await?, Some(first), "each version is kept");
    assert_eq!(store.version(standing + 2).await?, Some(second));
    assert_eq!(store.version(standing + 3).await?, None);
    Ok(())
}
