//! What the runner reads from the template: its functions, their triggers, and the settings the stand-in drops.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::schedule::Schedule;
use crate::stream::StreamSource;
use crate::stream::filter::Filter;

/// The schedule of a minute.
pub const EACH_MINUTE: &str = "cron(* * * * ? *)";

/// A function of the template.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its logical id.
    pub logical: String,
    /// Package, binary and folder: the last part of `CodeUri`.
    pub package: String,
    /// Its timeout.
    pub timeout: Duration,
    /// Megabytes; passed to the function, not enforced.
    pub memory: u64,
    /// Method and path of each HTTP route.
    pub routes: Vec<(String, String)>,
    /// Whether a schedule invokes it, or a person alone.
    pub by_hand: bool,
    /// The input of a schedule of a minute.
    pub minutely: Option<String>,
    /// The other schedules that invoke it.
    pub schedules: Vec<Schedule>,
    /// The streams that trigger it.
    pub streams: Vec<StreamSource>,
    /// The event bus rules that target it.
    pub rules: Vec<BusRule>,
}

/// A rule of an event bus.
#[derive(Clone, Debug)]
pub struct BusRule {
    /// The bus; the default one when `None`.
    pub bus: Option<String>,
    /// Its pattern, references to resources not yet resolved.
    pub pattern: Value,
}

/// Every function of the template.
///
/// # Errors
/// When the template has something that the runner cannot emulate: an error is better than differing from AWS.
pub fn functions(template: &Value) -> anyhow::Result<Vec<Function>> {
    let found = resources(template).filter(|(_, resource)| kind(resource) == "AWS::Serverless::Function");
    found
        .map(|(name, resource)| function(template, name, resource).with_context(|| format!("template.yaml, {name}")))
        .collect()
}

/// Adds the rules that are resources of their own, and stand under the conditions that these parameters decide.
///
/// # Errors
/// When one leads to anything else than a function.
pub fn add_rules(template: &Value, parameters: &[(&str, &str)], functions: &mut [Function]) -> anyhow::Result<()> {
    for (name, rule) in resources(template).filter(|(_, resource)| kind(resource) == "AWS::Events::Rule") {
        let condition = text(rule, "/Condition").and_then(|name| template.pointer(&format!("/Conditions/{name}")));
        if !condition.is_none_or(|test| holds(test, parameters)) {
            continue;
        }
        let bus = rule.pointer("/Properties/EventBusName").and_then(|bus| referred(Some(bus)));
        let bus = bus.and_then(|bus| template.pointer(&format!("/Resources/{bus}/Properties/Name")));
        let bus = bus.map(|name| given(name, parameters)).and_then(|name| name.as_str().map(str::to_owned));
        let pattern = rule.pointer("/Properties/EventPattern").context("a rule has no EventPattern")?;
        for target in rule.pointer("/Properties/Targets").and_then(Value::as_array).into_iter().flatten() {
            let target = referred(target.get("Arn")).unwrap_or_default();
            let function = functions.iter_mut().find(|function| function.logical == target);
            let function = function.with_context(|| format!("template.yaml, {name}: {target} is no function"))?;
            function.rules.push(BusRule { bus: bus.clone(), pattern: given(pattern, parameters) });
        }
    }
    Ok(())
}

/// A value with every reference to a parameter, or to the account, resolved.
fn given(value: &Value, parameters: &[(&str, &str)]) -> Value {
    match value {
        Value::Object(object) => match object.get("Ref").and_then(Value::as_str) {
            Some("AWS::AccountId") => Value::from(ACCOUNT),
            Some(name) => match parameters.iter().find(|(key, _)| *key == name) {
                Some((_, given)) => Value::from(*given),
                None => value.clone(),
            },
            None => Value::Object(object.iter().map(|(key, value)| (key.clone(), given(value, parameters))).collect()),
        },
        Value::Array(list) => Value::Array(list.iter().map(|value| given(value, parameters)).collect()),
        other => other.clone(),
    }
}

