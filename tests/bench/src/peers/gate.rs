//! Figures with a regression limit, measured on test builds of the functions: unoptimised, but reproducible.

use std::path::Path;

use anyhow::{Context, Result};
use comptoir_local::{bundle::build, progress::Progress};

use super::{count, stage::Stage};

/// Millions of instructions of each of these functions from its start until it asks for work.
///
/// # Errors
/// When the bundle does not start; without an instruction counter on this machine, how to install one.
pub async fn instructions_until_up(folder: &Path, packages: &[&str]) -> Result<Vec<(String, f64)>> {
    count::possible().await.map_err(anyhow::Error::msg)?;
    let binaries = build::build(Progress::Silent).await?;
    let stage = Stage::open(folder, None).await?;
    let mut counted = Vec::new();
    for package in packages {
        let binary = binaries.get(*package).with_context(|| format!("no function is named {package}"))?;
        let handler = stage.handler(binary, package, &[])?;
        counted.push(((*package).to_owned(), count::until_up(&stage.theatre, &handler, folder).await? / 1e6));
    }
    stage.close().await;
    Ok(counted)
}
