//! What the role of each function allows of DynamoDB, S3 and Cognito, by the policies in `template.yaml`. The stand-in for AWS
//! enforces none; on the wire a request that AWS would deny is denied.
//!
//! Read are actions, resources and leading keys (AWS, "Actions, resources, and condition keys for Amazon DynamoDB");
//! other conditions are taken to hold, and so is a right that a parameter of the stack gives.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::Value;

/// A right of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Right {
    actions: Vec<String>,
    /// `OutboxTable`, `OutboxTable/index/open`, `ArchiveBucket/invoices/*`.
    resources: Vec<String>,
    /// What the partition keys of every item match, if the right is limited to some.
    leading: Option<Vec<String>>,
}

/// The rights of the functions.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    rights: BTreeMap<String, Vec<Right>>,
    /// Logical ids by physical ones.
    logical: BTreeMap<String, String>,
}

/// A single access that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    /// `dynamodb:PutItem`.
    pub(super) action: &'static str,
    /// Table or bucket by its physical name, with an index or a key below it.
    pub(super) name: String,
    pub(super) below: Option<String>,
    /// The partition key, if the request has one.
    pub(super) key: Option<String>,
}

impl Roles {
    /// The rights of the template's functions, by package; `packages` are those of the functions by logical id.
    pub fn read(template: &Value, packages: &BTreeMap<String, String>, physical: &BTreeMap<String, String>) -> Self {
        let mut rights: BTreeMap<String, Vec<Right>> = BTreeMap::new();
        for (function, package) in packages {
            let role = template.pointer(&format!("/Resources/{function}/Properties/Role/Fn::GetAtt/0"));
            let Some(role) = role.and_then(Value::as_str) else { continue };
            let policies = template.pointer(&format!("/Resources/{role}/Properties/Policies"));
            let policies = policies.and_then(Value::as_array).into_iter().flatten();
            let policies = policies.chain(apart(template, role));
            let statements = policies.filter_map(|policy| policy.pointer("/PolicyDocument/Statement")?.as_array());
            let allows = |statement: &&Value| statement.get("Effect").is_some_and(|effect| effect != "Deny");
            rights.insert(package.clone(), statements.flatten().filter(allows).map(right).collect());
        }
        let logical = physical.iter().map(|(logical, physical)| (physical.clone(), logical.clone())).collect();
        Self { rights, logical }
    }

    /// Whether this is a resource of the stack, by its physical name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.logical.contains_key(name)
    }

    /// Why AWS would deny `function` these accesses, if it would; programs that are no function may do anything.
    pub(super) fn denied(&self, function: &str, accesses: &[Access]) -> Option<String> {
        let rights = self.rights.get(function)?;
        let denied = accesses.iter().find(|access| {
            let name = self.logical.get(&access.name).unwrap_or(&access.name);
            let resource = access.below.as_ref().map_or_else(|| name.clone(), |below| format!("{name}/{below}"));
            !rights.iter().any(|right| right.allows(access, &resource))
        })?;
        let Access { action, name, key, .. } = denied;
        let key = key.as_deref().map(|key| key.split('#').next().unwrap_or_default()).unwrap_or("-");
        Some(format!("the role of {function} does not allow {action} on {name}, keys {key}#"))
    }
}

/// The policies of a role that stand apart from it.
fn apart<'a>(template: &'a Value, role: &'a str) -> impl Iterator<Item = &'a Value> {
    let resources = template.get("Resources").and_then(Value::as_object).into_iter().flatten();
    let policies = resources.filter(|(_, one)| one.get("Type").is_some_and(|kind| kind == "AWS::IAM::Policy"));
    policies.filter_map(|(_, policy)| policy.get("Properties")).filter(move |policy| {
        let roles = policy.get("Roles").and_then(Value::as_array);
        roles.into_iter().flatten().any(|one| one.get("Ref").is_some_and(|name| name == role))
    })
}

impl Right {
    fn allows(&self, access: &Access, resource: &str) -> bool {
        self.actions.iter().any(|action| matches(action, access.action))
            && self.resources.iter().any(|pattern| matches(pattern, resource))
            && match (&self.leading, &access.key) {
                (None, _) => true,
                (Some(patterns), Some(key)) => patterns.iter().any(|pattern| matches(pattern, key)),
                // `ForAllValues` holds for a request without keys, which is why no Scan has one.
                (Some(_), None) => true,
            }
    }
}

fn right(statement: &Value) -> Right {
    let texts = |value: Option<&Value>| -> Vec<String> { listed(value).filter_map(resource).collect() };
    let leading = statement.pointer("/Condition/ForAllValues:StringLike/dynamodb:LeadingKeys");
    Right {
        actions: texts(statement.get("Action")),
        resources: texts(statement.get("Resource")),
        leading: leading.map(|leading| texts(Some(leading))),
    }
}

fn listed(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let one = value.filter(|value| !value.is_array());
    value.and_then(Value::as_array).into_iter().flatten().chain(one)
}

