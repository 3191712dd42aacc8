//! What Comptoir takes, measured on the machine it runs on.
//!
//! `cost` counts what one sale asks of AWS and multiplies it by dated prices; `peers` runs the functions side by side with
//! the handlers people would write instead. What the functions do is tested elsewhere.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::float_arithmetic,
    reason = "a report is printed, and ratios are no money that anyone is billed"
)]

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

pub mod cost;
pub mod loops;
pub mod peers;

#[cfg(test)]
mod lean;

/// Where everything measured is kept.
fn folder() -> PathBuf {
    comptoir_local::paths::repository().join("target").join("bench")
}

/// Keeps a report for other programs; answers where.
///
/// # Errors
/// When the file cannot be written.
fn keep(name: &str, report: &impl Serialize) -> Result<PathBuf> {
    let file = folder().join(name);
    let text = serde_json::to_string_pretty(report)?;
    fs::create_dir_all(folder()).and_then(|()| fs::write(&file, text + "\n")).with_context(|| {
        format!("{} cannot be written; free disk space or change the folder's rights", file.display())
    })?;
    Ok(file)
}
