//! What the reconciliation finds and remembers on DynamoDB, beside the payments.

use jiff::Timestamp;

use super::{
    item::{data, item, json, opened, place, trouble},
    payments::DynamoPayments,
};
use comptoir::{
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

    async fn remember(&self, reconciliation: &Reconciliation, now: Timestamp) -> Result<(), ServiceError> {
        let mut record = item(KIND, ID);
        record.insert("data".to_owned(), json(reconciliation, WHAT)?);
        record.extend(opened(KIND, ID, now).into_iter().filter(|_| reconciliation.next().is_some()));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(record));
        put.send().await.map(drop).map_err(|error| trouble(WHAT, &error))
    }
}
