//! Open work on DynamoDB: the sparse index `open` of a table, and the update that wakes a record.

use aws_sdk_dynamodb::{Client, types::ReturnValue};
use jiff::Timestamp;

use super::item::{Item, number, place, read_number, read_text, text, trouble};
use comptoir::{
    outcome::ServiceError,
    sweep::{IMPATIENT_SECONDS, Open, OpenWork, PATIENT_WAKES, Page},
};

const WHAT: &str = "the open work";

/// The index.
const INDEX: &str = "open";

/// The open work of one table.
#[derive(Debug, Clone)]
pub struct DynamoOpenWork {
    client: Client,
    table: String,
}

impl DynamoOpenWork {
    /// The open work of `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl DynamoOpenWork {
    /// Lets a record that was woken often rest longer.
    async fn rest(&self, open: &Open, now: Timestamp) -> Result<(), ServiceError> {
        let rested = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(&open.kind, &open.id)))
            .update_expression("SET open_since = :later")
            .condition_expression("open_since = :now")
            .expression_attribute_values(":later", number(now.as_second().saturating_add(IMPATIENT_SECONDS)))
            .expression_attribute_values(":now", number(now.as_second()))
            .send()
            .await;
        match rested {
            Err(error) if !error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Err(trouble(WHAT, &error))
            }
            _ => Ok(()),
        }
    }
}

/// Where a scan of the index goes on, as text: the keys of an index contain no line break.
fn written(key: &Item) -> Option<String> {
    let since: u64 = read_number(key, "open_since")?;
    Some(format!("{}\n{}\n{}\n{since}", read_text(key, "pk")?, read_text(key, "sk")?, read_text(key, "open_shard")?))
}

fn read(written: &str) -> Item {
    let names = ["pk", "sk", "open_shard", "open_since"];
    let value = |name: &str, value: &str| if name == "open_since" { number(value) } else { text(value) };
    names.into_iter().zip(written.split('\n')).map(|(name, part)| (name.to_owned(), value(name, part))).collect()
}

fn open(item: &Item) -> Option<Open> {
    let (kind, id) = read_text(item, "pk")?.split_once('#')?;
    let since = Timestamp::from_second(read_number(item, "open_since")?).ok()?;
    Some(Open { kind: kind.to_owned(), id: id.to_owned(), since })
}

impl OpenWork for DynamoOpenWork {
    // A scan, because the index holds open work alone: one request while there is none, where sixteen partitions of each
    // kind would be a hundred.
    async fn open_since(&self, before: Timestamp, from: Option<&str>) -> Result<Page, ServiceError> {
        let scan = self.client.scan().table_name(&self.table).index_name(INDEX);
        let scanned = scan
            .filter_expression("open_since <= :before")
            .expression_attribute_values(":before", number(before.as_second()))
            .projection_expression("pk, sk, open_shard, open_since")
            .set_exclusive_start_key(from.map(read))
            .send()
            .await
            .map_err(|error| trouble(WHAT, &error))?;
        let next = scanned.last_evaluated_key.as_ref().filter(|key| !key.is_empty()).and_then(written);
        Ok(Page { open: scanned.items.unwrap_or_default().iter().filter_map(open).collect(), next })
    }

    async fn wake(&self, open: &Open, now: Timestamp) -> Result<Option<u64>, ServiceError> {
        let woken = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(&open.kind, &open.id)))
            .update_expression("SET open_since = :now, woken_at = :at ADD wakes :one")
            .condition_expression("open_since = :since")
            .expression_attribute_values(":now", number(now.as_second()))
            .expression_attribute_values(":at", text(now.to_string()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":since", number(open.since.as_second()))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        match woken {
            Ok(updated) => {
                let wakes = read_number(&updated.attributes.unwrap_or_default(), "wakes").unwrap_or(1);
                if wakes >= PATIENT_WAKES {
                    self.rest(open, now).await?;
                }
                Ok(Some(wakes))
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(None)
            }
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }
}
