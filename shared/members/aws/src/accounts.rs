//! Accounts in Cognito's user pools: found by their `sub`, which is the user name of nobody who came through a provider,
//! and deleted by their user name.

use aws_types::SdkConfig;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use comptoir::{clock::Clock, outcome::ServiceError};
use comptoir_members::profile::account::{AccountId, Accounts, Attributes, INVITED};
use comptoir_signin::{
    cognito::{Cognito, Told, WHAT, refused},
    signed::NotOnAws,
};

/// Pages of 60 accounts that one run looks through for those never confirmed.
const PAGES: usize = 2;

/// The user pools of one region and account.
#[derive(Debug)]
pub struct CognitoAccounts<C> {
    cognito: Cognito<C>,
}

impl<C: Clock> CognitoAccounts<C> {
    /// The pools of the function's region; signatures are dated by `clock`.
    ///
    /// # Errors
    /// When the environment names no region or has no credentials.
    pub fn new(config: &SdkConfig, clock: C) -> Result<Self, NotOnAws> {
        Ok(Self { cognito: Cognito::new(config, clock)? })
    }

    /// The answer; `None` if there is no such user or pool.
    async fn ask(&self, operation: &str, input: &Value) -> Result<Option<Vec<u8>>, ServiceError> {
        match self.cognito.ask(operation, input).await? {
            Told::Done(body) => Ok(Some(body)),
            Told::Gone => Ok(None),
            Told::Refused(word) => Err(refused(&word)),
        }
    }

    async fn list(&self, wanted: &Value) -> Result<Option<Users>, ServiceError> {
        let Some(body) = self.ask("ListUsers", wanted).await? else { return Ok(None) };
        let users = serde_json::from_slice(&body);
        users.map(Some).map_err(|_| ServiceError::permanent(WHAT, "unreadable", "the answer is no list of users"))
    }

    async fn user(&self, id: &AccountId) -> Result<Option<User>, ServiceError> {
        // It stands between quotation marks in the filter.
        if id.sub.is_empty() || !id.sub.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Ok(None);
        }
        let wanted = json!({ "UserPoolId": id.pool, "Filter": format!("sub = \"{}\"", id.sub), "Limit": 1 });
        let Some(users) = self.list(&wanted).await? else { return Ok(None) };
        // A filter that was not understood would answer with somebody else.
        Ok(users
            .users
            .into_iter()
            .find(|user| user.attributes.iter().any(|one| one.name == "sub" && one.value == id.sub)))
    }
}

impl<C: Clock> Accounts for CognitoAccounts<C> {
    async fn attributes(&self, id: &AccountId) -> Result<Option<Attributes>, ServiceError> {
        let user = self.user(id).await?;
        Ok(user.map(|user| {
            let invited = (user.user_status == "FORCE_CHANGE_PASSWORD").then(|| (INVITED.to_owned(), String::new()));
            user.attributes.into_iter().map(|one| (one.name, one.value)).chain(invited).collect()
        }))
    }

    async fn delete(&self, id: &AccountId) -> Result<(), ServiceError> {
        let Some(user) = self.user(id).await? else { return Ok(()) };
        let which = json!({ "UserPoolId": id.pool, "Username": user.username });
        self.ask("AdminDeleteUser", &which).await.map(drop)
    }

    async fn delete_unconfirmed(&self, pool: &str, before: Timestamp) -> Result<usize, ServiceError> {
        let (mut deleted, mut next) = (0_usize, None);
        for _ in 0..PAGES {
            let mut wanted = json!({ "UserPoolId": pool, "Filter": "cognito:user_status = \"UNCONFIRMED\"",
                "AttributesToGet": ["sub"] });
            if let (Some(next), Some(wanted)) = (next, wanted.as_object_mut()) {
                wanted.insert("PaginationToken".to_owned(), Value::String(next));
            }
            let Some(page) = self.list(&wanted).await? else { return Ok(deleted) };
            for user in page.users.iter().filter(|user| user.is_unconfirmed(before)) {
                let which = json!({ "UserPoolId": pool, "Username": user.username });
                match self.ask("AdminDeleteUser", &which).await {
                    Ok(_) => deleted += 1,
                    // As many as the sign-in takes now; the next sweep goes on.
                    Err(error) if !error.is_permanent() => return Ok(deleted),
                    Err(error) => return Err(error),
                }
            }
            next = page.pagination_token;
            if next.is_none() {
                break;
            }
        }
        Ok(deleted)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Users {
    users: Vec<User>,
    pagination_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct User {
    username: String,
    #[serde(default)]
    user_status: String,
    /// Seconds since 1970.
    #[serde(default)]
    user_create_date: Option<serde_json::Number>,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    name: String,
    value: String,
}

impl User {
    /// Whether it was made before this time and never confirmed.
    fn is_unconfirmed(&self, before: Timestamp) -> bool {
        let made = self.user_create_date.as_ref().and_then(|at| at.as_i64().or_else(|| whole(&at.to_string())));
        self.user_status == "UNCONFIRMED" && made.is_some_and(|made| made < before.as_second())
    }
}

/// The whole seconds of `1795257000.123`; `None` for what is written otherwise.
fn whole(seconds: &str) -> Option<i64> {
    seconds.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_never_confirmed_for_long_is_deleted() {
        let user = |status: &str, made: Value| -> User {
            serde_json::from_value(json!({ "Username": "u", "UserStatus": status, "UserCreateDate": made })).unwrap()
        };
        let before = Timestamp::from_second(1_795_257_000).unwrap();
        assert!(user("UNCONFIRMED", json!(1_795_256_999.25)).is_unconfirmed(before));
        assert!(user("UNCONFIRMED", json!(1_795_256_999)).is_unconfirmed(before));
        for (status, made) in [
            ("CONFIRMED", json!(1)),
            ("FORCE_CHANGE_PASSWORD", json!(1)),
            ("EXTERNAL_PROVIDER", json!(1)),
            ("UNCONFIRMED", json!(1_795_257_000)),
            ("UNCONFIRMED", json!(1_795_257_000.9)),
            ("UNCONFIRMED", Value::Null),
        ] {
            assert!(!user(status, made.clone()).is_unconfirmed(before), "{status} {made}");
        }
    }
}
