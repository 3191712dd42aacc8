//! Accounts in Cognito's user pools: found by their `sub`, which is the user name of nobody who came through a provider,
//! and deleted by their user name.
//!
//! Two requests are all that is asked of Cognito; its client in the SDK is larger than DynamoDB's and S3's together.

use aws_types::SdkConfig;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::signed::{NotOnAws, SignedService};
use comptoir::{clock::Clock, outcome::ServiceError};
use comptoir_members::profile::account::{AccountId, Accounts, Attributes};

const WHAT: &str = "the sign-in";

/// Largest response in bytes: one account, with attributes of at most 2048 characters each.
const LARGEST: usize = 256 * 1024;

/// The user pools of one region and account.
#[derive(Debug)]
pub struct CognitoAccounts<C> {
    url: String,
    service: SignedService<C>,
}

impl<C: Clock> CognitoAccounts<C> {
    /// The pools of the function's region; signatures are dated by `clock`.
    ///
    /// # Errors
    /// When the environment names no region or has no credentials.
    pub fn new(config: &SdkConfig, clock: C) -> Result<Self, NotOnAws> {
        let service = SignedService::new(config, WHAT, "cognito-idp", clock)?;
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let url = match config.endpoint_url() {
            Some(url) => format!("{}/", url.trim_end_matches('/')),
            None => format!("https://cognito-idp.{region}.{suffix}/"),
        };
        Ok(Self { url, service })
    }

    /// The answer; `None` if there is no such user or pool.
    async fn ask(&self, operation: &str, input: &Value) -> Result<Option<Vec<u8>>, ServiceError> {
        let target = format!("AWSCognitoIdentityProviderService.{operation}");
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let (status, body) = self.service.post(&self.url, &headers, &input.to_string(), LARGEST).await?;
        judged(status, body)
    }

    async fn user(&self, id: &AccountId) -> Result<Option<User>, ServiceError> {
        // It stands between quotation marks in the filter.
        if id.sub.is_empty() || !id.sub.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Ok(None);
        }
        let wanted = json!({ "UserPoolId": id.pool, "Filter": format!("sub = \"{}\"", id.sub), "Limit": 1 });
        let Some(body) = self.ask("ListUsers", &wanted).await? else { return Ok(None) };
        let users: Users = serde_json::from_slice(&body)
            .map_err(|error| ServiceError::permanent(WHAT, "unreadable", error.to_string()))?;
        Ok(users.users.into_iter().next())
    }
}

impl<C: Clock> Accounts for CognitoAccounts<C> {
    async fn attributes(&self, id: &AccountId) -> Result<Option<Attributes>, ServiceError> {
        let user = self.user(id).await?;
        Ok(user.map(|user| user.attributes.into_iter().map(|one| (one.name, one.value)).collect()))
    }

    async fn delete(&self, id: &AccountId) -> Result<(), ServiceError> {
        let Some(user) = self.user(id).await? else { return Ok(()) };
        let which = json!({ "UserPoolId": id.pool, "Username": user.username });
        self.ask("AdminDeleteUser", &which).await.map(drop)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Users {
    users: Vec<User>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct User {
    username: String,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    name: String,
    value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    #[serde(rename = "__type")]
    kind: String,
}

/// What a response means. Its text may name the account, and is not repeated.
fn judged(status: u16, body: Vec<u8>) -> Result<Option<Vec<u8>>, ServiceError> {
    if status == 200 {
        return Ok(Some(body));
    }
    let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
    let kind = refusal.kind.rsplit('#').next().unwrap_or_default();
    match kind {
        "UserNotFoundException" | "ResourceNotFoundException" => Ok(None),
        "TooManyRequestsException" | "InternalErrorException" | "" => {
            Err(ServiceError::transient(WHAT, format!("status {status} {kind}")))
        }
        _ if status >= 500 => Err(ServiceError::transient(WHAT, format!("status {status} {kind}"))),
        _ => Err(ServiceError::permanent(WHAT, "request_refused", format!("status {status} {kind}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gone_is_no_failure_and_a_refusal_is_no_outage() {
        let refused =
            |kind: &str| judged(400, json!({ "__type": kind, "message": "zoe@example.org" }).to_string().into());
        assert_eq!(judged(200, b"{}".to_vec()).unwrap().as_deref(), Some(b"{}".as_slice()));
        for gone in ["UserNotFoundException", "com.amazonaws#ResourceNotFoundException"] {
            assert!(refused(gone).unwrap().is_none());
        }
        assert!(!refused("TooManyRequestsException").unwrap_err().is_permanent());
        assert!(!judged(503, b"<html>".to_vec()).unwrap_err().is_permanent());
        let denied = refused("AccessDeniedException").unwrap_err();
        assert!(denied.is_permanent() && !denied.to_string().contains("zoe"), "{denied}");
    }
}
