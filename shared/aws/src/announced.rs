//! Announced events on DynamoDB, beside the payments.

use jiff::{SignedDuration, Timestamp};

use super::{
    conditional,
    item::{CLOSE, Item, expiry, item, opened, place, read_text, text, trouble, unreadable},
    payments::DynamoPayments,
};
use comptoir::{
    announced::{AnnouncedEvent, AnnouncedEvents, KIND, open_since},
    outcome::ServiceError,
    payment::Recorded,
};

const WHAT: &str = "the payment log";

/// How long an event is kept that nobody completes. Long before that it is parked, or its work raises an alarm.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl DynamoPayments {
    async fn stored_event(&self, record: Item, id: &str) -> Result<AnnouncedEvent, ServiceError> {
        let at = read_text(&record, "announced_at").and_then(|at| at.parse().ok());
        match (self.parts().read(&record, "body").await?, at) {
            (Some(body), Some(announced_at)) => Ok(AnnouncedEvent { id: id.to_owned(), body, announced_at }),
            _ => Err(unreadable(&record, WHAT, "an announced event has no body or no time")),
        }
    }
}

impl AnnouncedEvents for DynamoPayments {
    async fn announce(&self, id: &str, body: &str, now: Timestamp) -> Result<Recorded, ServiceError> {
        let mut event = item(KIND, id);
        let expires_at = expiry(now, KEPT);
        // Parking it writes the same parts without an end.
        self.parts().insert_until(&mut event, "body", body, Some(&expires_at)).await?;
        event.insert("announced_at".to_owned(), text(now.to_string()));
        event.insert("expires_at".to_owned(), expires_at);
        event.extend(opened(KIND, id, open_since(body, now)));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(event));
        let free = "attribute_not_exists(pk) OR attribute_exists(dismissed_at)";
        match put.condition_expression(free).send().await {
            Ok(_) => Ok(Recorded::New),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(Recorded::AlreadyRecorded)
            }
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }

    async fn announced(&self, id: &str) -> Result<Option<AnnouncedEvent>, ServiceError> {
        match self.get(KIND, id).await? {
            Some(record) if record.contains_key("dismissed_at") => Ok(None),
            Some(record) => self.stored_event(record, id).await.map(Some),
            None => Ok(None),
        }
    }

    async fn settle_announced(&self, id: &str) -> Result<(), ServiceError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(place(KIND, id)));
        delete.send().await.map(drop).map_err(|error| trouble(WHAT, &error))
    }

    async fn dismiss_announced(&self, id: &str, now: Timestamp) -> Result<(), ServiceError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(KIND, id)))
            .update_expression(format!(
                "SET dismissed_at = :at, expires_at = :expires REMOVE body, body_sha256, body_parts, {CLOSE}"
            ))
            .condition_expression("attribute_exists(open_shard)")
            .expression_attribute_values(":at", text(now.to_string()))
            .expression_attribute_values(":expires", expiry(now, KEPT));
        conditional::settle(WHAT, update).await.map(drop)
    }
}
