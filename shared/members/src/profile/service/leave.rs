//! What follows a deletion: everything that is still kept of the member goes, in steps that may be repeated.

use jiff::{SignedDuration, Timestamp};

use crate::profile::{
    ProfileId,
    directory::{Directory, Leaver},
    upload::{Files, arriving_under, kept_under},
};
use comptoir::outcome::ServiceError;

/// How long the name of who left is kept at least. An address that was signed before takes a file for a quarter of an hour
/// and as long as the file is on its way: what comes then is found by the name.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(2);

/// Erases what is left of a profile that left: files, then history, uploads and old guards. Its name stays among the
/// leavers, so that a step that failed is made again, and so is one that something came after: a file may have been on its
/// way, to an address that was signed before.
///
/// # Errors
/// A store does not answer.
pub async fn erase(id: &ProfileId, directory: &impl Directory, files: &impl Files) -> Result<(), ServiceError> {
    files.remove_all(&kept_under(id)).await?;
    files.remove_all(&arriving_under(id)).await?;
    while !directory.erase(id).await? {}
    Ok(())
}

/// Erases once more what came of everyone who left, and forgets the names of those whose files cannot come any more; for
/// a schedule. Tells how many are forgotten.
///
/// # Errors
/// A store does not answer, as it was first told; those not done yet are found again, and hold up none of the others.
pub async fn sweep(directory: &impl Directory, files: &impl Files, now: Timestamp) -> Result<usize, ServiceError> {
    let leavers = directory.leavers().await?;
    let mut failed = None;
    let mut forgotten = 0;
    for Leaver { id, left_at } in &leavers {
        let erased = match erase(id, directory, files).await {
            Ok(()) if now.duration_since(*left_at) < REMEMBERED => Ok(()),
            Ok(()) => directory.erased(id).await.inspect(|()| forgotten += 1),
            Err(failure) => Err(failure),
        };
        failed = failed.or(erased.err());
    }
    match failed {
        Some(failure) => Err(failure),
        None => Ok(forgotten),
    }
}
