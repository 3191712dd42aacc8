//! How every client connects to AWS: credentials and region from Lambda's environment, bounded timeouts, TLS.
//!
//! Lambda passes credentials and region in environment variables only, so no other source is searched: the SDK's
//! default credential chain links clients of four more services and prepares them at every cold start.

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

/// The only authorities trusted to sign for AWS's endpoints: parsing the hundred and fifty of a system store dominates
/// a cold start. Amazon recommends these five to anyone with a trust store of their own (amazontrust.com/repository),
/// and lists the hashes of their keys.
const AUTHORITIES: &str = include_str!("authorities.pem");

/// The configuration that every client shares, from the function's environment.
///
/// # Errors
/// When the environment is not that of a Lambda function.
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

/// Where SES answers, if not at AWS: the bundle on one machine captures mails itself.
#[cfg(feature = "ses")]
pub(crate) fn ses_endpoint() -> Option<String> {
    config::optional("AWS_ENDPOINT_URL_SESV2")
}

/// The configuration that every client shares, from any environment.
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

/// The authorities trusted to sign for AWS in this region.
pub fn trusted(region: &str) -> TlsContext {
    // China's endpoints are run by another company and signed by other authorities.
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

    /// An unreadable certificate panics here and not in production.
    #[test]
    fn the_five_authorities_can_be_read() {
        assert_eq!(AUTHORITIES.matches("-----BEGIN CERTIFICATE-----").count(), 5);
        assert_eq!(AUTHORITIES.split_inclusive("-----END CERTIFICATE-----\n").count(), 5);
        drop(Connector::builder().tls_provider(TLS).tls_context(trusted("eu-west-3")).build());
    }
}
