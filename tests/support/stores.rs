//! The real stores, built from a bundle's tables and bucket, for tests without a function around them.

use std::sync::Arc;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::{Client as DynamoDb, config::Credentials};
use aws_sdk_s3::Client as S3;
use comptoir::settings::cache::{CachedSettings, SETTINGS_KEPT};
use comptoir_aws::{
    app_messages::DynamoAppMessages, archive::S3Archive, ledger::DynamoLedger, outbox::DynamoOutbox,
    payments::DynamoPayments, settings_store::DynamoSettings,
};
use comptoir_members_aws::{directory::DynamoDirectory, files::S3Files};
use comptoir_plans_adapters::table::DynamoAccess;

use crate::Shop;

/// The caller's name on the wire.
pub const CALLER: &str = "stores";

/// The stores on AWS.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Payments and refunds.
    pub payments: DynamoPayments,
    /// Invoices and counters.
    pub ledger: DynamoLedger,
    /// Mails with documents.
    pub outbox: DynamoOutbox,
    /// Notices.
    pub notices: DynamoOutbox,
    /// What the seller's app is told.
    pub told: DynamoAppMessages,
    /// Documents.
    pub archive: S3Archive,
    /// The owner's settings.
    pub settings: DynamoSettings,
    /// Who has what.
    pub access: DynamoAccess,
    /// Profiles of members.
    pub directory: DynamoDirectory,
    /// Their files.
    pub files: S3Files,
}

impl Stores {
    /// The stores of a shop that has a wire, with the same settings as in a function; the wire sees them as [`CALLER`].
    ///
    /// # Errors
    /// When the shop has no wire, or its stack lacks something.
    pub async fn of(shop: &Shop) -> Result<Self> {
        let wire = shop.bundle.wire().context("the shop has no wire")?;
        let credentials = Credentials::new(&shop.bundle.aws().key, "test", None, None, "test");
        let aws = comptoir_aws::settings(comptoir_local::aws::REGION, credentials);
        let aws = aws.endpoint_url(wire.address(CALLER, "aws")).build();
        let stack = format!("comptoir-{}", shop.bundle.endpoints.stage);
        let resources = shop.bundle.aws().resources(&stack).await?;
        let physical =
            |logical: &str| resources.get(logical).cloned().with_context(|| format!("the stack has no {logical}"));
        let (billing, outbox, bucket) =
            (physical("BillingTable")?, physical("OutboxTable")?, physical("ArchiveBucket")?);
        let (profiles, files) = (physical("ProfilesTable")?, physical("ProfileFilesBucket")?);
        let notices = physical("NoticesTable")?;
        let (dynamodb, s3) = (DynamoDb::new(&aws), S3::new(&aws));
        let settings = DynamoSettings::new(dynamodb.clone(), billing.clone());
        let cached = Arc::new(CachedSettings::new(settings.clone(), SETTINGS_KEPT));
        Ok(Self {
            payments: DynamoPayments::new(dynamodb.clone(), billing.clone()),
            ledger: DynamoLedger::new(dynamodb.clone(), billing, outbox.clone()).telling(Some(notices.clone())),
            outbox: DynamoOutbox::new(dynamodb.clone(), outbox),
            notices: DynamoOutbox::new(dynamodb.clone(), notices.clone()),
            told: DynamoAppMessages::new(dynamodb.clone(), notices.clone()),
            archive: S3Archive::new(s3.clone(), bucket),
            settings,
            access: DynamoAccess::new(dynamodb.clone(), physical("AccessTable")?).telling(Some(notices.clone())),
            directory: DynamoDirectory::new(dynamodb, profiles, notices, cached),
            files: S3Files::new(s3, files),
        })
    }
}
