//! Erasure after a deletion: all remaining data of the member is removed, in idempotent steps.

use jiff::{SignedDuration, Timestamp};

use crate::profile::{
    account::Accounts,
    directory::{Directory, Leaver},
    upload::{Files, arriving_under, kept_under},
};
use comptoir::outcome::ServiceError;

/// How long a deleted profile's id is kept at least. A URL signed before the deletion accepts a file for a quarter of
/// an hour plus its transfer time: a late file is found by the id.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(2);

/// Erases the rest of a deleted profile: files, then history, uploads and old guards, then the account. Its id stays among the leavers,
/// so that a failed step is retried, and late files are erased: one may still be uploading to a URL signed before.
///
/// # Errors
/// A store does not answer.
pub async fn erase(
    leaver: &Leaver,
    directory: &impl Directory,
    files: &impl Files,
    accounts: &impl Accounts,
) -> Result<(), ServiceError> {
    let id = &leaver.id;
    files.remove_all(&kept_under(id)).await?;
    files.remove_all(&arriving_under(id)).await?;
    while !directory.erase(id).await? {}
    // Last: whoever still has an account can ask again.
    match &leaver.account {
        Some(account) => accounts.delete(account).await,
        None => Ok(()),
    }
}

/// Erases late files of every deleted profile, and removes the ids of those that can get no more files; run on a
/// schedule. Returns how many were removed.
///
/// # Errors
/// The first store error; failed profiles are retried next time, and do not block the others.
pub async fn sweep(
    directory: &impl Directory,
    files: &impl Files,
    accounts: &impl Accounts,
    now: Timestamp,
) -> Result<usize, ServiceError> {
    let leavers = directory.leavers().await?;
    let mut failed = None;
    let mut forgotten = 0;
    for leaver in &leavers {
        let erased = match erase(leaver, directory, files, accounts).await {
            Ok(()) if now.duration_since(leaver.left_at) < REMEMBERED => Ok(()),
            Ok(()) => directory.erased(&leaver.id).await.inspect(|()| forgotten += 1),
            Err(failure) => Err(failure),
        };
        failed = failed.or(erased.err());
    }
    match failed {
        Some(failure) => Err(failure),
        None => Ok(forgotten),
    }
}
