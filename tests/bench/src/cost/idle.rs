//! The cost of the stack without sales: the resources in `template.yaml` billed by the month, and scheduled work.

use anyhow::{Context, Result, bail};
use comptoir_local::{bundle::template, paths};
use serde_json::Value;

use super::usage::Usage;

/// Resources without a standing price. Others, except alarms and dashboards, need a price first.
const FREE: [(&str, &str); 31] = [
    ("AWS::AppSync::DataSource", "the API is billed by the request"),
    ("AWS::AppSync::GraphQLApi", "billed by the request; without a cache"),
    ("AWS::AppSync::GraphQLSchema", "part of the API"),
    ("AWS::AppSync::Resolver", "part of the API"),
    ("AWS::AppSync::FunctionConfiguration", "part of the API"),
    ("AWS::Cognito::ManagedLoginBranding", "part of the pool"),
    ("AWS::Cognito::UserPool", "billed by members who were active or invited in the month, from the 10,001st"),
    ("AWS::Cognito::UserPoolClient", "part of the pool"),
    ("AWS::Cognito::UserPoolDomain", "part of the pool"),
    ("AWS::Cognito::UserPoolGroup", "part of the pool"),
    ("AWS::Cognito::UserPoolIdentityProvider", "billed by members who come through it, from the 51st"),
    ("AWS::DynamoDB::Table", "on demand: requests, and what is stored in it"),
    ("AWS::Events::EventBus", "a partner's events, 1 USD a million; only a sale makes one"),
    ("AWS::Events::Rule", "events of AWS services are free"),
    ("AWS::IAM::Policy", "free"),
    ("AWS::IAM::Role", "free"),
    ("AWS::Lambda::EventInvokeConfig", "free"),
    ("AWS::Lambda::EventSourceMapping", "Lambda's own reading of a stream is free"),
    ("AWS::Lambda::Permission", "free"),
    ("AWS::Logs::LogGroup", "what is taken in and kept"),
    ("AWS::Logs::MetricFilter", "its metric is billed by the hours in which it matches"),
    ("AWS::S3::Bucket", "requests, and what is stored in it"),
    ("AWS::S3::BucketPolicy", "free"),
    ("AWS::SES::ConfigurationSet", "mails"),
    ("AWS::SES::ConfigurationSetEventDestination", "events of AWS services are free"),
    ("AWS::SNS::Subscription", "mails to the owner, the first 1,000 a month free"),
    ("AWS::SNS::Topic", "messages, which only an alarm sends"),
    ("AWS::SQS::Queue", "requests; Lambda and alarms do not ask it"),
    ("AWS::SQS::QueuePolicy", "free"),
    ("AWS::Serverless::Function", "requests and time"),
    ("AWS::Serverless::HttpApi", "requests"),
];

/// A scheduled invocation.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled {
    /// The function's package.
    pub function: String,
    /// Its input event.
    pub input: Value,
    /// Runs per month.
    pub runs: f64,
}

/// The template.
///
/// # Errors
/// When it cannot be read.
pub fn read() -> Result<Value> {
    let path = paths::template();
    template::read(&std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?)
}

/// The resources billed by the month, in a stage; `watched` says whether its alarms are on.
///
/// # Errors
/// When a resource is of a kind without a known price.
pub fn standing(template: &Value, watched: bool) -> Result<Usage> {
    let mut usage = Usage::new();
    for (name, resource) in resources(template) {
        let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "AWS::CloudWatch::Alarm" if watched || resource.get("Condition").is_none() => {
                // Metric arithmetic is billed for each metric that it reads.
                let metrics = resource.pointer("/Properties/Metrics").and_then(Value::as_array).into_iter().flatten();
                let read = metrics.filter(|metric| metric.get("MetricStat").is_some()).count();
                *usage.entry("alarm_month").or_default() += read.max(1) as f64;
            }
            "AWS::CloudWatch::Alarm" => {}
            "AWS::CloudWatch::Dashboard" => *usage.entry("dashboard_month").or_default() += 1.0,
            _ if FREE.iter().any(|(free, _)| *free == kind) => {}
            _ => {
                bail!("{name} is an {kind}, which tests/bench/src/cost/idle.rs does not know: say there what it costs")
            }
        }
        // With a default, a filter also counts each line that does not match, and publishes always.
        for metric in list(resource.pointer("/Properties/MetricTransformations")) {
            if metric.get("DefaultValue").is_some() {
                *usage.entry("metric_month").or_default() += 1.0;
            }
        }
    }
    Ok(usage)
}

