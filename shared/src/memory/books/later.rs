//! Announced events in the same store.

use jiff::Timestamp;

use super::InMemoryStore;
use crate::{
    announced::{AnnouncedEvent, AnnouncedEvents, KIND},
    memory::locked,
    outcome::ServiceError,
    payment::Recorded,
};

impl AnnouncedEvents for InMemoryStore {
    async fn announce(&self, id: &str, body: &str, now: Timestamp) -> Result<Recorded, ServiceError> {
        self.call("the payment log", |written| {
            if written.stored.contains_key(id) {
                return Ok(Recorded::AlreadyRecorded);
            }
            let event = AnnouncedEvent { id: id.to_owned(), body: body.to_owned(), announced_at: now };
            written.marks.insert((KIND, id.to_owned()), (now, 0));
            written.stored.insert(id.to_owned(), event);
            Ok(Recorded::New)
        })
    }

    async fn announced(&self, id: &str) -> Result<Option<AnnouncedEvent>, ServiceError> {
        self.call("the payment log", |written| Ok(written.stored.get(id).cloned()))
    }

    async fn settle_announced(&self, id: &str) -> Result<(), ServiceError> {
        self.call("the payment log", |written| {
            written.stored.remove(id);
            Ok(())
        })
    }
}

impl InMemoryStore {
    /// Every event that is announced and not settled.
    pub fn announced_events(&self) -> Vec<AnnouncedEvent> {
        locked(&self.written).stored.values().cloned().collect()
    }
}
