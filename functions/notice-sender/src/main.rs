//! notice-sender: notices of the Notices table, a module for each channel. A notice to a member is claimed, mailed once
//! and settled; notices for the team become a digest, whose mail and Slack message are sent the same way.
//! Messages for the seller's app are sent until it takes them.
//!
//! Wiring only. `handler` processes a batch, `gather`, `mail` and `room` are its channels, `budget` keeps the mails within
//! their part of the quota, `slack` calls Slack; `told` is the lane of the app, which `app` calls.

mod app;
mod budget;
mod gather;
mod handler;
mod mail;
mod room;
mod slack;
mod told;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_ssm::Client as Ssm;
use comptoir::{
    clock::SystemClock,
    config,
    mail::compose::Composer,
    settings::cache::{CachedSettings, SETTINGS_KEPT},
    stream::StreamEvent,
    timing::MAIL_LEASE_SECONDS,
};
use comptoir_aws::{
    app_messages::DynamoAppMessages,
    mail_quota::SesQuota,
    outbox::DynamoOutbox,
    post_office::SesTransport,
    secrets::{AppSecrets, TeamSecrets},
    settings_store::DynamoSettings,
};
use comptoir_edge::telemetry;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::{app::HttpApp, budget::Budget, handler::NoticeSender, slack::SlackRoom, told::Teller};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let (ssm, prefix) = (Ssm::new(&aws), config::required("SECRETS_PREFIX")?);
    let secrets = TeamSecrets::new(ssm.clone(), &prefix);
    let (address, instead) = (config::optional("APP_WEBHOOK_URL"), config::optional("APP_LOCAL_URL"));
    let notices = config::required("NOTICES_TABLE")?;
    let dynamodb = DynamoDb::new(&aws);
    let settings = DynamoSettings::new(dynamodb.clone(), config::required("BILLING_TABLE")?);
    let sender = NoticeSender {
        app: Teller {
            messages: DynamoAppMessages::new(dynamodb.clone(), notices.clone()),
            app: HttpApp::new(AppSecrets::new(ssm, &prefix), address, instead, SystemClock),
        },
        notices: DynamoOutbox::new(dynamodb, notices).parking_as("notice-sender"),
        post_office: SesTransport::new(&aws, config::required("MAIL_CONFIGURATION_SET")?),
        budget: Budget::new(SesQuota::new(&aws)),
        room: SlackRoom::new(secrets, config::optional("SLACK_API_URL")),
        composer: Composer::new()?,
        settings: CachedSettings::new(settings, SETTINGS_KEPT),
        clock: SystemClock,
        lease: SignedDuration::from_secs(MAIL_LEASE_SECONDS.cast_signed()),
    };
    let sender = &sender;
    lambda_runtime::run(service_fn(|event: LambdaEvent<StreamEvent>| async move {
        let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
        Ok::<_, Error>(sender.handle(event.payload, &event.context.request_id, deadline).await)
    }))
    .await
}
