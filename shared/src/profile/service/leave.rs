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
/// leavers until all of it is gone, so that a step that failed is made again.
///
/// # Errors
/// A store does not answer.
pub async fn finish(id: &ProfileId, directory: &impl Directory, files: &impl Files) -> Result<(), Unavailable> {
    files.remove_all(&kept_under(id)).await?;
    files.remove_all(&arriving_under(id)).await?;
    while !directory.erase(id).await? {}
    directory.erased(id).await
}

/// Finishes with everyone who left, for a daily schedule. Tells how many are done.
///
/// # Errors
/// A store does not answer; those not done yet are found again.
pub async fn sweep(directory: &impl Directory, files: &impl Files) -> Result<usize, Unavailable> {
    let leavers = directory.leavers().await?;
    for id in &leavers {
        finish(id, directory, files).await?;
    }
    Ok(leavers.len())
}
