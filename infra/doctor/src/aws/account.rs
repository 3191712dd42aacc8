//! The queries, service by service.

use std::collections::BTreeMap;

use comptoir_edge::https::Request;
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use serde_json::{Value, json};

use super::{
    AwsAccount, AwsRequest, LARGEST, PATIENCE,
    answers::{self, child, members},
};
use crate::facts::{Account, Alarm, Asked, Identity, MailAccount, Mapping, Resource, Stack, Unasked};

const CLOUDFORMATION: &str = "2010-05-15";
const CLOUDWATCH: &str = "2010-08-01";
const SNS: &str = "2010-03-31";

impl Account for AwsAccount {
    async fn stack(&self, name: &str) -> Asked<Option<Stack>> {
        let what = "cloudformation DescribeStacks";
        let parameters = [("Action", "DescribeStacks"), ("StackName", name)];
        let text = match self.query("cloudformation", CLOUDFORMATION, &parameters).await {
            // A missing stack is reported as ValidationError.
            Err(Unasked::Refused { status: 400, code, .. }) if code == "ValidationError" => return Ok(None),
            answer => answer?,
        };
        let pairs = |document: &roxmltree::Document<'_>, name: &'static str, value: &str| -> BTreeMap<String, String> {
            members(document, name).map(|member| (child(member, name), child(member, value))).collect()
        };
        let mut stack = answers::xml(what, &text, |document| {
            let status = members(document, "StackStatus").next().map(|stack| child(stack, "StackStatus"));
            Some(Stack {
                name: name.to_owned(),
                status: status?,
                parameters: pairs(document, "ParameterKey", "ParameterValue"),
                outputs: pairs(document, "OutputKey", "OutputValue"),
                resources: BTreeMap::new(),
            })
        })?;
        if let Some(stack) = &mut stack {
            stack.resources = self.resources(name).await?;
        }
        Ok(stack)
    }

    async fn schema(&self, api: &str) -> Asked<(String, String)> {
        let text = self.get("appsync", "appsync", &format!("/v1/apis/{api}/schemacreation")).await?;
        let answer = answers::json("appsync GetSchemaCreationStatus", &text)?;
        Ok((word(&answer, "/status"), word(&answer, "/details").chars().take(300).collect()))
    }

    async fn mail(&self) -> Asked<MailAccount> {
        let answer = answers::json("ses GetAccount", &self.get("email", "ses", "/v2/email/account").await?)?;
        let yes = |pointer: &str| answer.pointer(pointer).and_then(Value::as_bool).unwrap_or_default();
        let number = |pointer: &str| answer.pointer(pointer).and_then(Value::as_f64).unwrap_or_default();
        Ok(MailAccount {
            production: yes("/ProductionAccessEnabled"),
            review: word(&answer, "/Details/ReviewDetails/Status"),
            sending: yes("/SendingEnabled"),
            enforcement: word(&answer, "/EnforcementStatus"),
            quota: number("/SendQuota/Max24HourSend"),
            rate: number("/SendQuota/MaxSendRate"),
            sent: number("/SendQuota/SentLast24Hours"),
        })
    }

    async fn identity(&self, name: &str) -> Asked<Option<Identity>> {
        let path = format!("/v2/email/identities/{}", segment(name));
        let text = match self.get("email", "ses", &path).await {
            Err(Unasked::Refused { status: 404, .. }) => return Ok(None),
            answer => answer?,
        };
        let answer = answers::json("ses GetEmailIdentity", &text)?;
        let verified = answer.get("VerifiedForSendingStatus").and_then(Value::as_bool).unwrap_or_default();
        Ok(Some(Identity { verified, dkim: word(&answer, "/DkimAttributes/Status") }))
    }

    async fn secrets(&self, names: &[String]) -> Asked<BTreeMap<String, String>> {
        let request = AwsRequest {
            host: "ssm",
            service: "ssm",
            method: "POST",
            path: "/",
            content_type: "application/x-amz-json-1.1",
            target: Some("AmazonSSM.GetParameters"),
            body: &json!({"Names": names, "WithDecryption": true}).to_string(),
            what: "ssm GetParameters",
        };
        let answer = answers::json(request.what, &self.ask(&request).await?)?;
        let found = answer.get("Parameters").and_then(Value::as_array).into_iter().flatten();
        Ok(found.map(|one| (word(one, "/Name"), word(one, "/Value"))).collect())
    }

