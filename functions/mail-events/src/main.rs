//! mail-events: SES reports a delivery event, the outbox records it.
//!
//! Wiring only. `handler` processes an event, the domain crate decides what it may change.

mod handler;

use aws_sdk_dynamodb::Client as DynamoDb;
use comptoir::{clock::SystemClock, config};
use comptoir_aws::outbox::DynamoOutbox;
use comptoir_edge::telemetry;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::handler::MailEventsHandler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let keeper = MailEventsHandler {
        deliveries: DynamoOutbox::new(DynamoDb::new(&aws), config::required("OUTBOX_TABLE")?),
        configuration_set: config::required("MAIL_CONFIGURATION_SET")?,
        clock: SystemClock,
    };
    let keeper = &keeper;
    lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| async move {
        keeper.handle(event.payload, &event.context.request_id).await.map(drop).map_err(Error::from)
    }))
    .await
}
