//! The template's resolvers: which one is behind which field, and the query limits.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::Value;

/// The resolver of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A function.
    Function {
        /// Its logical id.
        logical: String,
        /// How it is called.
        manner: Manner,
    },
    /// None: the argument is the result, as for a mutation that only notifies subscribers.
    Nothing,
    /// None, except for `infra/resolvers/subscribe.js`, which sets a subscriber's filter and is emulated here.
    Subscribe,
}

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It receives AppSync's full context, and returns the value.
    Direct,
    /// As by `infra/resolvers/ask.js`, which is emulated here.
    Ask,
}

/// The resolver of each field, by type and field.
pub type Sources = BTreeMap<(String, String), Source>;

/// The query limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Levels of fields.
    pub depth: usize,
    /// Number of resolved fields.
    pub fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 75, fields: 10_000 }
    }
}

/// Reads the template's resolvers.
///
/// # Errors
/// When a resolver is of an unknown kind: an error is better than differing from AWS.
pub fn sources(template: &Value) -> anyhow::Result<Sources> {
    of_type(template, "AWS::AppSync::Resolver")
        .map(|(name, resolver)| source(template, resolver).with_context(|| format!("template.yaml, {name}")))
        .collect()
}

/// The limits of the template's API; AppSync's own where it sets none.
pub fn limits(template: &Value) -> Limits {
    let api = of_type(template, "AWS::AppSync::GraphQLApi").next().map(|(_, api)| api);
    let number = |name: &str| {
        let limit = api?.pointer(&format!("/Properties/{name}"))?.as_u64()?;
        usize::try_from(limit).ok().filter(|limit| *limit > 0)
    };
    let own = Limits::default();
    Limits {
        depth: number("QueryDepthLimit").unwrap_or(own.depth),
        fields: number("ResolverCountLimit").unwrap_or(own.fields),
    }
}

fn of_type<'a>(template: &'a Value, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let resources = template.get("Resources").and_then(Value::as_object).into_iter().flatten();
    resources.filter(move |(_, resource)| text(resource, "/Type") == Some(kind))
}

fn source(template: &Value, resolver: &Value) -> anyhow::Result<((String, String), Source)> {
    const HERE: &str = "infra/local/src/graphql/resolvers.rs";
    let part = |name: &str| {
        let found = text(resolver, &format!("/Properties/{name}")).map(str::to_owned);
        found.with_context(|| format!("{name} is missing or not plain text; write it out"))
    };
    let field = (part("TypeName")?, part("FieldName")?);
    if text(resolver, "/Properties/Kind") == Some("PIPELINE") {
        bail!("the local front knows no pipelines: let one function answer the field, or teach it in {HERE}");
    }
    let named = resolver.pointer("/Properties/DataSourceName").and_then(referred);
    let named = named.context("DataSourceName is not !GetAtt <data source>.Name; write it so")?;
    let data_source =
        template.pointer(&format!("/Resources/{named}")).context("it names a data source that is not there")?;
    let code = text(resolver, "/Properties/CodeS3Location").map(|code| code.rsplit('/').next().unwrap_or(code));
    let has = |name: &str| resolver.pointer(&format!("/Properties/{name}")).is_some();
    let unknown = has("Code") || has("RequestMappingTemplate") || has("ResponseMappingTemplate");
    let source = match (text(data_source, "/Properties/Type"), code) {
        _ if unknown => {
            bail!("the local front runs no code of resolvers: name infra/resolvers/ask.js, or teach it in {HERE}")
        }
        (Some("NONE"), None | Some("publish.js")) => Source::Nothing,
        (Some("NONE"), Some("subscribe.js")) => Source::Subscribe,
        (Some("AWS_LAMBDA"), None | Some("ask.js")) => {
            let arn = data_source.pointer("/Properties/LambdaConfig/LambdaFunctionArn").and_then(referred);
            let logical = arn.with_context(|| format!("{named} has no !GetAtt <function>.Arn; write it so"))?;
            Source::Function { logical, manner: if code.is_some() { Manner::Ask } else { Manner::Direct } }
        }
        (Some("NONE" | "AWS_LAMBDA"), Some(code)) => {
            bail!(
                "the local front stands in for ask.js, publish.js and subscribe.js, not for {code}: teach it in {HERE}"
            )
        }
        (other, _) => {
            let other = other.unwrap_or("(none)");
            bail!("the local front does not know data sources of type {other}: teach it in {HERE}")
        }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Value {
        let resolver = |parent: &str, field: &str, source: &str, code: &str| {
            json!({"Type": "AWS::AppSync::Resolver", "Properties": {
                "TypeName": parent, "FieldName": field, "DataSourceName": {"Fn::GetAtt": [source, "Name"]},
                "CodeS3Location": code,
            }})
        };
        let mut template = json!({"Resources": {
            "Api": {"Type": "AWS::AppSync::GraphQLApi", "Properties": {"QueryDepthLimit": 15, "ResolverCountLimit": 10}},
            "Profiles": {"Type": "AWS::AppSync::DataSource", "Properties": {
                "Type": "AWS_LAMBDA", "LambdaConfig": {"LambdaFunctionArn": {"Fn::GetAtt": ["ProfileFunction", "Arn"]}}}},
            "Nobody": {"Type": "AWS::AppSync::DataSource", "Properties": {"Type": "NONE"}},
            "Table": {"Type": "AWS::AppSync::DataSource", "Properties": {"Type": "AMAZON_DYNAMODB"}},
            "Me": resolver("Query", "me", "Profiles", "infra/resolvers/ask.js"),
            "Direct": resolver("Query", "profile", "Profiles", ""),
            "Publish": resolver("Mutation", "publish", "Nobody", "infra/resolvers/publish.js"),
            "Listen": resolver("Subscription", "onPublished", "Nobody", "infra/resolvers/subscribe.js"),
        }});
        template["Resources"]["Direct"]["Properties"].as_object_mut().unwrap().remove("CodeS3Location");
        template
    }

    #[test]
    fn the_template_says_who_answers() {
        let found = sources(&template()).unwrap();
        let of = |parent: &str, field: &str| found.get(&(parent.to_owned(), field.to_owned())).cloned().unwrap();
        let function = |manner| Source::Function { logical: "ProfileFunction".to_owned(), manner };
        assert_eq!(of("Query", "me"), function(Manner::Ask));
        assert_eq!(of("Query", "profile"), function(Manner::Direct));
        assert_eq!(of("Mutation", "publish"), Source::Nothing);
        assert_eq!(of("Subscription", "onPublished"), Source::Subscribe);
    }

    #[test]
    fn what_is_not_known_is_said_with_its_name() {
        for (property, value, word) in [
            ("DataSourceName", json!({"Fn::GetAtt": ["Table", "Name"]}), "AMAZON_DYNAMODB"),
            ("CodeS3Location", json!("infra/resolvers/other.js"), "other.js"),
            ("Code", json!("export function request() {}"), "no code"),
            ("Kind", json!("PIPELINE"), "pipelines"),
            ("DataSourceName", json!("profiles"), "GetAtt"),
        ] {
            let mut template = template();
            template["Resources"]["Me"]["Properties"][property] = value;
            let told = format!("{:#}", sources(&template).unwrap_err());
            assert!(told.contains("template.yaml, Me") && told.contains(word), "{told}");
        }
    }

    #[test]
    fn the_template_says_how_much_may_be_asked() {
        assert_eq!(limits(&template()), Limits { depth: 15, fields: 10 });
        assert_eq!(limits(&json!({})), Limits { depth: 75, fields: 10_000 });
    }
}
