//! The ports of one invocation: every call yields to the scheduler before and after, and gets the seed's faults.

mod billing;
mod collecting;
mod people;
mod recoveries;

use std::{future::poll_fn, sync::Arc, task::Poll};

use comptoir::{clock::Clock, outcome::ServiceError};
use jiff::Timestamp;

use super::{
    mutant::Mutant,
    plan::Kind,
    stripe::moment,
    world::{Late, Todo, World},
};

/// The table.
pub const TABLE: &str = "the access table";
/// Stripe.
pub const STRIPE: &str = "Stripe";

/// The result type of a port.
pub type Answer<T> = Result<T, ServiceError>;

/// One invocation's access to the world.
pub struct Ports {
    /// The world.
    pub world: Arc<World>,
    /// The invocation.
    pub who: usize,
    /// Its machine's clock skew, in milliseconds.
    pub skew: i64,
}

impl Ports {
    /// Whether this mistake is active.
    pub fn is(&self, mutant: Mutant) -> bool {
        self.world.plan.mutant == Some(mutant)
    }

    /// Waits for about the duration of a call.
    pub async fn pass(&self) {
        let mut asked = false;
        poll_fn(|_| {
            if std::mem::replace(&mut asked, true) {
                return Poll::Ready(());
            }
            self.world.wake_later(self.who);
            Poll::Pending
        })
        .await;
    }

    /// Records what this invocation does.
    pub fn note(&self, what: &str, detail: impl FnOnce() -> String) {
        self.world.note(|| format!("#{} {what} {}", self.who, detail()));
    }

    /// Makes a call to `port`, with the seed's faults; `late` has its effect later, or once more.
    ///
    /// # Errors
    /// The error of the call, or an injected failure before or after it took effect.
    pub async fn call<T: std::fmt::Debug + Send>(
        &self,
        port: &'static str,
        what: &'static str,
        late: Option<&(dyn Fn() -> Late + Sync)>,
        work: impl Fn() -> Answer<T> + Send,
    ) -> Answer<T> {
        self.pass().await;
        if self.world.fails_before(port) {
            if let Some(late) = late
                && self.world.hit(Kind::Late)
            {
                self.later(what, late());
            }
            self.note(what, || "fails before".to_owned());
            return Err(ServiceError::transient(port, "it failed before"));
        }
        let mut answer = work();
        self.note(what, || format!("-> {answer:?}"));
        self.world.something_happens();
        if self.world.hit(Kind::Repeat) {
            self.pass().await;
            answer = work();
            self.note(what, || format!("again -> {answer:?}"));
        }
        if let Some(late) = late
            && self.world.hit(Kind::Late)
        {
            self.later(what, late());
        }
        self.pass().await;
        if self.world.hit(Kind::After) {
            self.note(what, || "answer lost".to_owned());
            return Err(ServiceError::transient(port, "its answer was lost"));
        }
        answer
    }

    /// The same of a question to Stripe, which may be refused for good.
    async fn ask<T: std::fmt::Debug + Send>(
        &self,
        what: &'static str,
        of: &str,
        work: impl Fn() -> Answer<T> + Send,
    ) -> Answer<T> {
        if self.world.refuses(&format!("{what} {of}")) {
            self.pass().await;
            self.note(what, || format!("of {of} is refused for good"));
            return Err(ServiceError::permanent(STRIPE, "stripe_refused", "the key may not read this"));
        }
        self.call(STRIPE, what, None, work).await
    }

    fn later(&self, what: &str, late: Late) {
        let longest = [300, 1_500, 6_000][self.world.draw(0, 3) as usize];
        let at = self.world.millis() + self.world.draw(1, longest);
        self.note(what, || "will land later".to_owned());
        self.world.at(at, Todo::Land(late));
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        moment(self.world.millis() + self.skew)
    }
}
