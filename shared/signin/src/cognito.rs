//! Cognito's user pools, asked by operation.

use aws_types::SdkConfig;
use comptoir::{clock::Clock, outcome::ServiceError};
use serde::Deserialize;
use serde_json::Value;

use crate::signed::{NotOnAws, SignedService};

/// The name of the sign-in in errors.
pub const WHAT: &str = "the sign-in";

/// Largest response in bytes: some accounts, with attributes of at most 2048 characters each.
const LARGEST: usize = 256 * 1024;

/// Largest set of public keys in bytes; Cognito's are two, of some 400 bytes each.
const LARGEST_KEYS: usize = 64 * 1024;

/// The user pools of one region and account.
#[derive(Debug)]
pub struct Cognito<C> {
    region: String,
    url: String,
    /// Another address than Cognito's own, which wants a signature for everything.
    stands_in: bool,
    service: SignedService<C>,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The answer.
    Done(Vec<u8>),
    /// There is no such user or pool.
    Gone,
    /// It is refused, in Cognito's word: `UsernameExistsException`.
    Refused(String),
}

impl<C: Clock> Cognito<C> {
    /// The pools of the function's region; signatures are dated by `clock`.
    ///
    /// # Errors
    /// When the environment names no region or has no credentials.
    pub fn new(config: &SdkConfig, clock: C) -> Result<Self, NotOnAws> {
        let service = SignedService::new(config, WHAT, "cognito-idp", clock)?;
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let url = match config.endpoint_url() {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => own(&region),
        };
        Ok(Self { stands_in: config.endpoint_url().is_some(), region, url, service })
    }

    /// The issuer that tokens of this pool name, wherever the pool is asked.
    pub fn issuer(&self, pool: &str) -> String {
        format!("{}/{pool}", own(&self.region))
    }

    /// Asks for one operation.
    ///
    /// # Errors
    /// Transient: Cognito does not answer, or not now.
    pub async fn ask(&self, operation: &str, input: &Value) -> Result<Told, ServiceError> {
        let target = format!("AWSCognitoIdentityProviderService.{operation}");
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let url = format!("{}/", self.url);
        let (status, body) = self.service.post(&url, &headers, &input.to_string(), LARGEST).await?;
        judged(status, body)
    }

    /// The public keys of a pool.
    ///
    /// # Errors
    /// Transient: there is no answer, or another one.
    pub async fn keys(&self, pool: &str) -> Result<Vec<u8>, ServiceError> {
        let url = format!("{}/{pool}/.well-known/jwks.json", self.url);
        let (status, body) = match self.stands_in {
            true => self.service.get(&url, LARGEST_KEYS).await?,
            false => self.service.get_public(&url, LARGEST_KEYS).await?,
        };
        if status == 200 {
            Ok(body)
        } else {
            Err(ServiceError::transient(WHAT, format!("status {status} for its keys")))
        }
    }
}

/// Cognito's own address in a region.
fn own(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://cognito-idp.{region}.{suffix}")
}

/// The failure of a question that is refused: asking again changes nothing.
pub fn refused(word: &str) -> ServiceError {
    ServiceError::permanent(WHAT, "request_refused", format!("it is refused: {word}"))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    #[serde(rename = "__type")]
    kind: String,
}

/// What a response means. Its text may name the account, and is not repeated.
fn judged(status: u16, body: Vec<u8>) -> Result<Told, ServiceError> {
    if status == 200 {
        return Ok(Told::Done(body));
    }
    let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
    let kind = refusal.kind.rsplit('#').next().unwrap_or_default();
    match kind {
        "UserNotFoundException" | "ResourceNotFoundException" => Ok(Told::Gone),
        // The last is the day's share of mails.
        "TooManyRequestsException" | "InternalErrorException" | "LimitExceededException" | "" => {
            Err(ServiceError::transient(WHAT, format!("status {status} {kind}")))
        }
        _ if status >= 500 => Err(ServiceError::transient(WHAT, format!("status {status} {kind}"))),
        _ => Ok(Told::Refused(kind.chars().filter(char::is_ascii_alphanumeric).take(80).collect())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn gone_is_no_failure_and_a_refusal_is_no_outage() {
        let told = |kind: &str| judged(400, json!({ "__type": kind, "message": "zoe@example.org" }).to_string().into());
        assert_eq!(judged(200, b"{}".to_vec()), Ok(Told::Done(b"{}".to_vec())));
        for gone in ["UserNotFoundException", "com.amazonaws#ResourceNotFoundException"] {
            assert_eq!(told(gone), Ok(Told::Gone));
        }
        for later in ["TooManyRequestsException", "LimitExceededException"] {
            assert!(!told(later).unwrap_err().is_permanent());
        }
        assert!(!judged(503, b"<html>".to_vec()).unwrap_err().is_permanent());
        assert_eq!(told("AccessDeniedException"), Ok(Told::Refused("AccessDeniedException".to_owned())));
        assert!(refused("AccessDeniedException").is_permanent());
    }

    #[test]
    fn the_issuer_is_cognito_s_own_address() {
        assert_eq!(own("eu-west-3"), "https://cognito-idp.eu-west-3.amazonaws.com");
        assert_eq!(own("cn-north-1"), "https://cognito-idp.cn-north-1.amazonaws.com.cn");
    }
}
