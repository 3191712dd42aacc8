//! Subscriptions: what a mutation answered goes to whoever listens to it, over a websocket.
//!
//! As AppSync does it: a [`subscription`] is checked when it begins, by the token that comes with it and the schema's
//! directives, and gets its filter then; every mutation that a field's `@aws_subscribe` names is an [`Event`], held against
//! the filters and answered with the fields that both the mutation and the subscriber asked for. [`socket`] speaks the
//! protocol of AppSync's real-time endpoint.

pub mod socket;
pub mod subscription;

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

/// Connections at once.
const CONNECTIONS: usize = 256;

/// Events that a slow subscriber may be behind, before its connection ends.
const BEHIND: usize = 1024;

/// What a mutation answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Which.
    pub mutation: String,
    /// The fields that its caller asked for, by their names in the schema.
    pub fields: Map<String, Value>,
}

/// Where events are told.
#[derive(Debug)]
pub struct Hub {
    events: broadcast::Sender<Arc<Event>>,
    room: Arc<Semaphore>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { events: broadcast::Sender::new(BEHIND), room: Arc::new(Semaphore::new(CONNECTIONS)) }
    }
}

impl Hub {
    /// Tells all connections; nobody listening is fine.
    pub fn tell(&self, event: Event) {
        // The only error is that nobody listens.
        self.events.send(Arc::new(event)).ok();
    }

    /// Hears all that is told from now on.
    fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// A place for one more connection, if there is one.
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().try_acquire_owned().ok()
    }
}
