//! `infra/schema.graphql` with what AppSync adds to every schema, and the values its scalars accept.

use anyhow::anyhow;
use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use serde_json::Value;

/// AppSync's scalars and directives.
const APPSYNC: &str = include_str!("appsync.graphql");

/// The schema, valid.
///
/// # Errors
/// What is wrong with it, and where.
pub fn read(text: &str) -> anyhow::Result<Valid<Schema>> {
    let builder = Schema::builder().parse(text, "infra/schema.graphql").parse(APPSYNC, "appsync.graphql");
    let schema = builder.build().and_then(Schema::validate);
    schema.map_err(|wrong| {
        anyhow!("infra/schema.graphql is not valid; correct it and run the command again\n{}", wrong.errors)
    })
}

/// AppSync's conversion of a function's value for a scalar, or `None` if AppSync rejects it.
pub fn serialize(scalar: &str, value: Value) -> Option<Value> {
    let text = value.as_str();
    let right = match scalar {
        // A string that is JSON already is kept; everything else is serialised.
        "AWSJSON" => {
            let written = text.is_some_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
            return Some(if written { value } else { Value::String(value.to_string()) });
        }
        "AWSDateTime" => text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        "AWSDate" => text.is_some_and(|text| text.trim_end_matches('Z').parse::<jiff::civil::Date>().is_ok()),
        "AWSTime" => text.is_some_and(|text| text.trim_end_matches('Z').parse::<jiff::civil::Time>().is_ok()),
        "AWSURL" => text.is_some_and(|text| reqwest::Url::parse(text).is_ok()),
        "AWSTimestamp" => value.is_i64() || value.is_u64(),
        "AWSEmail" => {
            text.is_some_and(|text| text.split_once('@').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty()))
        }
        "AWSIPAddress" => text.is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
        _ => true,
    };
    right.then_some(value)
}

#[cfg(test)]
mod tests {
    use apollo_compiler::ast::{Definition, Document};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schema_is_valid_beside_what_appsync_adds() {
        let schema = read(include_str!("../../../schema.graphql")).unwrap();
        assert!(schema.get_object("Profile").is_some() && schema.get_scalar("AWSJSON").is_some());
        let wrong = read("type Query { me: Nobody }").unwrap_err().to_string();
        assert!(wrong.contains("Nobody"), "{wrong}");
    }

    /// AppSync is known to reject both, and CloudFormation then rolls the whole stack back: descriptions in
    /// aws/aws-appsync-community#55 and sid88in/serverless-appsync-plugin#453, comments in #468 there.
    #[test]
    fn values_of_an_enum_have_neither_description_nor_comment() {
        let text = include_str!("../../../schema.graphql");
        let document = Document::parse(text, "infra/schema.graphql").unwrap();
        let mut enums = 0;
        for definition in &document.definitions {
            let Definition::EnumTypeDefinition(of) = definition else { continue };
            enums += 1;
            assert!(of.description.is_some(), "{}: what its values mean stands in its description", of.name);
            assert!(of.values.iter().all(|value| value.description.is_none()), "{} describes a value", of.name);
            let span = of.location().unwrap();
            let written = text.get(span.offset()..span.end_offset()).unwrap();
            let (_, values) = written.rsplit_once('{').unwrap();
            assert!(!values.contains('#'), "{} has a comment between its braces", of.name);
        }
        assert!(enums >= 4, "the schema's enums were found");
    }

    #[test]
    fn scalars_take_what_appsync_takes() {
        for (scalar, value, right) in [
            ("AWSDateTime", json!("2026-11-21T10:15:30.123Z"), true),
            ("AWSDateTime", json!("2026-11-21T10:15:30+01:00"), true),
            ("AWSDateTime", json!("2026-11-21"), false),
            ("AWSDate", json!("2026-11-21"), true),
            ("AWSDate", json!("2026-11-31"), false),
            ("AWSURL", json!("https://example.org/a?b"), true),
            ("AWSURL", json!("example"), false),
            ("AWSURL", json!(7), false),
            ("String", json!("anything"), true),
        ] {
            assert_eq!(serialize(scalar, value.clone()).is_some(), right, "{scalar} {value}");
        }
    }

    #[test]
    fn json_is_written_out_once() {
        assert_eq!(serialize("AWSJSON", json!({"a": 1})), Some(json!("{\"a\":1}")));
        assert_eq!(serialize("AWSJSON", json!("{\"a\":1}")), Some(json!("{\"a\":1}")));
        assert_eq!(serialize("AWSJSON", json!("Zoé")), Some(json!("\"Zoé\"")));
    }
}
