//! Delivery events in the outbox on DynamoDB: one conditional write per event, whose condition is the domain's rule.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{
    conditional::{self, Updated, settle},
    item::{self, CLOSE, number, place, read_text, text, trouble},
    outbox::{DynamoOutbox, Lasting, status},
};
use comptoir::{
    mail::delivery::{AddressHash, Cause, Deliveries, DeliveryEvent, Report, Stage, Transition, next},
    outcome::ServiceError,
    record::{NEEDS, VERSION},
};

const WHAT: &str = "the outbox";

/// The kind of an item that suppresses routine mail to an address. It never expires: a complaint still holds a year
/// later, and so does a permanent rejection. The address is stored as a hash, so the list cannot be read.
const SUPPRESSED: &str = "SUPPRESSED";

/// The source named on a mail that is parked after a bounce.
const SOURCE: &str = "mail-events";

/// The stages from which an event moves a mail. `came_back` as in [`next`].
fn origins(happened: &DeliveryEvent, came_back: bool) -> Vec<Stage> {
    Stage::ALL.into_iter().filter(|stage| next(*stage, came_back, happened).is_some()).collect()
}

/// `#status IN (...)` over these stages; false if there are none.
fn stands_at(stages: &[Stage]) -> String {
    let names: Vec<String> = stages.iter().map(|stage| format!(":{}", stage.word())).collect();
    if names.is_empty() { "attribute_not_exists(pk)".to_owned() } else { format!("#status IN ({})", names.join(", ")) }
}

impl DynamoOutbox {
    /// Stores what hindered delivery beside the mail: as a set, so each once in any order.
    async fn keep_hindrance(&self, report: &Report, word: &str) -> Result<(), ServiceError> {
        let keep = self
            .update(&report.mail)
            .update_expression("ADD hindered :words")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":words", AttributeValue::Ss(vec![word.to_owned()]));
        settle(WHAT, keep).await.map(drop)
    }
}

impl Deliveries for DynamoOutbox {
    async fn note(&self, report: &Report, now: Timestamp) -> Result<Transition, ServiceError> {
        if let DeliveryEvent::Deferred(word) = &report.happened {
            self.keep_hindrance(report, word).await?;
        }
        let to = report.happened.stage();
        let fresh = origins(&report.happened, false);
        // An event of a bounced message may still move a parked mail; without the mark the mail was requeued.
        let condition = format!(
            "{} AND (attribute_not_exists(came_back) OR NOT contains(came_back, :message) \
             OR ({} AND attribute_exists(parked_at)))",
            stands_at(&fresh),
            stands_at(&origins(&report.happened, true)),
        );
        let at = now.to_string();
        let lasting = Lasting::of(&report.mail, &report.happened.status(), now);
        let mut set = format!(
            "SET #status = :to, message_id = :message, settled_at = :at, sent_at = if_not_exists(sent_at, :at){}",
            lasting.set
        );
        let mut rest = format!(" REMOVE lease_until, claimed_by, {CLOSE}{}", lasting.remove);
        let mut update = self.update(&report.mail);
        if let Some(reason) = report.happened.parks() {
            set.push_str(", parked_source = :source, parked_reason = :reason, parked_at = :at");
            rest.push_str(" ADD came_back :messages");
            update = update
                .expression_attribute_values(":source", text(SOURCE))
                .expression_attribute_values(":reason", text(reason.to_string()))
                .expression_attribute_values(":messages", AttributeValue::Ss(vec![report.message_id.clone()]));
        } else {
            // It was delivered after all: nothing is left for a person to do.
            rest.push_str(", parked_source, parked_reason, parked_at");
        }
        for stage in &fresh {
            update = update.expression_attribute_values(format!(":{}", stage.word()), text(stage.word()));
        }
        let update = lasting
            .put_into(update)
            .update_expression(set + &rest)
            .condition_expression(condition)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":to", text(to.word()))
            .expression_attribute_values(":message", text(&report.message_id))
            .expression_attribute_values(":at", text(&at));
        let item = match conditional::update(WHAT, update).await? {
            Updated::Done => return Ok(Transition::Moved(to)),
            Updated::Refused(None) => return Ok(Transition::Absent),
            Updated::Refused(Some(item)) => item,
        };
        // The SDK retries a request whose response was lost: the recorded step may be this one.
        let ours = [("status", to.word()), ("message_id", &report.message_id), ("settled_at", &at)];
        let moved = ours.into_iter().all(|(name, value)| read_text(&item, name) == Some(value));
        Ok(if moved { Transition::Moved(to) } else { Transition::Stays(status(&item)?.stage()) })
    }

    async fn suppress(&self, address: &AddressHash, cause: Cause, now: Timestamp) -> Result<(), ServiceError> {
        // Unconditional, so that one request serves the first and every later time.
        let reason = match cause {
            Cause::Complaint => "reason = :reason",
            Cause::Bounce => "reason = if_not_exists(reason, :reason)",
        };
        let kept = self.client.update_item().table_name(&self.table).set_key(Some(place(SUPPRESSED, address.as_str())));
        kept.update_expression(format!(
            "SET kind = :kind, v = :v, needs = :needs, {reason}, since = if_not_exists(since, :at)"
        ))
        .expression_attribute_values(":kind", text(SUPPRESSED))
        .expression_attribute_values(":v", number(VERSION))
        .expression_attribute_values(":needs", number(NEEDS))
        .expression_attribute_values(":reason", text(cause.word()))
        .expression_attribute_values(":at", text(now.to_string()))
        .send()
        .await
        .map(drop)
        .map_err(|error| trouble(WHAT, &error))
    }

    async fn suppressed(&self, address: &AddressHash) -> Result<Option<Cause>, ServiceError> {
        let found = item::read(&self.client, &self.table, place(SUPPRESSED, address.as_str()), WHAT).await?;
        Ok(found.map(|item| match read_text(&item, "reason") {
            Some("complaint") => Cause::Complaint,
            _ => Cause::Bounce,
        }))
    }
}

/// Delivery events of all mails: those that deliver documents lie in one table, notices and suppressed addresses in another.
#[derive(Debug, Clone)]
pub struct DynamoDeliveries {
    /// Mails that deliver documents.
    pub outbox: DynamoOutbox,
    /// Notices, and the addresses that get none.
    pub notices: DynamoOutbox,
}

impl Deliveries for DynamoDeliveries {
    async fn note(&self, report: &Report, now: Timestamp) -> Result<Transition, ServiceError> {
        let table = if report.mail.delivers_document() { &self.outbox } else { &self.notices };
        table.note(report, now).await
    }

    async fn suppress(&self, address: &AddressHash, cause: Cause, now: Timestamp) -> Result<(), ServiceError> {
        self.notices.suppress(address, cause, now).await
    }

    async fn suppressed(&self, address: &AddressHash) -> Result<Option<Cause>, ServiceError> {
        self.notices.suppressed(address).await
    }
}
