//! Delivery events of mails, and the suppression list, in the same store.

use jiff::Timestamp;

use super::InMemoryStore;
use crate::{
    mail::{
        MailId,
        delivery::{AddressHash, Cause, Deliveries, DeliveryEvent, Report, Transition, next},
    },
    memory::locked,
    outcome::ServiceError,
};

impl Deliveries for InMemoryStore {
    async fn note(&self, report: &Report, now: Timestamp) -> Result<Transition, ServiceError> {
        self.call("the outbox", |written| {
            let Some(queued) = written.mails.get_mut(&report.mail) else { return Ok(Transition::Absent) };
            if let DeliveryEvent::Deferred(word) = &report.happened {
                queued.hindered.insert(word.clone());
            }
            let stage = queued.status.stage();
            let Some(to) = next(stage, queued.came_back.contains(&report.message_id), &report.happened) else {
                return Ok(Transition::Stays(stage));
            };
            if to.came_back() {
                queued.came_back.insert(report.message_id.clone());
            }
            queued.stand(report.happened.status(), now);
            queued.claimant = None;
            Ok(Transition::Moved(to))
        })
    }

    async fn suppress(&self, address: &AddressHash, cause: Cause, _: Timestamp) -> Result<(), ServiceError> {
        self.call("the outbox", |written| {
            let kept = written.suppressed.entry(address.clone()).or_insert(cause);
            *kept = cause.max(*kept);
            Ok(())
        })
    }

    async fn suppressed(&self, address: &AddressHash) -> Result<Option<Cause>, ServiceError> {
        self.call("the outbox", |written| Ok(written.suppressed.get(address).copied()))
    }
}

impl InMemoryStore {
    /// What delayed a mail in delivery, each once.
    pub fn hindrances(&self, id: &MailId) -> Vec<String> {
        locked(&self.written).mails.get(id).map(|queued| queued.hindered.iter().cloned().collect()).unwrap_or_default()
    }
}
