//! Errors in AppSync's format: beside GraphQL's message, path and locations, an `errorType` and an `errorInfo`.

use apollo_compiler::resolvers::FieldError;
use apollo_compiler::response::GraphQLError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The prefix that the engine puts before a field's error message.
const PREFIX: &str = "resolver error: ";

/// One error, not yet bound to a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The stable error code.
    pub error_type: String,
    /// One sentence.
    pub message: String,
    /// Further details.
    pub info: Value,
}

impl Told {
    /// An error of this type.
    pub fn new(error_type: &str, message: impl Into<String>) -> Self {
        Self { error_type: error_type.to_owned(), message: message.into(), info: Value::Null }
    }

    /// The schema does not authorise this caller for the field.
    pub fn unauthorized(field: &str, parent: &str) -> Self {
        Self::new("Unauthorized", format!("Not Authorized to access {field} on type {parent}"))
    }

    /// A function's answer does not match the schema.
    pub fn mismatch(field: &str, what: &str) -> Self {
        Self::new("MappingTemplate", format!("Can't resolve value ({field}) : {what}"))
    }

    /// Packed for the engine: it carries one string, so everything is in that string.
    pub fn carried(&self) -> FieldError {
        FieldError { message: serde_json::to_string(self).unwrap_or_else(|_| self.message.clone()) }
    }

    /// The whole response to a request that was not executed.
    pub fn response(&self) -> Value {
        json!({"errors": [{"errorType": self.error_type, "message": self.message}]})
    }
}

/// An engine error in AppSync's format: a packed one is unpacked, one of the engine's own gets `kind`.
pub fn written(error: &GraphQLError, kind: &str) -> Value {
    let carried = serde_json::from_str::<Told>(error.message.trim_start_matches(PREFIX));
    let is_field = !error.path.is_empty();
    let told = carried.unwrap_or_else(|_| Told::new(kind, error.message.clone()));
    let locations: Vec<Value> = error
        .locations
        .iter()
        .map(|place| json!({"line": place.line, "column": place.column, "sourceName": null}))
        .collect();
    let mut written = Map::new();
    written.insert("path".to_owned(), if is_field { json!(error.path) } else { Value::Null });
    written.insert("locations".to_owned(), json!(locations));
    written.insert("message".to_owned(), json!(told.message));
    written.insert("errorType".to_owned(), json!(told.error_type));
    if is_field {
        written.insert("data".to_owned(), Value::Null);
        written.insert("errorInfo".to_owned(), told.info);
    }
    Value::Object(written)
}
