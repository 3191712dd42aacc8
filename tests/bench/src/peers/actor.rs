//! A handler as a process: started as by Lambda, given events over the Runtime API, and measured by the kernel.
//!
//! Only one runs at a time, because the kernel reports the sum of all ended children.

use std::{
    fs,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use comptoir_local::{
    clock, environment,
    lambda::{
        host::Host,
        pool::request_id,
        slot::{Desk, Work},
    },
    process::{self, Guarded},
};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use serde_json::Value;
use tokio::process::Command;

/// The timeout of every wait; a handler under an instruction counter is fifty times slower.
const PATIENCE: Duration = Duration::from_secs(120);

/// How to start a handler.
#[derive(Debug, Clone)]
pub struct Handler {
    /// Its name in the table.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Its environment beyond the minimum.
    pub variables: Vec<(String, String)>,
}

/// Resources used by a process.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// CPU, user's and system's, in nanoseconds, in steps of a thousand.
    pub cpu: f64,
    /// From its start until it asked for work, in nanoseconds.
    pub until_up: f64,
    /// Its largest resident set, in KiB.
    pub peak: f64,
}

/// The Runtime API, with its current handler.
#[derive(Debug)]
pub struct Theatre {
    host: Host,
    slots: AtomicU64,
    logs: PathBuf,
}

/// A running handler.
#[derive(Debug)]
pub struct Actor {
    process: Guarded,
    desk: Arc<Desk>,
    before: f64,
    until_up: Duration,
}

impl Theatre {
    /// Opens the Runtime API; the handlers' output goes into `logs`.
    ///
    /// # Errors
    /// When there is no free port, or no such folder can be made.
    pub async fn open(logs: PathBuf) -> Result<Self> {
        fs::create_dir_all(&logs).with_context(|| format!("{} cannot be made", logs.display()))?;
        Ok(Self { host: Host::start().await?, slots: AtomicU64::new(0), logs })
    }

    /// Starts `handler` and waits until it asks for work.
    ///
    /// # Errors
    /// Why it did not, and where its last output is.
    pub async fn start(&self, handler: &Handler) -> Result<Actor> {
        let slot = self.slots.fetch_add(1, Ordering::Relaxed);
        let desk = Arc::new(Desk::default());
        self.host.register("measured", slot, desk.clone());
        let log = self.logs.join(format!("{}.log", handler.name.replace([' ', '/'], "-")));
        let out = fs::File::options().create(true).append(true).open(&log)?;
        let (program, arguments) = handler.command.split_first().context("a handler has a program")?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(environment::inherited()).envs(handler.variables.iter().cloned());
        command.env("AWS_LAMBDA_RUNTIME_API", format!("http://{}/measured/{slot}", self.host.address));
        command.env("AWS_LAMBDA_FUNCTION_NAME", "measured").env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
        command.env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST").env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let (before, begun) = (children()?, Instant::now());
        let process = process::spawn(&mut command).with_context(|| format!("{program} does not start"))?;
        let up = tokio::select! {
            up = desk.came_up() => up,
            how = process.wait() => Err(format!("it ended ({how})")),
            () = tokio::time::sleep(PATIENCE) => Err("it asks for no work".to_owned()),
        };
        if let Err(why) = up {
            bail!("{} does not come up: {why}; read {}", handler.name, log.display());
        }
        Ok(Actor { process, desk, before, until_up: begun.elapsed() })
    }
}

impl Actor {
    /// One invocation: its answer, and how long it took.
    ///
    /// # Errors
    /// The handler's error.
    pub async fn invoke(&self, event: &Value) -> Result<(Value, Duration)> {
        let now = clock::now().as_millisecond();
        let work = Work {
            request_id: request_id(),
            deadline_ms: now.saturating_add(30_000),
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:measured".to_owned(),
            trace_id: "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned(),
            payload: serde_json::to_vec(event)?.into(),
        };
        let begun = Instant::now();
        let answer = tokio::select! {
            answer = self.desk.invoke(work) => answer,
            how = self.process.wait() => bail!("it ended ({how})"),
            () = tokio::time::sleep(PATIENCE) => bail!("it does not answer"),
        };
        let took = begun.elapsed();
        let answer = answer.map_err(|failure| anyhow::anyhow!("{failure}"))?;
        Ok((serde_json::from_slice(&answer)?, took))
    }

    /// Its current memory, in KiB.
    ///
    /// # Errors
    /// When the system does not report it.
    pub fn resident(&self) -> Result<f64> {
        resident(self.process.running().pid())
    }

    /// Kills it and returns its resource usage.
    ///
    /// # Errors
    /// When the system does not report it.
    pub async fn end(self) -> Result<Taken> {
        let peak = status(self.process.running().pid(), "VmHWM:")?;
        self.process.kill();
        self.process.wait().await;
        Ok(Taken { cpu: children()? - self.before, until_up: nanoseconds(self.until_up), peak })
    }

    /// Asks it to end, which an instruction counter needs to write its result.
    pub async fn terminate(self) {
        self.process.terminate(PATIENCE).await;
    }
}

/// The current memory of a process, in KiB.
///
/// # Errors
/// When the system does not report it.
pub fn resident(pid: u32) -> Result<f64> {
    status(pid, "VmRSS:")
}

fn status(pid: u32, field: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context("the system tells no memory")?;
    Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
}

/// CPU of every child that has ended so far, in nanoseconds.
///
/// # Errors
/// When the system does not report it.
fn children() -> Result<f64> {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let microseconds = used.user_time().num_microseconds() + used.system_time().num_microseconds();
    #[expect(clippy::cast_precision_loss, reason = "a run takes seconds, not centuries")]
    Ok(microseconds as f64 * 1000.0)
}

/// A duration in nanoseconds.
pub fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}
