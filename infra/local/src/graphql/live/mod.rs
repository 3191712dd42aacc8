//! Subscriptions: the result of a mutation is sent to its subscribers over a websocket.
//!
//! As AppSync does it: a [`subscription`] is checked when it begins, by the token that comes with it and the schema's
//! directives, and gets its filter then. Every mutation named by a field's `@aws_subscribe` is an [`Event`], matched
//! with the filters and sent with the fields that both the mutation and the subscriber selected. [`socket`] speaks the
//! protocol of AppSync's real-time endpoint.

pub mod socket;
pub mod subscription;

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

/// Maximum number of connections.
const CONNECTIONS: usize = 256;

/// Events that a slow subscriber may lag behind before its connection ends.
const BEHIND: usize = 1024;

/// The result of a mutation.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The mutation's name.
    pub mutation: String,
    /// The fields its caller selected, by their names in the schema.
    pub fields: Map<String, Value>,
}

/// Where events are published.
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
    /// Publishes to all connections; having no subscriber is fine.
    pub fn tell(&self, event: Event) {
        // The only error is that there is no subscriber.
        self.events.send(Arc::new(event)).ok();
    }

    /// Receives every event published from now on.
    fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// A slot for one more connection, if one is free.
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().try_acquire_owned().ok()
    }
}
