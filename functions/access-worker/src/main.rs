//! access-worker: a subscription that an event woke is fetched from Stripe, and what it gives is written.
//!
//! Wiring only. `handler` processes a batch, the domain crate decides what a subscription gives.

mod handler;

use std::time::Duration;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_ssm::Client as Ssm;
use comptoir::{
    clock::SystemClock,
    config,
    settings::cache::{Cached, SETTINGS_KEPT},
    stream::StreamEvent,
    timing::STRIPE_PATIENT_SECONDS,
};
use comptoir_aws::{secrets::StripeKey, settings_store::DynamoSettings};
use comptoir_edge::{https::Https, telemetry};
use comptoir_plans::stored;
use comptoir_plans_adapters::{billing::StripeBilling, table::DynamoAccess};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::handler::Worker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let (dynamodb, prefix) = (DynamoDb::new(&aws), config::required("SECRETS_PREFIX")?);
    let plans = DynamoSettings::named(dynamodb.clone(), config::required("BILLING_TABLE")?, stored::DOCUMENT);
    let worker = Worker {
        store: DynamoAccess::new(dynamodb, config::required("ACCESS_TABLE")?),
        billing: StripeBilling {
            key: StripeKey::new(Ssm::new(&aws), &prefix),
            https: Https::default(),
            url: config::optional("STRIPE_API_URL"),
            patience: Duration::from_secs(STRIPE_PATIENT_SECONDS),
            stack: config::required("STACK")?,
        },
        plans: Cached::new(plans, SETTINGS_KEPT),
        clock: SystemClock,
    };
    let worker = &worker;
    lambda_runtime::run(service_fn(|event: LambdaEvent<StreamEvent>| async move {
        let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
        Ok::<_, Error>(Box::pin(worker.handle(event.payload, &event.context.request_id, deadline)).await)
    }))
    .await
}
