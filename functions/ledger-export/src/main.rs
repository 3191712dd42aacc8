//! ledger-export: at the end of a month, its files for the accountant go into the archive. It verifies the archive, and
//! rebuilds the ledger from it.
//!
//! Wiring only. `handler` picks the month, `rebuild` reports what a rebuild found, `term` what is over its term, `buyer` what is held about one; the domain crate does the rest.

mod buyer;
mod handler;
#[cfg(test)]
mod million;
mod rebuild;
mod term;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_s3::Client as S3;
use comptoir::{clock::SystemClock, config};
use comptoir_aws::{archive::S3Archive, ledger::DynamoLedger, settings_store::DynamoSettings};
use comptoir_edge::telemetry;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::handler::{Exporter, Request};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let (dynamodb, billing) = (DynamoDb::new(&aws), config::required("BILLING_TABLE")?);
    let exporter = Exporter {
        settings: DynamoSettings::new(dynamodb.clone(), billing.clone()),
        ledger: DynamoLedger::new(dynamodb, billing, config::required("OUTBOX_TABLE")?),
        archive: S3Archive::new(S3::new(&aws), config::required("ARCHIVE_BUCKET")?),
        clock: SystemClock,
    };
    let exporter = &exporter;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Request>| async move {
        let (request, id) = (event.payload, &event.context.request_id);
        if let Some(wish) = request.rebuild {
            let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
            return Ok(serde_json::to_value(exporter.rebuild(wish, id, deadline).await?)?);
        }
        if let Some(wish) = request.about {
            let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
            return Ok(serde_json::to_value(exporter.about(wish, id, deadline).await?)?);
        }
        if let Some(wish) = request.term {
            let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
            return Ok(serde_json::to_value(exporter.end_terms(wish, id, deadline).await?)?);
        }
        Ok::<_, Error>(match request.verify {
            true => serde_json::to_value(exporter.verify(request, id).await?)?,
            false => serde_json::to_value(exporter.handle(request, id).await?)?,
        })
    }))
    .await
}
