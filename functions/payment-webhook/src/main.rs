//! payment-webhook: Stripe sends an event, a verified sale is recorded, the response is 200. What Stripe could not be asked
//! about in time is completed every minute.
//!
//! Wiring only. `handler` decides the response, `completer` works outside of requests, the domain crate interprets events.

mod completer;
mod gate;
mod handler;
mod http;
mod reconciler;
mod stripe_api;
mod stripe_client;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_ssm::Client as Ssm;
use comptoir::{clock::SystemClock, config, seller::Seller, stripe::budget::ReadLimits};
use comptoir_aws::{open_work::DynamoOpenWork, payments::DynamoPayments, secrets::SecretStore};
use comptoir_edge::{https::Https, telemetry};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::{gate::Asking, handler::Webhook, http::Request};

/// The seller file, as of the build; `SELLER_FILE` names another.
const SELLER: &str = include_str!("../../../infra/seller.toml");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let secrets = SecretStore::new(Ssm::new(&aws), &config::required("SECRETS_PREFIX")?);
    // Read while init runs at full speed; if it fails, the first request tries again and says why.
    drop(secrets.current().await);
    let (dynamodb, billing) = (DynamoDb::new(&aws), config::required("BILLING_TABLE")?);
    let (per_second, burst) = (config::number("STRIPE_READS_A_SECOND")?, config::number("STRIPE_READS_AT_ONCE")?);
    let webhook = Webhook {
        payments: DynamoPayments::new(dynamodb.clone(), billing.clone()),
        open_work: DynamoOpenWork::new(dynamodb, billing),
        asking: Asking::new(ReadLimits { per_second, burst }),
        secrets,
        seller: Seller::load(SELLER, config::optional("SELLER_FILE").as_deref())?,
        clock: SystemClock,
        livemode: config::either("STRIPE_MODE", "live", "test")?,
        stripe_url: config::optional("STRIPE_API_URL"),
        https: Https::default(),
    };
    let webhook = &webhook;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Request>| async move {
        let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
        webhook.handle(event.payload, &event.context.request_id, deadline).await.map_err(Error::from)
    }))
    .await
}
