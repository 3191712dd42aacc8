//! The resource usage of Comptoir, measured on the machine it runs on.
//!
//! `cost` counts a sale's AWS usage and multiplies it by dated prices; `peers` compares the functions with
//! the usual handlers in other languages. The functions' behaviour is tested elsewhere.
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

/// The folder of all results.
fn folder() -> PathBuf {
    comptoir_local::paths::repository().join("target").join("bench")
}

/// Writes a report for other programs; returns its path.
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
