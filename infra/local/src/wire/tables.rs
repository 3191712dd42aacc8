//! Keys and indexes of the tables: described once each.

use std::collections::HashMap;

use serde_json::json;
use tokio::sync::Mutex;

use super::units::Table;
use crate::aws::Aws;

/// The tables described so far.
#[derive(Debug)]
pub(super) struct Tables {
    aws: Aws,
    known: Mutex<HashMap<String, Table>>,
}

impl Tables {
    pub(super) fn new(aws: Aws) -> Self {
        Self { aws, known: Mutex::default() }
    }

    /// Keys and indexes of a table.
    ///
    /// # Errors
    /// When there is no such table, or the stand-in does not answer.
    pub(super) async fn named(&self, name: &str) -> anyhow::Result<Table> {
        let mut known = self.known.lock().await;
        if let Some(table) = known.get(name) {
            return Ok(table.clone());
        }
        let table = Table::of(&self.aws.dynamodb("DescribeTable", &json!({"TableName": name})).await?);
        known.insert(name.to_owned(), table.clone());
        Ok(table)
    }
}
