//! Who answers which field, as the AppSync resolvers of the template say: a function, or AppSync itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::body::Bytes;
use serde_json::Value;

use super::run::{Answer, Answers};
use super::told::Told;
use crate::lambda::Failure;
use crate::lambda::pool::Function;

/// AppSync's own limit.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is behind a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The function of this logical id.
    Function(String),
    /// Nothing: the argument is the answer, as a mutation that only tells subscribers has it.
    Nothing,
}

/// What is behind each field, by type and field.
pub type Sources = BTreeMap<(String, String), Source>;

/// What the resolvers of the template say.
///
/// # Errors
/// When one of them is of a kind that is not known here: better to say so than to behave unlike AWS.
pub fn sources(template: &Value) -> anyhow::Result<Sources> {
    let resources = template.get("Resources").and_then(Value::as_object).into_iter().flatten();
    let resolvers = resources.filter(|(_, resource)| text(resource, "/Type") == Some("AWS::AppSync::Resolver"));
    resolvers
        .map(|(name, resolver)| source(template, resolver).with_context(|| format!("template.yaml, {name}")))
        .collect()
}

fn source(template: &Value, resolver: &Value) -> anyhow::Result<((String, String), Source)> {
    let part = |name: &str| {
        let found = text(resolver, &format!("/Properties/{name}")).map(str::to_owned);
        found.with_context(|| format!("{name} is missing or not plain text; write it out"))
    };
    let field = (part("TypeName")?, part("FieldName")?);
    if text(resolver, "/Properties/Kind") == Some("PIPELINE") {
        bail!(
            "the local front knows no pipelines: let one function answer the field, or teach it in infra/local/src/graphql/answers.rs"
        );
    }
    let named = resolver.pointer("/Properties/DataSourceName").and_then(referred);
    let named = named.context("DataSourceName is not !GetAtt <data source>.Name; write it so")?;
    let data_source =
        template.pointer(&format!("/Resources/{named}")).context("it names a data source that is not there")?;
    let source = match text(data_source, "/Properties/Type") {
        Some("NONE") => Source::Nothing,
        Some("AWS_LAMBDA") => {
            let arn = data_source.pointer("/Properties/LambdaConfig/LambdaFunctionArn").and_then(referred);
            Source::Function(arn.with_context(|| format!("{named} has no !GetAtt <function>.Arn; write it so"))?)
        }
        other => bail!(
            "the local front does not know data sources of type {}: teach it in infra/local/src/graphql/answers.rs",
            other.unwrap_or("(none)")
        ),
    };
    Ok((field, source))
}

