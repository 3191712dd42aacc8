//! The one tokio runtime of the process.
//!
//! Everything that belongs to a bundle runs here and not on the caller's runtime: a bundle shared by several
//! tests outlives the runtime of the test that started it.

use std::future::Future;
use std::sync::OnceLock;

use anyhow::Context;
use tokio::runtime::{Builder, Handle, Runtime};

/// The handle to spawn on.
///
/// # Errors
/// When the system refuses threads.
pub fn handle() -> anyhow::Result<Handle> {
    static RUNTIME: OnceLock<Result<Runtime, std::io::Error>> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread().worker_threads(4).thread_name("comptoir-local").enable_all().build()
        })
        .as_ref()
        .map(|runtime| runtime.handle().clone())
        .map_err(|error| {
            anyhow::anyhow!("the system refuses to start threads ({error}); end some programs and try again")
        })
}

/// Runs `work` on the process's runtime, whatever runtime the caller uses. Dropping the future stops the work.
///
/// # Errors
/// The error of `work`, or that it panicked.
pub async fn run<T: Send + 'static>(
    work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    let mut task = AbortOnDrop(handle()?.spawn(work));
    (&mut task.0).await.context("the local runner failed in itself; please report what is printed above")?
}

/// A task that stops when its owner is dropped.
#[derive(Debug)]
pub struct AbortOnDrop<T>(pub tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
