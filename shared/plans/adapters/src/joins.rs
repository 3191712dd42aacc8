//! Wishes that people become members, in the Access table: `JOIN#hash`, without an address.

use comptoir::{outcome::ServiceError, sweep::partition};
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
    table::{DynamoAccess, SOURCE},
    wakes::{WHAT, due_since},
    wishes::JOIN,
};

impl JoinStore for DynamoAccess {
    async fn join(&self, id: &PersonId) -> Result<Option<StoredJoin>, ServiceError> {
        let Some(item) = self.read(place(JOIN, id.as_str())).await? else { return Ok(None) };
        let since = due_since(&item);
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
