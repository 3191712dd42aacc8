//! The ledger on DynamoDB: counters, invoices, credit notes and their payments and refunds in the Billing table, queued
//! mails in the Outbox table.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{ConditionCheck, Put, ReturnValue, TransactWriteItem, Update},
};
use jiff::{Timestamp, civil::Date};
use serde::de::DeserializeOwned;

use super::{
    app_messages::queueing,
    conditional::settle,
    item::{
        self, CLOSE, CLOSED, IDENTITY, Item, PARK, UNPARK, cancelled, condition_failed, data, is_contention, item,
        json, number, opened, parsed, place, read_number, read_text, text, trouble, unreadable,
    },
    outbox::queued,
    parts::Parts,
    settings_store::DynamoSettings,
};
use comptoir::{
    app::AppMessage,
    archive::Document,
    billing::{
        identity::Identity,
        ledger::{
            AllocationResult, Counter, Credited, Crediting, Entry, Ledger, NumberClaim, books_closed, number_taken,
            number_used_twice,
        },
        snapshot::Snapshot,
    },
    invoice::DocumentSource,
    mail::Mail,
    numbering::{InvoiceNumber, Series},
    outcome::{Reason, ServiceError},
    payment::Recorded,
    record::{NEEDS, VERSION},
    refund::{Refund, RefundKey},
    sale::{Sale, SaleKey},
    settings::{SettingsReader, StoredSettings},
};

pub(super) const WHAT: &str = "the ledger";

/// The longest pause after a lost claim; it is random, so that renderers that lost together do not meet again.
const LOST_RACE: Duration = Duration::from_millis(60);

/// The ledger in the Billing and Outbox tables.
#[derive(Debug, Clone)]
pub struct DynamoLedger {
    pub(super) client: Client,
    pub(super) billing: String,
    pub(super) outbox: String,
    /// Where messages for the seller's app are queued; nowhere if it is told nothing.
    told: Option<String>,
}

impl DynamoLedger {
    /// The ledger in these tables.
    pub fn new(client: Client, billing: String, outbox: String) -> Self {
        Self { client, billing, outbox, told: None }
    }

    /// The same, which queues messages for the seller's app in this table.
    pub fn telling(self, told: Option<String>) -> Self {
        Self { told, ..self }
    }

    pub(super) async fn get(&self, key: Item) -> Result<Option<Item>, ServiceError> {
        item::read(&self.client, &self.billing, key, WHAT).await
    }

    fn settings(&self) -> DynamoSettings {
        DynamoSettings::new(self.client.clone(), self.billing.clone())
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        Parts { client: &self.client, table: &self.billing, what: WHAT }
    }

    /// The value of a record in the Billing table.
    async fn value<T: DeserializeOwned>(&self, record: &Item) -> Result<T, ServiceError> {
        parsed(&self.json(record).await?, record, WHAT)
    }

    /// The same as it was written.
    async fn json(&self, record: &Item) -> Result<String, ServiceError> {
        let value = self.parts().read(record, "data").await?;
        value.ok_or_else(|| unreadable(record, WHAT, "a record has no data"))
    }

    fn count(&self, claim: &NumberClaim) -> Result<TransactWriteItem, ServiceError> {
        let Counter { last, last_issued_on, last_hash, siren, settings, .. } = claim.after()?;
        let issued_on = last_issued_on.map(|day| day.to_string()).unwrap_or_default();
        let update = Update::builder()
            .table_name(&self.billing)
            .set_key(Some(place("COUNTER", &claim.series.0)))
            .update_expression(
                "SET kind = :kind, v = :v, needs = :needs, last_number = :last, last_issued_on = :day, \
                 last_hash = :hash, siren = :siren, settings = :settings",
            )
            .expression_attribute_values(":settings", number(settings.unwrap_or_default()))
            .expression_attribute_values(":v", number(VERSION))
            .expression_attribute_values(":needs", number(NEEDS))
            .expression_attribute_values(":hash", text(last_hash.unwrap_or_default()))
            .expression_attribute_values(":siren", text(siren.unwrap_or_default()))
            .expression_attribute_values(":kind", text("COUNTER"))
            .expression_attribute_values(":last", number(last))
            .expression_attribute_values(":day", text(issued_on));
        let update = if claim.counter.last == 0 {
            update.condition_expression("attribute_not_exists(pk)")
        } else {
            // Documents that name no settings follow any.
            update
                .condition_expression(
                    "last_number = :before AND attribute_not_exists(closed) AND (attribute_not_exists(siren) OR siren = :siren) \
                     AND (attribute_not_exists(needs) OR needs <= :v) \
                     AND (attribute_not_exists(settings) OR settings <= :under)",
                )
                .expression_attribute_values(":under", number(claim.made_under().or(settings).unwrap_or_default()))
                .expression_attribute_values(":before", number(claim.counter.last))
        };
        write(update.build().map(|update| TransactWriteItem::builder().update(update).build()))
    }

