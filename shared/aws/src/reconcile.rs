//! What the reconciliation finds and remembers on DynamoDB, beside the payments.

use jiff::Timestamp;

use super::{
    item::{IDENTITY, data, item, json, number, opened, place, trouble},
    payments::DynamoPayments,
};
use comptoir::{
    billing::identity::Identity,
    outcome::ServiceError,
    reconcile::{KIND, Reconciliation, ReconciliationLog, Trace},
};

const WHAT: &str = "the payment log";

/// There is one reconciliation at a time.
const ID: &str = "stripe";

impl ReconciliationLog for DynamoPayments {
    async fn stands(&self, Trace { kind, id }: &Trace) -> Result<bool, ServiceError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(place(kind, id))).consistent_read(true);
        let got = get.projection_expression("pk").send().await.map_err(|error| trouble(WHAT, &error))?;
        Ok(got.item.is_some())
    }

    async fn last(&self) -> Result<Option<Reconciliation>, ServiceError> {
        self.get(KIND, ID).await?.map(|stored| data(&stored, WHAT)).transpose()
    }

    async fn begun(&self) -> Result<Option<Timestamp>, ServiceError> {
        let identity = self.get(IDENTITY.0, IDENTITY.1).await?;
        let identity: Option<Identity> = identity.map(|stored| data(&stored, WHAT)).transpose()?;
        Ok(identity.map(|identity| identity.begun_at))
    }

    async fn remember(
        &self,
        reconciliation: &Reconciliation,
        now: Timestamp,
    ) -> Result<Option<Reconciliation>, ServiceError> {
        let next = reconciliation.turned();
        let mut record = item(KIND, ID);
        record.insert("data".to_owned(), json(&next, WHAT)?);
        record.insert("turn".to_owned(), number(next.turn()));
        record.extend(opened(KIND, ID, now).into_iter().filter(|_| !reconciliation.is_done()));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(record));
        let put = put
            .condition_expression("attribute_not_exists(turn) OR turn = :turn")
            .expression_attribute_values(":turn", number(reconciliation.turn()));
        match put.send().await {
            Ok(_) => Ok(Some(next)),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(None)
            }
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }
}
