//! Team notifications in the Notices table on DynamoDB: notices are queued as `TEAM` items and settled in one transaction with
//! the mail and the message that contain them.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{KeysAndAttributes, Put, TransactWriteItem, Update},
};
use jiff::Timestamp;

use super::{
    item::{Item, cancelled, condition_failed, data, item, json, opened, text, trouble},
    outbox::{DynamoOutbox, forgotten_at, queued},
};
use comptoir::{
    mail::{Mail, MailId},
    outcome::ServiceError,
    team::{Message, TeamNews, TeamNotice},
    timing::OPERATION_SECONDS,
};

const WHAT: &str = "the outbox";

/// The source named on parked notices.
const SOURCE: &str = "notice-sender";

/// How often keys that DynamoDB left unprocessed are requested again.
const READS: usize = 4;

/// A notice as queued for the team.
///
/// # Errors
/// When it cannot be serialized as JSON.
pub fn waiting(notice: &TeamNotice) -> Result<Item, ServiceError> {
    let mut waiting = item(notice.id.kind(), &notice.id.0);
    waiting.insert("data".to_owned(), json(notice, WHAT)?);
    waiting.insert("status".to_owned(), text("waiting"));
    waiting.extend(opened(notice.id.kind(), &notice.id.0, notice.at));
    Ok(waiting)
}

fn place(id: &MailId) -> Item {
    super::item::place(id.kind(), &id.0)
}

impl DynamoOutbox {
    fn put(&self, mut item: Item, now: Timestamp) -> Result<TransactWriteItem, ServiceError> {
        // A notice that is parked from the start is kept until it is settled.
        if !item.contains_key("parked_at") {
            item.insert("expires_at".to_owned(), forgotten_at(now));
        }
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn told(&self, id: &MailId, now: Timestamp) -> Result<TransactWriteItem, ServiceError> {
        let told = Update::builder()
            .table_name(&self.table)
            .set_key(Some(place(id)))
            .update_expression(
                "SET #status = :told, told_at = :at, expires_at = if_not_exists(expires_at, :expires) \
                 REMOVE parked_source, parked_reason, parked_at, open_shard, open_since, woken_at, wakes",
            )
            .condition_expression("#status = :waiting")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":told", text("told"))
            .expression_attribute_values(":waiting", text("waiting"))
            .expression_attribute_values(":at", text(now.to_string()))
            .expression_attribute_values(":expires", forgotten_at(now))
            .build()
            .map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))?;
        Ok(TransactWriteItem::builder().update(told).build())
    }
}

impl DynamoOutbox {
    async fn read_notices(&self, ids: &[MailId]) -> Result<Vec<TeamNotice>, ServiceError> {
        let mut found = Vec::new();
        let mut keys: Vec<_> = ids.iter().map(place).collect();
        for _ in 0..READS {
            if keys.is_empty() {
                return Ok(found);
            }
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let wanted = wanted.map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))?;
            let got = self.client.batch_get_item().request_items(&self.table, wanted).send().await;
            let got = got.map_err(|error| trouble(WHAT, &error))?;
            for item in got.responses.unwrap_or_default().into_values().flatten() {
                found.push(data(&item, WHAT)?);
            }
            let left = got.unprocessed_keys.unwrap_or_default().into_values().flat_map(|left| left.keys);
            keys = left.collect();
        }
        if keys.is_empty() { Ok(found) } else { Err(ServiceError::transient(WHAT, "some notices were not answered")) }
    }
}

impl TeamNews for DynamoOutbox {
    async fn notices(&self, ids: &[MailId]) -> Result<Vec<TeamNotice>, ServiceError> {
        // Several requests, which together take no longer than one operation may.
        let patience = Duration::from_secs(OPERATION_SECONDS);
        let read = tokio::time::timeout(patience, self.read_notices(ids)).await;
        read.unwrap_or_else(|_| Err(ServiceError::transient(WHAT, "no answer in time")))
    }

    async fn tell(
        &self,
        notices: &[MailId],
        mail: Option<&Mail>,
        message: Option<&Message>,
        now: Timestamp,
    ) -> Result<Vec<MailId>, ServiceError> {
        let mut writes = notices.iter().map(|id| self.told(id, now)).collect::<Result<Vec<_>, _>>()?;
        if let Some(mail) = mail {
            writes.push(self.put(queued(mail, SOURCE)?, now)?);
        }
        if let Some(message) = message {
            let mut item = item(message.id.kind(), &message.id.0);
            item.insert("data".to_owned(), json(message, WHAT)?);
            item.insert("status".to_owned(), text("queued"));
            item.extend(opened(message.id.kind(), &message.id.0, now));
            writes.push(self.put(item, now)?);
        }
        let Err(error) = self.client.transact_write_items().set_transact_items(Some(writes)).send().await else {
            return Ok(Vec::new());
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(refused)) = error.as_service_error() else {
            return Err(trouble(WHAT, &error));
        };
        let reasons = refused.cancellation_reasons();
        let gone = notices.iter().enumerate().filter(|(place, _)| condition_failed(reasons, *place));
        let gone: Vec<MailId> = gone.map(|(_, id)| id.clone()).collect();
        if gone.is_empty() { Err(cancelled(WHAT, reasons)) } else { Ok(gone) }
    }
}
