//! Handles an event: identifies its source, lets the domain answer, logs and counts the outcome.

use comptoir::{clock::Clock, outcome::ServiceError};
use comptoir_edge::telemetry::count;
use comptoir_members::profile::{
    ProfileId,
    access::{Operation, Programs},
    account::{Accounts, forget_unconfirmed},
    directory::Directory,
    service::{self, ApiError, Desk, ErrorType, Request, leave},
    upload::{Files, Prepare},
};
use serde_json::{Value, json};

use crate::event::{self, Event, Newcomer, Unknown};

const SERVICE: &str = "profile-mutation-validator";

/// The dependencies of an event.
#[derive(Debug)]
pub struct Reception<D, F, A, P, C> {
    /// Profiles.
    pub directory: D,
    /// Their files.
    pub files: F,
    /// The accounts at the sign-in.
    pub accounts: A,
    /// Makes files fit to be kept.
    pub prepare: P,
    /// Programs that may call the API.
    pub programs: Programs,
    /// The clock.
    pub clock: C,
    /// Generates random names.
    pub random: fn() -> String,
}

/// Why an invocation fails. Members' mistakes are responses and none of these.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// No known source sends such events.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// The sweep must be retried.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl<D: Directory, F: Files, A: Accounts, P: Prepare, C: Clock> Reception<D, F, A, P, C> {
    /// Handles one event.
    ///
    /// # Errors
    /// The event has no known source, or the sweep could not finish; Lambda retries and finally sends it to the
    /// on-failure queue.
    pub async fn handle(&self, event: Value, request_id: &str, function: &str) -> Result<Value, Failed> {
        match event::read(&event).inspect_err(|unknown| tracing::error!(request_id, "refused: {unknown}"))? {
            Event::Field { name, arguments, identity, language } => {
                let account = account_of(function).to_owned();
                let request = Request { field: name, arguments, identity, account, language, now: self.clock.now() };
                let answered = service::answer(&request, &self.desk()).await;
                tell(&request.field, &answered, request_id);
                Ok(event::answer(answered))
            }
            Event::SignedUp(newcomer) => {
                self.welcome(&newcomer, request_id).await;
                Ok(event)
            }
            Event::Account => Ok(event),
            Event::Sweep { pool } => {
                let now = self.clock.now();
                let erased =
                    leave::sweep(&self.directory, &self.files, &self.accounts, now).await.inspect_err(|failure| {
                        tracing::error!(request_id, "not everyone who left is erased: {failure}");
                    })?;
                count(SERVICE, "ProfileErased", erased);
                tracing::info!(request_id, erased, "nothing is left of who left");
                let Some(pool) = pool else { return Ok(json!({ "erased": erased })) };
                let unconfirmed = forget_unconfirmed(&self.accounts, &pool, now).await.inspect_err(|failure| {
                    tracing::error!(request_id, "accounts that nobody confirmed are not deleted: {failure}");
                })?;
                tracing::info!(request_id, unconfirmed, "nobody waits for a confirmation of yesterday");
                Ok(json!({ "erased": erased, "unconfirmed": unconfirmed }))
            }
        }
    }

    fn desk(&self) -> Desk<'_, D, F, P, A> {
        Desk {
            directory: &self.directory,
            files: &self.files,
            accounts: &self.accounts,
            prepare: &self.prepare,
            programs: &self.programs,
            random: &self.random,
        }
    }

    /// Creates a blank profile for a new user. Without one they create theirs from scratch, so a failure here must not
    /// make the sign-up fail.
    async fn welcome(&self, newcomer: &Newcomer, request_id: &str) {
        let Some(email) = newcomer.email.as_deref() else {
            tracing::warn!(request_id, "no blank profile: the address is not verified");
            return;
        };
        let known = service::Newcomer {
            sub: &newcomer.sub,
            email,
            name: newcomer.name.as_deref(),
            language: newcomer.language,
            pool: newcomer.pool.as_deref(),
        };
        let id = ProfileId((self.random)());
        match service::welcome(&self.directory, id, known, self.clock.now()).await {
            Ok(Some(profile)) => tracing::info!(request_id, profile = profile.id.0, "welcome"),
            Ok(None) => tracing::warn!(request_id, "no blank profile: the address is taken, or none of ours"),
            Err(failure) => {
                count(SERVICE, "ProfileUnavailable", 1);
                tracing::error!(request_id, "no blank profile: {failure}");
            }
        }
    }
}

