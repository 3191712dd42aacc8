//! Subscribers of the profile API, reached through AppSync: its mutation `publishProfileChange` notifies them.
//!
//! AppSync's data plane has no client in the SDK. One request over HTTPS, signed with Signature Version 4 (IAM User
//! Guide, "AWS Signature Version 4 for API requests") with the function's own credentials. It is not retried here: the
//! stream delivers the change again.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningInstructions, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use aws_types::SdkConfig;
use serde::Deserialize;
use serde_json::json;

use comptoir::{clock::Clock, outcome::ServiceError, timing::ATTEMPT_SECONDS};
use comptoir_aws::trusted;
use comptoir_edge::https::{HttpError, Https, Request};
use comptoir_members::profile::publish::{Announcement, Subscribers};

const WHAT: &str = "the profile API";

/// Requests every field: subscribers get the mutation's response, and are filtered by it.
const MUTATION: &str = "mutation Publish($change: ProfileChangeInput!) { publishProfileChange(change: $change) { id version fields forTeam } }";

/// Largest response in bytes: it repeats the request.
const LARGEST: usize = 64 * 1024;

/// The API at one address.
#[derive(Debug)]
pub struct AppSyncSubscribers<C> {
    url: String,
    region: String,
    credentials: SharedCredentialsProvider,
    https: Https,
    clock: C,
}

/// The function is not in an AWS environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no AWS {0} in the environment; Lambda sets it, and locally `cargo local` does")]
pub struct NotOnAws(&'static str);

impl<C: Clock> AppSyncSubscribers<C> {
    /// The API at `url`, `https://<id>.appsync-api.<region>.amazonaws.com/graphql`; signatures are dated by `clock`.
    ///
    /// # Errors
    /// When the environment names no region or has no credentials.
    pub fn new(config: &SdkConfig, url: String, clock: C) -> Result<Self, NotOnAws> {
        let region = config.region().ok_or(NotOnAws("region"))?.to_string();
        let credentials = config.credentials_provider().ok_or(NotOnAws("credentials"))?;
        let https = Https::trusting(trusted(&region));
        Ok(Self { url, region, credentials, https, clock })
    }

    /// The headers that authenticate the caller.
    async fn signed(&self, body: &str) -> Result<Vec<(String, String)>, ServiceError> {
        let unsigned = |error: &dyn std::fmt::Display| {
            ServiceError::transient(WHAT, format!("the request is not signed: {error}"))
        };
        let credentials = self.credentials.provide_credentials().await.map_err(|error| unsigned(&error))?;
        let signed = self.signature(body, &credentials.into()).map_err(|error| unsigned(&error))?;
        Ok(signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn signature(&self, body: &str, identity: &Identity) -> Result<SigningInstructions, Box<dyn std::error::Error>> {
        let params = v4::SigningParams::builder()
            .identity(identity)
            .region(&self.region)
            .name("appsync")
            .time(SystemTime::from(self.clock.now()))
            .settings(SigningSettings::default())
            .build()?;
        let headers = [("content-type", "application/json")].into_iter();
        let request = SignableRequest::new("POST", self.url.as_str(), headers, SignableBody::Bytes(body.as_bytes()))?;
        Ok(sign(request, &params.into())?.into_parts().0)
    }
}

impl<C: Clock> Subscribers for AppSyncSubscribers<C> {
    async fn tell(&self, announcement: &Announcement) -> Result<(), ServiceError> {
        let body = json!({ "query": MUTATION, "variables": { "change": announcement } }).to_string();
        let signed = self.signed(&body).await?;
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(signed.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let wanted = Request {
            method: "POST",
            url: &self.url,
            headers: &headers,
            body: &body,
            patience: Duration::from_secs(ATTEMPT_SECONDS),
            largest: LARGEST,
        };
        let unanswered = |why: HttpError| ServiceError::transient(WHAT, why.to_string());
        let answer = self.https.ask(&wanted).await.map_err(unanswered)?;
        verdict(answer.status, &answer.body.map_err(unanswered)?)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    errors: Option<Vec<AnswerError>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AnswerError {
    error_type: Option<String>,
}

/// Classifies a response. Every rejection is about AppSync's own state or the role, never about one change, whose
/// values the schema accepts. So all are retried until the stream's age limit, after which the record is in the
/// on-failure queue; given up at once, the change would be lost, because it cannot be parked. A lost response or a 5xx
/// is retried too: to subscribers a change published twice is one change.
fn verdict(status: u16, body: &[u8]) -> Result<(), ServiceError> {
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    let errors = answer.as_ref().and_then(|answer| answer.errors.as_deref()).unwrap_or_default();
    match (status, &answer, errors) {
        (200, Some(_), []) => Ok(()),
        (200, None, _) => Err(ServiceError::transient(WHAT, "it answers something else than JSON")),
        _ => {
            // AppSync's own error type, and nothing of the request.
            let word = errors.first().and_then(|error| error.error_type.as_deref()).unwrap_or("no reason given");
            let word: String =
                word.chars().filter(|c| c.is_ascii_alphanumeric() || " :".contains(*c)).take(80).collect();
            let fix = match status {
                401 | 403 => {
                    "; the function's role may lack appsync:GraphQL on publishProfileChange: deploy the stack again"
                }
                _ => "",
            };
            Err(ServiceError::transient(WHAT, format!("{status}, {word}{fix}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_errors_is_one_that_was_told() {
        assert_eq!(verdict(200, br#"{"data":{"publishProfileChange":{"id":"p1"}}}"#), Ok(()));
        assert_eq!(verdict(200, br#"{"data":{},"errors":null}"#), Ok(()));
        for (status, body, word) in [
            (200, r#"{"data":null,"errors":[{"errorType":"Unauthorized","message":"p1"}]}"#, "Unauthorized"),
            (403, r#"{"errors":[{"errorType":"AccessDeniedException"}]}"#, "deploy the stack again"),
            (500, "", "500, no reason given"),
            (429, r#"{"errors":[]}"#, "429"),
            (200, "<html>", "else than JSON"),
            (200, r#"{"errors":[{}]}"#, "no reason given"),
        ] {
            let told = verdict(status, body.as_bytes()).unwrap_err().to_string();
            assert!(told.contains(word) && !told.contains("p1"), "{told}");
        }
    }
}
