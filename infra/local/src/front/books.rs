//! The bundle's store: tables, archive, on-failure queue. Read-only here; only the functions write.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use comptoir::archive::sha256;
use serde::Serialize;
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::aws::dynamodb::plain_items;

/// The store's parts, by physical name.
#[derive(Debug)]
pub struct Books {
    /// The stand-in.
    pub aws: Aws,
    /// Events, payments, invoices, counters.
    pub billing: String,
    /// Mails with documents, notices, and who has what.
    pub others: [String; 3],
    /// Documents.
    pub archive: String,
    /// The on-failure queue of the streams.
    pub on_failure: Option<String>,
    hashes: Mutex<HashMap<String, String>>,
}

/// A document in the archive, as `archive_url` shows it.
#[derive(Debug, Serialize)]
pub struct Archived {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// A parked record, as `parked_url` shows it.
#[derive(Debug, Serialize)]
pub struct Parked {
    /// The function that parked it.
    pub source: String,
    /// Why.
    pub reason: String,
    /// When it was parked, RFC 3339.
    pub at: String,
    /// The record itself.
    pub record: Value,
}

impl Books {
    /// The store at these places.
    pub fn new(aws: Aws, billing: String, others: [String; 3], archive: String, on_failure: Option<String>) -> Self {
        Self { aws, billing, others, archive, on_failure, hashes: Mutex::default() }
    }

    /// Every item of these tables as plain JSON.
    ///
    /// # Errors
    /// When the stand-in does not answer.
    pub async fn items(&self) -> anyhow::Result<Vec<Value>> {
        let mut items = plain_items(&self.aws.scan(&self.billing).await?);
        for table in &self.others {
            items.extend(plain_items(&self.aws.scan(table).await?));
        }
        Ok(items)
    }

    /// Every document, by key.
    ///
    /// # Errors
    /// When the stand-in does not answer.
    pub async fn archived(&self) -> anyhow::Result<Vec<Archived>> {
        let mut documents = Vec::new();
        for object in self.aws.objects(&self.archive).await? {
            let sha256 = self.hash(&object.key, &object.etag).await?;
            documents.push(Archived { key: object.key, size: object.size, sha256 });
        }
        Ok(documents)
    }

    /// The dead letters, oldest first: the parked ones of these items, and the records that the streams gave up.
    ///
    /// # Errors
    /// When the stand-in does not answer.
    pub async fn parked(&self, items: &[Value]) -> anyhow::Result<Vec<Parked>> {
        let field = |value: &Value, pointer: &str| {
            value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let parked = items.iter().filter(|item| item.get("parked_at").is_some()).map(|item| Parked {
            source: field(item, "/parked_source"),
            reason: field(item, "/parked_reason"),
            at: field(item, "/parked_at"),
            record: item.clone(),
        });
        let given_up = self.given_up().await?.into_iter().map(|message| Parked {
            source: "on-failure-queue".to_owned(),
            reason: field(&message, "/requestContext/condition"),
            at: field(&message, "/timestamp"),
            record: message,
        });
        let mut all: Vec<Parked> = parked.chain(given_up).collect();
        all.sort_by(|a, b| a.at.cmp(&b.at));
        Ok(all)
    }

    /// The messages in the on-failure queue, which are not removed.
    async fn given_up(&self) -> anyhow::Result<Vec<Value>> {
        let Some(queue) = &self.on_failure else { return Ok(Vec::new()) };
        let mut found: HashMap<String, Value> = HashMap::new();
        loop {
            let input =
                json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "WaitTimeSeconds": 0});
            let answer = self.aws.json("sqs", "AmazonSQS.ReceiveMessage", &input).await?;
            let before = found.len();
            for message in answer.get("Messages").and_then(Value::as_array).into_iter().flatten() {
                let field = |name| message.get(name).and_then(Value::as_str).unwrap_or_default();
                let body = serde_json::from_str(field("Body")).unwrap_or_else(|_| json!(field("Body")));
                found.insert(field("MessageId").to_owned(), body);
            }
            // Peeking returns an arbitrary subset: stop when a round brings nothing new.
            if found.len() == before {
                return Ok(found.into_values().collect());
            }
        }
    }

    async fn hash(&self, key: &str, etag: &str) -> anyhow::Result<String> {
        let known = format!("{key}#{etag}");
        if let Some(hash) = self.hashes.lock().unwrap_or_else(PoisonError::into_inner).get(&known) {
            return Ok(hash.clone());
        }
        let bytes = self.aws.object(&self.archive, key).await?.map(|(bytes, _)| bytes).unwrap_or_default();
        let hash = sha256(&bytes);
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner).insert(known, hash.clone());
        Ok(hash)
    }
}
