//! Members of the emulator's user pool: creates them, sets their groups and signs them in, to get a token in one
//! request.
//!
//! The emulator confirms accounts without calling the pool's `PostConfirmation` trigger; this module calls it instead.

use std::sync::Arc;

use anyhow::{Context, bail};
use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::{Aws, REGION};
use crate::lambda::pool::Function;
use crate::secrets;

/// Auth flows that a browser client may not use, and the runner needs.
const ADMIN_FLOW: &str = "ALLOW_ADMIN_USER_PASSWORD_AUTH";

/// The member to sign in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newcomer {
    /// The email address.
    pub email: String,
    /// The groups of the account from now on, replacing all others.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The name, as from an identity provider; for a new account only.
    #[serde(default)]
    pub name: Option<String>,
    /// The language, as a BCP 47 tag; for a new account only.
    #[serde(default)]
    pub locale: Option<String>,
}

/// A signed-in member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// Proves identity.
    pub id_token: String,
    /// Grants access.
    pub access_token: String,
    /// The account's permanent id.
    pub sub: String,
}

/// The members of a user pool.
#[derive(Debug)]
pub struct Members {
    aws: Aws,
    pool: String,
    client: String,
    confirmed: Option<Arc<Function>>,
    password: String,
}

impl Members {
    /// The members of this pool, who sign in with this client; `confirmed` is called for each new one.
    ///
    /// # Errors
    /// When the stand-in does not allow the runner to sign members in.
    pub async fn new(aws: Aws, pool: String, client: String, confirmed: Option<Arc<Function>>) -> anyhow::Result<Self> {
        let members = Self { aws, pool, client, confirmed, password: secrets::random("Aa1-") };
        members.open_the_side_door().await?;
        Ok(members)
    }

    /// The template's client uses SRP; here it also allows a plain password, for a caller with admin rights.
    async fn open_the_side_door(&self) -> anyhow::Result<()> {
        let which = json!({"UserPoolId": self.pool, "ClientId": self.client});
        let mut answer = self.ask("DescribeUserPoolClient", &which).await?;
        let mut client = answer.get_mut("UserPoolClient").map(Value::take).unwrap_or_default();
        let flows = client.get_mut("ExplicitAuthFlows").and_then(Value::as_array_mut);
        let flows = flows.context("MembersClient of template.yaml has no ExplicitAuthFlows; restore them")?;
        if flows.iter().any(|flow| flow == ADMIN_FLOW) {
            return Ok(());
        }
        flows.push(json!(ADMIN_FLOW));
        self.ask("UpdateUserPoolClient", &client).await.map(drop)
    }

    /// Finds or creates an account, puts it into its groups and signs it in.
    ///
    /// # Errors
    /// The input that the pool rejects, or that the trigger after the confirmation failed.
    pub async fn sign_in(&self, newcomer: &Newcomer) -> anyhow::Result<SignedIn> {
        let email = newcomer.email.trim();
        if !email.contains('@') {
            bail!(
                "\"{email}\" is no e-mail address; send {{\"email\": \"zoe@example.org\", \"groups\": [\"freelancer\"]}}"
            );
        }
        let known = self.user(email).await?;
        let new = known.is_none() && self.create(email, newcomer).await?;
        let user = match known {
            Some(user) => user,
            None => self.user(email).await?.context("the stand-in for AWS lost the account it just made; try again")?,
        };
        let password = json!({"Password": self.password, "Permanent": true});
        self.ask("AdminSetUserPassword", &self.of(email, password)).await?;
        self.regroup(email, &newcomer.groups).await?;
        if new {
            self.confirm(&user).await?;
        }
        self.tokens(email, &user).await
    }

