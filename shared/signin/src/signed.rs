//! A service of AWS without a client of its own here: one request over HTTPS, signed with Signature Version 4 (IAM User
//! Guide, "AWS Signature Version 4 for API requests") with the function's own credentials.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningInstructions, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use aws_types::SdkConfig;

use comptoir::{clock::Clock, outcome::ServiceError, timing::ATTEMPT_SECONDS};
use comptoir_aws::trusted;
use comptoir_edge::https::{HttpError, Https, Request};

/// The function is not in an AWS environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no AWS {0} in the environment; Lambda sets it, and locally `cargo local` does")]
pub struct NotOnAws(&'static str);

/// One service.
#[derive(Debug)]
pub struct SignedService<C> {
    what: &'static str,
    name: &'static str,
    region: String,
    credentials: SharedCredentialsProvider,
    https: Https,
    clock: C,
}

impl<C: Clock> SignedService<C> {
    /// The service that signatures call `name`, and errors `what`; signatures are dated by `clock`.
    ///
    /// # Errors
    /// When the environment names no region or has no credentials.
    pub fn new(config: &SdkConfig, what: &'static str, name: &'static str, clock: C) -> Result<Self, NotOnAws> {
        let region = config.region().ok_or(NotOnAws("region"))?.to_string();
        let credentials = config.credentials_provider().ok_or(NotOnAws("credentials"))?;
        let https = Https::trusting(trusted(&region));
        Ok(Self { what, name, region, credentials, https, clock })
    }

    /// Posts `body` with these headers; returns the status and the response of at most `largest` bytes.
    ///
    /// # Errors
    /// Transient: it is not signed, or there is no answer.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
        largest: usize,
    ) -> Result<(u16, Vec<u8>), ServiceError> {
        self.send("POST", (url, body), headers, largest).await
    }

    /// What lies at `url`, as [`post`](Self::post) returns it.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub async fn get(&self, url: &str, largest: usize) -> Result<(u16, Vec<u8>), ServiceError> {
        self.send("GET", (url, ""), &[], largest).await
    }

    /// What lies at `url` for everybody: without a signature.
    ///
    /// # Errors
    /// Transient: there is no answer.
    pub async fn get_public(&self, url: &str, largest: usize) -> Result<(u16, Vec<u8>), ServiceError> {
        self.ask("GET", (url, ""), &[], largest).await
    }

    async fn send(
        &self,
        method: &'static str,
        (url, body): (&str, &str),
        headers: &[(&str, &str)],
        largest: usize,
    ) -> Result<(u16, Vec<u8>), ServiceError> {
        let unsigned = |error: &dyn std::fmt::Display| {
            ServiceError::transient(self.what, format!("the request is not signed: {error}"))
        };
        let credentials = self.credentials.provide_credentials().await.map_err(|error| unsigned(&error))?;
        let signed =
            self.signature(method, (url, body), headers, &credentials.into()).map_err(|error| unsigned(&error))?;
        let mut headers = headers.to_vec();
        headers.extend(signed.headers());
        self.ask(method, (url, body), &headers, largest).await
    }

    async fn ask(
        &self,
        method: &'static str,
        (url, body): (&str, &str),
        headers: &[(&str, &str)],
        largest: usize,
    ) -> Result<(u16, Vec<u8>), ServiceError> {
        let patience = Duration::from_secs(ATTEMPT_SECONDS);
        let wanted = Request { method, url, headers, body, patience, largest };
        let unanswered = |why: HttpError| ServiceError::transient(self.what, why.to_string());
        let answer = self.https.ask(&wanted).await.map_err(unanswered)?;
        Ok((answer.status, answer.body.map_err(unanswered)?))
    }

    fn signature(
        &self,
        method: &str,
        (url, body): (&str, &str),
        headers: &[(&str, &str)],
        identity: &Identity,
    ) -> Result<SigningInstructions, Box<dyn std::error::Error>> {
        let params = v4::SigningParams::builder()
            .identity(identity)
            .region(&self.region)
            .name(self.name)
            .time(SystemTime::from(self.clock.now()))
            .settings(SigningSettings::default())
            .build()?;
        let request = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body.as_bytes()))?;
        Ok(sign(request, &params.into())?.into_parts().0)
    }
}
