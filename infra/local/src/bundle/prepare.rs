//! Python environments, including the AWS stand-in's: made once per set of pinned versions and shared by later runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::lock::{self, cannot_write};
use crate::progress::Progress;
use crate::{paths, process};

/// The installed packages; a change makes a new environment.
const REQUIREMENTS: &str = include_str!("../../requirements.txt");
const CANDIDATES: [&str; 7] =
    ["python3", "python3.13", "python3.12", "python3.11", "python3.10", "python3.14", "python"];

/// The interpreter that runs the stand-in; installed if missing.
///
/// # Errors
/// As [`environment`].
pub async fn prepare(progress: Progress) -> anyhow::Result<PathBuf> {
    environment("the stand-in for AWS", REQUIREMENTS, progress).await
}

/// The interpreter of an environment with these packages, made if missing; `what` is the name in progress messages.
///
/// # Errors
/// One sentence that says what is missing on this machine and how to get it.
pub async fn environment(what: &str, requirements: &str, progress: Progress) -> anyhow::Result<PathBuf> {
    let folder = paths::local().join(format!("venv-{}", fingerprint(requirements)));
    let program = folder.join("bin").join("python");
    if is_ready(&folder) {
        return Ok(program);
    }
    let _one_at_a_time = lock::hold(paths::local().join("prepare.lock"), progress).await?;
    if is_ready(&folder) {
        return Ok(program);
    }
    let python = find_python().await?;
    progress.say(format!("preparing {what} (once, about half a minute) ..."));
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| cannot_write(&folder))?;
    }
    make_environment(&python, &folder).await?;
    install(what, requirements, &folder).await?;
    // Written last: an interrupted installation has no marker and is repeated.
    fs::write(marker(&folder), "").with_context(|| cannot_write(&folder))?;
    Ok(program)
}

/// The environment is also bound to its path: its scripts name the interpreter by full path.
fn fingerprint(requirements: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(requirements);
    hash.update(paths::local().as_os_str().as_encoded_bytes());
    hex::encode(hash.finalize()).chars().take(12).collect()
}

fn marker(folder: &Path) -> PathBuf {
    folder.join(".complete")
}

fn is_ready(folder: &Path) -> bool {
    // The interpreter is a link into the system, which an upgrade may have removed.
    marker(folder).exists() && folder.join("bin").join("python").exists()
}

async fn find_python() -> anyhow::Result<String> {
    for candidate in CANDIDATES {
        let probe = "import sys; sys.exit(0 if sys.version_info >= (3, 10) else 1)";
        let answer = quiet(Command::new(candidate).args(["-c", probe])).output().await;
        if answer.is_ok_and(|output| output.status.success()) {
            return Ok(candidate.to_owned());
        }
    }
    bail!(
        "Python 3.10 or newer was not found; install it (for example `apt install python3 python3-venv`) and run the command again"
    )
}

async fn make_environment(python: &str, folder: &Path) -> anyhow::Result<()> {
    let (worked, said) = run(Command::new(python).args(["-m", "venv"]).arg(folder)).await?;
    if worked {
        return Ok(());
    }
    if said.contains("ensurepip") || said.contains("No module named venv") {
        bail!(
            "this Python cannot make environments; install its venv package (for example `apt install python3-venv`) and run the command again"
        );
    }
    Err(failed("making the Python environment", &said))
}

async fn install(what: &str, requirements: &str, folder: &Path) -> anyhow::Result<()> {
    let list = folder.join("requirements.txt");
    fs::write(&list, requirements).with_context(|| cannot_write(&list))?;
    let mut pip = Command::new(folder.join("bin").join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    // What is not the very file that was pinned is not installed.
    pip.args(["--require-hashes", "--requirement"]).arg(&list);
    let (worked, said) = run(&mut pip).await?;
    if worked { Ok(()) } else { Err(failed(&format!("installing {what} with pip"), &said)) }
}

/// Runs a guarded child to its end; returns whether it succeeded and its output.
async fn run(command: &mut Command) -> anyhow::Result<(bool, String)> {
    let log = paths::local().join("prepare.log");
    let file = fs::File::create(&log).with_context(|| cannot_write(&log))?;
    let errors = file.try_clone().with_context(|| cannot_write(&log))?;
    let child = process::spawn(quiet(command).stdout(file).stderr(errors))
        .context("Python was found but does not start; reinstall it")?;
    let how = child.wait().await;
    let said = fs::read_to_string(&log).unwrap_or_default();
    Ok((how == "exit status: 0", said))
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).env_remove("PYTHONHOME").env_remove("PYTHONPATH").env_remove("VIRTUAL_ENV")
}

fn failed(doing: &str, said: &str) -> anyhow::Error {
    if said.contains("No space left") {
        return anyhow::anyhow!("{doing} ran out of disk space; free about 200 MB and run the command again");
    }
    let last = said
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("[notice]"))
        .unwrap_or("it said nothing");
    let log = paths::local().join("prepare.log");
    anyhow::anyhow!("{doing} failed ({last}); check the network, read {} and run the command again", log.display())
}
