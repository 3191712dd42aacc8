//! The register of issued documents, read from the Billing table.

use aws_sdk_dynamodb::Client;

use super::{
    item::{ours, parsed, text, trouble, unreadable},
    parts::Parts,
};
use comptoir::{
    accounting::{Month, Register},
    invoice::Invoice,
    outcome::ServiceError,
};

const WHAT: &str = "the register";

/// The invoices in the Billing table.
#[derive(Debug, Clone)]
pub struct DynamoRegister {
    client: Client,
    billing: String,
}

impl DynamoRegister {
    /// The register in this table.
    pub fn new(client: Client, billing: String) -> Self {
        Self { client, billing }
    }
}

impl Register for DynamoRegister {
    // A scan of the whole table, because it runs once a month in the background: a hundred thousand items of 4 KB cost
    // 0.0125 USD (us-east-1, on demand). An index by date would be paid for with every invoice and stored twice, to be
    // read twelve times a year.
    async fn issued_in(&self, month: Month) -> Result<Vec<Invoice>, ServiceError> {
        let mut pages = self
            .client
            .scan()
            .table_name(&self.billing)
            .filter_expression("kind = :invoice AND begins_with(issued_on, :month)")
            .projection_expression("#data, data_sha256, data_parts, v, needs")
            .expression_attribute_names("#data", "data")
            .expression_attribute_values(":invoice", text("INVOICE"))
            .expression_attribute_values(":month", text(month.to_string()))
            // An invoice of the month's last minute must not be missing from the export.
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let parts = Parts { client: &self.client, table: &self.billing, what: WHAT };
        let mut invoices = Vec::new();
        while let Some(item) = pages.next().await {
            let item = ours(item.map_err(|error| trouble(WHAT, &error))?, WHAT)?;
            let value = parts.read(&item, "data").await?;
            invoices.push(parsed(
                &value.ok_or_else(|| unreadable(&item, WHAT, "an invoice has no data"))?,
                &item,
                WHAT,
            )?);
        }
        Ok(invoices)
    }
}