/// The TTL attribute of each table that has one, by logical id.
pub fn expiring_tables(template: &Value) -> BTreeMap<String, String> {
    let attribute = |resource: &Value| text(resource, "/Properties/TimeToLiveSpecification/AttributeName");
    tables(template).filter_map(|(name, resource)| Some((name.clone(), attribute(resource)?))).collect()
}

/// Logical ids of the tables with a stream.
pub fn streamed_tables(template: &Value) -> Vec<String> {
    tables(template)
        .filter(|(_, resource)| resource.pointer("/Properties/StreamSpecification").is_some())
        .map(|(name, _)| name.clone())
        .collect()
}

/// The Object Lock configuration of each locked bucket, by logical id, as the conditions of this stage decide.
pub fn locked_buckets(template: &Value, parameters: &[(&str, &str)]) -> BTreeMap<String, Value> {
    let buckets = resources(template).filter(|(_, resource)| kind(resource) == "AWS::S3::Bucket");
    let lock =
        |resource: &Value| Some(decide(template, parameters, resource.pointer("/Properties/ObjectLockConfiguration")?));
    buckets.filter_map(|(name, resource)| Some((name.clone(), lock(resource)?))).collect()
}

/// The template's rules that these parameters violate: CloudFormation rejects a deployment that breaks one.
pub fn broken_rules(template: &Value, parameters: &[(&str, &str)]) -> Vec<String> {
    let given = |name: &str| parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let default = |name: &str| text(template, &format!("/Parameters/{name}/Default"));
    let names =
        template.get("Parameters").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str());
    let all: Vec<(&str, String)> =
        names.filter_map(|name| Some((name, given(name).map(str::to_owned).or_else(|| default(name))?))).collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let rules = template.get("Rules").and_then(Value::as_object).into_iter().flatten().map(|(_, rule)| rule);
    let applying = rules.filter(|rule| rule.get("RuleCondition").is_none_or(|condition| holds(condition, &all)));
    let assertions = applying.flat_map(|rule| rule.get("Assertions").and_then(Value::as_array).into_iter().flatten());
    let broken = assertions.filter(|assertion| !assertion.get("Assert").is_some_and(|assert| holds(assert, &all)));
    broken.map(|assertion| text(assertion, "/AssertDescription").unwrap_or_default()).collect()
}

/// Parameters without a default that are not given.
pub fn missing_parameters(template: &Value, parameters: &[(&str, &str)]) -> Vec<String> {
    let declared = template.get("Parameters").and_then(Value::as_object).into_iter().flatten();
    let required = declared.filter(|(_, parameter)| parameter.get("Default").is_none()).map(|(name, _)| name);
    required.filter(|name| !parameters.iter().any(|(key, _)| key == name)).cloned().collect()
}

/// Logical id of the function that the user pool calls for confirmed accounts.
pub fn confirmation_trigger(template: &Value) -> Option<String> {
    let pools = resources(template).filter(|(_, resource)| kind(resource) == "AWS::Cognito::UserPool");
    pools.into_iter().find_map(|(_, pool)| referred(pool.pointer("/Properties/LambdaConfig/PostConfirmation")))
}

/// The template as deployed here: with placeholder code that never runs.
pub fn deployable(template: &Value, placeholder: (&str, &str)) -> Value {
    let mut copy = template.clone();
    for resource in
        copy.get_mut("Resources").and_then(Value::as_object_mut).into_iter().flatten().map(|(_, resource)| resource)
    {
        if kind(resource) != "AWS::Serverless::Function" {
            continue;
        }
        let Some(properties) = resource.get_mut("Properties").and_then(Value::as_object_mut) else { continue };
        properties.insert("CodeUri".to_owned(), json!({"Bucket": placeholder.0, "Key": placeholder.1}));
    }
    copy
}

