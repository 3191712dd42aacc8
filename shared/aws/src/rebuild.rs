//! Rebuilding the Billing table from the archive: conditional writes that fill what is missing, and whether a mail is
//! known.
//!
//! The mark of a sale or refund that is only known by its document has the kind `BILLED`, under the key of the payment or
//! refund: it keeps an event that comes again from being recorded, and no stream takes it for new work.

use aws_sdk_dynamodb::{
    operation::{transact_write_items::TransactWriteItemsError, update_item::builders::UpdateItemFluentBuilder},
    types::{Put, TransactWriteItem, Update},
};
use jiff::Timestamp;

use super::{
    conditional::{OURS, settle},
    item::{
        CLOSE, Item, UNPARK, below, cancelled, condition_failed, is_contention, item, json, new_item, number, place,
        read_text, text, trouble,
    },
    ledger::{DynamoLedger, WHAT, record, write},
};
use comptoir::{
    accounting::{
        rebuild::{Archived, Billed, KnownMails, Mark, Missing, Record, RestoreLedger},
        term::Expire,
    },
    billing::ledger::{Counter, Credited},
    invoice::{DocumentSource, Invoice},
    mail::MailId,
    numbering::{InvoiceNumber, Series},
    outcome::ServiceError,
    record::{NEEDS, VERSION},
};

impl Expire for DynamoLedger {
    async fn expire(&self, invoice: &Invoice, at: Timestamp) -> Result<(), ServiceError> {
        let at = number(at.as_second());
        let basis = match invoice.draft.basis() {
            DocumentSource::Sale(sale) => place("PAYMENT", &sale.0),
            DocumentSource::Refund(refund) => place("REFUND", &refund.0),
        };
        for key in [place("INVOICE", &invoice.number.0), basis] {
            let record = self.get(key.clone()).await?.filter(|record| !record.contains_key("parked_at"));
            let Some(record) = record else { continue };
            // Before the record: nothing would lead to them afterwards.
            self.parts().expire(&record, "data", &at).await?;
            let update = self.update(key).update_expression("SET expires_at = :at");
            let update = update.expression_attribute_values(":at", at.clone()).condition_expression(
                "attribute_exists(pk) AND attribute_not_exists(expires_at) AND attribute_not_exists(parked_at)",
            );
            settle(WHAT, update).await?;
        }
        Ok(())
    }
}

impl RestoreLedger for DynamoLedger {
    async fn billed(&self, basis: &DocumentSource) -> Result<Billed, ServiceError> {
        let stands = self.get(record(basis)).await?;
        Ok(stands.map_or(Billed::Unknown, |stands| match read_text(&stands, "invoice") {
            Some(number) => Billed::As(InvoiceNumber(number.to_owned())),
            None => Billed::Waiting,
        }))
    }

