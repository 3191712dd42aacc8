//! settings: the owner looks at the settings, checks them and saves a new version.
//!
//! Wiring only. `handler` carries out a command, the domain crate decides what may be saved. A person invokes it by
//! hand; no event does.

mod handler;

use aws_sdk_dynamodb::Client as DynamoDb;
use comptoir::{clock::SystemClock, config};
use comptoir_aws::settings_store::DynamoSettings;
use comptoir_edge::telemetry;
use comptoir_plans::stored;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

use crate::handler::Desk;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let (dynamodb, table) = (DynamoDb::new(&comptoir_aws::sdk_config()?), config::required("BILLING_TABLE")?);
    let desk = Desk {
        plans: DynamoSettings::named(dynamodb.clone(), table.clone(), stored::DOCUMENT),
        store: DynamoSettings::new(dynamodb, table),
        clock: SystemClock,
    };
    let desk = &desk;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        desk.handle(event.payload, &event.context.request_id).await.map_err(Error::from)
    }))
    .await
}
