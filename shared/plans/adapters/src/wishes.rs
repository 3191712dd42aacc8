//! How the wish that somebody becomes a member is written, in the transaction that gives access.

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use comptoir::{
    outcome::ServiceError,
    record::{NEEDS, VERSION},
    sweep::partition,
};
use comptoir_aws::item::{number, place, text};
use comptoir_plans::person::PersonId;
use jiff::Timestamp;

use crate::wakes::WHAT;

/// The kind of a wish.
pub(crate) const JOIN: &str = "JOIN";

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
    update.build().map_err(|error| ServiceError::permanent(WHAT, "record_unwritable", error.to_string()))
}
