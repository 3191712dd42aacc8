//! The facts about a stack, and their sources: one small trait for the AWS account, one for Stripe, one for the
//! webhook.

use std::{collections::BTreeMap, future::Future};

use jiff::Timestamp;

/// Why a query failed. Never quotes an answer's text, which may hold a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unasked {
    /// There was no answer.
    #[error("{what} does not answer")]
    Silent {
        /// Service and operation.
        what: String,
    },
    /// The service refused the request.
    #[error("{what} answered {status} {code}")]
    Refused {
        /// Service and operation.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The service's error code.
        code: String,
    },
    /// The answer has an unexpected form.
    #[error("{what} answered something that cannot be read")]
    Unreadable {
        /// Service and operation.
        what: String,
    },
}

/// An answer, or why it is missing.
pub type Asked<T> = Result<T, Unasked>;

/// A stack of CloudFormation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// `CREATE_COMPLETE`, ...
    pub status: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// Its resources by logical id.
    pub resources: BTreeMap<String, Resource>,
}

/// A resource of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    /// `AWS::SNS::Topic`, ...
    pub kind: String,
    /// Its physical id.
    pub id: String,
}

impl Stack {
    /// A parameter's value; empty if it has none.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The physical ids of all resources of a kind.
    pub fn all(&self, kind: &str) -> Vec<String> {
        self.resources.values().filter(|resource| resource.kind == kind).map(|resource| resource.id.clone()).collect()
    }

    /// The path prefix of its secrets.
    pub fn secrets(&self) -> String {
        match self.parameter("SecretsPrefix") {
            "" => format!("/comptoir/{}", self.name),
            prefix => prefix.to_owned(),
        }
    }

    /// Whether its alarms are on: the template's condition `IsWatched`.
    pub fn watched(&self) -> bool {
        self.parameter("Stage") == "prod" || !self.parameter("AlertEmail").is_empty()
    }
}

/// The account's SES status in this region.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MailAccount {
    /// Out of the sandbox.
    pub production: bool,
    /// The status of the request for that, such as `PENDING`; empty if there was none.
    pub review: String,
    /// Sending is enabled.
    pub sending: bool,
    /// `HEALTHY`, `PROBATION`, `SHUTDOWN`.
    pub enforcement: String,
    /// Mails per day; negative means unlimited.
    pub quota: f64,
    /// Mails per second.
    pub rate: f64,
    /// Sent in the last 24 hours.
    pub sent: f64,
}

/// A sender identity in SES.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Verified for sending.
    pub verified: bool,
    /// The DKIM status: `SUCCESS`, `PENDING`, ...
    pub dkim: String,
}

/// An alarm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alarm {
    /// Whether its actions are enabled.
    pub enabled: bool,
    /// The targets: ARNs.
    pub actions: Vec<String>,
}

/// A stream that triggers a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// `Enabled`, `Disabled`, ...
    pub state: String,
    /// The result of the last batch.
    pub last_result: String,
    /// The function's ARN.
    pub function: String,
}

/// A webhook endpoint at Stripe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Its URL.
    pub url: String,
    /// `enabled` or `disabled`.
    pub status: String,
    /// Its event types; `*` is everything.
    pub events: Vec<String>,
    /// The API version of its events, if it has one of its own.
    pub version: Option<String>,
}

/// The webhook's answer to an unsigned request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knock {
    /// The HTTP status.
    pub status: u16,
    /// Its reason code.
    pub reason: String,
}

/// The AWS account in one region.
pub trait Account {
    /// The stack of this name, if there is one.
    fn stack(&self, name: &str) -> impl Future<Output = Asked<Option<Stack>>> + Send;
    /// The schema status of a GraphQL API: `SUCCESS`, `ACTIVE`, `FAILED`, ..., and why.
    fn schema(&self, api: &str) -> impl Future<Output = Asked<(String, String)>> + Send;
    /// The SES status.
    fn mail(&self) -> impl Future<Output = Asked<MailAccount>> + Send;
    /// A sender, if SES has it.
    fn identity(&self, name: &str) -> impl Future<Output = Asked<Option<Identity>>> + Send;
    /// The stored ones among these secrets, by name.
    fn secrets(&self, names: &[String]) -> impl Future<Output = Asked<BTreeMap<String, String>>> + Send;
    /// The existing ones among these alarms.
    fn alarms(&self, names: &[String]) -> impl Future<Output = Asked<Vec<Alarm>>> + Send;
    /// For each subscription of a topic, whether it was confirmed.
    fn subscriptions(&self, topic: &str) -> impl Future<Output = Asked<Vec<bool>>> + Send;
    /// A stream's event source mapping.
    fn mapping(&self, id: &str) -> impl Future<Output = Asked<Mapping>> + Send;
    /// The newest settings in a Billing table as JSON, if any are saved.
    fn settings(&self, table: &str) -> impl Future<Output = Asked<Option<String>>> + Send;
    /// The state of a partner event source, `ACTIVE` or `PENDING`, if there is one of this name.
    fn event_source(&self, name: &str) -> impl Future<Output = Asked<Option<String>>> + Send;
    /// The account's concurrency limit.
    fn concurrency(&self) -> impl Future<Output = Asked<u64>> + Send;
    /// The current time at AWS.
    fn time(&self) -> impl Future<Output = Asked<Timestamp>> + Send;
}

/// Stripe, with the permissions of a key.
pub trait Payments {
    /// The webhook endpoints, if the key may read them.
    fn endpoints(&self, key: &str) -> impl Future<Output = Asked<Vec<Endpoint>>> + Send;
    /// Requests one object of a list, to test the key's permission.
    fn peek(&self, key: &str, list: &str) -> impl Future<Output = Asked<()>> + Send;
}

/// The webhook, as an unauthenticated caller sees it.
pub trait Door {
    /// Posts an unsigned body.
    fn knock(&self, url: &str) -> impl Future<Output = Asked<Knock>> + Send;
}
