//! Reads the store without copying it: a check reads all of it, thousands of times a second.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{InMemoryStore, Payment};
use crate::{
    archive::Document,
    billing::ledger::Entry,
    mail::{Mail, MailId, outbox::Status},
    memory::{Expiring, locked},
    numbering::InvoiceNumber,
    outcome::ServiceError,
    refund::RefundKey,
    sale::SaleKey,
};

/// What a check needs to know about a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRow {
    /// Which.
    pub id: MailId,
    /// The recipient.
    pub to: Option<String>,
    /// Its attachment, if any.
    pub document: Option<Document>,
    /// Its status.
    pub status: Status,
}

impl InMemoryStore {
    /// When each recorded sale was paid.
    pub fn paid_at(&self) -> BTreeMap<SaleKey, Timestamp> {
        let written = locked(&self.written);
        let paid = |(key, payment): (&SaleKey, &Payment)| Some((key.clone(), payment.sale.as_ref()?.paid_at));
        written.payments.iter().filter_map(paid).collect()
    }

    /// A mail's status, if the mail exists.
    pub fn standing(&self, id: &MailId) -> Option<Status> {
        locked(&self.written).mails.get(id).map(|queued| queued.status.clone())
    }

    /// When a mail expires, if that is set.
    pub fn forgotten_at(&self, id: &MailId) -> Option<Timestamp> {
        locked(&self.written).mails.get(id).and_then(|queued| queued.expires_at)
    }

    /// Reads a value from one mail.
    pub fn of_mail<T>(&self, id: &MailId, look: impl FnOnce(&Mail) -> T) -> Option<T> {
        locked(&self.written).mails.get(id).map(|queued| look(&queued.mail))
    }

    /// Reads a value from every invoice with its document. Nothing else can access the store meanwhile.
    pub fn of_entries<T>(&self, look: impl FnOnce(&BTreeMap<InvoiceNumber, Entry>) -> T) -> T {
        look(&locked(&self.written).invoices)
    }

    /// Every mail, in summary.
    pub fn mail_rows(&self) -> Vec<MailRow> {
        let row = |(id, queued): (&MailId, &super::Queued)| MailRow {
            id: id.clone(),
            to: queued.mail.to.clone(),
            document: queued.mail.attachment.as_ref().map(|attachment| attachment.document.clone()),
            status: queued.status.clone(),
        };
        locked(&self.written).mails.iter().map(row).collect()
    }

    /// The keys of the recorded sales.
    pub fn sale_keys(&self) -> Vec<SaleKey> {
        locked(&self.written).payments.keys().cloned().collect()
    }

    /// The keys of the recorded refunds.
    pub fn refund_keys(&self) -> Vec<RefundKey> {
        locked(&self.written).refunds.keys().cloned().collect()
    }
}

impl Expiring for InMemoryStore {
    async fn expires_at(&self, id: &MailId) -> Result<Option<Timestamp>, ServiceError> {
        Ok(self.forgotten_at(id))
    }
}
