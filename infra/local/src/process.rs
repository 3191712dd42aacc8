//! Child processes that never outlive this one, however it ends.
//!
//! Three safeguards: the bundle ends its children when it stops or is dropped; the command line ends the rest before
//! it exits; and when we are killed outright, a function loses the Runtime API it polls and the stand-in for AWS loses
//! the pipe it watches, so both end by themselves. Each child leads its own process group, so that Ctrl-C reaches us
//! first and its own children go with it. Only processes started here are ever signalled.

use std::collections::HashMap;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, watch};

/// How a child ended; `None` while it runs.
type Ended = Option<String>;

/// Every child not reaped yet, so that none is left running at exit.
static LIVE: LazyLock<Mutex<HashMap<u64, Running>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Ends a child from elsewhere, as long as it is not reaped.
#[derive(Clone, Debug)]
pub struct Running {
    pid: u32,
    signals: mpsc::UnboundedSender<Signal>,
    ended: watch::Receiver<Ended>,
}

/// A child process of ours. Dropping it ends the process.
#[derive(Debug)]
pub struct Guarded {
    running: Running,
}

/// Starts a child under guard.
///
/// # Errors
/// Those of the system: not found, not executable, no more processes.
pub fn spawn(command: &mut Command) -> std::io::Result<Guarded> {
    watch_over(start(command)?)
}

/// Starts a child under guard and hands the pipes the caller asked for to the caller.
///
/// # Errors
/// As [`spawn`].
pub fn spawn_piped(command: &mut Command) -> std::io::Result<(Guarded, Option<ChildStdin>, Option<ChildStdout>)> {
    let mut child = start(command)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    Ok((watch_over(child)?, stdin, stdout))
}

fn start(command: &mut Command) -> std::io::Result<Child> {
    let _on_our_runtime = crate::runtime::handle().map_err(std::io::Error::other)?.enter();
    command.process_group(0).kill_on_drop(true).spawn()
}

fn watch_over(mut child: Child) -> std::io::Result<Guarded> {
    let (signals, mut inbox) = mpsc::unbounded_channel();
    let (tell, ended) = watch::channel(None);
    let pid = child.id().unwrap_or_default();
    let running = Running { pid, signals, ended };
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    live().insert(id, running.clone());
    crate::runtime::handle().map_err(std::io::Error::other)?.spawn(async move {
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                // The child is not reaped yet, so its id is still valid and the signal cannot hit another process.
                Some(signal) = inbox.recv() => {
                    if let Ok(group) = i32::try_from(pid) {
                        // Already gone is fine.
                        killpg(Pid::from_raw(group), signal).ok();
                    }
                }
            }
        };
        live().remove(&id);
        tell.send_replace(Some(describe(status)));
    });
    Ok(Guarded { running })
}

fn live() -> std::sync::MutexGuard<'static, HashMap<u64, Running>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn describe(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) if status.success() => "exit status: 0".to_owned(),
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

impl Running {
    /// Its process id, for inspection; signals go through [`Running::kill`].
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills it at once.
    pub fn kill(&self) {
        self.signals.send(Signal::SIGKILL).ok();
    }
}

impl Guarded {
    /// A handle that can kill it.
    pub fn running(&self) -> Running {
        self.running.clone()
    }

    /// How it ended, or `None` while it runs.
    pub fn ended(&self) -> Option<String> {
        self.running.ended.borrow().clone()
    }

    /// Waits for its exit status.
    pub async fn wait(&self) -> String {
        wait(self.running.ended.clone()).await
    }

    /// Kills it at once.
    pub fn kill(&self) {
        self.running.kill();
    }

    /// Asks it to end, waits for `patience`, then kills it.
    pub async fn terminate(&self, patience: Duration) {
        self.running.signals.send(Signal::SIGTERM).ok();
        if tokio::time::timeout(patience, self.wait()).await.is_err() {
            self.kill();
            self.wait().await;
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn wait(mut ended: watch::Receiver<Ended>) -> String {
    match ended.wait_for(Option::is_some).await {
        Ok(how) => how.clone().unwrap_or_default(),
        Err(_) => "ended".to_owned(),
    }
}

/// Kills every child still running and waits until all are gone.
pub async fn end_all() {
    let left: Vec<Running> = live().values().cloned().collect();
    for running in left {
        running.kill();
        wait(running.ended).await;
    }
}
