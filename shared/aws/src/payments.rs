//! The payment log on DynamoDB: event, payment and its payment intent in one transaction; refunds beside them.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, ReturnValue, TransactWriteItem},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    item::{
        self, Item, below, cancelled, condition_failed, expiry, item, new_item, opened, parked, place, read_text, text,
        trouble, written,
    },
    parts::Parts,
};
use comptoir::{
    outcome::{Reason, ServiceError},
    payment::{PaymentLog, Recorded, SETTLED_KEPT},
    refund::Refund,
    sale::{Sale, SaleKey},
};

const WHAT: &str = "the payment log";

/// How long an event id is kept. Stripe retries an event for three days; the payment itself is kept forever.
const EVENT_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Waits after a conflict: another delivery of the same sale is being recorded and finishes shortly.
const CONFLICT_PAUSES: [Duration; 4] =
    [Duration::from_millis(20), Duration::from_millis(60), Duration::from_millis(150), Duration::from_millis(400)];

/// Payments in the Billing table.
#[derive(Debug, Clone)]
pub struct DynamoPayments {
    pub(super) client: Client,
    pub(super) table: String,
}

impl DynamoPayments {
    /// The log in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        Parts { client: &self.client, table: &self.table, what: WHAT }
    }

    pub(super) async fn get(&self, kind: &str, id: &str) -> Result<Option<Item>, ServiceError> {
        item::read(&self.client, &self.table, place(kind, id), WHAT).await
    }

    /// Writes together, again while others write the same; `Some` if one of the first `conditions` items stands.
    async fn transact(&self, writes: &[TransactWriteItem], conditions: usize) -> Result<Option<Stands>, ServiceError> {
        let mut failure = ServiceError::transient(WHAT, "other deliveries of the sale are being recorded");
        for pause in CONFLICT_PAUSES {
            let sent = self.client.transact_write_items().set_transact_items(Some(writes.to_vec())).send().await;
            let Err(error) = sent else { return Ok(None) };
            let Some(TransactWriteItemsError::TransactionCanceledException(refused)) = error.as_service_error() else {
                return Err(trouble(WHAT, &error));
            };
            let reasons = refused.cancellation_reasons();
            if (0..conditions).any(|place| condition_failed(reasons, place)) {
                return Ok(Some(Stands));
            }
            failure = cancelled(WHAT, reasons);
            if failure.is_permanent() {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        Err(failure)
    }

    async fn put_if(&self, item: Item, condition: &str) -> Result<Recorded, ServiceError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Recorded::New),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(Recorded::AlreadyRecorded)
            }
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }

    fn put(&self, item: Item, condition: Option<&str>) -> Result<TransactWriteItem, ServiceError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = put.set_condition_expression(condition.map(str::to_owned)).build();
        let put = put.map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// An item of a transaction stands already.
struct Stands;

fn event_item(id: &str, now: Timestamp) -> Item {
    let mut event = item("EVENT", id);
    event.insert("received_at".to_owned(), text(now.to_string()));
    event
}

impl PaymentLog for DynamoPayments {
    async fn record(&self, sale: &Sale, now: Timestamp) -> Result<Recorded, ServiceError> {
        let mut event = event_item(&sale.event, now);
        event.insert("sale".to_owned(), text(&sale.key.0));
        event.insert("expires_at".to_owned(), expiry(now, EVENT_KEPT));
        let mut payment = item("PAYMENT", &sale.key.0);
        self.parts().insert(&mut payment, "data", &written(sale, WHAT)?).await?;
        payment.insert("recorded_at".to_owned(), text(now.to_string()));
        payment.extend(opened("PAYMENT", &sale.key.0, now));
        let mut writes = vec![
            // A parked event may become a payment once its cause is fixed, whether or not its parked mark was removed:
            // only an event that recorded a sale blocks later deliveries.
            self.put(event, Some("attribute_not_exists(pk) OR attribute_not_exists(sale)"))?,
            self.put(payment.clone(), Some("attribute_not_exists(pk)"))?,
        ];
        if let Some(intent) = &sale.payment_intent {
            let mut paid = item("INTENT", intent);
            paid.insert("sale".to_owned(), text(&sale.key.0));
            writes.push(self.put(paid, None)?);
        }
        match self.transact(&writes, 2).await? {
            None => Ok(Recorded::New),
            Some(_) => self.put_if(payment, "attribute_exists(parked_at) AND attribute_not_exists(invoice)").await,
        }
    }

    async fn park_event(
        &self,
        id: &str,
        body: &str,
        reason: &Reason,
        now: Timestamp,
    ) -> Result<Recorded, ServiceError> {
        let mut event = event_item(id, now);
        self.parts().insert(&mut event, "body", body).await?;
        event.extend(parked("payment-webhook", reason, now));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(event));
        let parked = put
            .condition_expression(
                "attribute_not_exists(pk) OR (attribute_exists(parked_at) AND parked_reason <> :reason)",
            )
            .expression_attribute_values(":reason", text(reason.to_string()))
            .send()
            .await;
        match parked {
            Ok(_) => Ok(Recorded::New),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(Recorded::AlreadyRecorded)
            }
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }

    async fn settle_event(&self, id: &str, now: Timestamp) -> Result<(), ServiceError> {
        let mut event = event_item(id, now);
        event.insert("expires_at".to_owned(), expiry(now, EVENT_KEPT));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(event));
        let put = put.condition_expression("attribute_exists(parked_at)").return_values(ReturnValue::AllOld);
        match put.send().await {
            // The item holds its body no more; parts of a large one would stay for good.
            Ok(put) => {
                let until = expiry(now, SETTLED_KEPT);
                self.parts().expire(&put.attributes.unwrap_or_default(), "body", &until).await
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }

    async fn record_refund(&self, refund: &Refund, now: Timestamp) -> Result<Recorded, ServiceError> {
        let mut recorded = item("REFUND", &refund.key.0);
        self.parts().insert(&mut recorded, "data", &written(refund, WHAT)?).await?;
        recorded.insert("sale".to_owned(), text(&refund.sale.0));
        recorded.insert("recorded_at".to_owned(), text(now.to_string()));
        recorded.extend(opened("REFUND", &refund.key.0, now));
        // So that one query finds the refunds of a sale. The refund's own key stays what keeps it unique.
        let beside = new_item(below("PAYMENT", &refund.sale.0, &format!("REFUND#{}", refund.key)), "REFUND_OF");
        let new = Some("attribute_not_exists(pk)");
        let writes = vec![self.put(recorded, new)?, self.put(beside, None)?];
        match self.transact(&writes, 1).await? {
            None => Ok(Recorded::New),
            Some(_) => Ok(Recorded::AlreadyRecorded),
        }
    }

    async fn sale_paid_by(&self, intent: &str) -> Result<Option<SaleKey>, ServiceError> {
        let paid = self.get("INTENT", intent).await?;
        Ok(paid.and_then(|paid| read_text(&paid, "sale").map(|sale| SaleKey(sale.to_owned()))))
    }

    async fn has(&self, sale: &SaleKey) -> Result<bool, ServiceError> {
        Ok(self.get("PAYMENT", &sale.0).await?.is_some())
    }
}
