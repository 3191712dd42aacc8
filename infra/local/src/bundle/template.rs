//! `template.yaml` as JSON: CloudFormation's short tags are expanded, so that it reads and edits as plain values.
//!
//! [`super::resources`] interprets its content.

use anyhow::{Context, bail};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The whole template.
///
/// # Errors
/// When it is not YAML, or uses something JSON cannot say.
pub fn read(yaml: &str) -> anyhow::Result<Value> {
    let documents =
        Yaml::load_from_str(yaml).context("template.yaml is not valid YAML; correct it and run the command again")?;
    documents.first().map_or_else(|| bail!("template.yaml is empty; restore it from git"), to_json)
}

fn to_json(node: &Yaml<'_>) -> anyhow::Result<Value> {
    Ok(match node {
        Yaml::Value(scalar) => scalar_to_json(scalar),
        Yaml::Sequence(list) => Value::Array(list.iter().map(to_json).collect::<Result<_, _>>()?),
        Yaml::Mapping(map) => {
            let mut object = Map::new();
            for (key, value) in map {
                let key = key.as_str().context("template.yaml has a key that is not text; put it in quotes")?;
                object.insert(key.to_owned(), to_json(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tag, inner) => long_form(&tag.suffix, to_json(inner)?),
        Yaml::Representation(text, _, Some(tag)) => long_form(&tag.suffix, Value::String(text.to_string())),
        Yaml::Representation(text, ..) => Value::String(text.to_string()),
        Yaml::Alias(_) | Yaml::BadValue => {
            bail!("template.yaml uses a YAML feature that CloudFormation does not know; write it out")
        }
    })
}

fn scalar_to_json(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => json!(value),
        Scalar::Integer(value) => json!(value),
        Scalar::FloatingPoint(value) => json!(value.into_inner()),
        Scalar::String(text) => json!(text),
    }
}

/// `!Ref X` is `{"Ref": X}`, `!GetAtt A.B` is `{"Fn::GetAtt": [A, B]}`, `!Sub X` is `{"Fn::Sub": X}`.
fn long_form(tag: &str, value: Value) -> Value {
    match (tag.trim_start_matches('!'), value) {
        ("Ref", value) => json!({"Ref": value}),
        ("Condition", value) => json!({"Condition": value}),
        ("GetAtt", Value::String(path)) => match path.split_once('.') {
            Some((resource, attribute)) => json!({"Fn::GetAtt": [resource, attribute]}),
            None => json!({"Fn::GetAtt": [path]}),
        },
        (name, value) => {
            let mut object = Map::new();
            object.insert(format!("Fn::{name}"), value);
            Value::Object(object)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tags_are_written_out() {
        let yaml = "A: !Ref Stage\nB: !GetAtt Table.StreamArn\nC: !Sub 'x-${A}'\nD: !If [IsProd, 1, !Ref X]\nE: [1, 1.5, true, 'on', null]\nF: '2010-09-09'\n";
        let read = read(yaml).unwrap();
        assert_eq!(
            read,
            json!({
                "A": {"Ref": "Stage"}, "B": {"Fn::GetAtt": ["Table", "StreamArn"]}, "C": {"Fn::Sub": "x-${A}"},
                "D": {"Fn::If": ["IsProd", 1, {"Ref": "X"}]}, "E": [1, 1.5, true, "on", null], "F": "2010-09-09"
            })
        );
    }
}