    /// The condition for the first number of a series, which has no counter that could be closed.
    fn open(&self) -> Result<TransactWriteItem, ServiceError> {
        let check = ConditionCheck::builder()
            .table_name(&self.billing)
            .set_key(Some(place(CLOSED.0, CLOSED.1)))
            .condition_expression("attribute_not_exists(pk)");
        write(check.build().map(|check| TransactWriteItem::builder().condition_check(check).build()))
    }

    /// Marks a document as settled: its sale is parked, and waits for a person.
    async fn close(&self, number: &str) -> Result<(), ServiceError> {
        let update = self.client.update_item().table_name(&self.billing).set_key(Some(place("INVOICE", number)));
        let update = update.update_expression(format!("REMOVE {CLOSE}"));
        settle(WHAT, update.condition_expression("attribute_exists(pk)")).await.map(drop)
    }

    /// Updates the credited total of an invoice with a conditional write: fails if another writer changed it first.
    fn credit(&self, crediting: &Crediting) -> Result<TransactWriteItem, ServiceError> {
        let update = Update::builder()
            .table_name(&self.billing)
            .set_key(Some(place("INVOICE", &crediting.original.0)))
            .update_expression("SET credited = :after")
            .expression_attribute_values(":after", json(&crediting.after, WHAT)?);
        let update = if crediting.before == Credited::default() {
            update.condition_expression("attribute_exists(pk) AND attribute_not_exists(credited)")
        } else {
            update
                .condition_expression("credited = :before")
                .expression_attribute_values(":before", json(&crediting.before, WHAT)?)
        };
        write(update.build().map(|update| TransactWriteItem::builder().update(update).build()))
    }

    pub(super) fn put(&self, table: &str, item: Item) -> Result<TransactWriteItem, ServiceError> {
        let put =
            Put::builder().table_name(table).set_item(Some(item)).condition_expression("attribute_not_exists(pk)");
        write(put.build().map(|put| TransactWriteItem::builder().put(put).build()))
    }
}

/// The key of the payment or refund that a document is issued for.
pub(super) fn record(basis: &DocumentSource) -> Item {
    match basis {
        DocumentSource::Sale(sale) => place("PAYMENT", &sale.0),
        DocumentSource::Refund(refund) => place("REFUND", &refund.0),
    }
}

pub(super) fn write(built: Result<TransactWriteItem, BuildError>) -> Result<TransactWriteItem, ServiceError> {
    built.map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))
}

/// Whether a document was not recorded only because its message for the app, the third write, stands already.
fn only_told_before<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(refused)) => {
            let reasons = refused.cancellation_reasons();
            condition_failed(reasons, 2) && !(0..2).any(|place| condition_failed(reasons, place))
        }
        _ => false,
    }
}

/// The archived document that an invoice's record names.
fn noted(item: &Item) -> Option<Document> {
    Some(Document {
        key: read_text(item, "document_key")?.to_owned(),
        sha256: read_text(item, "document_sha256").unwrap_or_default().to_owned(),
        size: read_number(item, "document_size").unwrap_or_default(),
    })
}

impl SettingsReader for DynamoLedger {
    async fn newest(&self) -> Result<Option<StoredSettings>, ServiceError> {
        self.settings().newest().await
    }

    async fn version(&self, version: u64) -> Result<Option<StoredSettings>, ServiceError> {
        self.settings().version(version).await
    }
}

impl Ledger for DynamoLedger {
    async fn identity(&self) -> Result<Option<Identity>, ServiceError> {
        let item = self.get(place(IDENTITY.0, IDENTITY.1)).await?;
        item.map(|item| data(&item, WHAT)).transpose()
    }

