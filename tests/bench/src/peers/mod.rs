//! The functions side by side with the handlers that people would write instead, all on this machine and in this run.
//!
//! Runs are interleaved, so that a noisy minute falls on everybody; what is compared is medians, of CPU time and of counted
//! instructions where there is a choice. Times on the clock are told and gate nothing.

mod actor;
mod count;
pub mod gate;
mod prepare;
mod report;
mod rows;
mod stage;
mod tls;

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::loops::Lap;
use actor::nanoseconds;
use prepare::Kit;
use report::Row;
use stage::Stage;

/// Who the rows are about.
const OURS: &str = "Comptoir";
/// A Rust function that does nothing.
const ECHO: &str = "bare lambda_runtime";
/// The handlers in `tests/bench/peers/node`.
const NODE: &str = "Node";
/// The handlers in `tests/bench/peers/python`.
const PYTHON: &str = "Python";

/// No script runs longer.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a row is measured with.
struct Measured<'a> {
    kit: &'a Kit,
    stage: &'a Stage,
    /// For what has to be written.
    folder: &'a Path,
    /// How often each is measured.
    rounds: usize,
}

/// What a whole process took.
struct Ran {
    wall_ns: f64,
    said: String,
}

impl Measured<'_> {
    /// The command of a loop of our own.
    fn own_loop(&self, name: &str) -> Result<Vec<String>> {
        let own = std::env::current_exe().context("this program does not know where it is")?;
        Ok(vec![own.display().to_string(), "loop".to_owned(), name.to_owned()])
    }

    /// Runs a script to its end.
    async fn run(&self, command: &[String], arguments: &[String]) -> Result<Ran> {
        let (program, first) = command.split_first().context("a command has a program")?;
        let mut script = Command::new(program);
        script.args(first).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let begun = Instant::now();
        let output = tokio::time::timeout(PATIENCE, script.output()).await.context("it does not end")??;
        let wall = begun.elapsed();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} ({})", errors.lines().last().unwrap_or("it says nothing"), output.status);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(Ran { wall_ns: nanoseconds(wall), said })
    }

    /// Runs a script that tells what its loop took.
    async fn lap(&self, command: &[String], arguments: &[String]) -> Result<Lap> {
        let said = self.run(command, arguments).await?.said;
        serde_json::from_str(said.lines().last().unwrap_or_default()).context("the script tells no figures")
    }
}

/// Which rows are wanted, each with its name. A sale through the whole bundle comes first: what the others record would be
/// worked off before it, so that for them the streams stand still.
const TOPICS: [&str; 9] = ["sale", "start", "cold", "verify", "render", "numbering", "profile", "memory", "size"];

/// Prepares, measures, prints the table and writes the report.
///
/// # Errors
/// When something of ours does not build, start or answer; a peer that does not is left out and named.
pub async fn run(rounds: usize, only: &[String]) -> Result<()> {
    let unknown: Vec<_> = only.iter().filter(|topic| !TOPICS.contains(&topic.as_str())).collect();
    ensure!(unknown.is_empty(), "{unknown:?} is none of {TOPICS:?}");
    let folder = crate::folder();
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let wanted: Vec<&str> =
        TOPICS.into_iter().filter(|topic| only.is_empty() || only.iter().any(|o| o == topic)).collect();
    let kit = Kit::prepare(&folder, &wanted).await?;
    for missing in &kit.missing {
        eprintln!("  left out: {missing}");
    }
    let stage = Stage::open(&folder, wanted.contains(&"sale").then_some(&kit.ours)).await?;
    let at = Measured { kit: &kit, stage: &stage, folder: &folder, rounds };
    let mut rows: Vec<Row> = Vec::new();
    let mut failed = Vec::new();
    for topic in wanted {
        eprintln!("  measuring: {topic} ...");
        if topic != "sale" {
            stage.bundle.pause_streams();
        }
        let measured = match topic {
            "start" => rows::start::rows(&at).await,
            "cold" => rows::cold::rows(&at).await,
            "verify" => rows::verify::rows(&at).await,
            "render" => rows::render::rows(&at).await,
            "numbering" => rows::numbering::rows(&at).await,
            "profile" => rows::profile::rows(&at).await,
            "memory" => rows::memory::rows(&at).await,
            "size" => rows::size::rows(&at).await,
            _ => rows::sale::rows(&at).await,
        };
        match measured {
            Ok(measured) => rows.extend(measured),
            Err(why) => failed.push(format!("{topic}: {why:#}")),
        }
    }
    stage.close().await;
    println!("{}", report::table(&rows));
    crate::keep("report.json", &rows)?;
    ensure!(failed.is_empty(), "not measured: {}", failed.join("; "));
    Ok(())
}
