//! access-worker: a subscription that an event woke is fetched from Stripe, and what it gives is written; an unpaid invoice is
//! tried with its customer's other methods; who pays and is no member is invited.
//!
//! Wiring only. `handler` processes a batch and `joins` its invitations, `house` knows the members; the domain crate decides what a subscription gives.

mod handler;
mod house;
mod joins;

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_ssm::Client as Ssm;
use aws_types::SdkConfig;
use comptoir::{
    clock::{MachineClock, SystemClock},
    config,
    settings::cache::{Cached, CachedSettings, SETTINGS_KEPT},
    stream::StreamEvent,
    timing::STRIPE_PATIENT_SECONDS,
};
use comptoir_aws::{secrets::StripeKey, settings_store::DynamoSettings};
use comptoir_edge::{https::Https, telemetry};
use comptoir_members_aws::directory::DynamoDirectory;
use comptoir_plans::stored;
use comptoir_plans_adapters::{billing::StripeBilling, recoveries::DynamoRecoveries, table::DynamoAccess};
use comptoir_signin::{accounts::MembersPool, cognito::Cognito};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::{handler::Worker, house::Members};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let (dynamodb, prefix) = (DynamoDb::new(&aws), config::required("SECRETS_PREFIX")?);
    let billing_table = config::required("BILLING_TABLE")?;
    let plans = DynamoSettings::named(dynamodb.clone(), billing_table.clone(), stored::DOCUMENT);
    let settings = DynamoSettings::new(dynamodb.clone(), billing_table);
    let house = house(&aws, &dynamodb, &settings)?;
    let (table, notices) = (config::required("ACCESS_TABLE")?, config::required("NOTICES_TABLE")?);
    let access = DynamoAccess::new(dynamodb, table);
    let access = access.telling(config::optional("APP_MESSAGES_TABLE"));
    let stripe_url = config::optional("STRIPE_API_URL");
    let worker = Worker {
        store: access.clone(),
        house,
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

/// The members of the stack's pool.
fn house(aws: &SdkConfig, dynamodb: &DynamoDb, settings: &DynamoSettings) -> Result<Members, Error> {
    let settings = Arc::new(CachedSettings::new(settings.clone(), SETTINGS_KEPT));
    let (profiles, notices) = (config::required("PROFILES_TABLE")?, config::required("NOTICES_TABLE")?);
    let (cognito, pool) = (Cognito::new(aws, MachineClock)?, config::required("MEMBERS_POOL")?);
    Ok(Members {
        accounts: MembersPool { cognito, pool },
        directory: DynamoDirectory::new(dynamodb.clone(), profiles, notices, settings)
            .telling(config::optional("APP_MESSAGES_TABLE")),
    })
}

/// The host of an address.
fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    rest.split(['/', ':']).next().map(str::to_owned)
}