/// Logs the operation and the kind of mistake, never the content or the author.
fn tell(field: &str, answered: &Result<Value, ApiError>, request_id: &str) {
    let operation = Operation::named(field);
    let field = operation.map_or("unknown", Operation::name);
    let error = match answered {
        Ok(_) => {
            use Operation::{ConfirmUpload, CreateProfile, DeleteProfile, UpdateProfile};
            if matches!(operation, Some(CreateProfile | UpdateProfile | DeleteProfile | ConfirmUpload)) {
                count(SERVICE, "ProfileWritten", 1);
            }
            tracing::info!(request_id, field, "answered");
            return;
        }
        Err(error) => error,
    };
    let error_type = error.error_type.name();
    if error.error_type == ErrorType::Unavailable {
        count(SERVICE, "ProfileUnavailable", 1);
        tracing::error!(request_id, field, error_type, "{}", error.detail.as_deref().unwrap_or_default());
        return;
    }
    let violations = error.info.get("violations").and_then(Value::as_array).into_iter().flatten();
    let codes: Vec<&str> = violations.filter_map(|one| one.get("code")?.as_str()).take(20).collect();
    count(SERVICE, "ProfileRefused", 1);
    tracing::info!(request_id, field, error_type, codes = codes.join(" "), "refused");
}

/// The account in a function's ARN, `arn:aws:lambda:<region>:<account>:function:<name>`; empty if it is none.
fn account_of(function: &str) -> &str {
    function.split(':').nth(4).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:eu-west-3:123456789012:function:profiles";
    use crate::pictures::Pictures;
    use comptoir::clock::FixedClock;
    use comptoir_members::memory::{InMemoryAccounts, InMemoryFiles, Members};

    fn reception() -> Reception<Members, InMemoryFiles, InMemoryAccounts, Pictures, FixedClock> {
        Reception {
            directory: Members::default(),
            files: InMemoryFiles::default(),
            accounts: InMemoryAccounts::default(),
            prepare: Pictures,
            programs: Programs::new(),
            clock: FixedClock("2026-11-21T10:00:00Z".parse().unwrap()),
            random: comptoir_edge::random::random_name,
        }
    }

    fn field(name: &str, arguments: Value) -> Value {
        json!({
            "info": { "fieldName": name }, "arguments": arguments,
            "identity": { "sub": "s1", "groups": ["freelancer"], "claims": { "sub": "s1" } },
            "request": { "headers": { "accept-language": "en" } },
        })
    }

    #[tokio::test]
    async fn who_signs_up_has_a_blank_profile_and_fills_it_in() {
        let reception = reception();
        let event = json!({ "triggerSource": "PostConfirmation_ConfirmSignUp", "userName": "u", "response": {},
            "request": { "userAttributes": { "sub": "s1", "email": "zoe@example.org", "email_verified": "true" } } });
        assert_eq!(reception.handle(event.clone(), "r", FUNCTION).await.unwrap(), event);
        assert_eq!(reception.handle(event.clone(), "r", FUNCTION).await.unwrap(), event, "told twice, it is done once");
        let me = reception.handle(field("me", Value::Null), "r", FUNCTION).await.unwrap();
        assert_eq!(me["data"]["email"], "zoe@example.org");
        let bad = reception
            .handle(field("createProfile", json!({ "input": { "handle": "zo" } })), "r", FUNCTION)
            .await
            .unwrap();
        assert_eq!(bad["error"]["errorType"], "Invalid");
        assert_eq!(bad["error"]["errorInfo"]["violations"][0]["code"], "too_short");
        let swept = reception.handle(json!({ "task": "sweep" }), "r", FUNCTION).await.unwrap();
        assert_eq!(swept, json!({ "erased": 0 }));
        assert!(matches!(reception.handle(json!({}), "r", FUNCTION).await, Err(Failed::Unknown(_))));
    }
}