fn function(template: &Value, logical: &str, resource: &Value) -> anyhow::Result<Function> {
    let code = text(resource, "/Properties/CodeUri").context("CodeUri is missing: write functions/<name>/")?;
    let package = code.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    let number = |name: &str| {
        let own = resource.pointer(&format!("/Properties/{name}"));
        own.or_else(|| template.pointer(&format!("/Globals/Function/{name}"))).and_then(Value::as_u64)
    };
    let (mut routes, mut streams, mut rules, mut by_hand) = (Vec::new(), Vec::new(), Vec::new(), false);
    let (mut minutely, mut schedules) = (None, Vec::new());
    for (name, event) in resource.pointer("/Properties/Events").and_then(Value::as_object).into_iter().flatten() {
        match kind(event) {
            "HttpApi" => {
                let method = text(event, "/Properties/Method").unwrap_or_else(|| "ANY".to_owned()).to_uppercase();
                routes.push((method, text(event, "/Properties/Path").context("a route has no Path")?));
            }
            "ScheduleV2" if text(event, "/Properties/ScheduleExpression").as_deref() == Some(EACH_MINUTE) => {
                minutely = Some(text(event, "/Properties/Input").context("a schedule has no Input")?);
                by_hand = true;
            }
            // Rarer ones run where the clock is moved past them; a command invokes the function too, as `cargo sweep` does.
            "ScheduleV2" => {
                by_hand = true;
                let zone = text(event, "/Properties/ScheduleExpressionTimezone").unwrap_or_else(|| "UTC".to_owned());
                schedules.push(Schedule {
                    expression: text(event, "/Properties/ScheduleExpression")
                        .context("a schedule has no expression")?,
                    zone,
                    input: text(event, "/Properties/Input").unwrap_or_else(|| "{}".to_owned()),
                });
            }
            "EventBridgeRule" => {
                let pattern = event.pointer("/Properties/Pattern").cloned().context("a rule has no Pattern")?;
                rules.push(BusRule { bus: None, pattern });
            }
            "DynamoDB" => streams.push(stream(name, event).with_context(|| format!("event {name}"))?),
            other => bail!(
                "the local runner does not know events of type {other}: teach it in infra/local/src/bundle/resources.rs"
            ),
        }
    }
    Ok(Function {
        logical: logical.to_owned(),
        package,
        // What no event invokes, people do.
        by_hand: by_hand || resource.pointer("/Properties/Events").is_none(),
        minutely,
        schedules,
        timeout: Duration::from_secs(number("Timeout").unwrap_or(3)),
        memory: number("MemorySize").unwrap_or(128),
        routes,
        streams,
        rules,
    })
}

fn stream(name: &str, event: &Value) -> anyhow::Result<StreamSource> {
    let settings = event.get("Properties").context("it has no Properties")?;
    let patterns = settings.pointer("/FilterCriteria/Filters").and_then(Value::as_array).into_iter().flatten();
    let filters = patterns
        .map(|filter| Filter::parse(&text(filter, "/Pattern").unwrap_or_default()))
        .collect::<Result<_, _>>()?;
    // Lambda writes "no limit" as -1, for both.
    let limit = |name: &str| settings.get(name).and_then(Value::as_i64).and_then(|limit| u32::try_from(limit).ok());
    Ok(StreamSource {
        name: name.to_owned(),
        table: referred(settings.get("Stream")).context("Stream is not !GetAtt <table>.StreamArn")?,
        filters,
        batch_size: settings
            .get("BatchSize")
            .and_then(Value::as_u64)
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(100),
        window: Duration::from_secs(
            settings.get("MaximumBatchingWindowInSeconds").and_then(Value::as_u64).unwrap_or_default(),
        ),
        partial_failures: settings
            .get("FunctionResponseTypes")
            .is_some_and(|types| types.to_string().contains("ReportBatchItemFailures")),
        bisect: settings.get("BisectBatchOnFunctionError").and_then(Value::as_bool).unwrap_or(false),
        retries: limit("MaximumRetryAttempts"),
        max_age: limit("MaximumRecordAgeInSeconds").map(|seconds| Duration::from_secs(seconds.into())),
        on_failure: referred(settings.pointer("/DestinationConfig/OnFailure/Destination")),
    })
}

