//! What no honest store does: forgetting. A test that proves promises needs a store that breaks them, to show that
//! somebody would notice; nothing else calls this.

use super::{InMemoryArchive, InMemoryStore, locked};
use crate::{
    archive::Document,
    invoice::DocumentSource,
    mail::{MailId, outbox::Status},
    numbering::InvoiceNumber,
    sale::SaleKey,
};

impl InMemoryStore {
    /// Forgets that a payment was recorded, as if recording were not conditional.
    pub fn forget_payment(&self, sale: &SaleKey, event: &str) {
        let mut written = locked(&self.written);
        written.payments.remove(sale);
        written.events.remove(event);
        written.sold_by.remove(event);
    }

    /// Forgets which document a sale or a refund has, as if claiming were not conditional on it.
    pub fn forget_document(&self, basis: &DocumentSource) {
        if let Some(number) = locked(&self.written).number_of(basis) {
            *number = None;
        }
    }

    /// Takes a mail from whoever holds it, as if giving back were not conditional on who does.
    pub fn take_away(&self, mail: &MailId) {
        if let Some(queued) = locked(&self.written).mails.get_mut(mail)
            && matches!(queued.status, Status::Sending { .. })
        {
            queued.status = Status::Queued;
        }
    }

    /// Writes where a mail stands, as if an event or an answer were not conditional on what is known.
    pub fn overwrite(&self, mail: &MailId, status: Status) {
        if let Some(queued) = locked(&self.written).mails.get_mut(mail) {
            queued.status = status;
        }
    }

    /// Forgets which messages of a mail came back, as if it were never put back.
    pub fn forget_returns(&self, mail: &MailId) {
        if let Some(queued) = locked(&self.written).mails.get_mut(mail) {
            queued.came_back.clear();
        }
    }

    /// Notes a document without queueing its mail, as if the two were two writes.
    pub fn note_without_mail(&self, number: &InvoiceNumber, document: &Document) {
        if let Some(entry) = locked(&self.written).invoices.get_mut(number) {
            entry.document = Some(document.clone());
        }
    }
}

impl InMemoryArchive {
    /// Forgets a file, as if the archive took the last bytes instead of the first.
    pub fn forget(&self, key: &str) {
        locked(&self.files).remove(key);
    }
}
