//! team-notifier: notices queued for the team become a digest; its message is claimed, posted to Slack once and
//! settled. Its mail is sent like every other mail, by mail-sender.
//!
//! Wiring only. `handler` processes a batch, the domain crate defines a digest, `slack` calls Slack.

mod handler;
mod slack;

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
use comptoir_aws::{outbox::DynamoOutbox, secrets::TeamSecrets, settings_store::DynamoSettings};
use comptoir_edge::telemetry;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::{handler::Notifier, slack::SlackRoom};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let secrets = TeamSecrets::new(Ssm::new(&aws), &config::required("SECRETS_PREFIX")?);
    let dynamodb = DynamoDb::new(&aws);
    let notifier = Notifier {
        outbox: DynamoOutbox::new(dynamodb.clone(), config::required("OUTBOX_TABLE")?).parking_as("team-notifier"),
        room: SlackRoom::new(secrets, config::optional("SLACK_API_URL")),
        composer: Composer::new()?,
        settings: CachedSettings::new(
            DynamoSettings::new(dynamodb.clone(), config::required("BILLING_TABLE")?),
            SETTINGS_KEPT,
        ),
        clock: SystemClock,
        lease: SignedDuration::from_secs(MAIL_LEASE_SECONDS.cast_signed()),
    };
    let notifier = &notifier;
    lambda_runtime::run(service_fn(|event: LambdaEvent<StreamEvent>| async move {
        let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
        Ok::<_, Error>(notifier.handle(event.payload, &event.context.request_id, deadline).await)
    }))
    .await
}
