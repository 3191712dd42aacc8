//! Subscribers of the profile API, reached through AppSync: its mutation `publishProfileChange` notifies them.
//!
//! AppSync's data plane has no client in the SDK. A request is not retried here: the stream delivers the change again.

use aws_types::SdkConfig;
use serde::Deserialize;
use serde_json::json;

use comptoir::{clock::Clock, outcome::ServiceError};
use comptoir_members::profile::publish::{Announcement, Subscribers};
use comptoir_signin::signed::{NotOnAws, SignedService};

const WHAT: &str = "the profile API";

/// Requests every field: subscribers get the mutation's response, and are filtered by it.
const MUTATION: &str = "mutation Publish($change: ProfileChangeInput!) { publishProfileChange(change: $change) { id version fields forTeam } }";

/// Largest response in bytes: it repeats the request.
const LARGEST: usize = 64 * 1024;

/// The API at one address.
#[derive(Debug)]
pub struct AppSyncSubscribers<C> {
    url: String,
    service: SignedService<C>,
}

impl<C: Clock> AppSyncSubscribers<C> {
    /// The API at `url`, `https://<id>.appsync-api.<region>.amazonaws.com/graphql`; signatures are dated by `clock`.
    ///
    /// # Errors
    /// When the environment names no region or has no credentials.
    pub fn new(config: &SdkConfig, url: String, clock: C) -> Result<Self, NotOnAws> {
        Ok(Self { url, service: SignedService::new(config, WHAT, "appsync", clock)? })
    }
}

impl<C: Clock> Subscribers for AppSyncSubscribers<C> {
    async fn tell(&self, announcement: &Announcement) -> Result<(), ServiceError> {
        let body = json!({ "query": MUTATION, "variables": { "change": announcement } }).to_string();
        let headers = [("content-type", "application/json")];
        let (status, body) = self.service.post(&self.url, &headers, &body, LARGEST).await?;
        verdict(status, &body)
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
