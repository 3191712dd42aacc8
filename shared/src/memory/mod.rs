//! The capabilities in memory, with the real ones' guarantees: conditional writes hold, and any call can be made to
//! fail before or after it takes effect. For tests; no function links this.

mod announced;
mod app_messages;
mod archive;
mod books;
mod sabotage;
mod transport;

#[cfg(test)]
mod tests;

use std::{
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

pub use announced::{ParkedEvent, StreamRecord};
pub use app_messages::InMemoryAppMessages;
pub use archive::InMemoryArchive;
pub use books::{BillingBackup, InMemoryStore, MailRow, pass_the_turn};
pub use transport::InMemoryTransport;

use jiff::Timestamp;

use crate::{mail::MailId, outcome::ServiceError};

/// An outbox that says when a mail expires.
pub trait Expiring {
    /// When this mail expires; `None` if it is kept, or if there is none.
    fn expires_at(&self, id: &MailId) -> impl Future<Output = Result<Option<Timestamp>, ServiceError>> + Send;
}

/// The value of a future that depends on no other task, as all in memory.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and nothing happened.
    Before,
    /// It takes effect but its answer is lost.
    After,
    /// It is refused permanently, and nothing happened: a retry as it is would not help.
    Refused,
}

/// A fault plan: which call fails, counted from 0 over all capabilities that share it.
#[derive(Debug, Default)]
pub struct FaultPlan(Mutex<FaultState>);

#[derive(Debug, Default)]
struct FaultState {
    calls: usize,
    trouble: Option<(usize, Fault)>,
}

impl FaultPlan {
    /// Only call number `call` fails.
    pub fn with(call: usize, trouble: Fault) -> Self {
        Self(Mutex::new(FaultState { calls: 0, trouble: Some((call, trouble)) }))
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        locked(&self.0).calls
    }

    fn next(&self) -> Option<Fault> {
        let mut forecast = locked(&self.0);
        let now = forecast.calls;
        forecast.calls += 1;
        forecast.trouble.filter(|(call, _)| *call == now).map(|(_, trouble)| trouble)
    }

    /// Makes a call to `what` under this fault plan.
    ///
    /// # Errors
    /// The work's own, and the injected fault.
    pub fn call<T>(
        &self,
        what: &'static str,
        work: impl FnOnce() -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        match self.next() {
            None => work(),
            Some(Fault::Before) => Err(ServiceError::transient(what, "it failed before")),
            Some(Fault::Refused) => Err(ServiceError::permanent(what, "store_refused", "it refuses for good")),
            Some(Fault::After) => {
                work()?;
                Err(ServiceError::transient(what, "its answer was lost"))
            }
        }
    }
}

/// The value of a mutex, also after a panic: a test that failed must not hide the results of others.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
