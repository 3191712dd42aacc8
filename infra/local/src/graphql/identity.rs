//! The caller's identity, and the fields the caller may request according to the schema's directives.
//!
//! The functions authorise again; this is the first check, as in AppSync.

use apollo_compiler::ast::{Directive, Value as Literal};
use apollo_compiler::schema::FieldDefinition;
use apollo_compiler::{Schema, ast};
use serde_json::{Map, Value, json};

/// The types whose fields are resolved by functions.
const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

/// A caller with a verified token.
#[derive(Clone, Debug)]
pub struct Member {
    /// All claims of the token.
    pub claims: Map<String, Value>,
}

/// The caller.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A member of the user pool.
    Member(Member),
    /// A program that signed with IAM.
    Program {
        /// The role it runs under.
        role: String,
        /// Fields of the root types that its role may request, `types/Mutation/fields/publishProfileChange`; a star at
        /// the end is a wildcard.
        may: Vec<String>,
    },
}

impl Member {
    /// The groups in the token.
    pub fn groups(&self) -> Vec<&str> {
        let named = self.claims.get("cognito:groups").and_then(Value::as_array);
        named.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }
}

impl Identity {
    /// `identity` in the event that a function receives.
    pub fn event(&self) -> Value {
        match self {
            Self::Member(member) => json!({
                "claims": member.claims,
                "defaultAuthStrategy": "ALLOW",
                // Without groups, null and not an empty list.
                "groups": member.claims.get("cognito:groups"),
                "issuer": member.claim("iss"),
                "sourceIp": ["127.0.0.1"],
                "sub": member.claim("sub"),
                // ID tokens and access tokens name this claim differently.
                "username": member.claim("cognito:username").or_else(|| member.claim("username")),
            }),
            Self::Program { role, .. } => json!({
                "accountId": "000000000000",
                "cognitoIdentityAuthProvider": null,
                "cognitoIdentityAuthType": null,
                "cognitoIdentityId": null,
                "cognitoIdentityPoolId": null,
                "sourceIp": ["127.0.0.1"],
                "userArn": format!("arn:aws:sts::000000000000:assumed-role/{role}/local"),
                "username": "AROALOCAL:local",
            }),
        }
    }

    /// Whether the schema allows the caller this field of this type. A field's own directives override its type's;
    /// where neither has any, members are allowed: the user pool is the API's default.
    pub fn may_ask(&self, schema: &Schema, parent: &str, field: &FieldDefinition) -> bool {
        let own = rules(field.directives.iter().map(|directive| &**directive));
        let of_type = || {
            let directives = schema.get_object(parent).map(|object| &object.directives);
            rules(directives.into_iter().flat_map(|list| list.iter().map(|directive| &***directive)))
        };
        let rules = if own.is_empty() { of_type() } else { own };
        let by_default = rules.is_empty() && matches!(self, Self::Member(_));
        self.role_lets(parent, &field.name) && (by_default || rules.iter().any(|rule| self.meets(rule)))
    }

    /// Whether IAM allows a program this field; it applies to programs and to fields of the root types only.
    fn role_lets(&self, parent: &str, field: &str) -> bool {
        let Self::Program { may, .. } = self else { return true };
        let asked = format!("types/{parent}/fields/{field}");
        !ROOTS.contains(&parent)
            || may.iter().any(|may| match may.strip_suffix('*') {
                Some(begins) => asked.starts_with(begins),
                None => *may == asked,
            })
    }

    fn meets(&self, rule: &Directive) -> bool {
        match self {
            Self::Program { .. } => rule.name == "aws_iam",
            Self::Member(member) if rule.name == "aws_cognito_user_pools" => {
                match rule.specified_argument_by_name("cognito_groups").map(|groups| &**groups) {
                    None | Some(Literal::Null) => true,
                    Some(groups) => named(groups).any(|group| member.groups().contains(&group)),
                }
            }
            Self::Member(_) => false,
        }
    }
}

/// The strings in a directive's list.
pub(super) fn named(list: &Literal) -> impl Iterator<Item = &str> {
    list.as_list().into_iter().flatten().filter_map(|text: &apollo_compiler::Node<ast::Value>| text.as_str())
}

fn rules<'a>(directives: impl Iterator<Item = &'a Directive>) -> Vec<&'a Directive> {
    let kinds = ["aws_iam", "aws_cognito_user_pools", "aws_api_key", "aws_oidc", "aws_lambda"];
    directives.filter(|directive| kinds.contains(&directive.name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::schema;

    /// A member in these groups.
    fn member(groups: &[&str]) -> Identity {
        let claims = json!({"sub": "zoe", "cognito:groups": groups});
        Identity::Member(Member { claims: claims.as_object().cloned().unwrap_or_default() })
    }

    #[test]
    fn the_directives_say_who_may_ask() {
        let schema = schema::read(include_str!("../../../schema.graphql")).unwrap();
        let program = Identity::Program { role: "follower".to_owned(), may: vec!["*".to_owned()] };
        let may = vec!["types/Mutation/fields/publishProfileChange".to_owned()];
        let publisher = Identity::Program { role: "publisher".to_owned(), may };
        for (parent, field, who, may) in [
            ("Query", "me", member(&[]), true),
            ("Query", "me", program.clone(), false),
            ("Query", "profile", member(&["freelancer"]), true),
            ("Query", "profile", member(&[]), false),
            ("Query", "profile", member(&["strangers"]), false),
            ("Query", "profile", program.clone(), true),
            ("Query", "profileHistory", member(&["team"]), false),
            ("Query", "profileHistory", member(&["team", "admin"]), true),
            ("Mutation", "createProfile", member(&["admin"]), false),
            ("Mutation", "publishProfileChange", member(&["admin"]), false),
            ("Mutation", "publishProfileChange", program.clone(), true),
            ("Profile", "email", program.clone(), true),
            ("HistoryPage", "items", program.clone(), false),
            ("Subscription", "onProfileChanged", program, false),
            ("Subscription", "onProfileChanged", member(&["freelancer"]), true),
            ("Subscription", "onProfileChanged", member(&[]), false),
            ("Mutation", "publishProfileChange", publisher.clone(), true),
            ("ProfileChange", "fields", publisher.clone(), true),
            ("Query", "profile", publisher, false),
            ("HistoryPage", "items", member(&[]), true),
        ] {
            let definition = schema.type_field(parent, field).unwrap();
            assert_eq!(who.may_ask(&schema, parent, definition), may, "{parent}.{field} {who:?}");
        }
    }

    #[test]
    fn who_is_in_no_group_has_null_for_groups() {
        let claims = json!({"sub": "zoe", "username": "z", "iss": "https://issuer"});
        let identity = Identity::Member(Member { claims: claims.as_object().cloned().unwrap_or_default() });
        let event = identity.event();
        assert!(event["groups"].is_null() && event["sub"] == "zoe" && event["username"] == "z");
        assert_eq!(member(&["team"]).event()["groups"], json!(["team"]));
    }
}
