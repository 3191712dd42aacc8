//! access-worker: a subscription that an event woke is fetched from Stripe, and what it gives is written; an unpaid invoice is
//! tried with its customer's other methods.
//!
//! Wiring only. `handler` processes a batch, the domain crate decides what a subscription gives.

mod handler;

use std::time::Duration;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_ssm::Client as Ssm;
use comptoir::{
    clock::SystemClock,
    config,
    settings::cache::{Cached, CachedSettings, SETTINGS_KEPT},
    stream::StreamEvent,
    timing::STRIPE_PATIENT_SECONDS,
};
use comptoir_aws::{secrets::StripeKey, settings_store::DynamoSettings};
use comptoir_edge::{https::Https, telemetry};
use comptoir_plans::stored;
use comptoir_plans_adapters::{billing::StripeBilling, recoveries::DynamoRecoveries, table::DynamoAccess};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::handler::Worker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let (dynamodb, prefix) = (DynamoDb::new(&aws), config::required("SECRETS_PREFIX")?);
    let billing_table = config::required("BILLING_TABLE")?;
    let plans = DynamoSettings::named(dynamodb.clone(), billing_table.clone(), stored::DOCUMENT);
    let settings = DynamoSettings::new(dynamodb.clone(), billing_table);
    let (table, notices) = (config::required("ACCESS_TABLE")?, config::required("NOTICES_TABLE")?);
    let access = DynamoAccess::new(dynamodb, table);
    let access = access.telling(config::optional("APP_MESSAGES_TABLE"));
    let stripe_url = config::optional("STRIPE_API_URL");
    let worker = Worker {
        store: access.clone(),
        recoveries: DynamoRecoveries::new(access, notices),
        public_url: config::required("PUBLIC_URL")?,
        local_host: stripe_url.as_deref().and_then(host_of),
        billing: StripeBilling {
            key: StripeKey::new(Ssm::new(&aws), &prefix),
            https: Https::default(),
            url: stripe_url,
            patience: Duration::from_secs(STRIPE_PATIENT_SECONDS),
            stack: config::required("STACK")?,
        },
        plans: Cached::new(plans, SETTINGS_KEPT),
        settings: CachedSettings::new(settings, SETTINGS_KEPT),
        clock: SystemClock,
    };
    let worker = &worker;
    lambda_runtime::run(service_fn(|event: LambdaEvent<StreamEvent>| async move {
        let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
        Ok::<_, Error>(Box::pin(worker.handle(event.payload, &event.context.request_id, deadline)).await)
    }))
    .await
}

/// The host of an address.
fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    rest.split(['/', ':']).next().map(str::to_owned)
}
