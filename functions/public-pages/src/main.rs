//! public-pages: pages for everybody, without an account: a contract is ended, or withdrawn from.
//!
//! Wiring only. `handler` maps requests to declarations and declarations to pages.

mod handler;
mod page;

use aws_sdk_dynamodb::Client as DynamoDb;
use comptoir::{
    clock::SystemClock,
    config,
    settings::cache::{CachedSettings, SETTINGS_KEPT},
};
use comptoir_aws::settings_store::DynamoSettings;
use comptoir_edge::{door::Request, random::random_name, telemetry};
use comptoir_plans_adapters::{recoveries::DynamoRecoveries, table::DynamoAccess};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::{handler::Desk, page::Pages};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let dynamodb = DynamoDb::new(&aws);
    let access = DynamoAccess::new(dynamodb.clone(), config::required("ACCESS_TABLE")?);
    let desk = Desk {
        declarations: DynamoRecoveries::without_mails(access),
        settings: CachedSettings::new(DynamoSettings::new(dynamodb, config::required("BILLING_TABLE")?), SETTINGS_KEPT),
        pages: Pages::new()?,
        clock: SystemClock,
        secret: random_name,
    };
    let desk = &desk;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Request>| async move {
        // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
        Ok::<_, Error>(Box::pin(desk.handle(event.payload, &event.context.request_id)).await)
    }))
    .await
}
