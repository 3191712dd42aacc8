//! settings: the owner looks at the settings, checks them and saves a new version.
//!
//! Wiring only. `handler` carries out a command, the domain crate decides what may be saved. A person invokes it by
//! hand; no event does.

mod handler;

use aws_sdk_dynamodb::Client as DynamoDb;
use comptoir::{clock::SystemClock, config};
use comptoir_aws::settings_store::DynamoSettings;
use comptoir_edge::telemetry;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

use crate::handler::Desk;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let dynamodb = DynamoDb::new(&comptoir_aws::sdk_config()?);
    let desk = Desk { store: DynamoSettings::new(dynamodb, config::required("BILLING_TABLE")?), clock: SystemClock };
    let desk = &desk;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        desk.handle(event.payload, &event.context.request_id).await.map_err(Error::from)
    }))
    .await
}
