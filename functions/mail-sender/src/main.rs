//! mail-sender: a mail queued in the outbox is claimed, sent once and settled.
//!
//! Wiring only. `handler` processes a batch, the domain crate decides the steps of a mail.

mod handler;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_s3::Client as S3;
use comptoir::{clock::SystemClock, config, mail::compose::Composer, stream::StreamEvent, timing::MAIL_LEASE_SECONDS};
use comptoir_aws::{archive::S3Archive, outbox::DynamoOutbox, post_office::SesTransport};
use comptoir_edge::telemetry;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::handler::Sender;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let sender = Sender {
        outbox: DynamoOutbox::new(DynamoDb::new(&aws), config::required("OUTBOX_TABLE")?),
        archive: S3Archive::new(S3::new(&aws), config::required("ARCHIVE_BUCKET")?),
        post_office: SesTransport::new(&aws, config::required("MAIL_CONFIGURATION_SET")?),
        composer: Composer::of_documents()?,
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