/// A resource without what is around its logical id: `ArchiveBucket/invoices/*` of `${ArchiveBucket.Arn}/invoices/*`.
fn resource(value: &Value) -> Option<String> {
    let named = value.pointer("/Fn::GetAtt/0").and_then(Value::as_str);
    match (named, value.pointer("/Fn::GetAtt/1").and_then(Value::as_str)) {
        (Some(name), Some("Arn")) => return Some(name.to_owned()),
        (Some(name), Some(attribute)) => return Some(format!("{name}/{attribute}")),
        _ => {}
    }
    let text = value.as_str().or_else(|| value.get("Fn::Sub")?.as_str())?;
    Some(text.replace(".Arn}", "").replace("${", ""))
}

/// Whether a text matches a pattern in which a star stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

/// What a request to DynamoDB asks for.
pub(super) fn of_dynamodb(operation: &str, request: &Value) -> Vec<Access> {
    let access = |action: &'static str, asked: &Value| {
        let name = asked.get("TableName").and_then(Value::as_str)?.to_owned();
        let index = asked.get("IndexName").and_then(Value::as_str).map(|index| format!("index/{index}"));
        let item = asked.get("Item").or_else(|| asked.get("Key"));
        let key = item.and_then(|item| item.pointer("/pk/S")).and_then(Value::as_str).map(str::to_owned);
        // Every query of a partition names it `:pk`.
        let queried = asked.pointer("/ExpressionAttributeValues/:pk/S").and_then(Value::as_str).map(str::to_owned);
        let key = key.or_else(|| queried.filter(|_| action == "dynamodb:Query"));
        Some(Access { action, name, below: index, key })
    };
    let one = |action| access(action, request).into_iter().collect();
    match operation {
        "PutItem" => one("dynamodb:PutItem"),
        "UpdateItem" => one("dynamodb:UpdateItem"),
        "DeleteItem" => one("dynamodb:DeleteItem"),
        "GetItem" => one("dynamodb:GetItem"),
        "Query" => one("dynamodb:Query"),
        "Scan" => one("dynamodb:Scan"),
        "TransactWriteItems" | "TransactGetItems" => {
            let writes = request.get("TransactItems").and_then(Value::as_array).into_iter().flatten();
            let named = writes.filter_map(Value::as_object).filter_map(|write| write.iter().next());
            let of = |(kind, asked): (&String, &Value)| {
                let action = match kind.as_str() {
                    "Put" => "dynamodb:PutItem",
                    "Update" => "dynamodb:UpdateItem",
                    "Delete" => "dynamodb:DeleteItem",
                    "ConditionCheck" => "dynamodb:ConditionCheckItem",
                    _ => "dynamodb:GetItem",
                };
                access(action, asked)
            };
            named.filter_map(of).collect()
        }
        "BatchGetItem" => {
            let tables = request.get("RequestItems").and_then(Value::as_object).into_iter().flatten();
            let keys = tables.flat_map(|(table, gets)| {
                let keys = gets.get("Keys").and_then(Value::as_array).into_iter().flatten();
                keys.map(move |key| (table, key))
            });
            let of = |(table, key): (&String, &Value)| Access {
                action: "dynamodb:BatchGetItem",
                name: table.clone(),
                below: None,
                key: key.pointer("/pk/S").and_then(Value::as_str).map(str::to_owned),
            };
            keys.map(of).collect()
        }
        _ => Vec::new(),
    }
}

/// What a request to a user pool asks for. What members ask of it themselves needs no right.
pub(super) fn of_cognito(operation: &str, request: &Value) -> Option<Access> {
    let action = match operation {
        "AdminCreateUser" => "cognito-idp:AdminCreateUser",
        "AdminDeleteUser" => "cognito-idp:AdminDeleteUser",
        "AdminGetUser" => "cognito-idp:AdminGetUser",
        "ListUsers" => "cognito-idp:ListUsers",
        // Any other is a right that no role of the template has.
        _ => "cognito-idp:Other",
    };
    let name = request.get("UserPoolId").and_then(Value::as_str)?.to_owned();
    Some(Access { action, name, below: None, key: None })
}

