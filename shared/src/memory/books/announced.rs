//! What the tables' streams would announce, what is parked (dead letters), and its replay.

use jiff::Timestamp;

use super::InMemoryStore;
use crate::{
    invoice::DocumentSource,
    mail::{MailId, outbox::Status},
    memory::{ParkedEvent, StreamRecord, locked},
    outcome::Reason,
};

impl InMemoryStore {
    /// What the streams announced after the first `seen` changes, in order.
    pub fn announced_after(&self, seen: usize) -> Vec<StreamRecord> {
        locked(&self.written).announced.get(seen..).map(<[StreamRecord]>::to_vec).unwrap_or_default()
    }

    /// How many changes were announced so far.
    pub fn announcements(&self) -> usize {
        locked(&self.written).announced.len()
    }

    /// Every event that is parked.
    pub fn parked_events(&self) -> Vec<ParkedEvent> {
        locked(&self.written).events.values().flatten().cloned().collect()
    }

    /// Why a mail is parked, if it is.
    pub fn parked_mail(&self, id: &MailId) -> Option<Reason> {
        locked(&self.written).mails.get(id)?.parked.clone()
    }

    /// Unparks an event, once it was sent again and processed.
    pub fn unpark_event(&self, id: &str) {
        if let Some(parked) = locked(&self.written).events.get_mut(id) {
            *parked = None;
        }
    }

    /// Unparks a payment, refund or mail, which its stream announces; or announces it even if it is not parked, for
    /// records that a stream gave up on.
    pub fn put_back(&self, what: &StreamRecord, now: Timestamp) {
        let mut written = locked(&self.written);
        let (kind, id) = match what {
            StreamRecord::Sale(sale) => ("PAYMENT", &sale.0),
            StreamRecord::Refund(refund) => ("REFUND", &refund.0),
            StreamRecord::Mail(mail) => ("MAIL", &mail.0),
        };
        // Open again, as a replay marks it: its stream may lose the record.
        written.marks.insert((kind, id.clone()), (now, 0));
        match what {
            StreamRecord::Sale(sale) => {
                if let Some(payment) = written.payments.get_mut(sale) {
                    payment.parked = None;
                }
            }
            StreamRecord::Refund(refund) => {
                if let Some(repaid) = written.refunds.get_mut(refund) {
                    repaid.parked = None;
                }
            }
            StreamRecord::Mail(mail) => {
                if let Some(queued) = written.mails.get_mut(mail)
                    && matches!(queued.status, Status::Parked | Status::Bounced | Status::Rejected)
                {
                    queued.status = Status::Queued;
                    queued.parked = None;
                }
            }
        }
        written.announced.push(what.clone());
    }

    /// Every parked payment and refund, with its reason.
    pub fn parked_bases(&self) -> Vec<(DocumentSource, Reason)> {
        let written = locked(&self.written);
        let sales = written.payments.iter().map(|(key, one)| (DocumentSource::Sale(key.clone()), &one.parked));
        let refunds = written.refunds.iter().map(|(key, one)| (DocumentSource::Refund(key.clone()), &one.parked));
        sales.chain(refunds).filter_map(|(basis, parked)| Some((basis, parked.clone()?))).collect()
    }
}
