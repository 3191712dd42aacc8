//! The owner's settings in the Billing table: the newest version, and beside it every version, under one partition key.

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem},
};
use jiff::Timestamp;

use super::item::{
    self, ALONE, IDENTITY, Item, below, cancelled, condition_failed, data, new_item, number, place, read_number,
    read_text, text, trouble, unreadable,
};
use comptoir::{
    archive::sha256,
    billing::identity::Identity,
    outcome::ServiceError,
    settings::{SaveResult, SettingsReader, SettingsWriter, StoredSettings},
};

const WHAT: &str = "the settings";

/// The kind of all documents of the settings: `SETTINGS#seller`, `SETTINGS#plans`.
const KIND: &str = "SETTINGS";

/// Who sells, and how.
const SELLER: &str = "seller";

/// A document of the settings in the Billing table.
#[derive(Debug, Clone)]
pub struct DynamoSettings {
    client: Client,
    billing: String,
    document: &'static str,
}

impl DynamoSettings {
    /// The seller's document in this table.
    pub fn new(client: Client, billing: String) -> Self {
        Self::named(client, billing, SELLER)
    }

    /// Another document, by its name.
    pub fn named(client: Client, billing: String, document: &'static str) -> Self {
        Self { client, billing, document }
    }

    async fn get(&self, sort_key: &str) -> Result<Option<StoredSettings>, ServiceError> {
        let key = below(KIND, self.document, sort_key);
        item::read(&self.client, &self.billing, key, WHAT).await?.map(stored).transpose()
    }

    fn put(&self, sort_key: &str, next: &StoredSettings) -> Result<Put, ServiceError> {
        let mut item = new_item(below(KIND, self.document, sort_key), KIND);
        item.insert("version".to_owned(), number(next.version));
        item.insert("data".to_owned(), text(&next.document));
        item.insert("sha256".to_owned(), text(sha256(next.document.as_bytes())));
        item.insert("saved_at".to_owned(), text(next.saved_at.to_string()));
        item.insert("saved_by".to_owned(), text(&next.saved_by));
        let put = Put::builder().table_name(&self.billing).set_item(Some(item));
        let put = if sort_key == ALONE && next.version > 1 {
            put.condition_expression("#version = :seen")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":seen", number(next.version - 1))
        } else {
            put.condition_expression("attribute_not_exists(pk)")
        };
        put.build().map_err(|error| ServiceError::permanent(WHAT, "record_unwritable", error.to_string()))
    }
}

/// The sort key of a version in the history; in the order of versions.
fn in_history(version: u64) -> String {
    format!("{version:06}")
}

fn stored(item: Item) -> Result<StoredSettings, ServiceError> {
    let broken = |name: &str| unreadable(&item, WHAT, format!("settings have no {name}"));
    Ok(StoredSettings {
        version: read_number(&item, "version").ok_or_else(|| broken("version"))?,
        document: read_text(&item, "data").ok_or_else(|| broken("data"))?.to_owned(),
        saved_at: read_text(&item, "saved_at").and_then(|at| at.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH),
        saved_by: read_text(&item, "saved_by").unwrap_or_default().to_owned(),
    })
}

impl SettingsReader for DynamoSettings {
    async fn newest(&self) -> Result<Option<StoredSettings>, ServiceError> {
        self.get(ALONE).await
    }

    async fn version(&self, version: u64) -> Result<Option<StoredSettings>, ServiceError> {
        self.get(&in_history(version)).await
    }
}

impl SettingsWriter for DynamoSettings {
    async fn books(&self) -> Result<Option<String>, ServiceError> {
        let item = item::read(&self.client, &self.billing, place(IDENTITY.0, IDENTITY.1), WHAT).await?;
        item.map(|item| data::<Identity>(&item, WHAT)).transpose().map(|found| found.map(|identity| identity.siren))
    }

    async fn save(&self, next: &StoredSettings) -> Result<SaveResult, ServiceError> {
        let write = |put| TransactWriteItem::builder().put(put).build();
        let head = write(self.put(ALONE, next)?);
        let history = write(self.put(&in_history(next.version), next)?);
        let saved = self.client.transact_write_items().transact_items(head).transact_items(history).send().await;
        let Err(error) = saved else { return Ok(SaveResult::Saved) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(refused)) => {
                let reasons = refused.cancellation_reasons();
                if condition_failed(reasons, 0) || condition_failed(reasons, 1) {
                    Ok(SaveResult::Conflict)
                } else {
                    Err(cancelled(WHAT, reasons))
                }
            }
            _ => Err(trouble(WHAT, &error)),
        }
    }
}
