//! A mail transport in memory, which counts its mails.

use std::sync::{Arc, Mutex};

use super::{Fault, FaultPlan, locked};
use crate::{
    mail::{
        MailId,
        outbox::{MailTransport, OutgoingEmail, SendResult},
    },
    outcome::Reason,
};

/// A mail transport.
#[derive(Debug, Default)]
pub struct InMemoryTransport {
    sent: Mutex<Vec<MailId>>,
    faults: Arc<FaultPlan>,
}

impl InMemoryTransport {
    /// An empty transport with this fault plan.
    pub fn new(faults: Arc<FaultPlan>) -> Self {
        Self { sent: Mutex::default(), faults }
    }

    /// The accepted mails, in order, with repetitions.
    pub fn letters(&self) -> Vec<MailId> {
        locked(&self.sent).clone()
    }
}

impl MailTransport for InMemoryTransport {
    async fn post(&self, letter: &OutgoingEmail) -> SendResult {
        match self.faults.next() {
            Some(Fault::Before) => SendResult::Transient("throttled".to_owned()),
            Some(Fault::Refused) => SendResult::Permanent(Reason::new("mail_refused", "it refuses for good")),
            trouble => {
                locked(&self.sent).push(letter.id.clone());
                match trouble {
                    None => SendResult::Accepted(format!("message-{}", letter.id)),
                    Some(_) => SendResult::Ambiguous("the answer was lost".to_owned()),
                }
            }
        }
    }
}
