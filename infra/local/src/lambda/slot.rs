//! One process of a function: it takes one invocation at a time, as on Lambda.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::process::Command;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot, watch};

use super::Failure;
use crate::environment;
use crate::process::{self, Guarded, Running};

/// Lambda gives a function ten seconds to start; a debug build on a busy machine needs more.
const INIT: Duration = Duration::from_secs(30);

/// How to start a process of a function.
#[derive(Clone, Debug)]
pub struct Start {
    /// The executable.
    pub binary: PathBuf,
    /// Everything in its environment beyond the minimum.
    pub variables: Vec<(String, String)>,
    /// Where its output goes.
    pub log: PathBuf,
    /// How many seconds its clock is ahead.
    pub ahead: i64,
}

/// One invocation on its way to the function.
#[derive(Debug)]
pub struct Work {
    /// Lambda's request id.
    pub request_id: String,
    /// Its deadline, in milliseconds since 1970.
    pub deadline_ms: i64,
    /// The function's ARN.
    pub function_arn: String,
    /// X-Ray's header.
    pub trace_id: String,
    /// The event.
    pub payload: Bytes,
}

/// What a function answers.
pub type Answer = Result<Bytes, Failure>;

/// Where the process fetches invocations and posts its answers.
#[derive(Debug)]
pub struct Desk {
    inbox: mpsc::Sender<Work>,
    outbox: AsyncMutex<mpsc::Receiver<Work>>,
    waiting: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
    state: watch::Sender<State>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Ready,
    InitFailed(String),
}

impl Default for Desk {
    fn default() -> Self {
        let (inbox, outbox) = mpsc::channel(1);
        Self {
            inbox,
            outbox: AsyncMutex::new(outbox),
            waiting: Mutex::default(),
            state: watch::Sender::new(State::Starting),
        }
    }
}

impl Desk {
    /// The next invocation; the first request for it signals that the function has started.
    pub async fn next(&self) -> Option<Work> {
        self.state.send_replace(State::Ready);
        self.outbox.lock().await.recv().await
    }

    /// Posts an answer; false when no caller waits for it any more.
    pub fn settle(&self, request_id: &str, answer: Answer) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.as_ref().is_some_and(|(id, _)| id == request_id) {
            return waiting.take().is_some_and(|(_, reply)| reply.send(answer).is_ok());
        }
        false
    }

    /// Waits until the function asks for its next invocation.
    ///
    /// # Errors
    /// The error that the function reports instead.
    pub async fn came_up(&self) -> Result<(), String> {
        let mut state = self.state.subscribe();
        match state.wait_for(|state| *state != State::Starting).await.map(|state| state.clone()) {
            Ok(State::InitFailed(why)) => Err(why),
            _ => Ok(()),
        }
    }

    /// Hands over an invocation and waits for its answer; forever, if the function's process is gone.
    ///
    /// # Errors
    /// The [`Failure`] that the function answers.
    pub async fn invoke(&self, work: Work) -> Answer {
        let (reply, answer) = oneshot::channel();
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some((work.request_id.clone(), reply));
        if self.inbox.send(work).await.is_err() {
            return Err(Failure::Exited("before it took the invocation".to_owned()));
        }
        answer.await.unwrap_or_else(|_| Err(Failure::Exited("without an answer".to_owned())))
    }

    /// The function reports that it cannot start.
    pub fn init_failed(&self, why: String) {
        self.state.send_replace(State::InitFailed(why));
    }
}

/// A running process and its desk.
#[derive(Debug)]
pub struct Slot {
    /// Identifies the slot among the function's slots.
    pub id: u64,
    /// Where it fetches work.
    pub desk: std::sync::Arc<Desk>,
    /// How many seconds its clock is ahead.
    pub ahead: i64,
    process: Guarded,
    log: PathBuf,
    timeout: Duration,
}

impl Slot {
    /// Starts the process and waits until it asks for work.
    ///
    /// # Errors
    /// With the function's last output when it does not start.
    pub async fn start(id: u64, desk: std::sync::Arc<Desk>, start: &Start, timeout: Duration) -> Result<Self, Failure> {
        let log = || fs::File::options().create(true).append(true).open(&start.log);
        let (Ok(out), Ok(err)) = (log(), log()) else {
            return Err(Failure::Init(crate::lock::cannot_write(&start.log)));
        };
        let mut command = Command::new(&start.binary);
        command.env_clear().envs(environment::inherited()).envs(start.variables.iter().cloned());
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let process = process::spawn(&mut command)
            .map_err(|error| Failure::Init(format!("{} does not run ({error})", start.binary.display())))?;
        let slot = Self { id, desk, ahead: start.ahead, process, log: start.log.clone(), timeout };
        slot.wait_until_ready().await?;
        Ok(slot)
    }

    async fn wait_until_ready(&self) -> Result<(), Failure> {
        tokio::select! {
            up = self.desk.came_up() => up.map_err(Failure::Init),
            how = self.process.wait() => Err(Failure::Init(format!("it ended ({how}); {}", self.last_words()))),
            () = tokio::time::sleep(INIT) => Err(Failure::Init(format!("it did not ask for work within {} s; {}", INIT.as_secs(), self.last_words()))),
        }
    }

    /// Hands over an invocation and waits for its answer, its end or its deadline.
    ///
    /// # Errors
    /// The [`Failure`]; after anything but the function's own error the slot cannot be used again.
    pub async fn invoke(&self, work: Work) -> Answer {
        tokio::select! {
            biased;
            answer = self.desk.invoke(work) => answer,
            how = self.process.wait() => Err(Failure::Exited(how)),
            () = tokio::time::sleep(self.timeout) => Err(Failure::TimedOut(self.timeout.as_secs())),
        }
    }

    /// Whether it can take another invocation.
    pub fn is_alive(&self) -> bool {
        self.process.ended().is_none()
    }

    /// A handle that can end its process.
    pub fn running(&self) -> Running {
        self.process.running()
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let mut lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(4).collect();
        lines.reverse();
        if lines.is_empty() {
            format!("it printed nothing to {}", self.log.display())
        } else {
            format!("its last lines in {}: {}", self.log.display(), lines.join(" | "))
        }
    }
}
