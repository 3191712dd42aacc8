//! A function as its callers see it: invocations go to a free process, or to a new one below the concurrency limit.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::sync::Semaphore;

use super::Failure;
use super::host::Host;
use super::slot::{Desk, Slot, Start, Work};
use crate::clock::BundleClock;
use crate::process::Running;

/// The definition of a function.
#[derive(Debug)]
pub struct Settings {
    /// Package, binary and folder.
    pub package: String,
    /// The name CloudFormation gave it.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The executable.
    pub binary: PathBuf,
    /// Variables from CloudFormation, and the addresses of this bundle's services.
    pub variables: Vec<(String, String)>,
    /// Its timeout.
    pub timeout: Duration,
    /// Megabytes, as reported to the function.
    pub memory: u64,
    /// Maximum number of processes.
    pub concurrency: usize,
    /// Where its output goes.
    pub logs: PathBuf,
    /// The bundle's clock.
    pub clock: Arc<BundleClock>,
}

/// What a function has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Processes that started.
    pub starts: u64,
    /// Their time until they asked for work, in total.
    pub starting: Duration,
    /// Invocations that ended.
    pub invocations: u64,
    /// Their duration, in total.
    pub working: Duration,
}

/// A function and its processes.
#[derive(Debug)]
pub struct Function {
    settings: Settings,
    host: Arc<Host>,
    idle: Mutex<Vec<Slot>>,
    busy: Mutex<HashMap<u64, Running>>,
    room: Semaphore,
    slots: AtomicU64,
    invocations: AtomicU64,
    times: Mutex<Times>,
}

impl Function {
    /// A function without processes yet.
    pub fn new(settings: Settings, host: Arc<Host>) -> Self {
        let room = Semaphore::new(settings.concurrency);
        Self {
            settings,
            host,
            idle: Mutex::default(),
            busy: Mutex::default(),
            room,
            slots: AtomicU64::new(0),
            invocations: AtomicU64::new(0),
            times: Mutex::default(),
        }
    }

    /// Package, binary and folder name.
    pub fn package(&self) -> &str {
        &self.settings.package
    }

    /// Megabytes that the template gives it.
    pub fn memory(&self) -> u64 {
        self.settings.memory
    }

    /// How many seconds the bundle's clock is ahead.
    pub fn ahead(&self) -> i64 {
        self.settings.clock.ahead()
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.settings.arn
    }

    /// Its environment beyond what Lambda adds.
    pub fn variables(&self) -> &[(String, String)] {
        &self.settings.variables
    }

    /// How many invocations there were.
    pub fn invocations(&self) -> u64 {
        self.invocations.load(Ordering::Relaxed)
    }

    /// What its starts and invocations have used.
    pub fn times(&self) -> Times {
        *lock(&self.times)
    }

    /// The running processes.
    pub fn pids(&self) -> Vec<u32> {
        let idle: Vec<u32> = lock(&self.idle).iter().map(|slot| slot.running().pid()).collect();
        idle.into_iter().chain(lock(&self.busy).values().map(Running::pid)).collect()
    }

    /// The output of its processes.
    pub fn log(&self) -> PathBuf {
        self.settings.logs.join(format!("{}.log", self.settings.package))
    }

    /// Starts one process before the first invocation, so that a function that cannot start fails now.
    ///
    /// # Errors
    /// One sentence with the function's last output.
    pub async fn warm(&self) -> anyhow::Result<()> {
        let slot = self
            .start()
            .await
            .map_err(|failure| anyhow::anyhow!("the function {} {failure}", self.settings.package))?;
        lock(&self.idle).push(slot);
        Ok(())
    }

