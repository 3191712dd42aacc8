//! The events that invoke this function, and their responses.
//!
//! **AppSync** sends what `infra/resolvers/ask.js` builds for a field, the parts of a direct Lambda resolver's event
//! that matter here: `{"info": {"fieldName"}, "arguments", "identity", "request": {"headers"}}`. The response is
//! `{"data": <value>}`, or `{"error": {"errorType", "message", "errorInfo"}}`, which the resolver passes to
//! `util.error`. An error is a response, not a failed invocation: AppSync would drop `errorInfo`, and alarms would
//! count members' mistakes as system failures.
//!
//! **Cognito** sends its post-confirmation event and gets that same event back. **The schedule** sends `{"task":
//! "sweep", "pool": "eu-west-3_..."}` and gets `{"erased": <count>, "unconfirmed": <count>}`; without a pool, the former.

use comptoir_members::profile::{Language, service::ApiError};
use serde_json::{Value, json};

/// An event.
#[derive(Debug)]
pub enum Event {
    /// A request for a field of the API.
    Field {
        /// The field.
        name: String,
        /// Its arguments.
        arguments: Value,
        /// The caller, as verified by AppSync.
        identity: Value,
        /// The language of the response.
        language: Language,
    },
    /// A sign-up was confirmed.
    SignedUp(Newcomer),
    /// Another account event, which changes nothing here.
    Account,
    /// Time to erase the remaining data of deleted profiles, and accounts of this user pool that nobody confirmed.
    Sweep {
        /// The user pool.
        pool: Option<String>,
    },
}

/// A new user, as the user pool describes them.
#[derive(Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// The `sub`.
    pub sub: String,
    /// Their address, if the user pool has verified it.
    pub email: Option<String>,
    /// Their full name, if given.
    pub name: Option<String>,
    /// Their language, if given.
    pub language: Language,
    /// The user pool.
    pub pool: Option<String>,
}

/// An event from an unknown source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event is none of AppSync, Cognito or the schedule")]
pub struct Unknown;

/// The source of an event, by its top-level names, none of which a client of the API can choose.
///
/// # Errors
/// It matches no source.
pub fn read(event: &Value) -> Result<Event, Unknown> {
    if let Some(name) = text(event, "/info/fieldName") {
        return Ok(Event::Field {
            name,
            arguments: event.get("arguments").cloned().unwrap_or_default(),
            identity: event.get("identity").cloned().unwrap_or_default(),
            language: language(event.pointer("/request/headers").unwrap_or(&Value::Null)),
        });
    }
    match text(event, "/triggerSource").as_deref() {
        Some("PostConfirmation_ConfirmSignUp") => return newcomer(event).map(Event::SignedUp).ok_or(Unknown),
        Some(_) => return Ok(Event::Account),
        None => {}
    }
    match text(event, "/task").as_deref() {
        Some("sweep") => Ok(Event::Sweep { pool: text(event, "/pool") }),
        _ => Err(Unknown),
    }
}

/// The response to AppSync's resolver.
pub fn answer(answered: Result<Value, ApiError>) -> Value {
    match answered {
        Ok(data) => json!({ "data": data }),
        Err(error) => json!({ "error": {
            "errorType": error.error_type.name(), "message": error.message, "errorInfo": error.info,
        } }),
    }
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn language(headers: &Value) -> Language {
    let mut headers = headers.as_object().into_iter().flatten();
    let accepted = headers.find(|(name, _)| name.eq_ignore_ascii_case("accept-language"));
    Language::accepted(accepted.and_then(|(_, value)| value.as_str()).unwrap_or_default())
}

fn newcomer(event: &Value) -> Option<Newcomer> {
    let attribute = |name: &str| text(event, &format!("/request/userAttributes/{name}"));
    let whole = [attribute("given_name"), attribute("family_name")];
    let whole: Vec<String> = whole.into_iter().flatten().collect();
    Some(Newcomer {
        sub: attribute("sub")?,
        email: attribute("email").filter(|_| attribute("email_verified").as_deref() == Some("true")),
        name: attribute("name").or_else(|| Some(whole.join(" "))).filter(|name| !name.is_empty()),
        // `fr-FR`, and from some providers `fr_FR`.
        language: Language::accepted(&attribute("locale").unwrap_or_default().replace('_', "-")),
        pool: text(event, "/userPoolId"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_pass_for_cognito_or_the_clock() {
        let event = json!({
            "info": { "fieldName": "me" }, "arguments": { "task": "sweep" }, "triggerSource": "x", "task": "sweep",
            "request": { "headers": { "Accept-Language": "en" } },
        });
        let read = read(&event).unwrap();
        assert!(matches!(read, Event::Field { language: Language::En, identity: Value::Null, .. }), "{read:?}");
    }

    #[test]
    fn a_newcomer_is_told_by_their_attributes() {
        let event = |source: &str, verified: &str| {
            json!({ "triggerSource": source, "request": { "userAttributes": {
                "sub": "s1", "email": "zoe@example.org", "email_verified": verified, "locale": "en_GB",
                "given_name": "Zoé", "family_name": "Lefèvre",
            } } })
        };
        let Ok(Event::SignedUp(newcomer)) = read(&event("PostConfirmation_ConfirmSignUp", "true")) else { panic!() };
        let zoe = Newcomer {
            sub: "s1".to_owned(),
            email: Some("zoe@example.org".to_owned()),
            name: Some("Zoé Lefèvre".to_owned()),
            language: Language::En,
            pool: None,
        };
        assert_eq!(newcomer, zoe);
        let Ok(Event::SignedUp(newcomer)) = read(&event("PostConfirmation_ConfirmSignUp", "false")) else { panic!() };
        assert_eq!(newcomer.email, None);
        assert!(matches!(read(&event("PostConfirmation_ConfirmForgotPassword", "true")), Ok(Event::Account)));
        for unknown in [json!({}), json!([]), json!(null), json!({ "task": "other" }), json!({ "info": {} })] {
            assert_eq!(read(&unknown).err(), Some(Unknown));
        }
    }
}
