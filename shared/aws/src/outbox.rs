//! The outbox on DynamoDB: conditional writes that claim (lease), release and settle a mail.

use aws_sdk_dynamodb::{Client, operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use jiff::{SignedDuration, Timestamp};

use super::{
    conditional::{self, Updated, settle},
    item::{
        CLOSE, Item, PARK, expiry, item, json, number, opened, parked, place, read_number, read_text, text, unreadable,
    },
};
use comptoir::{
    mail::{
        Mail, MailId,
        outbox::{Claim, Expiry, Outbox, Parking, Status, TOLD_KEPT},
    },
    outcome::{Reason, ServiceError},
};

const WHAT: &str = "the outbox";

/// A mail whose lease this claimant still holds: no one claimed it since.
const HELD: &str = "#status = :sending AND claimed_by = :claimant";

/// A mail that is queued: new, or requeued by a person after it bounced. A bounced mail is parked, so one without the
/// parked mark was requeued.
const WAITS: &str = "#status IN (:queued, :bounced, :rejected) AND attribute_not_exists(parked_at)";

/// An open mail that is settled by now: one that a person requeued since it was read is open for good reason.
const SETTLED: &str = "attribute_exists(open_shard) AND (attribute_exists(parked_at) \
     OR NOT #status IN (:queued, :bounced, :rejected, :sending, :waiting))";

/// When something for the team expires that is queued or settled now.
pub(super) fn forgotten_at(now: Timestamp) -> AttributeValue {
    expiry(now, TOLD_KEPT)
}

fn seconds(at: Timestamp) -> AttributeValue {
    number(at.as_second())
}

/// The clauses of an update that set a record's [`Expiry`]: after other assignments, and after other removals.
pub(super) struct Lasting {
    pub(super) set: &'static str,
    pub(super) remove: &'static str,
    at: Option<AttributeValue>,
}

impl Lasting {
    /// For a record that moves to `status`.
    pub(super) fn of(id: &MailId, status: &Status, now: Timestamp) -> Self {
        match Expiry::of(id, status, now) {
            Expiry::Never => Self { set: "", remove: ", expires_at", at: None },
            Expiry::At(at) => Self { set: ", expires_at = :expires", remove: "", at: Some(seconds(at)) },
            Expiry::AsQueued => Self { set: "", remove: "", at: None },
        }
    }

    /// Adds the value that the clauses reference to the update, if they reference one.
    pub(super) fn put_into(self, update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        match self.at {
            Some(at) => update.expression_attribute_values(":expires", at),
            None => update,
        }
    }
}

/// Mails in the Outbox table.
#[derive(Debug, Clone)]
pub struct DynamoOutbox {
    pub(super) client: Client,
    pub(super) table: String,
    /// The source named on dead letters (parked items).
    source: &'static str,
}

impl DynamoOutbox {
    /// The outbox in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table, source: "mail-sender" }
    }

    /// The same for a function other than the mail sender: dead letters are parked under its name.
    pub fn parking_as(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    pub(super) fn update(&self, id: &MailId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).set_key(Some(place(id.kind(), &id.0)))
    }
}

/// A queued mail; one without a usable recipient is parked by `source`.
///
/// # Errors
/// Permanent: it cannot be serialized as JSON.
pub fn queued(mail: &Mail, source: &str) -> Result<Item, ServiceError> {
    let mut queued = item(mail.id.kind(), &mail.id.0);
    queued.insert("data".to_owned(), json(mail, WHAT)?);
    queued.insert("status".to_owned(), text("queued"));
    match mail.undeliverable() {
        Some(reason) => queued.extend(parked(source, &reason, mail.queued_at)),
        None => queued.extend(opened(mail.id.kind(), &mail.id.0, mail.queued_at)),
    }
    Ok(queued)
}

