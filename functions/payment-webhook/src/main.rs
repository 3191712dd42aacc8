//! payment-webhook: Stripe sends an event, a verified sale is recorded, the response is 200. What Stripe could not be asked
//! about in time is completed every minute. Stripe's events may come over EventBridge too.
//!
//! Wiring only. `handler` decides the response, `completer` works outside of requests, the domain crate interprets events.

mod access;
mod bus;
mod completer;
mod gate;
mod handler;
mod http;
mod reconciler;
mod stripe_api;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_ssm::Client as Ssm;
use comptoir::{clock::SystemClock, config, settings::cache::CachedSettings, stripe::budget::ReadLimits};
use comptoir_aws::{
    open_work::DynamoOpenWork, payments::DynamoPayments, secrets::SecretStore, settings_store::DynamoSettings,
};
use comptoir_edge::{https::Https, telemetry};
use comptoir_plans::stored::{self, CachedCatalogue};
use comptoir_plans_adapters::wakes::DynamoWakes;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::{
    access::Access,
    gate::Asking,
    handler::{Called, Webhook},
    http::Request,
};

/// How long the settings are kept: a change of what decides about tax applies from the next day at the earliest.
const KEPT: SignedDuration = SignedDuration::from_mins(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let secrets = SecretStore::new(Ssm::new(&aws), &config::required("SECRETS_PREFIX")?);
    // Read while init runs at full speed; if it fails, the first request tries again and says why.
    drop(secrets.current().await);
    let (dynamodb, billing) = (DynamoDb::new(&aws), config::required("BILLING_TABLE")?);
    let (per_second, burst) = (config::number("STRIPE_READS_A_SECOND")?, config::number("STRIPE_READS_AT_ONCE")?);
    let plans = DynamoSettings::named(dynamodb.clone(), billing.clone(), stored::DOCUMENT);
    let wakes = DynamoWakes::new(dynamodb.clone(), config::required("ACCESS_TABLE")?);
    let webhook = Webhook {
        settings: CachedSettings::new(DynamoSettings::new(dynamodb.clone(), billing.clone()), KEPT),
        access: Access { wakes, plans: CachedCatalogue::new(plans, KEPT) },
        payments: DynamoPayments::new(dynamodb.clone(), billing.clone()),
        open_work: DynamoOpenWork::new(dynamodb, billing),
        asking: Asking::new(ReadLimits { per_second, burst }),
        secrets,
        clock: SystemClock,
        livemode: config::either("STRIPE_MODE", "live", "test")?,
        event_source: config::optional("STRIPE_EVENT_SOURCE"),
        stripe_url: config::optional("STRIPE_API_URL"),
        https: Https::default(),
    };
    let webhook = &webhook;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Request>| async move {
        let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
        let called = Called { id: &event.context.request_id, arn: &event.context.invoked_function_arn, deadline };
        webhook.handle(event.payload, called).await.map_err(Error::from)
    }))
    .await
}
