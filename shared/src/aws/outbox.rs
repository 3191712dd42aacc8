//! The outbox on DynamoDB: conditional updates that claim, release and settle a mail.

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use jiff::{SignedDuration, Timestamp};

use super::item::{Item, PARK, item, json, key, number, parked, read_number, read_text, text, trouble};
use crate::{
    mail::{
        Mail, MailId,
        outbox::{Claim, Outbox, Status},
    },
    outcome::{Reason, ServiceError},
};

const WHAT: &str = "the outbox";

/// A mail that this claimant holds, and nobody who claimed it since.
const HELD: &str = "#status = :sending AND claimed_by = :claimant";

/// How long a sent mail is kept, with the address it went to. Its invoice stays in the archive.
const SENT_KEPT: SignedDuration = SignedDuration::from_hours(180 * 24);

/// When a mail sent now is forgotten.
pub(super) fn forgotten_at(now: Timestamp) -> AttributeValue {
    number(now.saturating_add(SENT_KEPT).map_or(0, Timestamp::as_second))
}

/// Mails in the Outbox table.
#[derive(Debug, Clone)]
pub struct DynamoOutbox {
    pub(super) client: Client,
    pub(super) table: String,
    /// Who parks what cannot be sent.
    source: &'static str,
}

impl DynamoOutbox {
    /// The outbox in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table, source: "mail-sender" }
    }

    /// The same for a function that is not the sender of mails: what it parks waits under its name.
    pub fn parking_as(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    pub(super) fn update(&self, id: &MailId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("pk", key(id.kind(), &id.0))
    }
}

/// A mail as it is queued; one that cannot be sent to anybody waits for a person, parked by `source`.
pub(super) fn queued(mail: &Mail, source: &str) -> Result<Item, ServiceError> {
    let mut queued = item(mail.id.kind(), &mail.id.0);
    queued.insert("data".to_owned(), json(mail, WHAT)?);
    queued.insert("status".to_owned(), text("queued"));
    if let Some(reason) = mail.undeliverable() {
        queued.extend(parked(source, &reason, mail.queued_at));
    }
    Ok(queued)
}

/// Sends an update whose failed condition means that nothing is left to do.
pub(super) async fn settle(update: UpdateItemFluentBuilder) -> Result<(), ServiceError> {
    match update.send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
            Ok(())
        }
        Err(error) => Err(trouble(WHAT, &error)),
    }
}

/// Where an item's mail stands. One that came back waits for a person as long as it is parked; put back, it waits to be sent.
pub(super) fn status(item: &Item) -> Status {
    let parked = item.contains_key("parked_at");
    match read_text(item, "status") {
        Some("bounced") if parked => Status::Bounced,
        Some("rejected") if parked => Status::Rejected,
        _ if parked => Status::Parked,
        Some("sent") => Status::Sent,
        Some("delivered") => Status::Delivered,
        Some("complained") => Status::Complained,
        Some("unknown") => Status::Unknown,
        Some("sending") => {
            let until = read_number(item, "lease_until").and_then(|ms| Timestamp::from_millisecond(ms).ok());
            Status::Sending { lease_until: until.unwrap_or(Timestamp::UNIX_EPOCH) }
        }
        _ => Status::Queued,
    }
}

