//! Messages for the seller's app on DynamoDB: `HOOK#<id>` in the Notices table.
//!
//! An open message is woken by the sweep when its next try is due: `open_since` lies that much before it, because the sweep
//! takes what has been open for a while.

use aws_sdk_dynamodb::{
    Client,
    types::{Put, TransactWriteItem},
};
use comptoir::{
    app::{
        AppMessage, KIND,
        delivery::{AppMessages, DELIVERED_KEPT, Queued, Written},
    },
    outcome::{Reason, ServiceError},
    sweep::STALE_SECONDS,
};
use jiff::Timestamp;

use super::{
    conditional::settle,
    item::{self, CLOSE, Item, PARK, data, expiry, item, json, number, opened, place, read_number, read_text, text},
};

const WHAT: &str = "the messages for the app";

/// The source named on a message that is parked.
const SOURCE: &str = "notice-sender";

/// How much before its next try a message counts as open, in seconds: the sweep takes what is older than this.
const AHEAD: i64 = STALE_SECONDS.cast_signed() - 60;

/// A message that waits and of which nobody wrote since it was read.
const UNCHANGED: &str = "#status = :queued AND attribute_not_exists(parked_at) AND attempts = :attempts";

/// A queued message.
///
/// # Errors
/// Permanent: it cannot be serialized as JSON.
pub fn queued(message: &AppMessage) -> Result<Item, ServiceError> {
    let mut queued = item(KIND, &message.id);
    queued.insert("data".to_owned(), json(message, WHAT)?);
    queued.insert("type".to_owned(), text(&message.topic));
    queued.insert("status".to_owned(), text("queued"));
    queued.insert("attempts".to_owned(), number(0));
    queued.insert("queued_at".to_owned(), text(message.at.to_string()));
    queued.extend(opened(KIND, &message.id, message.at));
    Ok(queued)
}

/// The write that queues a message in `table`, unless it was queued before.
///
/// # Errors
/// Permanent: it cannot be written.
pub fn queueing(table: &str, message: &AppMessage) -> Result<TransactWriteItem, ServiceError> {
    let put = Put::builder().table_name(table).set_item(Some(queued(message)?));
    let put = put.condition_expression("attribute_not_exists(pk)").build();
    let put = put.map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// The messages of a table.
#[derive(Debug, Clone)]
pub struct DynamoAppMessages {
    client: Client,
    table: String,
}

impl DynamoAppMessages {
    /// Those in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

fn stored(item: &Item) -> Result<Queued, ServiceError> {
    let message: AppMessage = data(item, WHAT)?;
    let time = |name| read_text(item, name).and_then(|at| at.parse::<Timestamp>().ok());
    Ok(Queued {
        attempts: read_number(item, "attempts").unwrap_or_default(),
        began: time("replayed_at").or_else(|| time("queued_at")).unwrap_or(message.at),
        due_at: read_number(item, "due_at").and_then(|at| Timestamp::from_second(at).ok()),
        woken: item.contains_key("woken_at"),
        waits: read_text(item, "status") == Some("queued") && !item.contains_key("parked_at"),
        message,
    })
}

impl AppMessages for DynamoAppMessages {
    async fn message(&self, id: &str) -> Result<Option<Queued>, ServiceError> {
        let found = item::read(&self.client, &self.table, place(KIND, id), WHAT).await?;
        found.as_ref().map(stored).transpose()
    }

    async fn note(&self, read: &Queued, written: &Written<'_>, now: Timestamp) -> Result<bool, ServiceError> {
        let (expression, sent) = match written {
            Written::Delivered => {
                let set = "SET #status = :delivered, delivered_at = :now, expires_at = :expires, attempts = :tried";
                (format!("{set} REMOVE {CLOSE}, due_at, last_failure"), true)
            }
            Written::Again { sent, .. } => {
                let set = "SET open_since = :since, due_at = :due, last_failure = :reason, attempts = :tried";
                (format!("{set} REMOVE woken_at, wakes"), *sent)
            }
            Written::Parked { sent, .. } => {
                (format!("{PARK}, last_failure = :reason, attempts = :tried REMOVE {CLOSE}, due_at"), *sent)
            }
        };
        let tried = read.attempts.saturating_add(u64::from(sent));
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(KIND, &read.message.id)))
            .update_expression(expression)
            .condition_expression(UNCHANGED)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":queued", text("queued"))
            .expression_attribute_values(":attempts", number(read.attempts))
            .expression_attribute_values(":tried", number(tried));
        let update = match written {
            Written::Delivered => update
                .expression_attribute_values(":delivered", text("delivered"))
                .expression_attribute_values(":now", text(now.to_string()))
                .expression_attribute_values(":expires", expiry(now, DELIVERED_KEPT)),
            Written::Again { due, reason, .. } => update
                .expression_attribute_values(":since", number(due.as_second().saturating_sub(AHEAD)))
                .expression_attribute_values(":due", number(due.as_second()))
                .expression_attribute_values(":reason", text(reason.to_string())),
            Written::Parked { reason, .. } => update
                .expression_attribute_values(":source", text(SOURCE))
                .expression_attribute_values(":at", text(now.to_string()))
                .expression_attribute_values(":reason", text(reason.to_string())),
        };
        settle(WHAT, update).await
    }

    async fn give_up(&self, id: &str, reason: &Reason, now: Timestamp) -> Result<bool, ServiceError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(KIND, id)))
            .update_expression(format!("{PARK} REMOVE {CLOSE}, due_at"))
            .condition_expression("#status = :queued AND attribute_not_exists(parked_at)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":queued", text("queued"))
            .expression_attribute_values(":source", text(SOURCE))
            .expression_attribute_values(":reason", text(reason.to_string()))
            .expression_attribute_values(":at", text(now.to_string()));
        settle(WHAT, update).await
    }
}
