//! profile-mutation-validator: every operation on member profiles, from AppSync; the blank profile of a new user, from
//! Cognito; and the erasure of deleted profiles' remaining data, on a schedule.
//!
//! Wiring only. `event` identifies an event, `handler` processes it, the domain crate decides what it may change.

mod event;
mod handler;
mod pictures;
mod programs;

use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_s3::Client as S3;
use comptoir::{
    clock::SystemClock,
    config,
    settings::cache::{CachedSettings, SETTINGS_KEPT},
};
use comptoir_aws::settings_store::DynamoSettings;
use comptoir_edge::{random::random_name, telemetry};
use comptoir_members::profile::{ProfileId, directory::Directory, phone};
use comptoir_members_aws::{accounts::CognitoAccounts, directory::DynamoDirectory, files::S3Files};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::{handler::Reception, pictures::Pictures};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let tables = (config::required("PROFILES_TABLE")?, config::required("NOTICES_TABLE")?);
    let dynamodb = DynamoDb::new(&aws);
    let settings = DynamoSettings::new(dynamodb.clone(), config::required("BILLING_TABLE")?);
    let settings = Arc::new(CachedSettings::new(settings, SETTINGS_KEPT));
    let reception = Reception {
        directory: DynamoDirectory::new(dynamodb, tables.0, tables.1, settings)
            .telling(config::optional("APP_MESSAGES_TABLE")),
        accounts: CognitoAccounts::new(&aws, SystemClock)?,
        files: S3Files::new(S3::new(&aws), config::required("FILES_BUCKET")?),
        prepare: Pictures,
        programs: programs::read(&config::optional("PROGRAMS").unwrap_or_default())?,
        clock: SystemClock,
        random: random_name,
    };
    // Done while init runs at full speed: the phone number tables, and the connection to the directory.
    phone::warm();
    if let Err(error) = reception.directory.by_id(&ProfileId("nobody".to_owned())).await {
        tracing::warn!("the first request opens the connection: {error}");
    }
    let reception = &reception;
    lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| async move {
        // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
        let (request_id, function) = (&event.context.request_id, &event.context.invoked_function_arn);
        Box::pin(reception.handle(event.payload, request_id, function)).await.map_err(Error::from)
    }))
    .await
}
