//! How every client reaches AWS: as whom and where, from the environment that Lambda makes; in bounded times; over TLS.
//!
//! Lambda hands credentials and region over in variables and nowhere else, so nothing else is looked for: the SDK's own
//! search links clients of four more services and prepares them at every cold start.

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::{
    Builder,
    tls::{TlsContext, TrustStore},
};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region, sdk_config};

use comptoir::{
    config::{self, InvalidVariable},
    timing::{ATTEMPT_SECONDS, CONNECT_SECONDS, OPERATION_SECONDS},
};
use comptoir_edge::https::{OTHER_AUTHORITIES, TLS};

/// The authorities that sign for AWS's endpoints, and no others: reading the hundred and fifty that a system trusts is most
/// of what a cold start does. Amazon recommends these five to whoever keeps a store of their own
/// (amazontrust.com/repository), and lists the hashes of their keys.
const AUTHORITIES: &str = include_str!("authorities.pem");

/// The configuration every client shares, from the function's environment.
///
/// # Errors
/// When the environment is not that of a function.
pub fn sdk_config() -> Result<SdkConfig, InvalidVariable> {
    let region = config::required("AWS_REGION")?;
    let credentials = Credentials::new(
        config::required("AWS_ACCESS_KEY_ID")?,
        config::required("AWS_SECRET_ACCESS_KEY")?,
        config::optional("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let mut settings = settings(&region, credentials);
    settings.set_endpoint_url(config::optional("AWS_ENDPOINT_URL"));
    Ok(settings.build())
}

/// What every client shares, wherever it takes its environment from.
pub fn settings(region: &str, credentials: Credentials) -> sdk_config::Builder {
    let https = Builder::new().tls_provider(TLS).tls_context(trusted(region)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
        .operation_attempt_timeout(Duration::from_secs(ATTEMPT_SECONDS))
        .operation_timeout(Duration::from_secs(OPERATION_SECONDS))
        .build();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(https)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
}

/// Whom we trust to sign for AWS in this region.
pub fn trusted(region: &str) -> TlsContext {
    // China's endpoints are another company's, with other authorities.
    if config::optional(OTHER_AUTHORITIES).is_some() || region.starts_with("cn-") {
        return TlsContext::default();
    }
    let certificates = AUTHORITIES.split_inclusive("-----END CERTIFICATE-----\n");
    let store = certificates.fold(TrustStore::empty(), |store, one| store.with_pem_certificate(one));
    let only = TlsContext::builder().with_trust_store(store).build();
    only.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use aws_smithy_http_client::Connector;

    use super::*;

    /// A certificate that cannot be read panics here, and not in somebody's account.
    #[test]
    fn the_five_authorities_can_be_read() {
        assert_eq!(AUTHORITIES.matches("-----BEGIN CERTIFICATE-----").count(), 5);
        assert_eq!(AUTHORITIES.split_inclusive("-----END CERTIFICATE-----\n").count(), 5);
        drop(Connector::builder().tls_provider(TLS).tls_context(trusted("eu-west-3")).build());
    }
}
