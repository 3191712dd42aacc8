//! mail-events: SES reports a delivery event, the outbox records it.
//!
//! Wiring only. `handler` processes an event, the domain crate decides what it may change.

mod handler;

use aws_sdk_dynamodb::Client as DynamoDb;
use comptoir::{clock::SystemClock, config};
use comptoir_aws::{delivery::DynamoDeliveries, outbox::DynamoOutbox};
use comptoir_edge::telemetry;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::handler::MailEventsHandler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let dynamodb = DynamoDb::new(&aws);
    let table = |name| Ok::<_, Error>(DynamoOutbox::new(dynamodb.clone(), config::required(name)?));
    let keeper = MailEventsHandler {
        deliveries: DynamoDeliveries { outbox: table("OUTBOX_TABLE")?, notices: table("NOTICES_TABLE")? },
        configuration_set: config::required("MAIL_CONFIGURATION_SET")?,
        clock: SystemClock,
    };
    let keeper = &keeper;
    lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| async move {
        keeper.handle(event.payload, &event.context.request_id).await.map(drop).map_err(Error::from)
    }))
    .await
}