    async fn begin(&self, identity: &Identity) -> Result<Identity, ServiceError> {
        let mut record = item(IDENTITY.0, IDENTITY.1);
        record.insert("data".to_owned(), json(identity, WHAT)?);
        let put = self.client.put_item().table_name(&self.billing).set_item(Some(record));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(identity.clone()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                let stands = self.identity().await?;
                stands.ok_or_else(|| ServiceError::transient(WHAT, "the identity of the books is gone again"))
            }
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }

    async fn counter(&self, series: &Series) -> Result<Counter, ServiceError> {
        let Some(item) = self.get(place("COUNTER", &series.0)).await? else { return Ok(Counter::default()) };
        let last =
            read_number(&item, "last_number").ok_or_else(|| unreadable(&item, WHAT, "a counter has no last_number"))?;
        let last_issued_on = read_text(&item, "last_issued_on").and_then(|day| day.parse::<Date>().ok());
        let settings = read_number(&item, "settings").filter(|version| *version > 0);
        let kept = |name| read_text(&item, name).map(str::to_owned);
        let closed = item.contains_key("closed");
        Ok(Counter { last, last_issued_on, last_hash: kept("last_hash"), siren: kept("siren"), settings, closed })
    }

    async fn claim(&self, claim: &NumberClaim) -> Result<AllocationResult, ServiceError> {
        let mut writes = vec![self.count(claim)?];
        for invoice in &claim.invoices {
            let mut entry = item("INVOICE", &invoice.number.0);
            self.parts().insert(&mut entry, "data", &Snapshot::of(invoice)?.0).await?;
            entry.insert("sale".to_owned(), text(&invoice.draft.sale.0));
            entry.insert("issued_on".to_owned(), text(invoice.issued_on.to_string()));
            // Its number is claimed, its document is not recorded yet.
            let claimed_at = invoice.allocation.claimed_at.unwrap_or(Timestamp::UNIX_EPOCH);
            entry.extend(opened("INVOICE", &invoice.number.0, claimed_at));
            writes.push(self.put(&self.billing, entry)?);
        }
        for invoice in &claim.invoices {
            let update = Update::builder()
                .table_name(&self.billing)
                .set_key(Some(record(&invoice.draft.basis())))
                // A payment or refund that has its document is no longer parked.
                .update_expression(format!("SET invoice = :number {UNPARK}, {CLOSE}"))
                .condition_expression("attribute_exists(pk) AND attribute_not_exists(invoice)")
                .expression_attribute_values(":number", text(&invoice.number.0));
            writes.push(write(update.build().map(|update| TransactWriteItem::builder().update(update).build()))?);
        }
        let original = writes.len();
        if let Some(crediting) = &claim.crediting {
            writes.push(self.credit(crediting)?);
        }
        let credited = writes.len();
        if claim.counter.last == 0 {
            writes.push(self.open()?);
        }
        let Err(error) = self.client.transact_write_items().set_transact_items(Some(writes)).send().await else {
            return Ok(AllocationResult::All);
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(refused)) => {
                let reasons = refused.cancellation_reasons();
                let first_record = 1 + claim.invoices.len();
                let taken: Vec<DocumentSource> = (first_record..original)
                    .zip(&claim.invoices)
                    .filter(|(place, _)| condition_failed(reasons, *place))
                    .map(|(_, invoice)| invoice.draft.basis())
                    .collect();
                let stands = (1..first_record).zip(&claim.invoices);
                let stands =
                    stands.filter(|(place, _)| condition_failed(reasons, *place)).map(|(_, invoice)| invoice).next();
                let moved = (0..1).chain(original..credited).any(|place| condition_failed(reasons, place));
                if !taken.is_empty() {
                    Ok(AllocationResult::Taken(taken))
                } else if condition_failed(reasons, credited) {
                    Err(books_closed())
                } else if moved || is_contention(reasons) {
                    tokio::time::sleep(LOST_RACE.mul_f64(fastrand::f64())).await;
                    Ok(AllocationResult::Moved)
                } else if let Some(invoice) = stands {
                    Err(number_taken(&invoice.number))
                } else {
                    Err(cancelled(WHAT, reasons))
                }
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(AllocationResult::Moved),
            _ => Err(trouble(WHAT, &error)),
        }
    }

