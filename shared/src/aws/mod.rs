//! The capabilities on AWS. AWS types stop here: what leaves this module speaks the words of the business.
//!
//! One file per capability, or one folder; `item` holds how our items are written in DynamoDB. Names of tables and buckets come in from
//! `config`.

#[cfg(feature = "s3")]
pub mod archive;
#[cfg(feature = "dynamodb")]
mod delivery;
#[cfg(all(feature = "dynamodb", feature = "profiles"))]
pub mod directory;
#[cfg(all(feature = "s3", feature = "profiles"))]
pub mod files;
#[cfg(feature = "dynamodb")]
mod item;
#[cfg(feature = "dynamodb")]
pub mod ledger;
#[cfg(feature = "dynamodb")]
pub mod outbox;
#[cfg(feature = "dynamodb")]
pub mod payments;
#[cfg(feature = "ses")]
pub mod post_office;
#[cfg(feature = "dynamodb")]
pub mod register;
#[cfg(feature = "ssm")]
pub mod secrets;
#[cfg(feature = "dynamodb")]
mod team;

use std::time::Duration;

use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use crate::timing::{ATTEMPT_SECONDS, CONNECT_SECONDS, OPERATION_SECONDS};

/// The configuration every client shares: credentials and region from the function's environment, bounded times, and TLS
/// on ring, which unlike aws-lc collects no jitter entropy at a cold start.
pub async fn sdk_config() -> SdkConfig {
    settings().load().await
}

/// What every client shares whatever its environment.
pub fn settings() -> ConfigLoader {
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
        .operation_attempt_timeout(Duration::from_secs(ATTEMPT_SECONDS))
        .operation_timeout(Duration::from_secs(OPERATION_SECONDS))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(https)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
}
