//! Compares the functions with the usual handlers in other languages, all on this machine and in this run.
//!
//! Runs are interleaved, so that noise affects every peer; the comparison uses medians, of CPU time and, where
//! possible, of instruction counts. Wall-clock times are reported and gate nothing.

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

/// The subject of a row.
const OURS: &str = "Comptoir";
/// A Rust function that does nothing.
const ECHO: &str = "bare lambda_runtime";
/// The handlers in `tests/bench/peers/node`.
const NODE: &str = "Node";
/// The handlers in `tests/bench/peers/python`.
const PYTHON: &str = "Python";

/// Timeout of a script.
const PATIENCE: Duration = Duration::from_secs(300);

/// The context of a row's measurement.
struct Measured<'a> {
    kit: &'a Kit,
    stage: &'a Stage,
    /// A folder for temporary files.
    folder: &'a Path,
    /// Repetitions of each measurement.
    rounds: usize,
}

/// Resources used by a whole process.
struct Ran {
    wall_ns: f64,
    said: String,
}

impl Measured<'_> {
    /// The command of a loop in our own binary.
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

    /// Runs a script that prints its loop's result.
    async fn lap(&self, command: &[String], arguments: &[String]) -> Result<Lap> {
        let said = self.run(command, arguments).await?.said;
        serde_json::from_str(said.lines().last().unwrap_or_default()).context("the script tells no figures")
    }
}

/// The wanted rows, each with its name. A sale through the whole bundle comes first: the records of the others would be
/// processed before it, so the streams are paused for them.
const TOPICS: [&str; 9] = ["sale", "start", "cold", "verify", "render", "numbering", "profile", "memory", "size"];

/// Prepares, measures, prints the table and writes the report.
///
/// # Errors
/// When our own code does not build, start or answer; a peer that does not is left out and named.
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
