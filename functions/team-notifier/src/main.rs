//! team-notifier: notices queued for the team become a digest; its message is claimed, posted to Slack once and
//! settled. Its mail is sent like every other mail, by mail-sender.
//!
//! Wiring only. `handler` processes a batch, the domain crate defines a digest, `slack` calls Slack.

mod handler;
mod slack;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_ssm::Client as Ssm;
use comptoir::{
    clock::SystemClock, config, mail::compose::Composer, seller::Seller, stream::StreamEvent,
    timing::MAIL_LEASE_SECONDS,
};
use comptoir_aws::{outbox::DynamoOutbox, secrets::TeamSecrets};
use comptoir_edge::telemetry;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::{handler::Notifier, slack::SlackRoom};

/// The seller file, as of the build; `SELLER_FILE` names another.
const SELLER: &str = include_str!("../../../infra/seller.toml");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let secrets = TeamSecrets::new(Ssm::new(&aws), &config::required("SECRETS_PREFIX")?);
    let notifier = Notifier {
        outbox: DynamoOutbox::new(DynamoDb::new(&aws), config::required("OUTBOX_TABLE")?).parking_as("team-notifier"),
        room: SlackRoom::new(secrets, config::optional("SLACK_API_URL")),
        composer: Composer::new()?,
        seller: Seller::load(SELLER, config::optional("SELLER_FILE").as_deref())?,
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
