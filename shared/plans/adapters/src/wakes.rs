//! Wakes the work on a subscription: one update of its item, which the stream of the Access table announces.

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Update},
};
use comptoir::{
    outcome::ServiceError,
    record::{NEEDS, VERSION},
    sweep::partition,
};
use comptoir_aws::{
    conditional::settle,
    item::{self, Item, number, place, read_number, read_text, text, trouble},
};
use comptoir_plans::{
    steps::Does,
    store::{Known, KnownSubscriptions, Wakes},
};
use jiff::Timestamp;

/// The name of this capability in errors.
pub(crate) const WHAT: &str = "the access table";

/// The kind of a subscription's item.
pub(crate) const ACCESS: &str = "ACCESS";

/// `events` counts what woke it. What is open keeps its age; what a newer version wrote keeps its versions.
const WAKE: &str = "SET kind = :kind, v = if_not_exists(v, :v), needs = if_not_exists(needs, :needs), \
                    open_shard = :shard, open_since = if_not_exists(open_since, :now) ADD events :one";

/// The kind of the item of an unpaid invoice, and of the customer of one.
pub(crate) const RECOVERY: &str = "RECOVERY";

/// The kind of the item of a customer who owes something.
pub(crate) const EPISODE: &str = "EPISODE";

/// The same of an unpaid invoice. What waited for a later time is looked at now.
const WAKE_RECOVERY: &str = "SET kind = :kind, v = if_not_exists(v, :v), needs = if_not_exists(needs, :needs), \
                             open_shard = :shard, open_since = :now ADD events :one";

/// Subscriptions in the Access table, to be woken.
#[derive(Debug, Clone)]
pub struct DynamoWakes {
    client: Client,
    table: String,
}

impl DynamoWakes {
    /// Those of `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

fn values(kind: &str, id: &str, now: Timestamp) -> Vec<(&'static str, AttributeValue)> {
    vec![
        (":kind", text(kind)),
        (":v", number(VERSION)),
        (":needs", number(NEEDS)),
        (":shard", text(partition(kind, id))),
        (":now", number(now.as_second())),
        (":one", number(1)),
    ]
}

/// Since when a record is open, or when it is to be looked at. What the sweep woke is due, whatever time it gave it since: it
/// rests what it woke often, so that it does not ask every quarter of an hour. What was replayed is due as well: replaying takes
/// away why it was parked, and opens nothing.
pub(crate) fn due_since(item: &Item) -> Option<Timestamp> {
    let has = |name: &str| item.contains_key(name);
    let since = read_number(item, "open_since").and_then(|at| Timestamp::from_second(at).ok());
    let replayed = (has("replayed_at") && !has("parked_at")).then_some(Timestamp::UNIX_EPOCH);
    since.map(|since| if has("woken_at") { Timestamp::UNIX_EPOCH } else { since }).or(replayed)
}

/// The same as a part of a transaction.
///
/// # Errors
/// Permanent: it cannot be written.
pub(crate) fn waking(table: &str, subscription: &str, now: Timestamp) -> Result<Update, ServiceError> {
    let values: Item =
        values(ACCESS, subscription, now).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(place(ACCESS, subscription)))
        .update_expression(WAKE)
        .set_expression_attribute_values(Some(values));
    update.build().map_err(|error| ServiceError::permanent(WHAT, "record_unwritable", error.to_string()))
}

/// The wake of a customer's dunning as a part of a transaction.
///
/// # Errors
/// Permanent: it cannot be written.
pub(crate) fn waking_dunning(table: &str, customer: &str, now: Timestamp) -> Result<Update, ServiceError> {
    let values: Item =
        values(EPISODE, customer, now).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(place(EPISODE, customer)))
        .update_expression(WAKE_RECOVERY)
        .set_expression_attribute_values(Some(values));
    update.build().map_err(|error| ServiceError::permanent(WHAT, "record_unwritable", error.to_string()))
}

/// The wake of a subscription with what dunning does to its access from now on.
///
/// # Errors
/// Permanent: it cannot be written.
pub(crate) fn waking_held_back(
    table: &str,
    subscription: &str,
    held_back: Option<Does>,
    now: Timestamp,
) -> Result<Update, ServiceError> {
    let mut values: Item =
        values(ACCESS, subscription, now).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let expression = match held_back {
        Some(does) => {
            values.insert(":held".to_owned(), text(does.word()));
            WAKE.replacen("SET ", "SET held_back = :held, ", 1)
        }
        None => format!("{WAKE} REMOVE held_back"),
    };
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(place(ACCESS, subscription)))
        .update_expression(expression)
        .set_expression_attribute_values(Some(values));
    update.build().map_err(|error| ServiceError::permanent(WHAT, "record_unwritable", error.to_string()))
}

impl KnownSubscriptions for DynamoWakes {
    async fn known(&self, subscription: &str) -> Result<Known, ServiceError> {
        let item = item::read(&self.client, &self.table, place(ACCESS, subscription), WHAT).await?;
        let Some(item) = item else { return Ok(Known::No) };
        if item.contains_key("open_shard") || item.contains_key("parked_at") {
            return Ok(Known::InHand);
        }
        let as_seen = read_text(&item, "as_seen").map(str::to_owned);
        Ok(Known::Seen { as_seen, trial_told: item.contains_key("trial_told") })
    }
}

impl Wakes for DynamoWakes {
    async fn wake(&self, subscription: &str, now: Timestamp) -> Result<(), ServiceError> {
        let update = self.client.update_item().table_name(&self.table).set_key(Some(place(ACCESS, subscription)));
        let update = values(ACCESS, subscription, now)
            .into_iter()
            .fold(update.update_expression(WAKE), |update, (name, value)| {
                update.expression_attribute_values(name, value)
            });
        // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
        Box::pin(update.send()).await.map(drop).map_err(|error| trouble(WHAT, &error))
    }

    async fn wake_recovery(&self, id: &str, only_known: bool, now: Timestamp) -> Result<(), ServiceError> {
        let update = self.client.update_item().table_name(&self.table).set_key(Some(place(RECOVERY, id)));
        let update = values(RECOVERY, id, now)
            .into_iter()
            .fold(update.update_expression(WAKE_RECOVERY), |update, (name, value)| {
                update.expression_attribute_values(name, value)
            });
        let update = if only_known { update.condition_expression("attribute_exists(pk)") } else { update };
        // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
        Box::pin(settle(WHAT, update)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sweep_woke_or_a_person_replayed_is_due() {
        let since = |names: &[(&str, u64)]| {
            due_since(&names.iter().map(|(name, value)| ((*name).to_owned(), number(value))).collect::<Item>())
        };
        let at = Timestamp::from_second(50).ok();
        assert_eq!(since(&[]), None);
        assert_eq!(since(&[("open_since", 50)]), at);
        assert_eq!(since(&[("open_since", 50), ("replayed_at", 1)]), at);
        let now = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(since(&[("open_since", 50), ("woken_at", 1)]), now);
        assert_eq!(since(&[("replayed_at", 1)]), now);
        assert_eq!(since(&[("replayed_at", 1), ("parked_at", 1)]), None);
    }
}
