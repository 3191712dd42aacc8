//! What follows a deletion: everything that is still kept of the member goes, in steps that may be repeated.

use crate::{
    outcome::Unavailable,
    profile::{
        ProfileId,
        directory::Directory,
        upload::{Files, arriving_under, kept_under},
    },
};

/// Erases what is left of a profile that left: files, then history, uploads and old guards. Its name stays among the
/// leavers, so that a step that failed is made again, and so is one that something came after: a file may have been on its
/// way, to an address that was signed before.
///
/// # Errors
/// A store does not answer.
pub async fn erase(id: &ProfileId, directory: &impl Directory, files: &impl Files) -> Result<(), Unavailable> {
    files.remove_all(&kept_under(id)).await?;
    files.remove_all(&arriving_under(id)).await?;
    while !directory.erase(id).await? {}
    Ok(())
}

/// Erases once more what came of everyone who left, and forgets their names; for a schedule. Tells how many are done.
///
/// # Errors
/// A store does not answer, as it was first told; those not done yet are found again, and hold up none of the others.
pub async fn sweep(directory: &impl Directory, files: &impl Files) -> Result<usize, Unavailable> {
    let leavers = directory.leavers().await?;
    let mut failed = None;
    for id in &leavers {
        let erased = match erase(id, directory, files).await {
            Ok(()) => directory.erased(id).await,
            Err(unavailable) => Err(unavailable),
        };
        failed = failed.or(erased.err());
    }
    match failed {
        Some(unavailable) => Err(unavailable),
        None => Ok(leavers.len()),
    }
}
