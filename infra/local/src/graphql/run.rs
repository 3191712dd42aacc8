//! Executes one request: parses the text, checks limits, validates, resolves each root field, and selects the rest from
//! the result.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use apollo_compiler::ast::{OperationType, Type};
use apollo_compiler::executable::Operation;
use apollo_compiler::parser::Parser;
use apollo_compiler::resolvers::{AsyncObjectValue, AsyncResolvedValue, Execution, FieldError, ResolveInfo};
use apollo_compiler::response::{GraphQLError, JsonMap, JsonValue};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::identity::Identity;
use super::resolvers::Limits;
use super::told::{self, Told};
use super::{schema, selection};

/// The maximum number of tokens of a document.
const TOKENS: usize = 15_000;

/// Levels of brackets that the parser accepts.
const NESTING: usize = 100;

/// Levels of fields below `__schema` and `__type`: the usual introspection has fifteen, and some tools need a few more.
const INTROSPECTION: usize = 20;

/// The root type of subscriptions.
const MUTATION: &str = "Mutation";

/// A GraphQL request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The document.
    pub query: String,
    /// The values of its variables.
    #[serde(default)]
    pub variables: Option<Map<String, Value>>,
    /// The name of the operation to run.
    #[serde(default)]
    pub operation_name: Option<String>,
}

/// A future value or error.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Value, Told>> + Send + 'a>>;

/// Resolves root fields.
pub trait Answers: Send + Sync {
    /// The value of a field, given the event that a function receives.
    fn answer<'a>(&'a self, parent: &'a str, field: &'a str, event: Value) -> Answer<'a>;

    /// Publishes the result of a mutation, limited to the fields its caller selected.
    fn happened(&self, _mutation: &str, _fields: Map<String, Value>) {}
}

/// The transport of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// HTTP, for queries and mutations.
    Http,
    /// A websocket, for subscriptions.
    Socket,
}

/// What is the same for every field of a request.
struct Run<'a> {
    schema: &'a Valid<Schema>,
    limits: Limits,
    identity: &'a Identity,
    headers: &'a BTreeMap<String, String>,
    variables: Value,
    answers: &'a dyn Answers,
}

/// The response to a request, as the JSON sent over HTTP.
pub async fn run(
    schema: &Valid<Schema>,
    limits: Limits,
    question: &Question,
    way: Way,
    identity: &Identity,
    headers: &BTreeMap<String, String>,
    answers: &dyn Answers,
) -> String {
    let document = match read(schema, &question.query) {
        Ok(document) => document,
        Err(errors) => return invalid(&errors).to_string(),
    };
    let variables = question.variables.clone().unwrap_or_default();
    let run = Run { schema, limits, identity, headers, variables: Value::Object(variables.clone()), answers };
    match execute(&document, question.operation_name.as_deref(), way, &variables, &run).await {
        Ok(answer) => answer,
        Err(told) => unexecuted(&told).to_string(),
    }
}

fn read(schema: &Valid<Schema>, text: &str) -> Result<Valid<ExecutableDocument>, DiagnosticList> {
    let mut parser = Parser::new().token_limit(TOKENS).recursion_limit(NESTING);
    let document = parser.parse_executable(schema, text, "query").map_err(|wrong| wrong.errors)?;
    document.validate(schema).map_err(|wrong| wrong.errors)
}

async fn execute(
    document: &Valid<ExecutableDocument>,
    name: Option<&str>,
    way: Way,
    variables: &Map<String, Value>,
    run: &Run<'_>,
) -> Result<String, Told> {
    let failed = |error: GraphQLError| Told::new("ValidationError", error.message);
    let name = name.filter(|name| !name.is_empty());
    let operation = document.operations.get(name).map_err(|error| failed(error.to_graphql_error(&document.sources)))?;
    let wrong_way = match (operation.operation_type == OperationType::Subscription, way) {
        (true, Way::Http) => Some("Subscriptions are served over a websocket, at the same address."),
        (false, Way::Socket) => Some("Queries and mutations are answered over HTTP, at the same address."),
        _ => None,
    };
    if let Some(message) = wrong_way {
        return Err(Told::new("UnsupportedOperation", message));
    }
    bounded(document, operation, run.limits)?;
    let given: JsonMap = serde_json::from_value(Value::Object(variables.clone()))
        .map_err(|error| Told::new("ValidationError", error.to_string()))?;
    let execution = Execution::new(run.schema, document).operation(operation).raw_variable_values(&given);
    let execution = execution.enable_schema_introspection(true);
    let root = Object { run, ty: operation.object_type().to_string(), fields: None };
    let done = execution.execute_async(&root).await;
    let done = done.map_err(|error| failed(error.to_graphql_error(&document.sources)))?;
    // In the requested order, which a value type of ours would not keep.
    let data = serde_json::to_string(&done.data).map_err(|error| Told::new("InternalFailure", error.to_string()))?;
    let errors: Value = done.errors.iter().map(|error| told::written(error, "ExecutionError")).collect();
    Ok(match done.errors.is_empty() {
        true => format!("{{\"data\":{data}}}"),
        false => format!("{{\"data\":{data},\"errors\":{errors}}}"),
    })
}