    async fn restore(&self, archived: &Archived, missing: Missing, now: Timestamp) -> Result<bool, ServiceError> {
        let mut writes = Vec::new();
        match missing.record {
            Record::Nothing => {}
            Record::Whole => writes.push(self.put(&self.billing, self.entry(archived, now).await?)?),
            Record::Document => writes.push(self.note(archived)?),
        }
        let conditions = writes.len();
        let (basis, billed_as) = (archived.invoice.draft.basis(), &archived.invoice.number.0);
        match missing.mark {
            Mark::Nothing => {}
            Mark::New => {
                let mut mark = new_item(record(&basis), "BILLED");
                mark.insert("sale".to_owned(), text(&archived.invoice.draft.sale.0));
                mark.insert("invoice".to_owned(), text(billed_as));
                mark.insert("rebuilt_at".to_owned(), text(now.to_string()));
                writes.push(self.put(&self.billing, mark)?);
            }
            Mark::Waiting => {
                let update = Update::builder()
                    .table_name(&self.billing)
                    .set_key(Some(record(&basis)))
                    .update_expression(format!("SET invoice = :number {UNPARK}, {CLOSE}"))
                    .condition_expression(format!("attribute_exists(pk) AND attribute_not_exists(invoice) AND {OURS}"))
                    .expression_attribute_values(":ours", number(VERSION))
                    .expression_attribute_values(":number", text(billed_as));
                writes.push(write(update.build().map(|update| TransactWriteItem::builder().update(update).build()))?);
            }
        }
        let conditions = conditions + usize::from(missing.mark != Mark::Nothing);
        if let (DocumentSource::Refund(refund), Mark::New) = (&basis, missing.mark) {
            let sale = &archived.invoice.draft.sale.0;
            let beside = new_item(below("PAYMENT", sale, &format!("REFUND#{refund}")), "REFUND_OF");
            let put = Put::builder().table_name(&self.billing).set_item(Some(beside)).build();
            writes.push(write(put.map(|put| TransactWriteItem::builder().put(put).build()))?);
        }
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = sent else { return Ok(true) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(refused)) => {
                let reasons = refused.cancellation_reasons();
                let moved = (0..conditions).any(|place| condition_failed(reasons, place));
                if moved || is_contention(reasons) { Ok(false) } else { Err(cancelled(WHAT, reasons)) }
            }
            _ => Err(trouble(WHAT, &error)),
        }
    }

    async fn set_credited(
        &self,
        original: &InvoiceNumber,
        before: &Credited,
        after: &Credited,
    ) -> Result<bool, ServiceError> {
        let update = self.update(place("INVOICE", &original.0)).update_expression("SET credited = :after");
        let update = update.expression_attribute_values(":after", json(after, WHAT)?);
        let update = if *before == Credited::default() {
            update.condition_expression("attribute_exists(pk) AND attribute_not_exists(credited)")
        } else {
            update
                .condition_expression("credited = :before")
                .expression_attribute_values(":before", json(before, WHAT)?)
        };
        settle(WHAT, update).await
    }

    async fn raise(&self, series: &Series, before: &Counter, after: &Counter) -> Result<bool, ServiceError> {
        let issued_on = after.last_issued_on.map(|day| day.to_string()).unwrap_or_default();
        let update = self
            .update(place("COUNTER", &series.0))
            .update_expression(
                "SET kind = :kind, v = :v, needs = :needs, last_number = :last, last_issued_on = :day, \
                 last_hash = :hash, siren = :siren",
            )
            .expression_attribute_values(":kind", text("COUNTER"))
            .expression_attribute_values(":v", number(VERSION))
            .expression_attribute_values(":needs", number(NEEDS))
            .expression_attribute_values(":last", number(after.last))
            .expression_attribute_values(":day", text(issued_on))
            .expression_attribute_values(":hash", text(after.last_hash.clone().unwrap_or_default()))
            .expression_attribute_values(":siren", text(after.siren.clone().unwrap_or_default()));
        let update = if before.last == 0 {
            update.condition_expression("attribute_not_exists(pk)")
        } else {
            update
                .condition_expression("last_number = :before AND (attribute_not_exists(siren) OR siren = :siren)")
                .expression_attribute_values(":before", number(before.last))
        };
        settle(WHAT, update).await
    }
}

impl KnownMails for DynamoLedger {
    async fn knows(&self, mail: &MailId) -> Result<bool, ServiceError> {
        let get = self.client.get_item().table_name(&self.outbox).set_key(Some(place(mail.kind(), &mail.0)));
        let got = get.consistent_read(true).projection_expression("pk").send().await;
        Ok(got.map_err(|error| trouble("the outbox", &error))?.item.is_some())
    }
}

impl DynamoLedger {
    fn update(&self, key: Item) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.billing).set_key(Some(key))
    }

    /// The record of a document that is issued: without the mark of open work.
    async fn entry(&self, archived: &Archived, now: Timestamp) -> Result<Item, ServiceError> {
        let Archived { invoice, snapshot, document } = archived;
        let mut entry = item("INVOICE", &invoice.number.0);
        self.parts().insert(&mut entry, "data", &snapshot.0).await?;
        entry.insert("sale".to_owned(), text(&invoice.draft.sale.0));
        entry.insert("issued_on".to_owned(), text(invoice.issued_on.to_string()));
        entry.insert("document_key".to_owned(), text(&document.key));
        entry.insert("document_sha256".to_owned(), text(&document.sha256));
        entry.insert("document_size".to_owned(), number(document.size));
        entry.insert("rebuilt_at".to_owned(), text(now.to_string()));
        Ok(entry)
    }

    /// Notes the PDF of a document whose number was claimed.
    fn note(&self, archived: &Archived) -> Result<TransactWriteItem, ServiceError> {
        let Archived { invoice, document, .. } = archived;
        let update = Update::builder()
            .table_name(&self.billing)
            .set_key(Some(place("INVOICE", &invoice.number.0)))
            .update_expression(format!(
                "SET document_key = :key, document_sha256 = :hash, document_size = :size REMOVE {CLOSE}"
            ))
            .condition_expression(format!("attribute_exists(pk) AND attribute_not_exists(document_key) AND {OURS}"))
            .expression_attribute_values(":ours", number(VERSION))
            .expression_attribute_values(":key", text(&document.key))
            .expression_attribute_values(":hash", text(&document.sha256))
            .expression_attribute_values(":size", number(document.size));
        write(update.build().map(|update| TransactWriteItem::builder().update(update).build()))
    }
}
