//! A real browser without a window: Chromium, where there is one.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, Result};
use comptoir::testing::tools;
use tokio::process::{Child, Command};

use crate::folder;

/// The variable that names the program.
const PROGRAM: &str = "CHROMIUM";
/// What it is called elsewhere.
const CALLED: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// It looks for nothing but the page; as root, which builders are, it has no sandbox.
const ALONE: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--enable-logging=stderr",
];

/// How long one page may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The browser.
#[derive(Debug, Clone)]
pub struct Browser {
    program: String,
    profile: PathBuf,
}

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its elements, once its script had its time.
    pub html: String,
    /// What the console said, a refusal by a content security policy too.
    pub console: Vec<String>,
}

impl Browser {
    /// Looks for it; `None`, with a message, where there is none. `name` is the test's.
    pub async fn find(name: &str) -> Option<Self> {
        let profile = folder(name).with_extension("browser");
        for program in tools::named(PROGRAM).into_iter().chain(CALLED.map(str::to_owned)) {
            let mut version = Command::new(&program);
            version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
            if version.status().await.is_ok_and(|status| status.success()) {
                return Some(Self { program, profile });
            }
        }
        tools::skipped("there is no Chromium; CHROMIUM names the program");
        None
    }

    /// Opens a page and gives its script three seconds.
    ///
    /// # Errors
    /// When the browser does not start, or does not end.
    pub async fn open(&self, url: &str) -> Result<Page> {
        let mut command = self.command(url)?;
        command.args(["--virtual-time-budget=3000", "--dump-dom"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = tokio::time::timeout(PATIENCE, command.output()).await.context("the browser does not end")??;
        let said = String::from_utf8_lossy(&ended.stderr);
        let console = said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
        Ok(Page { html: String::from_utf8_lossy(&ended.stdout).into_owned(), console })
    }

    /// Opens a page that stays open until the browser is dropped.
    ///
    /// # Errors
    /// When the browser does not start.
    pub fn stay(&self, url: &str) -> Result<Child> {
        let mut command = self.command(url)?;
        command.arg("--remote-debugging-port=0").stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().with_context(|| format!("{} does not start", self.program))
    }

    /// A browser that knows nothing yet.
    fn command(&self, url: &str) -> Result<Command> {
        std::fs::remove_dir_all(&self.profile).ok();
        std::fs::create_dir_all(&self.profile)?;
        let mut command = Command::new(&self.program);
        command.args(ALONE).arg(format!("--user-data-dir={}", self.profile.display())).arg(url);
        command.stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }
}