    async fn user(&self, email: &str) -> anyhow::Result<Option<Value>> {
        match self.ask("AdminGetUser", &self.of(email, json!({}))).await {
            Ok(user) => Ok(Some(user)),
            Err(error) if error.to_string().contains("UserNotFoundException") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns whether this call created the account.
    async fn create(&self, email: &str, newcomer: &Newcomer) -> anyhow::Result<bool> {
        let mut attributes = vec![("email", email), ("email_verified", "true")];
        attributes.extend(newcomer.name.as_deref().map(|name| ("name", name)));
        attributes.extend(newcomer.locale.as_deref().map(|locale| ("locale", locale)));
        let attributes: Vec<Value> =
            attributes.into_iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
        let input = json!({"UserAttributes": attributes, "MessageAction": "SUPPRESS"});
        match self.ask("AdminCreateUser", &self.of(email, input)).await {
            Ok(_) => Ok(true),
            Err(error) if error.to_string().contains("UsernameExistsException") => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn regroup(&self, email: &str, wanted: &[String]) -> anyhow::Result<()> {
        let answer = self.ask("AdminListGroupsForUser", &self.of(email, json!({}))).await?;
        let groups = answer.get("Groups").and_then(Value::as_array).into_iter().flatten();
        let is: Vec<&str> = groups.filter_map(|group| group.get("GroupName")?.as_str()).collect();
        for group in wanted.iter().filter(|group| !is.contains(&group.as_str())) {
            let put = self.ask("AdminAddUserToGroup", &self.of(email, json!({"GroupName": group}))).await;
            put.with_context(|| {
                format!("there is no group \"{group}\"; template.yaml has freelancer, team and admin")
            })?;
        }
        for group in is.into_iter().filter(|group| !wanted.iter().any(|wanted| wanted == group)) {
            self.ask("AdminRemoveUserFromGroup", &self.of(email, json!({"GroupName": group}))).await?;
        }
        Ok(())
    }

    /// What Cognito does after an account is confirmed. As there, the account stays if the trigger fails.
    async fn confirm(&self, user: &Value) -> anyhow::Result<()> {
        let Some(function) = &self.confirmed else { return Ok(()) };
        let event = Bytes::from(confirmation(&self.pool, &self.client, user).to_string());
        let answered = function.invoke(event).await;
        answered.map(drop).map_err(|failure| {
            anyhow::anyhow!("the account is made, but PostConfirmation failed with {failure}; sign in again to go on")
        })
    }

    async fn tokens(&self, email: &str, user: &Value) -> anyhow::Result<SignedIn> {
        let input = json!({
            "UserPoolId": self.pool,
            "ClientId": self.client,
            "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": email, "PASSWORD": self.password},
        });
        let answer = self.ask("AdminInitiateAuth", &input).await?;
        let token = |name: &str| {
            let token = answer.pointer(&format!("/AuthenticationResult/{name}")).and_then(Value::as_str);
            token
                .map(str::to_owned)
                .context("the pool asks for more than a password: turn the account's second factor off")
        };
        Ok(SignedIn {
            id_token: token("IdToken")?,
            access_token: token("AccessToken")?,
            sub: attribute(user, "sub")
                .context("the account has no sub; delete target/local and start again")?
                .to_owned(),
        })
    }

    /// An input that names the account.
    fn of(&self, email: &str, mut input: Value) -> Value {
        if let Some(fields) = input.as_object_mut() {
            fields.insert("UserPoolId".to_owned(), json!(self.pool));
            fields.insert("Username".to_owned(), json!(email));
        }
        input
    }

    async fn ask(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        self.aws.json("cognito-idp", &format!("AWSCognitoIdentityProviderService.{operation}"), input).await
    }
}

fn attribute<'a>(user: &'a Value, name: &str) -> Option<&'a str> {
    let attributes = user.get("UserAttributes").and_then(Value::as_array)?;
    attributes.iter().find(|one| one.get("Name").is_some_and(|found| found == name))?.get("Value")?.as_str()
}

/// The event of a confirmed account.
fn confirmation(pool: &str, client: &str, user: &Value) -> Value {
    let attributes = user.get("UserAttributes").and_then(Value::as_array).into_iter().flatten();
    let mut told: serde_json::Map<String, Value> =
        attributes.filter_map(|one| Some((one.get("Name")?.as_str()?.to_owned(), one.get("Value")?.clone()))).collect();
    told.insert("cognito:user_status".to_owned(), json!("CONFIRMED"));
    json!({
        "version": "1",
        "region": REGION,
        "userPoolId": pool,
        "userName": user.get("Username"),
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client},
        "triggerSource": "PostConfirmation_ConfirmSignUp",
        "request": {"userAttributes": told},
        "response": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_tells_what_cognito_tells() {
        let user = json!({"Username": "sub-1", "UserAttributes": [
            {"Name": "sub", "Value": "sub-1"}, {"Name": "email", "Value": "zoe@example.org"},
            {"Name": "email_verified", "Value": "true"}, {"Name": "name", "Value": "Zoé Lefèvre"},
        ]});
        assert_eq!(attribute(&user, "sub"), Some("sub-1"));
        let event = confirmation("eu-west-3_pool", "client", &user);
        assert_eq!(event["triggerSource"], "PostConfirmation_ConfirmSignUp");
        assert_eq!(event["request"]["userAttributes"]["email"], "zoe@example.org");
        assert_eq!(event["request"]["userAttributes"]["cognito:user_status"], "CONFIRMED");
        assert_eq!((&event["userName"], &event["response"]), (&json!("sub-1"), &json!({})));
    }
}
