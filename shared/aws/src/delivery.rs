//! What became of mails, in the outbox on DynamoDB: one conditional update an event, whose condition is the domain's rule.

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use jiff::Timestamp;

use super::{
    item::{key, read_text, text, trouble},
    outbox::{DynamoOutbox, Lasting, settle, status},
};
use comptoir::{
    mail::delivery::{AddressHash, Cause, Deliveries, DeliveryEvent, Report, Stage, Transition, next},
    outcome::ServiceError,
};

const WHAT: &str = "the outbox";

/// The kind of an item that keeps an address from routine mails. It has no end: who complained once does not want mail a year
/// later either, and an address that is refused for good stays refused. It is a hash, of which the list cannot be read.
const SUPPRESSED: &str = "SUPPRESSED";

/// Who parks a mail that came back.
const SOURCE: &str = "mail-events";

/// From where an event moves a mail. `came_back` as in [`next`].
fn origins(fate: &DeliveryEvent, came_back: bool) -> Vec<Stage> {
    Stage::ALL.into_iter().filter(|stage| next(*stage, came_back, fate).is_some()).collect()
}

/// `#status IN (...)` over these stages; false where there is none.
fn stands_at(stages: &[Stage]) -> String {
    let names: Vec<String> = stages.iter().map(|stage| format!(":{}", stage.word())).collect();
    if names.is_empty() { "attribute_not_exists(pk)".to_owned() } else { format!("#status IN ({})", names.join(", ")) }
}

impl DynamoOutbox {
    /// Keeps beside the mail what hindered it: a set, so once each in whatever order.
    async fn keep_hindrance(&self, report: &Report, word: &str) -> Result<(), ServiceError> {
        let keep = self
            .update(&report.mail)
            .update_expression("ADD hindered :words")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":words", AttributeValue::Ss(vec![word.to_owned()]));
        settle(keep).await
    }
}

impl Deliveries for DynamoOutbox {
    async fn note(&self, report: &Report, now: Timestamp) -> Result<Transition, ServiceError> {
        if let DeliveryEvent::Deferred(word) = &report.fate {
            self.keep_hindrance(report, word).await?;
        }
        let to = report.fate.stage();
        let fresh = origins(&report.fate, false);
        // A message that came back may still move a mail that waits for a person; without the mark it is on its way again.
        let condition = format!(
            "{} AND (attribute_not_exists(came_back) OR NOT contains(came_back, :message) \
             OR ({} AND attribute_exists(parked_at)))",
            stands_at(&fresh),
            stands_at(&origins(&report.fate, true)),
        );
        let at = now.to_string();
        let lasting = Lasting::of(&report.mail, &report.fate.status(), now);
        let mut set = format!(
            "SET #status = :to, message_id = :message, settled_at = :at, sent_at = if_not_exists(sent_at, :at){}",
            lasting.set
        );
        let mut rest = format!(" REMOVE lease_until, claimed_by{}", lasting.remove);
        let mut update = self.update(&report.mail);
        if let Some(reason) = report.fate.parks() {
            set.push_str(", parked_source = :source, parked_reason = :reason, parked_at = :at");
            rest.push_str(" ADD came_back :messages");
            update = update
                .expression_attribute_values(":source", text(SOURCE))
                .expression_attribute_values(":reason", text(reason.to_string()))
                .expression_attribute_values(":messages", AttributeValue::Ss(vec![report.message_id.clone()]));
        } else {
            // It left after all: nothing is left for a person to do.
            rest.push_str(", parked_source, parked_reason, parked_at");
        }
        for stage in &fresh {
            update = update.expression_attribute_values(format!(":{}", stage.word()), text(stage.word()));
        }
        let noted = lasting
            .put_into(update)
            .update_expression(set + &rest)
            .condition_expression(condition)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":to", text(to.word()))
            .expression_attribute_values(":message", text(&report.message_id))
            .expression_attribute_values(":at", text(&at))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match noted {
            Ok(_) => Ok(Transition::Moved(to)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(stands)) => {
                    let Some(item) = &stands.item else { return Ok(Transition::Absent) };
                    // The client repeats a request whose answer was lost: what stands may be this very step.
                    let ours = [("status", to.word()), ("message_id", &report.message_id), ("settled_at", &at)];
                    let moved = ours.into_iter().all(|(name, value)| read_text(item, name) == Some(value));
                    Ok(if moved { Transition::Moved(to) } else { Transition::Stays(status(item).stage()) })
                }
                _ => Err(trouble(WHAT, &error)),
            },
        }
    }

    async fn suppress(&self, address: &AddressHash, cause: Cause, now: Timestamp) -> Result<(), ServiceError> {
        // Without a condition, so that one request does for the first and for every later time.
        let reason = match cause {
            Cause::Complaint => "reason = :reason",
            Cause::Bounce => "reason = if_not_exists(reason, :reason)",
        };
        let kept = self.client.update_item().table_name(&self.table).key("pk", key(SUPPRESSED, address.as_str()));
        kept.update_expression(format!("SET kind = :kind, {reason}, since = if_not_exists(since, :at)"))
            .expression_attribute_values(":kind", text(SUPPRESSED))
            .expression_attribute_values(":reason", text(cause.word()))
            .expression_attribute_values(":at", text(now.to_string()))
            .send()
            .await
            .map(drop)
            .map_err(|error| trouble(WHAT, &error))
    }

    async fn suppressed(&self, address: &AddressHash) -> Result<Option<Cause>, ServiceError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", key(SUPPRESSED, address.as_str()));
        let found = get.consistent_read(true).send().await.map_err(|error| trouble(WHAT, &error))?;
        Ok(found.item.map(|item| match read_text(&item, "reason") {
            Some("complaint") => Cause::Complaint,
            _ => Cause::Bounce,
        }))
    }
}