/// Whether the operation is within the limits.
fn bounded(document: &ExecutableDocument, operation: &Operation, limits: Limits) -> Result<(), Told> {
    let extent = selection::extent(document, operation);
    for (depth, most) in [(extent.depth, limits.depth), (extent.introspection, INTROSPECTION)] {
        if depth > most {
            let message = format!("The query is {depth} levels deep; at most {most} are answered.");
            return Err(Told::new("QueryDepthLimitReached", message));
        }
    }
    if extent.fields > limits.fields {
        let message =
            format!("The query asks for {} things at once; at most {} are answered.", extent.fields, limits.fields);
        return Err(Told::new("ResolverCountLimitReached", message));
    }
    Ok(())
}

fn invalid(errors: &DiagnosticList) -> Value {
    let told = errors.iter().map(|error| told::written(&error.to_json(), "ValidationError"));
    json!({"data": null, "errors": told.collect::<Vec<_>>()})
}

fn unexecuted(told: &Told) -> Value {
    json!({"data": null, "errors": [{
        "path": null, "locations": null, "message": told.message, "errorType": told.error_type,
    }]})
}

/// The selected fields of a value, by their names in the schema.
fn asked_for(info: &ResolveInfo<'_>, value: &Value) -> Option<Map<String, Value>> {
    let names = selection::names(info.document(), info.field_selections());
    let fields = value.as_object()?.iter().filter(|(name, _)| names.contains(name.as_str()));
    Some(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// An object in the selection: a root, whose fields functions resolve, or a part of a resolved value.
struct Object<'a> {
    run: &'a Run<'a>,
    ty: String,
    fields: Option<Map<String, Value>>,
}

impl AsyncObjectValue for Object<'_> {
    fn type_name(&self) -> &str {
        &self.ty
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<AsyncResolvedValue<'a>, FieldError>> + Send + 'a>> {
        Box::pin(async move { self.resolve(info).await.map_err(|told| told.carried()) })
    }
}

impl<'r> Object<'r> {
    async fn resolve<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<AsyncResolvedValue<'a>, Told> {
        let field = info.field_name();
        let definition = info.field_definition();
        if !self.run.identity.may_ask(self.run.schema, &self.ty, definition) {
            return Err(Told::unauthorized(field, &self.ty));
        }
        let value = match &self.fields {
            Some(fields) => fields.get(field).cloned().unwrap_or_default(),
            None => self.run.answers.answer(&self.ty, field, self.event(info)).await?,
        };
        let happened = (self.ty == MUTATION).then(|| asked_for(info, &value)).flatten();
        let shaped = self.shaped(field, &definition.ty, value)?;
        if let Some(fields) = happened {
            self.run.answers.happened(field, fields);
        }
        Ok(shaped)
    }

    /// The event of a function for this field: AppSync's context without a request mapping.
    fn event(&self, info: &ResolveInfo<'_>) -> Value {
        let (list, text) = selection::told(info.document(), info.field_selections());
        json!({
            "arguments": info.arguments(),
            "identity": self.run.identity.event(),
            "source": null,
            "request": {"headers": self.run.headers, "domainName": null},
            "prev": null,
            "info": {
                "fieldName": info.field_name(),
                "parentTypeName": self.ty,
                "variables": self.run.variables,
                "selectionSetList": list,
                "selectionSetGraphQL": text,
            },
            "stash": {},
        })
    }

    /// A value converted to its schema type.
    fn shaped<'a>(&'a self, field: &str, ty: &Type, value: Value) -> Result<AsyncResolvedValue<'a>, Told> {
        match (ty, value) {
            (_, Value::Null) => Ok(AsyncResolvedValue::null()),
            (Type::List(inner) | Type::NonNullList(inner), Value::Array(items)) => {
                let items = items.into_iter().map(|item| self.shaped(field, inner, item));
                Ok(AsyncResolvedValue::list(items.collect::<Result<Vec<_>, _>>()?))
            }
            (Type::List(_) | Type::NonNullList(_), _) => {
                Err(Told::mismatch(field, "type mismatch error, expected type LIST"))
            }
            (Type::Named(name) | Type::NonNullNamed(name), value) if self.run.schema.get_object(name).is_some() => {
                match value {
                    Value::Object(fields) => Ok(AsyncResolvedValue::object(Object {
                        run: self.run,
                        ty: name.to_string(),
                        fields: Some(fields),
                    })),
                    _ => Err(Told::mismatch(field, "type mismatch error, expected type OBJECT")),
                }
            }
            (Type::Named(name) | Type::NonNullNamed(name), value) => {
                let refused = || Told::mismatch(field, &format!("Unable to serialize it as a valid {name}"));
                let value = schema::serialize(name, value).ok_or_else(refused)?;
                let leaf: JsonValue = serde_json::from_value(value).map_err(|_| refused())?;
                Ok(AsyncResolvedValue::leaf(leaf))
            }
        }
    }
}

#[cfg(test)]
mod tests;
