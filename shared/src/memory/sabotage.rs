//! What no correct store does: losing state. A test of the guarantees needs a store that breaks them, to show that the
//! test detects it; nothing else calls this.

use super::{InMemoryArchive, InMemoryStore, archive::Stored, locked};
use crate::{
    archive::{Document, File},
    invoice::DocumentSource,
    mail::{MailId, outbox::Status},
    numbering::InvoiceNumber,
    sale::SaleKey,
};

impl InMemoryStore {
    /// Forgets that a payment was recorded, as if recording were not a conditional write.
    pub fn forget_payment(&self, sale: &SaleKey, event: &str) {
        let mut written = locked(&self.written);
        written.payments.remove(sale);
        written.events.remove(event);
        written.sold_by.remove(event);
    }

    /// Forgets which document a sale or a refund has, as if claiming were not a conditional write.
    pub fn forget_document(&self, basis: &DocumentSource) {
        if let Some(number) = locked(&self.written).number_of(basis) {
            *number = None;
        }
    }

    /// Forgets all settings, as somebody who deletes their records by hand.
    pub fn forget_settings(&self) {
        locked(&self.written).settings.clear();
    }

    /// Releases a mail from its holder, as if releasing did not depend on the claimant.
    pub fn take_away(&self, mail: &MailId) {
        if let Some(queued) = locked(&self.written).mails.get_mut(mail)
            && matches!(queued.status, Status::Sending { .. })
        {
            queued.status = Status::Queued;
        }
    }

    /// Sets a mail's status, as if an event or an answer did not depend on what is known.
    pub fn overwrite(&self, mail: &MailId, status: Status) {
        if let Some(queued) = locked(&self.written).mails.get_mut(mail) {
            queued.status = status;
        }
    }

    /// Forgets which messages of a mail bounced, as if it were never replayed.
    pub fn forget_returns(&self, mail: &MailId) {
        if let Some(queued) = locked(&self.written).mails.get_mut(mail) {
            queued.came_back.clear();
        }
    }

    /// Records a document without queueing its mail, as if the two were two writes.
    pub fn note_without_mail(&self, number: &InvoiceNumber, document: &Document) {
        if let Some(entry) = locked(&self.written).invoices.get_mut(number) {
            entry.document = Some(document.clone());
        }
    }
}

impl InMemoryArchive {
    /// Stores a file without a call, so that a plan of failures begins after it.
    pub fn put(&self, file: &File) {
        let stored = Stored { bytes: file.bytes.clone(), sale: file.sale.clone() };
        locked(&self.files).insert(file.key.clone(), stored);
    }

    /// Forgets a file, as if the archive took the last bytes instead of the first.
    pub fn forget(&self, key: &str) {
        locked(&self.files).remove(key);
    }
}
