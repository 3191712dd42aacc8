//! Mutual exclusion across processes: a lock on a file, held until the guard is dropped.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::progress::Progress;

/// Holds the lock; dropping it (or dying) releases it.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing the file is what releases the lock")] File);

/// Waits until the lock at `path` is free, and takes it.
///
/// # Errors
/// When the file cannot be made or locked.
pub async fn hold(path: PathBuf, progress: Progress) -> anyhow::Result<Lock> {
    tokio::task::spawn_blocking(move || {
        let file = open(&path)?;
        if file.try_lock().is_err() {
            progress.say("waiting for another run that prepares the same thing ...");
            file.lock().with_context(|| format!("cannot lock {}; check its permissions", path.display()))?;
        }
        Ok(Lock(file))
    })
    .await
    .context("waiting for a lock was interrupted; run the command again")?
}

/// Takes the lock at `path`, or `None` when another process holds it.
///
/// # Errors
/// When the file cannot be made.
pub fn try_hold(path: &Path) -> anyhow::Result<Option<Lock>> {
    let file = open(path)?;
    Ok(file.try_lock().is_ok().then_some(Lock(file)))
}

fn open(path: &Path) -> anyhow::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| cannot_write(folder))?;
    }
    File::options().create(true).append(true).open(path).with_context(|| cannot_write(path))
}

/// The error message for a directory that is not writable.
pub fn cannot_write(path: &Path) -> String {
    format!("cannot write {}: free some disk space or check who owns it, then run the command again", path.display())
}
