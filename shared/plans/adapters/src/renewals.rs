//! Renewals that wait for their day, in the Access table (`RENEWAL#sub_1`), and the mails about them in the Notices table: one
//! transaction.

use aws_sdk_dynamodb::types::Update;
use comptoir::{
    mail::Mail,
    outcome::ServiceError,
    record::{NEEDS, VERSION},
    sweep::partition,
};
use comptoir_aws::{
    conditional::{OURS, settle},
    item::{CLOSE, number, place, read_number, text},
};
use comptoir_plans::{
    renewal::{Renewal, RenewalStore, StoredRenewal},
    store::Committed,
};
use jiff::Timestamp;

use crate::{
    recoveries::{DynamoRecoveries, updating},
    table::unwritable,
    wakes::WHAT,
};

/// The kind of a renewal's item.
const RENEWAL: &str = "RENEWAL";

/// One waits for its day, in place of that of an earlier period.
const AWAIT: &str = "SET kind = :kind, v = if_not_exists(v, :v), needs = if_not_exists(needs, :needs), period_end = :end, \
                     open_shard = :shard, open_since = :at REMOVE told_at, woken_at, wakes";

impl RenewalStore for DynamoRecoveries {
    async fn renewal(&self, subscription: &str) -> Result<Option<StoredRenewal>, ServiceError> {
        let item = self.access.read(place(RENEWAL, subscription)).await?;
        let end = item.as_ref().and_then(|item| Timestamp::from_second(read_number(item, "period_end")?).ok());
        Ok(item.zip(end).map(|(item, end)| StoredRenewal { end, told: item.contains_key("told_at") }))
    }

    async fn await_renewal(&self, subscription: &str, renewal: Renewal) -> Result<(), ServiceError> {
        let update = self
            .access
            .client
            .update_item()
            .table_name(&self.access.table)
            .set_key(Some(place(RENEWAL, subscription)))
            .update_expression(AWAIT)
            .condition_expression(format!("(attribute_not_exists(period_end) OR period_end <> :end) AND {OURS}"))
            .expression_attribute_values(":kind", text(RENEWAL))
            .expression_attribute_values(":v", number(VERSION))
            .expression_attribute_values(":needs", number(NEEDS))
            .expression_attribute_values(":ours", number(VERSION))
            .expression_attribute_values(":end", number(renewal.end.as_second()))
            .expression_attribute_values(":shard", text(partition(RENEWAL, subscription)))
            .expression_attribute_values(":at", number(renewal.tell_at.as_second()));
        settle(WHAT, update).await.map(drop)
    }

    async fn told_of_renewal(
        &self,
        subscription: &str,
        end: Timestamp,
        mail: &Mail,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let told = Update::builder()
            .table_name(&self.access.table)
            .set_key(Some(place(RENEWAL, subscription)))
            .update_expression(format!("SET told_at = :now REMOVE {CLOSE}"))
            .condition_expression(format!("period_end = :end AND attribute_not_exists(told_at) AND {OURS}"))
            .expression_attribute_values(":now", text(now.to_string()))
            .expression_attribute_values(":end", number(end.as_second()))
            .expression_attribute_values(":ours", number(VERSION))
            .build()
            .map_err(|error| unwritable(&error))?;
        match self.commit(vec![updating(told)], Some(mail), now).await? {
            Committed::Done => Ok(()),
            Committed::Conflict => Err(ServiceError::transient(WHAT, "another worker wrote at the same time")),
        }
    }

    async fn no_renewal(&self, subscription: &str) -> Result<(), ServiceError> {
        let update = self
            .access
            .client
            .update_item()
            .table_name(&self.access.table)
            .set_key(Some(place(RENEWAL, subscription)))
            // Without its end it waits anew if the contract goes on after all.
            .update_expression(format!("REMOVE period_end, {CLOSE}"))
            .condition_expression(format!("attribute_exists(pk) AND attribute_not_exists(told_at) AND {OURS}"))
            .expression_attribute_values(":ours", number(VERSION));
        settle(WHAT, update).await.map(drop)
    }
}