    async fn alarms(&self, names: &[String]) -> Asked<Vec<Alarm>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = (1..=names.len()).map(|n| format!("AlarmNames.member.{n}")).collect();
        let mut parameters = vec![("Action", "DescribeAlarms")];
        parameters.extend(keys.iter().map(String::as_str).zip(names.iter().map(String::as_str)));
        let text = self.query("monitoring", CLOUDWATCH, &parameters).await?;
        let what = "monitoring DescribeAlarms";
        answers::xml(what, &text, |document| {
            let alarm = |member: roxmltree::Node<'_, '_>| {
                let actions = member.children().filter(|child| child.tag_name().name() == "AlarmActions");
                let actions = actions.flat_map(|list| list.children()).filter_map(|action| action.text());
                let actions = actions.map(|action| action.trim().to_owned()).filter(|action| !action.is_empty());
                // An answer without this field does not say whether the alarm notifies anyone.
                let enabled = match child(member, "ActionsEnabled").as_str() {
                    "true" => true,
                    "false" => false,
                    _ => return Err(Unasked::Unreadable { what: what.to_owned() }),
                };
                Ok(Alarm { enabled, actions: actions.collect() })
            };
            members(document, "AlarmName").map(alarm).collect()
        })?
    }

    async fn subscriptions(&self, topic: &str) -> Asked<Vec<bool>> {
        let parameters = [("Action", "ListSubscriptionsByTopic"), ("TopicArn", topic)];
        let text = self.query("sns", SNS, &parameters).await?;
        answers::xml("sns ListSubscriptionsByTopic", &text, |document| {
            // Until it is confirmed there is a placeholder in place of the ARN.
            members(document, "SubscriptionArn").map(|one| child(one, "SubscriptionArn").starts_with("arn:")).collect()
        })
    }

    async fn mapping(&self, id: &str) -> Asked<Mapping> {
        let text = self.get("lambda", "lambda", &format!("/2015-03-31/event-source-mappings/{}", segment(id))).await?;
        let answer = answers::json("lambda GetEventSourceMapping", &text)?;
        let (state, last_result) = (word(&answer, "/State"), word(&answer, "/LastProcessingResult"));
        Ok(Mapping { state, last_result, function: word(&answer, "/FunctionArn") })
    }

    async fn settings(&self, table: &str) -> Asked<Option<String>> {
        let what = "dynamodb GetItem";
        let body = json!({
            "TableName": table, "Key": {"pk": {"S": "SETTINGS#seller"}, "sk": {"S": "-"}}, "ConsistentRead": true,
        });
        let request = AwsRequest {
            host: "dynamodb",
            service: "dynamodb",
            method: "POST",
            path: "/",
            content_type: "application/x-amz-json-1.0",
            target: Some("DynamoDB_20120810.GetItem"),
            body: &body.to_string(),
            what,
        };
        let answer = answers::json(what, &self.ask(&request).await?)?;
        Ok(answer.pointer("/Item/data/S").and_then(Value::as_str).map(str::to_owned))
    }

    async fn event_source(&self, name: &str) -> Asked<Option<String>> {
        let what = "events DescribeEventSource";
        let request = AwsRequest {
            host: "events",
            service: "events",
            method: "POST",
            path: "/",
            content_type: "application/x-amz-json-1.1",
            target: Some("AWSEvents.DescribeEventSource"),
            body: &json!({"Name": name}).to_string(),
            what,
        };
        match self.ask(&request).await {
            Err(Unasked::Refused { code, .. }) if code == "ResourceNotFoundException" => Ok(None),
            answer => Ok(Some(word(&answers::json(what, &answer?)?, "/State"))),
        }
    }

    async fn concurrency(&self) -> Asked<u64> {
        let what = "lambda GetAccountSettings";
        let answer = answers::json(what, &self.get("lambda", "lambda", "/2016-08-19/account-settings/").await?)?;
        let limit = answer.pointer("/AccountLimit/ConcurrentExecutions").and_then(Value::as_u64);
        limit.ok_or(Unasked::Unreadable { what: what.to_owned() })
    }

    async fn time(&self) -> Asked<Timestamp> {
        let what = "AWS's clock";
        let url = format!("{}/", self.address("sts"));
        // Any answer carries the time; unsigned, because a wrong clock invalidates a signature.
        let wanted = Request { method: "GET", url: &url, headers: &[], body: "", patience: PATIENCE, largest: LARGEST };
        let answer = self.https.ask(&wanted).await.map_err(|_| Unasked::Silent { what: what.to_owned() })?;
        let date = answer.date.as_deref().unwrap_or_default();
        let read = DateTimeParser::new().parse_timestamp(date);
        read.map_err(|_| Unasked::Unreadable { what: what.to_owned() })
    }
}

impl AwsAccount {
    /// A stack may have more than the hundred resources of one answer.
    async fn resources(&self, stack: &str) -> Asked<BTreeMap<String, Resource>> {
        let (mut found, mut next) = (BTreeMap::new(), String::new());
        loop {
            let mut parameters = vec![("Action", "ListStackResources"), ("StackName", stack)];
            if !next.is_empty() {
                parameters.push(("NextToken", next.as_str()));
            }
            let text = self.query("cloudformation", CLOUDFORMATION, &parameters).await?;
            let (page, more) = answers::xml("cloudformation ListStackResources", &text, |document| {
                let resource = |member: roxmltree::Node<'_, '_>| {
                    let (kind, id) = (child(member, "ResourceType"), child(member, "PhysicalResourceId"));
                    (child(member, "LogicalResourceId"), Resource { kind, id })
                };
                let more = document.descendants().find(|node| node.tag_name().name() == "NextToken");
                let more = more.and_then(|node| node.text()).unwrap_or_default().to_owned();
                (members(document, "LogicalResourceId").map(resource).collect::<Vec<_>>(), more)
            })?;
            found.extend(page);
            if more.is_empty() {
                return Ok(found);
            }
            next = more;
        }
    }
}

fn word(answer: &Value, pointer: &str) -> String {
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// One segment of a path.
fn segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