/// The logical id in `{"Fn::GetAtt": [id, ...]}` or `{"Ref": id}`.
fn referred(value: Option<&Value>) -> Option<String> {
    let value = value?;
    value.pointer("/Fn::GetAtt/0").or_else(|| value.get("Ref"))?.as_str().map(str::to_owned)
}

/// Resolves every `Fn::If` by the parameters.
fn decide(template: &Value, parameters: &[(&str, &str)], value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            if let Some([condition, yes, no]) = object.get("Fn::If").and_then(Value::as_array).map(Vec::as_slice) {
                let holds = template
                    .pointer(&format!("/Conditions/{}", condition.as_str().unwrap_or_default()))
                    .is_some_and(|test| holds(test, parameters));
                return decide(template, parameters, if holds { yes } else { no });
            }
            Value::Object(
                object.iter().map(|(key, value)| (key.clone(), decide(template, parameters, value))).collect(),
            )
        }
        Value::Array(list) => Value::Array(list.iter().map(|value| decide(template, parameters, value)).collect()),
        other => other.clone(),
    }
}

fn holds(test: &Value, parameters: &[(&str, &str)]) -> bool {
    if let Some(inner) = test.pointer("/Fn::Not/0") {
        return !holds(inner, parameters);
    }
    let side = |value: &Value| match value.get("Ref").and_then(Value::as_str) {
        Some(name) => parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
        None => value.as_str().map(str::to_owned),
    };
    matches!(test.get("Fn::Equals").and_then(Value::as_array).map(Vec::as_slice), Some([a, b]) if side(a).is_some() && side(a) == side(b))
}

fn resources(template: &Value) -> impl Iterator<Item = (&String, &Value)> {
    template.get("Resources").and_then(Value::as_object).into_iter().flatten()
}

fn tables(template: &Value) -> impl Iterator<Item = (&String, &Value)> {
    resources(template).filter(|(_, resource)| kind(resource) == "AWS::DynamoDB::Table")
}

