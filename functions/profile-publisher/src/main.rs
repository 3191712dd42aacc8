//! profile-publisher: a profile changes in its table, the API's subscribers are notified.
//!
//! Wiring only. `handler` processes a batch, the domain crate decides what is published about a change.

mod handler;

use comptoir::{clock::SystemClock, config, stream::StreamEvent};
use comptoir_edge::telemetry;
use comptoir_members_aws::subscribers::AppSyncSubscribers;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::handler::Publisher;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = comptoir_aws::sdk_config()?;
    let subscribers = AppSyncSubscribers::new(&aws, config::required("PROFILE_API_URL")?, SystemClock)?;
    let publisher = Publisher { subscribers, clock: SystemClock };
    let publisher = &publisher;
    lambda_runtime::run(service_fn(|event: LambdaEvent<StreamEvent>| async move {
        let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
        Ok::<_, Error>(publisher.handle(event.payload, &event.context.request_id, deadline).await)
    }))
    .await
}
