//! The archive's part of the contract.

use super::Stores;
use crate::{
    accounting::Register,
    archive::{Archive, File},
    billing::ledger::Ledger,
    mail::{delivery::Deliveries, outbox::Outbox},
    outcome::ServiceError,
    payment::PaymentLog,
};

impl<P: PaymentLog, L: Ledger, O: Outbox + Deliveries, A: Archive, R: Register> Stores<'_, P, L, O, A, R> {
    pub(super) async fn a_document_is_stored_once(&self, run: &str) -> Result<(), ServiceError> {
        let file = |bytes: &str| File {
            key: format!("invoices/{run}/É 1+2.pdf"),
            content_type: "application/pdf",
            bytes: bytes.as_bytes().to_vec(),
            sale: Some(format!("cs_{run}")),
        };
        assert_eq!(self.archive.read(&file("").key).await?, None);
        let first = self.archive.store(&file("the first")).await?;
        assert_eq!(first, file("the first").document());
        assert_eq!(self.archive.store(&file("the second, and longer")).await?, first, "the first stays");
        assert_eq!(self.archive.store(&file("the first")).await?, first);
        assert_eq!(self.archive.read(&first.key).await?, Some(b"the first".to_vec()));
        Ok(())
    }
}
