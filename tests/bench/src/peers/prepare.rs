//! What is compared, prepared once: our functions as `sam build` makes them, and the peers with their libraries.
//!
//! A peer that is unavailable here is named and left out.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use comptoir_local::{
    bundle::{
        build::{self, Binaries},
        prepare,
    },
    paths,
    progress::Progress,
};
use tokio::process::Command;

/// The packages of the Python handlers.
const REQUIREMENTS: &str = include_str!("../../peers/python/requirements.txt");
/// The packages of the Node handlers, with exact hashes.
const LOCK: &str = include_str!("../../peers/node/package-lock.json");

/// Everything that can be compared here.
#[derive(Debug, Default)]
pub struct Kit {
    /// Our functions by package.
    pub ours: Binaries,
    /// A minimal Rust function.
    pub echo: PathBuf,
    /// Renders repeatedly with the renderer's own engine.
    pub press: PathBuf,
    /// The folder of the Node handlers, with their libraries.
    pub node: Option<PathBuf>,
    /// The interpreter of the Python handlers.
    pub python: Option<PathBuf>,
    /// What is missing, and why.
    pub missing: Vec<String>,
}

impl Kit {
    /// Builds what `wanted` needs and installs the peers; `folder` keeps what is installed.
    ///
    /// # Errors
    /// When something of ours does not compile.
    pub async fn prepare(folder: &Path, wanted: &[&str]) -> Result<Self> {
        let wants = |topics: &[&str]| topics.iter().any(|topic| wanted.contains(topic));
        let mut kit = Self::default();
        if wants(&["size", "sale"]) {
            kit.ours = build::all_shipped(Progress::Print).await?;
        } else {
            let webhook = wants(&["start", "cold", "memory"]).then_some("payment-webhook");
            let profiles = wants(&["profile"]).then_some("profile-mutation-validator");
            for package in webhook.into_iter().chain(profiles) {
                kit.ours.insert(package.to_owned(), build::shipped(package).await?);
            }
        }
        if wants(&["start"]) {
            kit.echo = build::shipped("echo").await?;
        }
        if wants(&["render"]) {
            kit.press = build::example("invoice-renderer", "preview").await?;
        }
        match node(folder).await {
            Ok(folder) => kit.node = Some(folder),
            Err(why) => kit.missing.push(format!("Node: {why:#}")),
        }
        match prepare::environment("the Python handlers", REQUIREMENTS, Progress::Print).await {
            Ok(python) => kit.python = Some(python),
            Err(why) => kit.missing.push(format!("Python: {why:#}")),
        }
        Ok(kit)
    }

    /// The command of a Node script, where Node is at hand.
    pub fn node(&self, script: &str) -> Option<Vec<String>> {
        let folder = self.node.as_ref()?;
        // Handlers are bundled into one file, as for deployment; measuring scripts are not.
        let bundled = folder.join("dist").join(format!("{script}.mjs"));
        let file = if bundled.exists() { bundled } else { folder.join(format!("{script}.mjs")) };
        file.exists().then(|| vec!["node".to_owned(), file.display().to_string()])
    }

    /// The command of a Python script, where Python is at hand.
    pub fn python(&self, script: &str) -> Option<Vec<String>> {
        let file = peers().join("python").join(format!("{script}.py"));
        let python = self.python.as_ref()?.display().to_string();
        file.exists().then(|| vec![python, file.display().to_string()])
    }
}

/// The folder of the peers.
pub fn peers() -> PathBuf {
    paths::repository().join("tests/bench/peers")
}

/// The Node handlers with their libraries, in a folder of their own: nothing is installed into the checkout.
async fn node(folder: &Path) -> Result<PathBuf> {
    let folder = folder.join("peers/node");
    let marker = folder.join(".installed");
    if fs::read_to_string(&marker).ok().as_deref() != Some(LOCK) && folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    // Data files for both languages are next to them.
    copy(&peers(), folder.parent().context("the folder has a parent")?)?;
    if !marker.exists() {
        Progress::Print.say("installing the Node handlers (once) ...");
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]), &folder).await?;
        fs::write(&marker, LOCK)?;
    }
    run(Command::new("npm").args(["run", "--silent", "bundle"]), &folder).await?;
    Ok(folder)
}

/// Copies the sources only; installed and bundled files stay where they are.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))? {
        let entry = entry?;
        let (name, place) = (entry.file_name(), entry.path());
        if name == "node_modules" || name == "dist" {
            continue;
        }
        if place.is_dir() {
            copy(&place, &to.join(name))?;
        } else {
            fs::copy(&place, to.join(name))?;
        }
    }
    Ok(())
}

/// Runs a command in `folder` to its end.
///
/// # Errors
/// Its output when it fails.
pub async fn run(command: &mut Command, folder: &Path) -> Result<String> {
    let output = command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true).output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", said.lines().last().unwrap_or("it failed and said nothing"));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
