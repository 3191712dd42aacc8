//! Instruction counts from valgrind's callgrind: the same whatever else the machine does.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result};
use tokio::process::Command;

use super::actor::{Handler, Theatre};

/// Whether counting works on this machine; else how to enable it.
pub async fn possible() -> Result<(), String> {
    let asked = Command::new("valgrind").arg("--version").stdin(Stdio::null()).output().await;
    match asked {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err("instructions are not counted: install valgrind (for example `apt install valgrind`)".to_owned()),
    }
}

/// Instructions of `handler` from its start until it asks for work.
///
/// # Errors
/// When it does not start, or the counter gives no result.
pub async fn until_up(theatre: &Theatre, handler: &Handler, folder: &Path) -> Result<f64> {
    let counted = folder.join("counted.txt");
    let out = folder.join("callgrind.out");
    let counter = [
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        format!("--log-file={}", counted.display()),
        format!("--callgrind-out-file={}", out.display()),
    ];
    let command = counter.into_iter().chain(handler.command.iter().cloned()).collect();
    let actor = theatre.start(&Handler { command, ..handler.clone() }).await?;
    actor.terminate().await;
    let said = std::fs::read_to_string(&counted).with_context(|| format!("{} was not written", counted.display()))?;
    let line = said.lines().find_map(|line| line.split_once("Collected :")).context("callgrind tells no count")?;
    line.1.trim().parse().context("callgrind's count is a number")
}
