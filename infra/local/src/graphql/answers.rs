//! Resolves fields: through the functions behind them, or as AppSync's own resolvers do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use super::live::{Event, Hub};
use super::resolvers::{Manner, Source, Sources};
use super::run::{Answer, Answers};
use super::told::Told;
use crate::lambda::Failure;
use crate::lambda::pool::Function;

/// AppSync's own limit.
const PATIENCE: Duration = Duration::from_secs(30);

/// The error message of `infra/resolvers/ask.js` when a function fails.
const UNAVAILABLE: &str = "Le service ne répond pas pour l’instant. The service does not answer for now.";

/// The functions behind the fields.
#[derive(Debug, Default)]
pub struct Behind {
    /// The resolver of each field.
    pub sources: Sources,
    /// Functions by logical id.
    pub functions: BTreeMap<String, Arc<Function>>,
    /// Who receives the results of mutations.
    pub hub: Hub,
}

impl Answers for Behind {
    fn answer<'a>(&'a self, parent: &'a str, field: &'a str, event: Value) -> Answer<'a> {
        Box::pin(async move {
            match self.sources.get(&(parent.to_owned(), field.to_owned())) {
                Some(Source::Nothing) => Ok(argument(&event)),
                Some(Source::Subscribe) => Ok(Value::Null),
                Some(Source::Function { logical, manner }) => match self.functions.get(logical) {
                    Some(function) => ask(function.clone(), *manner, &event).await,
                    None => Err(nobody(format!("{logical} of template.yaml is no function that runs here."))),
                },
                None => Err(nobody(format!(
                    "No resolver of template.yaml answers {parent}.{field}: add an AWS::AppSync::Resolver."
                ))),
            }
        })
    }

    fn happened(&self, mutation: &str, fields: Map<String, Value>) {
        self.hub.tell(Event { mutation: mutation.to_owned(), fields });
    }
}

fn nobody(message: String) -> Told {
    Told::new("NoResolver", message)
}

/// The only argument, or all of them.
fn argument(event: &Value) -> Value {
    let arguments = event.get("arguments").and_then(Value::as_object);
    match arguments.map(|arguments| arguments.values().collect::<Vec<_>>()).as_deref() {
        Some([only]) => (*only).clone(),
        _ => event.get("arguments").cloned().unwrap_or_default(),
    }
}

async fn ask(function: Arc<Function>, manner: Manner, event: &Value) -> Result<Value, Told> {
    let payload = match manner {
        Manner::Direct => Bytes::from(event.to_string()),
        Manner::Ask => Bytes::from(essential(event).to_string()),
    };
    // In a task of its own: on AWS too, an invocation continues when its caller disconnects.
    let invocation = tokio::spawn(async move { function.invoke(payload).await });
    let answer = match tokio::time::timeout(PATIENCE, invocation).await {
        Err(_) => return Err(Told::new("ExecutionTimeout", "Execution timed out.")),
        Ok(Err(_)) => Err(Failure::Exited("interrupted".to_owned())),
        Ok(Ok(answer)) => answer,
    };
    match (manner, answer) {
        (Manner::Direct, Ok(answer)) => serde_json::from_slice(&answer)
            .map_err(|_| Told::new("MappingTemplate", "The function answered something else than JSON.")),
        (Manner::Direct, Err(failure)) => Err(failed(&failure)),
        (Manner::Ask, Ok(answer)) => raised(serde_json::from_slice(&answer).unwrap_or_default()),
        (Manner::Ask, Err(_)) => Err(Told::new("Unavailable", UNAVAILABLE)),
    }
}

/// The event that `ask.js` builds: no token, and no header but the one with the language for the answer.
fn essential(event: &Value) -> Value {
    let part = |pointer: &str| event.pointer(pointer).cloned().unwrap_or_default();
    json!({
        "info": {"fieldName": part("/info/fieldName")},
        "arguments": part("/arguments"),
        "identity": part("/identity"),
        "request": {"headers": {"accept-language": part("/request/headers/accept-language")}},
    })
}

/// Converts an answer as `ask.js` does, `{"data"}` or `{"error": {"errorType", "message", "errorInfo"}}`.
fn raised(mut answer: Value) -> Result<Value, Told> {
    if !answer.is_object() {
        return Err(Told::new("Unavailable", UNAVAILABLE));
    }
    let Some(error) = answer.get("error").filter(|error| !error.is_null()) else {
        return Ok(answer.get_mut("data").map(Value::take).unwrap_or_default());
    };
    let word = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let info = error.get("errorInfo").cloned().unwrap_or_default();
    Err(Told { error_type: word("errorType"), message: word("message"), info })
}

/// AppSync reports a failed function as `Lambda:Unhandled`, with its error's message.
fn failed(failure: &Failure) -> Told {
    let message = match failure {
        Failure::Function(error) => {
            error.get("errorMessage").and_then(Value::as_str).unwrap_or("Unknown error").to_owned()
        }
        other => other.to_string(),
    };
    Told::new("Lambda:Unhandled", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_as_appsync_tells_them() {
        let told = failed(&Failure::Function(json!({"errorType": "Oops", "errorMessage": "it broke"})));
        assert_eq!((told.error_type.as_str(), told.message.as_str()), ("Lambda:Unhandled", "it broke"));
        assert_eq!(failed(&Failure::TimedOut(3)).message, "timed out after 3 s");
    }

    #[test]
    fn answers_are_read_as_ask_js_reads_them() {
        let error = json!({"errorType": "Conflict", "message": "moved", "errorInfo": {"fields": ["bio"]}});
        let told = raised(json!({ "error": error })).unwrap_err();
        assert_eq!((told.error_type.as_str(), told.message.as_str()), ("Conflict", "moved"));
        assert_eq!(told.info, json!({"fields": ["bio"]}));
        assert_eq!(raised(json!({"data": {"id": 1}})), Ok(json!({"id": 1})));
        assert_eq!(raised(json!({"data": null, "error": null})), Ok(Value::Null));
        assert_eq!(raised(json!(null)).unwrap_err().error_type, "Unavailable");
    }

    #[test]
    fn the_token_stays_in_front() {
        let event = json!({
            "info": {"fieldName": "me", "variables": {"a": 1}}, "arguments": {"b": 2}, "identity": {"sub": "zoe"},
            "request": {"headers": {"authorization": "secret", "accept-language": "fr"}}, "stash": {},
        });
        let expected = json!({
            "info": {"fieldName": "me"}, "arguments": {"b": 2}, "identity": {"sub": "zoe"},
            "request": {"headers": {"accept-language": "fr"}},
        });
        assert_eq!(essential(&event), expected);
    }

    #[test]
    fn without_anything_behind_a_field_its_argument_is_its_answer() {
        assert_eq!(argument(&json!({"arguments": {"change": {"id": 1}}})), json!({"id": 1}));
        assert_eq!(argument(&json!({"arguments": {"a": 1, "b": 2}})), json!({"a": 1, "b": 2}));
    }
}
