//! Builds the functions: once per process, showing cargo's progress.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::progress::Progress;
use crate::{environment, paths, process};

/// Executables by name; a function's name is that of its package.
pub type Binaries = BTreeMap<String, PathBuf>;

/// Builds every function and example of the workspace, unless this process has done so already.
///
/// # Errors
/// When something does not compile.
pub async fn build(progress: Progress) -> anyhow::Result<Binaries> {
    static BUILT: Mutex<Option<Binaries>> = Mutex::const_new(None);
    let mut built = BUILT.lock().await;
    if let Some(binaries) = built.as_ref() {
        return Ok(binaries.clone());
    }
    let binaries = run(progress).await?;
    *built = Some(binaries.clone());
    Ok(binaries)
}

/// Builds one function as it is deployed: optimised, with its default features, as `sam build` does.
///
/// # Errors
/// When it does not compile.
pub async fn shipped(package: &str) -> anyhow::Result<PathBuf> {
    optimised(&["--package", package], package).await
}

/// The packages of the functions: one folder each.
///
/// # Errors
/// When the folder cannot be read.
pub fn packages() -> anyhow::Result<Vec<String>> {
    let folder = paths::repository().join("functions");
    let entries = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut packages = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().join("Cargo.toml").exists() {
            packages.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    packages.sort();
    Ok(packages)
}

/// Builds every function as it is deployed, one after the other: for measurements.
///
/// # Errors
/// As [`shipped`].
pub async fn all_shipped(progress: Progress) -> anyhow::Result<Binaries> {
    let mut binaries = Binaries::new();
    for package in packages()? {
        progress.say(format!("building {package} as it is shipped ..."));
        binaries.insert(package.clone(), shipped(&package).await?);
    }
    Ok(binaries)
}

/// Builds an example of a function, optimised.
///
/// # Errors
/// When it does not compile.
pub async fn example(package: &str, name: &str) -> anyhow::Result<PathBuf> {
    optimised(&["--package", package, "--example", name], name).await
}

async fn optimised(what: &[&str], name: &str) -> anyhow::Result<PathBuf> {
    let arguments: Vec<&str> = ["build", "--release", "--locked"].iter().chain(what).copied().collect();
    let mut binaries = cargo(&arguments, Progress::Print).await?;
    binaries.remove(name).with_context(|| format!("{name} is no executable that cargo builds"))
}

async fn run(progress: Progress) -> anyhow::Result<Binaries> {
    // The whole workspace, so that features are what `cargo test --workspace` resolves and it need not build the same
    // dependencies again. `--examples` makes cargo count dev-dependencies, for the same reason; one of the examples
    // is what `cargo preview` runs. The runner is left out because it is the running program.
    cargo(&["build", "--workspace", "--exclude", "comptoir-local", "--bins", "--examples"], progress).await
}

/// Runs cargo; answers the executables it made.
async fn cargo(arguments: &[&str], progress: Progress) -> anyhow::Result<Binaries> {
    let mut cargo = Command::new(environment::cargo());
    cargo.args(arguments).args(["--message-format", "json-render-diagnostics"]);
    cargo.current_dir(paths::repository()).stdin(Stdio::null()).stdout(Stdio::piped());
    if progress == Progress::Silent {
        cargo.arg("--quiet");
    }
    for name in environment::told_by_cargo() {
        cargo.env_remove(name);
    }
    let (child, _, stdout) = process::spawn_piped(&mut cargo)
        .context("cargo does not start; install Rust from https://rustup.rs and run the command again")?;
    let mut lines = BufReader::new(stdout.context("cargo's messages cannot be read; run the command again")?).lines();
    let mut binaries = Binaries::new();
    while let Some(line) = lines.next_line().await.context("cargo's messages broke off; run the command again")? {
        if let Some((package, binary)) = executable(&line) {
            binaries.insert(package, binary);
        }
    }
    let how = child.wait().await;
    if how != "exit status: 0" {
        bail!(
            "the functions do not build ({how}): mend what cargo prints above, or free disk space if it says so, then run the command again"
        );
    }
    Ok(binaries)
}

/// The executable named in a line of cargo's messages.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message.get("reason")?.as_str()? != "compiler-artifact" {
        return None;
    }
    Some((message.pointer("/target/name")?.as_str()?.to_owned(), PathBuf::from(message.get("executable")?.as_str()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_among_cargo_s_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"mail-sender"},"executable":"/t/debug/mail-sender"}"#;
        assert_eq!(executable(line), Some(("mail-sender".to_owned(), PathBuf::from("/t/debug/mail-sender"))));
        assert_eq!(executable(r#"{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}"#), None);
        assert_eq!(executable("warning: something"), None);
    }
}
