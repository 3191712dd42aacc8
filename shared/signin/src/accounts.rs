//! The accounts of one user pool: who has one now, and an invitation for who has none.

use std::future::Future;

use comptoir::{clock::Clock, outcome::ServiceError};
use serde::Deserialize;
use serde_json::json;

use crate::cognito::{Cognito, Told, WHAT, refused};

/// How far an account has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Somebody signed up with the address and has not shown that it is theirs.
    Unconfirmed,
    /// Invited by a mail that was not answered yet.
    Invited,
    /// Any other: whoever has it has signed in, or comes from an identity provider.
    Held,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The permanent id.
    pub sub: String,
    /// The address, if the pool says that it is verified.
    pub address: Option<String>,
    /// Whether it may be used.
    pub enabled: bool,
    /// How far it has come.
    pub standing: Standing,
}

/// What became of an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invited {
    /// The account is made, and the mail on its way.
    Now(Account),
    /// There is an account with this address.
    Before,
}

/// The accounts of the members' pool.
pub trait Accounts: Send + Sync {
    /// The account of this user name or address, as it stands; `None` if there is none.
    fn account(&self, username: &str) -> impl Future<Output = Result<Option<Account>, ServiceError>> + Send;

    /// Makes an account for an address that has none, and lets the pool mail the invitation: once, however often this is
    /// repeated.
    fn invite(&self, address: &str) -> impl Future<Output = Result<Invited, ServiceError>> + Send;
}

/// The pool of this stack.
#[derive(Debug)]
pub struct MembersPool<C> {
    /// Cognito.
    pub cognito: Cognito<C>,
    /// The pool's id.
    pub pool: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct User {
    #[serde(default)]
    user_status: String,
    #[serde(default)]
    enabled: bool,
    #[serde(default, alias = "UserAttributes")]
    attributes: Vec<Attribute>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    user: User,
}

fn account(user: User) -> Result<Account, ServiceError> {
    let attribute = |name: &str| {
        user.attributes.iter().find(|one| one.name == name && !one.value.is_empty()).map(|one| one.value.clone())
    };
    let verified = attribute("email_verified").as_deref() == Some("true");
    Ok(Account {
        sub: attribute("sub").ok_or_else(unreadable)?,
        address: attribute("email").filter(|_| verified),
        enabled: user.enabled,
        standing: match user.user_status.as_str() {
            "UNCONFIRMED" => Standing::Unconfirmed,
            "FORCE_CHANGE_PASSWORD" => Standing::Invited,
            _ => Standing::Held,
        },
    })
}

fn unreadable() -> ServiceError {
    ServiceError::permanent(WHAT, "unreadable", "the answer is no account")
}

impl<C: Clock> Accounts for MembersPool<C> {
    async fn account(&self, username: &str) -> Result<Option<Account>, ServiceError> {
        let which = json!({"UserPoolId": self.pool, "Username": username});
        match self.cognito.ask("AdminGetUser", &which).await? {
            Told::Done(body) => account(serde_json::from_slice(&body).map_err(|_| unreadable())?).map(Some),
            Told::Gone => Ok(None),
            Told::Refused(word) => Err(refused(&word)),
        }
    }

    async fn invite(&self, address: &str) -> Result<Invited, ServiceError> {
        // The pool makes the password and mails it: nobody without the mailbox ever signs in, which is the proof that the
        // address is theirs. The pool does not note this by itself, and without it nobody could recover a password.
        let wanted = json!({
            "UserPoolId": self.pool, "Username": address, "DesiredDeliveryMediums": ["EMAIL"],
            "UserAttributes": [{"Name": "email", "Value": address}, {"Name": "email_verified", "Value": "true"}],
        });
        match self.cognito.ask("AdminCreateUser", &wanted).await? {
            Told::Done(body) => {
                let created: Created = serde_json::from_slice(&body).map_err(|_| unreadable())?;
                account(created.user).map(Invited::Now)
            }
            Told::Refused(word) if word == "UsernameExistsException" => Ok(Invited::Before),
            Told::Refused(word) if word == "CodeDeliveryFailureException" => Err(ServiceError::permanent(
                WHAT,
                "invitation_not_sent",
                "the account is made, but its invitation could not be mailed; check the pool's sender, send the invitation \
                 again (admin-create-user with --message-action RESEND), then replay",
            )),
            Told::Refused(word) => Err(refused(&word)),
            Told::Gone => Err(refused("ResourceNotFoundException")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(status: &str, attributes: Value) -> Result<Account, ServiceError> {
        let user = json!({"Username": "u", "UserStatus": status, "Enabled": true, "UserAttributes": attributes});
        account(serde_json::from_value(user).unwrap())
    }

    #[test]
    fn an_address_counts_once_the_pool_says_that_it_is_verified() {
        let with = |verified: Value| {
            let mut attributes =
                vec![json!({"Name": "sub", "Value": "s1"}), json!({"Name": "email", "Value": "zoe@example.org"})];
            attributes.extend(verified.as_str().map(|value| json!({"Name": "email_verified", "Value": value})));
            read("CONFIRMED", json!(attributes)).unwrap().address
        };
        assert_eq!(with(json!("true")).as_deref(), Some("zoe@example.org"));
        for unverified in [json!("false"), json!(""), json!("True"), Value::Null] {
            assert_eq!(with(unverified.clone()), None, "{unverified}");
        }
    }

    #[test]
    fn each_status_is_a_standing() {
        let sub = || json!([{"Name": "sub", "Value": "s1"}]);
        for (status, standing) in [
            ("UNCONFIRMED", Standing::Unconfirmed),
            ("FORCE_CHANGE_PASSWORD", Standing::Invited),
            ("CONFIRMED", Standing::Held),
            ("EXTERNAL_PROVIDER", Standing::Held),
            ("RESET_REQUIRED", Standing::Held),
        ] {
            assert_eq!(read(status, sub()).unwrap().standing, standing, "{status}");
        }
        assert!(read("CONFIRMED", json!([])).is_err());
        let created = json!({"User": {"UserStatus": "FORCE_CHANGE_PASSWORD", "Enabled": true, "Attributes": sub()}});
        let created: Created = serde_json::from_value(created).unwrap();
        assert_eq!(account(created.user).unwrap().sub, "s1");
    }
}