    /// One invocation.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn invoke(&self, payload: Bytes) -> Result<Bytes, Failure> {
        let _room = self.room.acquire().await.map_err(|_| Failure::Exited("the bundle stops".to_owned()))?;
        let slot = match self.take_idle() {
            Some(slot) => slot,
            None => self.start().await?,
        };
        self.invocations.fetch_add(1, Ordering::Relaxed);
        lock(&self.busy).insert(slot.id, slot.running());
        let began = Instant::now();
        let answer = slot.invoke(self.work(payload)).await;
        let took = began.elapsed();
        {
            let mut times = lock(&self.times);
            times.invocations += 1;
            times.working += took;
        }
        lock(&self.busy).remove(&slot.id);
        if matches!(answer, Ok(_) | Err(Failure::Function(_))) && slot.is_alive() {
            lock(&self.idle).push(slot);
        } else {
            self.host.forget(&self.settings.package, slot.id);
        }
        answer
    }

    /// Kills every process, also during an invocation; the next invocation starts a new one.
    pub fn kill(&self) {
        let idle: Vec<Slot> = lock(&self.idle).drain(..).collect();
        for slot in idle {
            self.host.forget(&self.settings.package, slot.id);
        }
        lock(&self.busy).values().for_each(Running::kill);
    }

    fn take_idle(&self) -> Option<Slot> {
        let mut idle = lock(&self.idle);
        while let Some(slot) = idle.pop() {
            // A process keeps the time that it was started with.
            if slot.is_alive() && slot.ahead == self.settings.clock.ahead() {
                return Some(slot);
            }
            self.host.forget(&self.settings.package, slot.id);
        }
        None
    }

    async fn start(&self) -> Result<Slot, Failure> {
        let id = self.slots.fetch_add(1, Ordering::Relaxed);
        let desk = Arc::new(Desk::default());
        self.host.register(&self.settings.package, id, desk.clone());
        let ahead = self.settings.clock.ahead();
        let variables = self.environment(id, ahead);
        let start = Start { binary: self.settings.binary.clone(), variables, log: self.log(), ahead };
        make_folder(&self.settings.logs)?;
        let began = Instant::now();
        let slot = Slot::start(id, desk, &start, self.settings.timeout).await;
        let took = began.elapsed();
        {
            let mut times = lock(&self.times);
            times.starts += 1;
            times.starting += took;
        }
        if slot.is_err() {
            self.host.forget(&self.settings.package, id);
        }
        slot
    }

    /// Lambda's own variables come last: they are reserved and win.
    fn environment(&self, slot: u64, ahead: i64) -> Vec<(String, String)> {
        let settings = &self.settings;
        let own = [
            ("AWS_LAMBDA_RUNTIME_API", format!("http://{}/{}/{slot}", self.host.address, settings.package)),
            ("AWS_LAMBDA_FUNCTION_NAME", settings.name.clone()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory.to_string()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", settings.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/{slot}")),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
            ("LAMBDA_TASK_ROOT", "/var/task".to_owned()),
            ("_HANDLER", "bootstrap".to_owned()),
            ("TZ", ":UTC".to_owned()),
        ];
        let moved = (ahead > 0).then(|| (comptoir::clock::AHEAD, ahead.to_string()));
        let own = own.into_iter().chain(moved).map(|(name, value)| (name.to_owned(), value));
        settings.variables.iter().cloned().chain(own).collect()
    }

    fn work(&self, payload: Bytes) -> Work {
        let now = self.settings.clock.now().as_millisecond();
        let timeout = i64::try_from(self.settings.timeout.as_millis()).unwrap_or(i64::MAX);
        let trace = format!("Root=1-{:08x}-{:024x};Sampled=0", now / 1000, fastrand::u128(..) >> 32);
        Work {
            request_id: request_id(),
            deadline_ms: now.saturating_add(timeout),
            function_arn: self.settings.arn.clone(),
            trace_id: trace,
            payload,
        }
    }
}

/// A random id in the form of a UUID, as Lambda's request ids are.
pub fn request_id() -> String {
    let (a, b, c, d, e) =
        (fastrand::u32(..), fastrand::u16(..), fastrand::u16(..), fastrand::u16(..), fastrand::u64(..));
    format!("{a:08x}-{b:04x}-4{:03x}-{:04x}-{:012x}", c & 0xfff, (d & 0x3fff) | 0x8000, e & 0xffff_ffff_ffff)
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|_| Failure::Init(crate::lock::cannot_write(path)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
