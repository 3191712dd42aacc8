//! The capabilities in memory, as honest as the real ones: conditions hold, and any call can be made to fail before it
//! takes effect or after it did. For tests; nothing here is linked into a function.

mod announced;
mod books;
mod depot;
mod sabotage;

#[cfg(test)]
mod tests;

use std::{
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

pub use announced::{ParkedEvent, StreamRecord};
pub use books::{InMemoryStore, MailRow, pass_the_turn};
pub use depot::{InMemoryArchive, InMemoryTransport};

use jiff::Timestamp;

use crate::{mail::MailId, outcome::ServiceError};

/// An outbox that tells when it forgets a mail.
pub trait Expiring {
    /// When this mail is forgotten; nothing if it is kept, or if there is none.
    fn expires_at(&self, id: &MailId) -> impl Future<Output = Result<Option<Timestamp>, ServiceError>> + Send;
}

/// The value of a future that waits for nobody, as everything in memory does.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and nothing happened.
    Before,
    /// It takes effect and its answer is lost.
    After,
    /// It is refused for good, and nothing happened: trying it again as it stands is of no use.
    Refused,
}

/// What goes wrong: one call, counted from 0 over all capabilities that share it.
#[derive(Debug, Default)]
pub struct FaultPlan(Mutex<FaultState>);

#[derive(Debug, Default)]
struct FaultState {
    calls: usize,
    trouble: Option<(usize, Fault)>,
}

impl FaultPlan {
    /// Fine but for call number `call`.
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

    /// Makes a call to `what` under this weather.
    ///
    /// # Errors
    /// The work's, and what the weather makes of the call.
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

/// What a mutex guards, also after a panic: a test that failed must not hide what the others find.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
