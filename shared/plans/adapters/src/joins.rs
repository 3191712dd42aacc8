//! Wishes that people become members, in the Access table: `JOIN#hash`, without an address.

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use comptoir::{
    outcome::ServiceError,
    record::{NEEDS, VERSION},
    sweep::partition,
};
use comptoir_aws::{
    conditional::settle,
    item::{CLOSE, PARK, number, place, read_number, text},
};
use comptoir_plans::{
    joining::{JoinStore, StoredJoin, Then},
    person::PersonId,
    store::Committed,
};
use jiff::Timestamp;

use crate::{
    table::{DynamoAccess, SOURCE, unwritable},
    wakes::WHAT,
};

/// The kind of a wish.
const JOIN: &str = "JOIN";

/// Wishes it, or wishes it anew: what was parked is tried again.
const WISH: &str = "SET kind = :kind, v = if_not_exists(v, :v), needs = if_not_exists(needs, :needs), person = :person, \
                    #subscription = :subscription, open_shard = :shard, open_since = :now \
                    REMOVE joined, joined_at, parked_source, parked_reason, parked_at ADD wishes :one";

/// The same as a part of the transaction that gives access by `subscription`.
///
/// # Errors
/// Permanent: it cannot be written.
pub(crate) fn wishing(table: &str, id: &PersonId, subscription: &str, now: Timestamp) -> Result<Update, ServiceError> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(place(JOIN, id.as_str())))
        .update_expression(WISH)
        .expression_attribute_names("#subscription", "subscription");
    let values: [(&str, AttributeValue); 8] = [
        (":kind", text(JOIN)),
        (":v", number(VERSION)),
        (":needs", number(NEEDS)),
        (":person", text(id.as_str())),
        (":subscription", text(subscription)),
        (":shard", text(partition(JOIN, id.as_str()))),
        (":now", number(now.as_second())),
        (":one", number(1)),
    ];
    let update =
        values.into_iter().fold(update, |update, (name, value)| update.expression_attribute_values(name, value));
    update.build().map_err(|error| unwritable(&error))
}

impl JoinStore for DynamoAccess {
    async fn join(&self, id: &PersonId) -> Result<Option<StoredJoin>, ServiceError> {
        let Some(item) = self.read(place(JOIN, id.as_str())).await? else { return Ok(None) };
        let since = read_number(&item, "open_since").and_then(|at| Timestamp::from_second(at).ok());
        // Replaying takes away why it was parked, and opens nothing.
        let settled = item.contains_key("joined") || item.contains_key("parked_at");
        let replayed = (!settled).then_some(Timestamp::UNIX_EPOCH);
        let wishes = read_number(&item, "wishes").unwrap_or_default();
        Ok(Some(StoredJoin { wishes, open_since: since.or(replayed) }))
    }

    async fn end_join(
        &self,
        id: &PersonId,
        read: StoredJoin,
        then: &Then,
        now: Timestamp,
    ) -> Result<Committed, ServiceError> {
        let update = self.client.update_item().table_name(&self.table).set_key(Some(place(JOIN, id.as_str())));
        let update = match then {
            Then::Settled(joined) => update
                .update_expression(format!("SET joined = :joined, joined_at = :at REMOVE {CLOSE}"))
                .expression_attribute_values(":joined", text(joined.word()))
                .expression_attribute_values(":at", text(now.to_string())),
            Then::Until(at) => update
                .update_expression("SET open_since = :until, open_shard = :shard REMOVE woken_at, wakes")
                .expression_attribute_values(":until", number(at.as_second()))
                .expression_attribute_values(":shard", text(partition(JOIN, id.as_str()))),
            Then::Parked(reason) => update
                .update_expression(format!("{PARK} REMOVE {CLOSE}"))
                .expression_attribute_values(":source", text(SOURCE))
                .expression_attribute_values(":reason", text(reason.to_string()))
                .expression_attribute_values(":at", text(now.to_string())),
        };
        let update =
            update.condition_expression("wishes = :seen").expression_attribute_values(":seen", number(read.wishes));
        Ok(if settle(WHAT, update).await? { Committed::Done } else { Committed::Conflict })
    }
}