    async fn sale(&self, sale: &SaleKey) -> Result<Option<Sale>, ServiceError> {
        match self.get(place("PAYMENT", &sale.0)).await? {
            Some(payment) => self.value(&payment).await.map(Some),
            None => Ok(None),
        }
    }

    async fn refund(&self, refund: &RefundKey) -> Result<Option<Refund>, ServiceError> {
        match self.get(place("REFUND", &refund.0)).await? {
            Some(recorded) => self.value(&recorded).await.map(Some),
            None => Ok(None),
        }
    }

    async fn document_of(&self, basis: &DocumentSource) -> Result<Option<Entry>, ServiceError> {
        let Some(recorded) = self.get(record(basis)).await? else { return Ok(None) };
        match read_text(&recorded, "invoice") {
            Some(number) => self.document(&InvoiceNumber(number.to_owned())).await,
            None => Ok(None),
        }
    }

    async fn document(&self, number: &InvoiceNumber) -> Result<Option<Entry>, ServiceError> {
        let Some(item) = self.get(place("INVOICE", &number.0)).await? else { return Ok(None) };
        let document = noted(&item);
        let credited = read_text(&item, "credited").map(serde_json::from_str).transpose();
        let credited =
            credited.map_err(|_| unreadable(&item, WHAT, "what was credited of an invoice is unreadable"))?;
        let snapshot = self.json(&item).await?;
        let invoice = parsed(&snapshot, &item, WHAT)?;
        Ok(Some(Entry { invoice, snapshot: Snapshot(snapshot), document, credited: credited.unwrap_or_default() }))
    }

    async fn finish(
        &self,
        number_: &InvoiceNumber,
        document: &Document,
        mail: &Mail,
        tells: Option<&AppMessage>,
    ) -> Result<(), ServiceError> {
        let update = Update::builder()
            .table_name(&self.billing)
            .set_key(Some(place("INVOICE", &number_.0)))
            .update_expression(format!(
                "SET document_key = :key, document_sha256 = :hash, document_size = :size REMOVE {CLOSE}"
            ))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":key", text(&document.key))
            .expression_attribute_values(":hash", text(&document.sha256))
            .expression_attribute_values(":size", number(document.size));
        let update = write(update.build().map(|update| TransactWriteItem::builder().update(update).build()))?;
        let put = self.put(&self.outbox, queued(mail, "invoice-renderer")?)?;
        let message = self.told.as_deref().zip(tells).map(|(table, message)| queueing(table, message)).transpose()?;
        let writes = vec![update, put];
        let all = writes.iter().cloned().chain(message).collect();
        let mut sent = self.client.transact_write_items().set_transact_items(Some(all)).send().await;
        // The app was told of this number by a record that was lost since: it is not told again.
        if sent.as_ref().err().is_some_and(only_told_before) {
            sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        }
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(refused)) => {
                let reasons = refused.cancellation_reasons();
                if !condition_failed(reasons, 1) {
                    return Err(cancelled(WHAT, reasons));
                }
                // The mail exists: an earlier delivery recorded this document in the same transaction, or the mail is of
                // another document with this number.
                let stands = self.get(place("INVOICE", &number_.0)).await?;
                let same = stands.as_ref().and_then(noted).is_some_and(|noted| noted == *document);
                if same { Ok(()) } else { Err(number_used_twice(number_)) }
            }
            _ => Err(trouble(WHAT, &error)),
        }
    }

    async fn park(&self, basis: &DocumentSource, reason: &Reason, now: Timestamp) -> Result<Recorded, ServiceError> {
        let reason = reason.to_string();
        let parked = self
            .client
            .update_item()
            .table_name(&self.billing)
            .set_key(Some(record(basis)))
            .update_expression(format!("{PARK} REMOVE {CLOSE}"))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":source", text("invoice-renderer"))
            .expression_attribute_values(":reason", text(&reason))
            .expression_attribute_values(":at", text(now.to_string()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match parked {
            Ok(before) => {
                let before = before.attributes.unwrap_or_default();
                if let Some(number) = read_text(&before, "invoice") {
                    self.close(number).await?;
                }
                let same = read_text(&before, "parked_reason") == Some(&reason);
                Ok(if same { Recorded::AlreadyRecorded } else { Recorded::New })
            }
            // Someone deleted the record: there is nothing to park.
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(Recorded::AlreadyRecorded)
            }
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }
}
