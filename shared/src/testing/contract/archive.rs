//! The archive's part of the contract.

use std::io::{self, Write as _};

use super::Stores;
use crate::{
    archive::{
        File,
        spool::{HashingSpool, LargeArchive, Spool as _, SpooledFile},
    },
    billing::ledger::Ledger,
    mail::{delivery::Deliveries, outbox::Outbox},
    outcome::ServiceError,
    payment::PaymentLog,
};

impl<P: PaymentLog, L: Ledger, O: Outbox + Deliveries, A: LargeArchive> Stores<'_, P, L, O, A> {
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
        assert_eq!(self.archive.look(&first.key).await?.as_ref(), Some(&first));
        assert_eq!(self.archive.look(&format!("{}x", first.key)).await?, None);
        let others = File { sale: Some("cs_other".to_owned()), ..file("the first") };
        let refused = self.archive.store(&others).await.unwrap_err();
        assert_eq!(refused.reason().code, "archive_conflict", "another sale's document, even with the same bytes");

        let key = |n: u32| format!("list/{run}/{n}.pdf");
        for n in 1..=3 {
            self.archive.store(&File { key: key(n), ..file("listed") }).await?;
        }
        let listed = async |after: Option<String>, limit| {
            self.archive.list(&format!("list/{run}/"), after.as_deref(), limit).await
        };
        assert_eq!(listed(None, 2).await?, [key(1), key(2)]);
        assert_eq!(listed(Some(key(1)), 10).await?, [key(2), key(3)]);
        assert_eq!(listed(Some(key(3)), 10).await?, Vec::<String>::new());
        Ok(())
    }

    pub(super) async fn a_spooled_file_is_stored_once(&self, run: &str) -> Result<(), ServiceError> {
        let key = format!("ledger/{run}/journal.txt");
        // More than one buffer of anything on the way.
        let (first, second) = ("a row\r\n".repeat(300_000), "another row\r\n".repeat(300_000));
        let mut file = self.spooled(&key, &first);
        assert_eq!(io::read_to_string(file.spool.reader().unwrap()).unwrap(), first);
        assert_eq!(self.archive.store_spooled(&file).await?, file.document);
        assert_eq!(self.archive.store_spooled(&file).await?, file.document, "from its beginning again");
        let other = self.spooled(&key, &second);
        assert_eq!(self.archive.store_spooled(&other).await?, file.document, "the first stays");
        assert_eq!(self.archive.look(&key).await?.as_ref(), Some(&file.document));
        assert!(self.archive.read(&key).await? == Some(first.into_bytes()), "byte for byte");
        Ok(())
    }

    fn spooled(&self, key: &str, text: &str) -> SpooledFile<A::Spool> {
        let mut spool = HashingSpool::new(self.archive.spool().unwrap());
        spool.write_all(text.as_bytes()).unwrap();
        spool.finish(key.to_owned(), "text/plain").unwrap()
    }
}
