//! sweep: every quarter of an hour, work that a stream should have done is announced anew.
//!
//! Wiring only. `handler` sweeps table after table, the domain crate decides what is woken.

mod handler;

use aws_sdk_dynamodb::Client as DynamoDb;
use comptoir::{clock::SystemClock, config};
use comptoir_aws::{mail_quota::SesQuota, open_work::DynamoOpenWork};
use comptoir_edge::telemetry;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::handler::{Request, Sweeper};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let dynamodb = DynamoDb::new(&aws);
    let table = |name| Ok::<_, Error>(DynamoOpenWork::new(dynamodb.clone(), config::required(name)?));
    let sweeper = Sweeper {
        tables: vec![table("BILLING_TABLE")?, table("OUTBOX_TABLE")?, table("ACCESS_TABLE")?],
        notices: table("NOTICES_TABLE")?,
        quota: SesQuota::new(&aws),
        clock: SystemClock,
    };
    let sweeper = &sweeper;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Request>| async move {
        let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
        sweeper.handle(event.payload, &event.context.request_id, deadline).await.map_err(Error::from)
    }))
    .await
}