impl Outbox for DynamoOutbox {
    async fn claim(
        &self,
        id: &MailId,
        claimant: &str,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Result<Claim, ServiceError> {
        let until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
        let claimed = self
            .update(id)
            .update_expression("SET #status = :sending, lease_until = :until, claimed_by = :claimant")
            // One that came back is parked with it, so without the mark a person has put it back.
            .condition_expression("#status IN (:queued, :bounced, :rejected) AND attribute_not_exists(parked_at)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":sending", text("sending"))
            .expression_attribute_values(":queued", text("queued"))
            .expression_attribute_values(":bounced", text("bounced"))
            .expression_attribute_values(":rejected", text("rejected"))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":claimant", text(claimant))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let item = match claimed {
            Ok(_) => return Ok(Claim::Ours),
            Err(error) => match error.into_service_error() {
                UpdateItemError::ConditionalCheckFailedException(held) => held.item,
                other => {
                    let code =
                        aws_sdk_dynamodb::error::ProvideErrorMetadata::code(&other).unwrap_or("no answer").to_owned();
                    return Err(ServiceError::transient(WHAT, code));
                }
            },
        };
        let Some(item) = item else { return Ok(Claim::Absent) };
        let status = status(&item);
        let ours = matches!(status, Status::Sending { .. }) && read_text(&item, "claimed_by") == Some(claimant);
        Ok(if ours { Claim::Ours } else { Claim::Held(status) })
    }

    async fn release(&self, id: &MailId, claimant: &str) -> Result<(), ServiceError> {
        let update = self
            .update(id)
            .update_expression("SET #status = :queued REMOVE lease_until, claimed_by")
            .condition_expression(HELD)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":queued", text("queued"))
            .expression_attribute_values(":sending", text("sending"))
            .expression_attribute_values(":claimant", text(claimant));
        settle(update).await
    }

    async fn refuse(&self, id: &MailId, claimant: &str, reason: &Reason, now: Timestamp) -> Result<(), ServiceError> {
        let update = self
            .update(id)
            .update_expression(format!("{PARK}, #status = :queued REMOVE lease_until, claimed_by"))
            .condition_expression(HELD)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":queued", text("queued"))
            .expression_attribute_values(":sending", text("sending"))
            .expression_attribute_values(":claimant", text(claimant))
            .expression_attribute_values(":source", text(self.source))
            .expression_attribute_values(":reason", text(reason.to_string()))
            .expression_attribute_values(":at", text(now.to_string()));
        settle(update).await
    }

    async fn sent(&self, id: &MailId, message_id: &str, now: Timestamp) -> Result<(), ServiceError> {
        let update = self
            .update(id)
            .update_expression(
                "SET #status = :sent, message_id = :message, sent_at = :at, expires_at = if_not_exists(expires_at, :expires) \
                 REMOVE lease_until, claimed_by",
            )
            // An event may have been quicker, and know more: that this very message came back, and a person may have put
            // the mail on its way again since.
            .condition_expression(
                "#status IN (:queued, :sending, :unknown, :sent) \
                 AND (attribute_not_exists(came_back) OR NOT contains(came_back, :message))",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":queued", text("queued"))
            .expression_attribute_values(":sending", text("sending"))
            .expression_attribute_values(":unknown", text("unknown"))
            .expression_attribute_values(":sent", text("sent"))
            .expression_attribute_values(":message", text(message_id))
            .expression_attribute_values(":at", text(now.to_string()))
            .expression_attribute_values(":expires", forgotten_at(now));
        settle(update).await
    }

    async fn unknown(&self, id: &MailId, claimant: &str, now: Timestamp) -> Result<(), ServiceError> {
        let update = self
            .update(id)
            .update_expression("SET #status = :unknown, unknown_since = :at REMOVE lease_until, claimed_by")
            .condition_expression("#status = :sending AND (claimed_by = :claimant OR lease_until <= :now)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":unknown", text("unknown"))
            .expression_attribute_values(":sending", text("sending"))
            .expression_attribute_values(":claimant", text(claimant))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":at", text(now.to_string()));
        settle(update).await
    }

    async fn park(&self, id: &MailId, reason: &Reason, now: Timestamp) -> Result<(), ServiceError> {
        let update = self
            .update(id)
            .update_expression(PARK)
            .condition_expression("#status = :queued")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":queued", text("queued"))
            .expression_attribute_values(":source", text(self.source))
            .expression_attribute_values(":reason", text(reason.to_string()))
            .expression_attribute_values(":at", text(now.to_string()));
        settle(update).await
    }
}