/// The stage of an item's mail. A bounced mail waits for a person while parked; requeued, it is to be sent.
///
/// # Errors
/// Permanent: no such status is known. Held: a newer version has to process it.
pub(super) fn status(item: &Item) -> Result<Status, ServiceError> {
    let parked = item.contains_key("parked_at");
    Ok(match read_text(item, "status") {
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
        // A team notice is `waiting`, then `told`; one that bounced or was rejected was requeued since.
        None | Some("queued" | "bounced" | "rejected" | "waiting" | "told") => Status::Queued,
        Some(_) => return Err(unreadable(item, WHAT, "a mail has an unknown status")),
    })
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
        let update = self
            .update(id)
            .update_expression("SET #status = :sending, lease_until = :until, claimed_by = :claimant REMOVE woken_at")
            .condition_expression(WAITS)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":sending", text("sending"))
            .expression_attribute_values(":queued", text("queued"))
            .expression_attribute_values(":bounced", text("bounced"))
            .expression_attribute_values(":rejected", text("rejected"))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":claimant", text(claimant));
        let item = match conditional::update(WHAT, update).await? {
            Updated::Done => return Ok(Claim::Ours),
            Updated::Refused(None) => return Ok(Claim::Absent),
            Updated::Refused(Some(item)) => item,
        };
        let status = status(&item)?;
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
        settle(WHAT, update).await.map(drop)
    }

    async fn refuse(&self, id: &MailId, claimant: &str, reason: &Reason, now: Timestamp) -> Result<(), ServiceError> {
        let lasting = Lasting::of(id, &Status::Parked, now);
        let update = self
            .update(id)
            .update_expression(format!(
                "{PARK}, #status = :queued REMOVE lease_until, claimed_by, {CLOSE}{}",
                lasting.remove
            ))
            .condition_expression(HELD)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":queued", text("queued"))
            .expression_attribute_values(":sending", text("sending"))
            .expression_attribute_values(":claimant", text(claimant))
            .expression_attribute_values(":source", text(self.source))
            .expression_attribute_values(":reason", text(reason.to_string()))
            .expression_attribute_values(":at", text(now.to_string()));
        settle(WHAT, update).await.map(drop)
    }

    async fn sent(&self, id: &MailId, message_id: &str, now: Timestamp) -> Result<(), ServiceError> {
        let lasting = Lasting::of(id, &Status::Sent, now);
        let update = self
            .update(id)
            .update_expression(format!(
                "SET #status = :sent, message_id = :message, sent_at = :at{} REMOVE lease_until, claimed_by, {CLOSE}",
                lasting.set
            ))
            // A delivery event may have arrived first and know more: that this very message bounced, and a person may
            // have requeued the mail since.
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
            .expression_attribute_values(":at", text(now.to_string()));
        settle(WHAT, lasting.put_into(update)).await.map(drop)
    }

    async fn unknown(&self, id: &MailId, claimant: &str, now: Timestamp) -> Result<(), ServiceError> {
        let lasting = Lasting::of(id, &Status::Unknown, now);
        let update = self
            .update(id)
            .update_expression(format!(
                "SET #status = :unknown, unknown_since = :at REMOVE lease_until, claimed_by, {CLOSE}{}",
                lasting.remove
            ))
            .condition_expression("#status = :sending AND (claimed_by = :claimant OR lease_until <= :now)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":unknown", text("unknown"))
            .expression_attribute_values(":sending", text("sending"))
            .expression_attribute_values(":claimant", text(claimant))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":at", text(now.to_string()));
        settle(WHAT, update).await.map(drop)
    }

    async fn close(&self, id: &MailId) -> Result<(), ServiceError> {
        let update = self
            .update(id)
            .update_expression(format!("REMOVE {CLOSE}"))
            .condition_expression(SETTLED)
            .expression_attribute_names("#status", "status");
        let waiting = ["queued", "bounced", "rejected", "sending", "waiting"];
        let update = waiting
            .into_iter()
            .fold(update, |update, word| update.expression_attribute_values(format!(":{word}"), text(word)));
        settle(WHAT, update).await.map(drop)
    }

    async fn park(&self, id: &MailId, reason: &Reason, now: Timestamp) -> Result<Parking, ServiceError> {
        let (why, at) = (reason.to_string(), now.to_string());
        let remove = match Expiry::of(id, &Status::Parked, now) {
            Expiry::Never => ", expires_at",
            _ => "",
        };
        let update = self
            .update(id)
            .update_expression(format!("{PARK} REMOVE {CLOSE}{remove}"))
            // Parked notices and messages for the team have the same mark.
            .condition_expression(format!("({WAITS}) OR (#status = :waiting AND attribute_not_exists(parked_at))"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":queued", text("queued"))
            .expression_attribute_values(":bounced", text("bounced"))
            .expression_attribute_values(":rejected", text("rejected"))
            .expression_attribute_values(":waiting", text("waiting"))
            .expression_attribute_values(":source", text(self.source))
            .expression_attribute_values(":reason", text(&why))
            .expression_attribute_values(":at", text(&at));
        let item = match conditional::update(WHAT, update).await? {
            Updated::Done => return Ok(Parking::Parked),
            Updated::Refused(None) => return Ok(Parking::Absent),
            Updated::Refused(Some(item)) => item,
        };
        // The SDK retries a request whose response was lost: the existing mark may be our own.
        let ours = read_text(&item, "parked_at") == Some(&at) && read_text(&item, "parked_reason") == Some(&why);
        Ok(match status(&item)? {
            _ if ours => Parking::Parked,
            // A team message is not a mail.
            Status::Queued if read_text(&item, "status") == Some("told") => Parking::Held(Status::Sent),
            status => Parking::Held(status),
        })
    }
}

#[cfg(any(test, feature = "testing"))]
impl comptoir::memory::Expiring for DynamoOutbox {
    async fn expires_at(&self, id: &MailId) -> Result<Option<Timestamp>, ServiceError> {
        let get =
            self.client.get_item().table_name(&self.table).set_key(Some(place(id.kind(), &id.0))).consistent_read(true);
        let found = get.send().await.map_err(|error| super::item::trouble(WHAT, &error))?;
        let at = found.item.and_then(|item| read_number(&item, "expires_at"));
        Ok(at.and_then(|seconds| Timestamp::from_second(seconds).ok()))
    }
}
