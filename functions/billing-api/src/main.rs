//! billing-api: the seller's site and app open Checkout pages and portals, ask what somebody has, and use tokens.
//!
//! Wiring only. `caller` knows who asks, `handler` maps requests to the domain's questions and answers.

mod caller;
mod handler;

use std::time::Duration;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_ssm::Client as Ssm;
use aws_types::SdkConfig;
use comptoir::{
    clock::{MachineClock, SystemClock},
    config,
    settings::cache::{Cached, SETTINGS_KEPT},
    timing::STRIPE_PATIENT_SECONDS,
};
use comptoir_aws::{
    secrets::{SiteKeys, StripeKey},
    settings_store::DynamoSettings,
};
use comptoir_edge::{door::Request, https::Https, telemetry};
use comptoir_plans::stored;
use comptoir_plans_adapters::{billing::StripeBilling, table::DynamoAccess};
use comptoir_signin::{
    accounts::MembersPool,
    claims,
    cognito::Cognito,
    token::{PoolKeys, Tokens},
};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::{caller::Pool, handler::Api};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let (dynamodb, ssm, prefix) = (DynamoDb::new(&aws), Ssm::new(&aws), config::required("SECRETS_PREFIX")?);
    let plans = DynamoSettings::named(dynamodb.clone(), config::required("BILLING_TABLE")?, stored::DOCUMENT);
    let api = Api {
        store: DynamoAccess::new(dynamodb, config::required("ACCESS_TABLE")?)
            .telling(config::optional("APP_MESSAGES_TABLE")),
        billing: StripeBilling {
            key: StripeKey::new(ssm.clone(), &prefix),
            https: Https::default(),
            url: config::optional("STRIPE_API_URL"),
            patience: Duration::from_secs(STRIPE_PATIENT_SECONDS),
            stack: config::required("STACK")?,
        },
        keys: SiteKeys::new(ssm, &prefix),
        members: members(&aws)?,
        plans: Cached::new(plans, SETTINGS_KEPT),
        clock: SystemClock,
        development: config::either("STAGE", "dev", "prod")?,
    };
    let api = &api;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Request>| async move {
        // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
        Ok::<_, Error>(Box::pin(api.handle(event.payload, &event.context.request_id)).await)
    }))
    .await
}

/// The members of the stack's pool.
fn members(aws: &SdkConfig) -> Result<Pool, Error> {
    let (pool, client) = (config::required("MEMBERS_POOL")?, config::required("MEMBERS_CLIENT")?);
    let cognito = || Cognito::new(aws, MachineClock);
    let issuer = cognito()?.issuer(&pool);
    Ok(Pool {
        tokens: Tokens::new(claims::Pool { issuer, client }, PoolKeys { cognito: cognito()?, pool: pool.clone() }),
        accounts: MembersPool { cognito: cognito()?, pool },
    })
}
