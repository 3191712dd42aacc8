//! What programs that sign with IAM may request: the template's functions by the policies of their roles, others by
//! the parameter ProfilePrograms.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::Value;

/// What a role of the template may request from the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: String,
    /// Fields, `types/Mutation/fields/publishProfileChange`; a star at the end is a wildcard.
    pub may: Vec<String>,
}

/// What the template's functions may request, by logical id; functions without such a right are not in it.
///
/// # Errors
/// When a policy names the API in an unknown way.
pub fn read(template: &Value) -> anyhow::Result<BTreeMap<String, Grant>> {
    let resources = template.get("Resources").and_then(Value::as_object);
    let mut grants = BTreeMap::new();
    for (logical, function) in resources.into_iter().flatten() {
        let Some(role) = function.pointer("/Properties/Role/Fn::GetAtt/0").and_then(Value::as_str) else { continue };
        let policies = template.pointer(&format!("/Resources/{role}/Properties/Policies")).and_then(Value::as_array);
        let statements =
            policies.into_iter().flatten().filter_map(|policy| policy.pointer("/PolicyDocument/Statement"));
        let mut may = Vec::new();
        for statement in statements.filter_map(Value::as_array).flatten() {
            let allows = statement.get("Effect").is_some_and(|effect| effect == "Allow");
            if allows && listed(statement.get("Action")).any(|action| action == "appsync:GraphQL") {
                for resource in listed(statement.get("Resource")) {
                    may.push(field(resource).with_context(|| format!("template.yaml, {role}"))?);
                }
            }
        }
        if !may.is_empty() {
            grants.insert(logical.clone(), Grant { role: role.to_owned(), may });
        }
    }
    Ok(grants)
}

fn listed(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let one = value.filter(|value| !value.is_array());
    value.and_then(Value::as_array).into_iter().flatten().chain(one)
}

fn field(resource: &Value) -> anyhow::Result<String> {
    let text = resource.get("Fn::Sub").and_then(Value::as_str);
    let Some((_, field)) = text.and_then(|text| text.split_once(".Arn}/")) else {
        bail!("appsync:GraphQL is on {resource}; write !Sub ${{<api>.Arn}}/types/<type>/fields/<field>");
    };
    Ok(field.to_owned())
}

impl Grant {
    /// A program from the parameter ProfilePrograms, `reports:profile+searchProfiles`: its role may request the fields
    /// listed.
    pub fn named(told: &str) -> Option<Self> {
        let (role, operations) = told.split_once(':')?;
        let fields = |operation: &str| ["Query", "Mutation"].map(|root| format!("types/{root}/fields/{operation}"));
        Some(Self { role: role.to_owned(), may: operations.split('+').flat_map(fields).collect() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_template_says_what_a_function_may_ask() {
        let template = crate::bundle::template::read(include_str!("../../../../template.yaml")).unwrap();
        let publish = "types/Mutation/fields/publishProfileChange".to_owned();
        let publisher = Grant { role: "ProfilePublisherRole".to_owned(), may: vec![publish] };
        assert_eq!(read(&template).unwrap(), BTreeMap::from([("ProfilePublisherFunction".to_owned(), publisher)]));
        let named = Grant::named("reports:profile+searchProfiles").unwrap();
        assert!(named.role == "reports" && named.may.contains(&"types/Query/fields/searchProfiles".to_owned()));
        assert_eq!(Grant::named("reports"), None);
        let statement = json!({"Effect": "Allow", "Action": ["appsync:GraphQL"], "Resource": "*"});
        let template = json!({"Resources": {
            "Function": {"Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}},
            "Role": {"Properties": {"Policies": [{"PolicyDocument": {"Statement": [statement]}}]}},
        }});
        assert!(format!("{:#}", read(&template).unwrap_err()).contains("template.yaml, Role"));
    }
}