/// What a request to S3 asks for, whose path is `/<bucket>/<key>`.
pub(super) fn of_s3(method: &Method, path: &str) -> Option<Access> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let action = match method.as_str() {
        "GET" if key.is_empty() || query.contains("list-type=2") => "s3:ListBucket",
        "GET" | "HEAD" => "s3:GetObject",
        "PUT" => "s3:PutObject",
        "DELETE" => "s3:DeleteObject",
        _ => return None,
    };
    let below = Some(key.to_owned()).filter(|key| !key.is_empty());
    (!bucket.is_empty()).then(|| Access { action, name: bucket.to_owned(), below, key: None })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn roles() -> Roles {
        let template = crate::bundle::template::read(include_str!("../../../../template.yaml")).unwrap();
        let packages = [
            ("MailSenderFunction", "mail-sender"),
            ("MailEventsFunction", "mail-events"),
            ("PaymentWebhookFunction", "payment-webhook"),
            ("NoticeSenderFunction", "notice-sender"),
        ];
        let packages = packages.map(|(logical, package)| (logical.to_owned(), package.to_owned()));
        let physical = ["OutboxTable", "NoticesTable", "BillingTable", "ArchiveBucket"];
        let physical = physical.map(|name| (name.to_owned(), format!("comptoir-{name}")));
        Roles::read(&template, &BTreeMap::from(packages), &BTreeMap::from(physical))
    }

    fn denied(function: &str, operation: &str, request: &Value) -> bool {
        roles().denied(function, &of_dynamodb(operation, request)).is_some()
    }

    #[test]
    fn a_function_reaches_the_keys_of_its_work_and_no_others() {
        let update = |table: &str, key: &str| json!({"TableName": table, "Key": {"pk": {"S": key}, "sk": {"S": "-"}}});
        let mail = update("comptoir-OutboxTable", "MAIL#invoice/1");
        assert!(!denied("mail-sender", "UpdateItem", &mail));
        assert!(denied("mail-sender", "PutItem", &mail), "it queues nothing");
        assert!(denied("mail-sender", "UpdateItem", &update("comptoir-NoticesTable", "NOTICE#team/1")));
        assert!(denied("notice-sender", "UpdateItem", &mail), "notices reach no document's mail");
        assert!(!denied("mail-events", "UpdateItem", &update("comptoir-NoticesTable", "SUPPRESSED#a")));
        let both = json!({"TransactItems": [
            {"Put": {"TableName": "comptoir-BillingTable", "Item": {"pk": {"S": "EVENT#evt_1"}}}},
            {"Put": {"TableName": "comptoir-BillingTable", "Item": {"pk": {"S": "COUNTER#2026-11-#"}}}},
        ]});
        assert!(denied("payment-webhook", "TransactWriteItems", &both), "strangers' door writes no counter");
        assert!(!denied("a program", "TransactWriteItems", &both), "no function");
        let get =
            json!({"RequestItems": {"comptoir-NoticesTable": {"Keys": [{"pk": {"S": "NOTICE#profile/p/1/member"}}]}}});
        assert!(denied("notice-sender", "BatchGetItem", &get));
    }

    #[test]
    fn accounts_are_made_by_one_function_and_ended_by_another() {
        let template = crate::bundle::template::read(include_str!("../../../../template.yaml")).unwrap();
        let packages = [
            ("AccessWorkerFunction", "access-worker"),
            ("BillingApiFunction", "billing-api"),
            ("ProfileMutationValidatorFunction", "profile-mutation-validator"),
            ("PaymentWebhookFunction", "payment-webhook"),
        ];
        let packages = BTreeMap::from(packages.map(|(logical, package)| (logical.to_owned(), package.to_owned())));
        let physical = BTreeMap::from([("MembersPool".to_owned(), "eu-west-3_pool".to_owned())]);
        let roles = Roles::read(&template, &packages, &physical);
        let may = |pool: &str| {
            let mut may = Vec::new();
            for function in packages.values() {
                for operation in [
                    "AdminCreateUser",
                    "AdminDeleteUser",
                    "AdminGetUser",
                    "ListUsers",
                    "AdminSetUserPassword",
                    "AdminAddUserToGroup",
                    "AdminUpdateUserAttributes",
                ] {
                    let asked: Vec<Access> = of_cognito(operation, &json!({"UserPoolId": pool})).into_iter().collect();
                    if roles.denied(function, &asked).is_none() {
                        may.push((function.as_str(), operation));
                    }
                }
            }
            may
        };
        let expected = [
            ("access-worker", "AdminCreateUser"),
            ("access-worker", "AdminGetUser"),
            ("billing-api", "AdminGetUser"),
            ("profile-mutation-validator", "AdminDeleteUser"),
            ("profile-mutation-validator", "ListUsers"),
        ];
        let mut found = may("eu-west-3_pool");
        found.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(may("eu-west-3_other"), [], "no other pool");
    }

    #[test]
    fn objects_are_reached_below_their_prefix() {
        let of =
            |method, path: &str| roles().denied("mail-sender", &of_s3(&method, path).map_or(vec![], |one| vec![one]));
        assert_eq!(of(Method::GET, "/comptoir-ArchiveBucket/invoices/2026/11/a.pdf?x-id=GetObject"), None);
        assert!(of(Method::GET, "/comptoir-ArchiveBucket/books/2026/11/a.json").is_some());
        assert!(of(Method::PUT, "/comptoir-ArchiveBucket/invoices/2026/11/a.pdf").is_some());
        assert_eq!(of(Method::GET, "/comptoir-ArchiveBucket?list-type=2&prefix=a"), None);
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "abc", true),
            ("a*c", "axc", true),
            ("a*c", "axd", false),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxyyc", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