/// The scheduled invocations.
///
/// # Errors
/// When a schedule cannot be parsed.
pub fn scheduled(template: &Value) -> Result<Vec<Scheduled>> {
    let mut found = Vec::new();
    for (name, resource) in resources(template) {
        let code = resource.pointer("/Properties/CodeUri").and_then(Value::as_str).unwrap_or_default();
        let function = code.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let events = resource.pointer("/Properties/Events").and_then(Value::as_object).into_iter().flatten();
        for (event, of) in events {
            let Some(expression) = of.pointer("/Properties/ScheduleExpression").and_then(Value::as_str) else {
                continue;
            };
            let runs = runs(expression).with_context(|| format!("{name}, {event}: {expression} is not understood"))?;
            let input = of.pointer("/Properties/Input").and_then(Value::as_str).unwrap_or("{}");
            found.push(Scheduled { function: function.to_owned(), input: serde_json::from_str(input)?, runs });
        }
    }
    Ok(found)
}

/// Runs per month of `cron(minutes hours day-of-month month day-of-week year)`, where month, week and year are
/// open.
fn runs(expression: &str) -> Option<f64> {
    let fields: Vec<&str> = expression.strip_prefix("cron(")?.strip_suffix(')')?.split_whitespace().collect();
    let [minutes, hours, day, "*", "*" | "?", "*"] = fields.as_slice() else { return None };
    Some(times(minutes, 60.0)? * times(hours, 24.0)? * times(day, 365.25 / 12.0)?)
}

/// How many of `all` a field matches: every one, one in so many, or those it lists.
fn times(field: &str, all: f64) -> Option<f64> {
    if matches!(field, "*" | "?") {
        return Some(all);
    }
    match field.split_once('/') {
        Some((_, step)) => Some(all / step.parse::<f64>().ok()?),
        None => {
            field.split(',').map(|one| one.parse::<u8>().ok()).collect::<Option<Vec<_>>>().map(|all| all.len() as f64)
        }
    }
}

fn resources(template: &Value) -> impl Iterator<Item = (&String, &Value)> {
    template.get("Resources").and_then(Value::as_object).into_iter().flatten()
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schedules_come_round_so_often() {
        let month = 365.25 / 12.0;
        for (expression, expected) in [
            ("cron(0 3 1 * ? *)", Some(1.0)),
            ("cron(20 0/6 * * ? *)", Some(4.0 * month)),
            ("cron(0,30 * * * ? *)", Some(2.0 * 24.0 * month)),
            ("cron(0 3 1 6 ? *)", None),
            ("rate(1 hour)", None),
        ] {
            assert_eq!(runs(expression), expected, "{expression}");
        }
    }

    #[test]
    fn what_stands_is_counted_and_what_is_unknown_is_refused() {
        let template = json!({"Resources": {
            "A": {"Type": "AWS::CloudWatch::Alarm", "Condition": "IsWatched"},
            "B": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [
                {"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "a + b"},
            ]}},
            "D": {"Type": "AWS::CloudWatch::Dashboard"},
            "F": {"Type": "AWS::Logs::MetricFilter", "Properties": {"MetricTransformations": [{"DefaultValue": 0}]}},
        }});
        let month = |watched| standing(&template, watched).unwrap();
        assert_eq!(month(true), Usage::from([("alarm_month", 3.0), ("dashboard_month", 1.0), ("metric_month", 1.0)]));
        assert_eq!(month(false).get("alarm_month"), Some(&2.0));
        let error = standing(&json!({"Resources": {"N": {"Type": "AWS::EC2::NatGateway"}}}), true).unwrap_err();
        assert!(error.to_string().contains("N is an AWS::EC2::NatGateway"), "{error}");
    }

    #[test]
    fn the_stack_itself_is_understood() {
        let template = read().unwrap();
        standing(&template, true).unwrap();
        assert_eq!(scheduled(&template).unwrap().len(), 6);
    }
}
