//! The seller's file is checked before anything is started: the owner edits it by hand.

use std::path::Path;

use anyhow::Context;
use comptoir::seller::Seller;

/// Validates the seller's file.
///
/// # Errors
/// As [`read`].
pub fn check(file: &Path) -> anyhow::Result<()> {
    read(file).map(drop)
}

/// Reads the seller's file as the functions will.
///
/// # Errors
/// Every problem at once, each with its field, its value and the correction.
pub fn read(file: &Path) -> anyhow::Result<Seller> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read; restore it from git", file.display()))?;
    Seller::from_toml(&text).map_err(|problems| anyhow::anyhow!("{}: {problems}", file.display()))
}