/// The logical id in `{"Fn::GetAtt": [id, ...]}` or `{"Ref": id}`.
fn referred(value: &Value) -> Option<String> {
    value.pointer("/Fn::GetAtt/0").or_else(|| value.get("Ref"))?.as_str().map(str::to_owned)
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// The functions behind the fields.
#[derive(Debug, Default)]
pub struct Behind {
    /// What is behind each field.
    pub sources: Sources,
    /// Functions by logical id.
    pub functions: BTreeMap<String, Arc<Function>>,
}

impl Answers for Behind {
    fn answer<'a>(&'a self, parent: &'a str, field: &'a str, event: Value) -> Answer<'a> {
        Box::pin(async move {
            match self.sources.get(&(parent.to_owned(), field.to_owned())) {
                Some(Source::Nothing) => Ok(argument(&event)),
                Some(Source::Function(logical)) => match self.functions.get(logical) {
                    Some(function) => invoke(function.clone(), &event).await,
                    None => Err(nobody(format!("{logical} of template.yaml is no function that runs here."))),
                },
                None => Err(nobody(format!(
                    "No resolver of template.yaml answers {parent}.{field}: add an AWS::AppSync::Resolver."
                ))),
            }
        })
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

async fn invoke(function: Arc<Function>, event: &Value) -> Result<Value, Told> {
    let payload = Bytes::from(event.to_string());
    // In a task of its own: on AWS too, an invocation goes on when its caller hangs up.
    let invocation = tokio::spawn(async move { function.invoke(payload).await });
    match tokio::time::timeout(PATIENCE, invocation).await {
        Err(_) => Err(Told::new("ExecutionTimeout", "Execution timed out.")),
        Ok(Err(_)) => Err(Told::new("Lambda:Unhandled", "the invocation was interrupted")),
        Ok(Ok(Err(failure))) => Err(failed(&failure)),
        Ok(Ok(Ok(answer))) => match serde_json::from_slice(&answer) {
            Ok(answer) => unwrapped(answer),
            Err(_) => Err(Told::new("MappingTemplate", "The function answered something else than JSON.")),
        },
    }
}

/// A function that fails is `Lambda:Unhandled` to AppSync, and its error's message the message.
fn failed(failure: &Failure) -> Told {
    let message = match failure {
        Failure::Function(error) => text(error, "/errorMessage").unwrap_or("Unknown error").to_owned(),
        other => other.to_string(),
    };
    Told::new("Lambda:Unhandled", message)
}

/// A function may answer `{"data": ...}`, or `{"error": {"type", "message", "info"}}` where it has more to say of an error
/// than a failed invocation can; the resolver's code raises it with `util.error`.
fn unwrapped(mut answer: Value) -> Result<Value, Told> {
    let Some(envelope) = answer.as_object_mut() else { return Ok(answer) };
    if let Some(error) = envelope.get("error").filter(|error| error.is_object()) {
        let part = |names: [&str; 2]| names.iter().find_map(|name| error.get(*name));
        let word = |names| part(names).and_then(Value::as_str).unwrap_or_default().to_owned();
        let info = part(["info", "errorInfo"]).cloned().unwrap_or_default();
        return Err(Told { error_type: word(["type", "errorType"]), message: word(["message", "errorMessage"]), info });
    }
    match envelope.remove("data") {
        Some(data) if envelope.keys().all(|other| other == "error") => Ok(data),
        Some(data) => {
            envelope.insert("data".to_owned(), data);
            Ok(answer)
        }
        None => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_template_says_who_answers() {
        let template = json!({"Resources": {
            "Profile": {"Type": "AWS::AppSync::DataSource", "Properties": {
                "Type": "AWS_LAMBDA", "LambdaConfig": {"LambdaFunctionArn": {"Fn::GetAtt": ["ProfileFunction", "Arn"]}}}},
            "Nobody": {"Type": "AWS::AppSync::DataSource", "Properties": {"Type": "NONE"}},
            "Table": {"Type": "AWS::AppSync::DataSource", "Properties": {"Type": "AMAZON_DYNAMODB"}},
            "Me": {"Type": "AWS::AppSync::Resolver", "Properties": {
                "TypeName": "Query", "FieldName": "me", "DataSourceName": {"Fn::GetAtt": ["Profile", "Name"]}}},
            "Publish": {"Type": "AWS::AppSync::Resolver", "Properties": {
                "TypeName": "Mutation", "FieldName": "publish", "DataSourceName": {"Fn::GetAtt": ["Nobody", "Name"]}}},
        }});
        let found = sources(&template).unwrap();
        let of = |parent: &str, field: &str| found.get(&(parent.to_owned(), field.to_owned())).cloned();
        assert_eq!(of("Query", "me"), Some(Source::Function("ProfileFunction".to_owned())));
        assert_eq!(of("Mutation", "publish"), Some(Source::Nothing));
        let mut strange = template.clone();
        strange["Resources"]["Me"]["Properties"]["DataSourceName"] = json!({"Fn::GetAtt": ["Table", "Name"]});
        let told = format!("{:#}", sources(&strange).unwrap_err());
        assert!(told.contains("Me") && told.contains("AMAZON_DYNAMODB"), "{told}");
    }

    #[test]
    fn failures_are_told_as_appsync_tells_them() {
        let told = failed(&Failure::Function(json!({"errorType": "Oops", "errorMessage": "it broke"})));
        assert_eq!((told.error_type.as_str(), told.message.as_str()), ("Lambda:Unhandled", "it broke"));
        let raised = json!({"error": {"type": "Conflict", "message": "moved", "info": {"fields": ["bio"]}}});
        let told = unwrapped(raised).unwrap_err();
        assert_eq!((told.error_type.as_str(), &told.info), ("Conflict", &json!({"fields": ["bio"]})));
        assert_eq!(unwrapped(json!({"data": {"id": 1}, "error": null})), Ok(json!({"id": 1})));
        assert_eq!(unwrapped(json!({"id": 1, "data": 2})), Ok(json!({"id": 1, "data": 2})));
        assert_eq!(unwrapped(json!(null)), Ok(json!(null)));
    }

    #[test]
    fn without_anything_behind_a_field_its_argument_is_its_answer() {
        assert_eq!(argument(&json!({"arguments": {"change": {"id": 1}}})), json!({"id": 1}));
        assert_eq!(argument(&json!({"arguments": {"a": 1, "b": 2}})), json!({"a": 1, "b": 2}));
    }
}