fn kind(value: &Value) -> &str {
    value.get("Type").and_then(Value::as_str).unwrap_or_default()
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Value {
        super::super::template::read(include_str!("../../../../template.yaml")).unwrap()
    }

    #[test]
    fn the_functions_of_the_template_are_understood() {
        let functions = functions(&template()).unwrap();
        let names: Vec<&str> = functions.iter().map(|function| function.package.as_str()).collect();
        for expected in [
            "payment-webhook",
            "invoice-renderer",
            "mail-sender",
            "mail-events",
            "ledger-export",
            "profile-publisher",
            "notice-sender",
            "settings",
        ] {
            assert!(names.contains(&expected), "{expected} is missing from {names:?}");
        }
        let export = functions.iter().find(|function| function.package == "ledger-export").unwrap();
        assert!(export.by_hand && export.routes.is_empty() && export.streams.is_empty(), "a schedule wakes it");
        let events = functions.iter().find(|function| function.package == "mail-events").unwrap();
        assert_eq!(
            events.rules.first().and_then(|rule| rule.pattern.pointer("/detail/mail/tags/ses:configuration-set/0")),
            Some(&json!({"Ref": "MailConfigurationSet"}))
        );
        let webhook = functions.iter().find(|function| function.package == "payment-webhook").unwrap();
        assert_eq!(webhook.routes, [("POST".to_owned(), "/webhooks/stripe".to_owned())]);
        let renderer = functions.iter().find(|function| function.package == "invoice-renderer").unwrap();
        let stream = renderer.streams.first().unwrap();
        assert_eq!((stream.table.as_str(), stream.on_failure.as_deref()), ("BillingTable", Some("OnFailureQueue")));
        assert!(stream.partial_failures && stream.bisect && stream.batch_size == 49);
    }

    #[test]
    fn the_archive_is_locked_eleven_years_in_prod_and_a_day_in_dev() {
        let lock = |stage: &str| locked_buckets(&template(), &[("Stage", stage)]).remove("ArchiveBucket").unwrap();
        assert_eq!(
            lock("prod").pointer("/Rule/DefaultRetention").unwrap(),
            &json!({"Mode": "COMPLIANCE", "Years": 11})
        );
        assert_eq!(lock("dev").pointer("/Rule/DefaultRetention").unwrap(), &json!({"Mode": "GOVERNANCE", "Days": 1}));
    }

    #[test]
    fn a_stack_that_nobody_described_is_refused() {
        let template = template();
        assert_eq!(missing_parameters(&template, &[("AlertEmail", "a@b.fr")]), ["Stage", "StripeMode"]);
        assert!(missing_parameters(&template, &[("Stage", "dev"), ("StripeMode", "test")]).is_empty());
    }

    #[test]
    fn stripes_events_reach_the_webhook_where_an_event_source_is_named() {
        let rules = |source: &str| {
            let mut functions = functions(&template()).unwrap();
            add_rules(&template(), &[("StripeEventSource", source)], &mut functions).unwrap();
            functions.into_iter().find(|function| function.package == "payment-webhook").unwrap().rules
        };
        assert!(rules("").is_empty());
        let source = "aws.partner/stripe.com/ed_1";
        let named = rules(source);
        assert_eq!(named.first().and_then(|rule| rule.bus.as_deref()), Some(source));
        let pattern = json!({"source": [source], "account": [ACCOUNT]});
        assert!(named.len() == 1 && named.iter().all(|rule| rule.pattern == pattern), "{named:?}");
    }

    #[test]
    fn parameters_that_need_another_are_refused_without_it() {
        let template = template();
        let broken = |more: &[(&str, &str)], stage: &str| {
            let mut parameters = vec![("Stage", stage), ("StripeMode", "test")];
            parameters.extend_from_slice(more);
            broken_rules(&template, &parameters)
        };
        assert!(broken(&[], "dev").is_empty());
        let told = broken(&[], "prod");
        assert!(told.len() == 1 && told.iter().all(|rule| rule.contains("AlertEmail=")), "{told:?}");
        assert!(broken(&[("AlertEmail", "you@example.org")], "prod").is_empty());
        let closed = ("WebhookAddress", "none");
        let told = broken(&[closed], "dev");
        assert!(told.len() == 1 && told.iter().all(|rule| rule.contains("StripeEventSource")), "{told:?}");
        assert!(broken(&[closed, ("StripeEventSource", "aws.partner/stripe.com/ed_1")], "dev").is_empty());
        for provider in ["GoogleClientId", "OidcIssuer", "SamlMetadataUrl"] {
            let told = broken(&[(provider, "https://example.org")], "dev");
            assert!(told.len() == 1 && told.iter().all(|rule| rule.contains("MembersDomain")), "{told:?}");
            assert!(broken(&[(provider, "https://example.org"), ("MembersDomain", "shop")], "dev").is_empty());
        }
    }

    #[test]
    fn the_pool_tells_a_function_of_confirmed_accounts() {
        assert_eq!(confirmation_trigger(&template()).as_deref(), Some("ProfileMutationValidatorFunction"));
        assert_eq!(confirmation_trigger(&json!({"Resources": {}})), None);
    }

    #[test]
    fn the_code_is_replaced_and_nothing_else() {
        let deployed = deployable(&template(), ("bucket", "key"));
        assert_eq!(
            deployed.pointer("/Resources/MailSenderFunction/Properties/CodeUri").unwrap(),
            &json!({"Bucket": "bucket", "Key": "key"})
        );
    }
}
