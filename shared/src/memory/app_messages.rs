//! Messages for the seller's app in memory.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use super::FaultPlan;
use crate::{
    app::{
        AppMessage,
        delivery::{AppMessages, Queued, Written},
    },
    outcome::{Reason, ServiceError},
};

const WHAT: &str = "the messages for the app";

/// Messages by id.
#[derive(Debug, Default)]
pub struct InMemoryAppMessages {
    rows: Mutex<BTreeMap<String, Queued>>,
    /// Which call fails.
    pub faults: FaultPlan,
}

impl InMemoryAppMessages {
    /// Queues a message, unless it was queued before.
    pub fn queue(&self, message: &AppMessage) {
        let queued = Queued {
            message: message.clone(),
            attempts: 0,
            began: message.at,
            due_at: None,
            woken: false,
            waits: true,
        };
        self.rows().entry(message.id.clone()).or_insert(queued);
    }

    /// What the sweep, or a person, does.
    pub fn wake(&self, id: &str) {
        if let Some(row) = self.rows().get_mut(id) {
            row.woken = true;
        }
    }

    fn rows(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Queued>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AppMessages for InMemoryAppMessages {
    async fn message(&self, id: &str) -> Result<Option<Queued>, ServiceError> {
        self.faults.call(WHAT, || Ok(self.rows().get(id).cloned()))
    }

    async fn note(&self, read: &Queued, written: &Written<'_>, _: Timestamp) -> Result<bool, ServiceError> {
        self.faults.call(WHAT, || {
            let mut rows = self.rows();
            let unchanged = |row: &&mut Queued| row.waits && row.attempts == read.attempts;
            let Some(row) = rows.get_mut(&read.message.id).filter(unchanged) else { return Ok(false) };
            let sent = match written {
                Written::Delivered => true,
                Written::Again { sent, .. } | Written::Parked { sent, .. } => *sent,
            };
            row.attempts += u64::from(sent);
            match written {
                Written::Again { due, .. } => (row.due_at, row.woken) = (Some(*due), false),
                Written::Delivered | Written::Parked { .. } => {
                    (row.due_at, row.woken, row.waits) = (None, false, false);
                }
            }
            Ok(true)
        })
    }

    async fn give_up(&self, id: &str, _: &Reason, _: Timestamp) -> Result<bool, ServiceError> {
        self.faults.call(WHAT, || {
            let mut rows = self.rows();
            let Some(row) = rows.get_mut(id).filter(|row| row.waits) else { return Ok(false) };
            row.waits = false;
            Ok(true)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{memory::at_once, testing::app_messages::contract};

    #[test]
    fn messages_in_memory_keep_the_contract() {
        let messages = InMemoryAppMessages::default();
        let queue = async |message: &AppMessage| {
            messages.queue(message);
            Ok(())
        };
        at_once(contract(&messages, queue, "a")).unwrap();
    }
}
