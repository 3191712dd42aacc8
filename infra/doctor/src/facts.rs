//! What there is to know about a stack, and whom to ask: one small trait for the AWS account, one for Stripe, one for the
//! webhook's door.

use std::{collections::BTreeMap, future::Future};

use jiff::Timestamp;

/// Why a question has no answer. Never quotes an answer's text, which may hold a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unasked {
    /// There was no answer.
    #[error("{what} does not answer")]
    Silent {
        /// Service and operation.
        what: String,
    },
    /// An answer that refuses.
    #[error("{what} answered {status} {code}")]
    Refused {
        /// Service and operation.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The service's own word for it.
        code: String,
    },
    /// An answer that is not what it should be.
    #[error("{what} answered something that cannot be read")]
    Unreadable {
        /// Service and operation.
        what: String,
    },
}

/// An answer, or why there is none.
pub type Asked<T> = Result<T, Unasked>;

/// A stack of CloudFormation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// `CREATE_COMPLETE`, ...
    pub status: String,
    /// What it was deployed with.
    pub parameters: BTreeMap<String, String>,
    /// What it prints.
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

    /// The path below which its secrets lie.
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

/// What SES lets the account do in this region.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MailAccount {
    /// Out of the sandbox.
    pub production: bool,
    /// AWS's answer to the request for that, such as `PENDING`; empty if nobody asked.
    pub review: String,
    /// Sending is not switched off.
    pub sending: bool,
    /// `HEALTHY`, `PROBATION`, `SHUTDOWN`.
    pub enforcement: String,
    /// Mails a day; negative is without limit.
    pub quota: f64,
    /// Mails a second.
    pub rate: f64,
    /// Sent in the last 24 hours.
    pub sent: f64,
}

/// A sender that SES knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Mails may be sent from it.
    pub verified: bool,
    /// How far DKIM is: `SUCCESS`, `PENDING`, ...
    pub dkim: String,
}

/// An alarm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alarm {
    /// Whether it tells anybody.
    pub enabled: bool,
    /// Whom: ARNs.
    pub actions: Vec<String>,
}

/// A stream that wakes a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// `Enabled`, `Disabled`, ...
    pub state: String,
    /// What became of the last batch.
    pub last_result: String,
    /// The function's ARN.
    pub function: String,
}

/// A webhook endpoint at Stripe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it leads.
    pub url: String,
    /// `enabled` or `disabled`.
    pub status: String,
    /// What it sends; `*` is everything.
    pub events: Vec<String>,
    /// The version its events are written in, if it has one of its own.
    pub version: Option<String>,
}

/// What the webhook says to somebody without a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knock {
    /// The HTTP status.
    pub status: u16,
    /// Its word for the reason.
    pub reason: String,
}

/// The AWS account in one region.
pub trait Account {
    /// The stack of this name, if there is one.
    fn stack(&self, name: &str) -> impl Future<Output = Asked<Option<Stack>>> + Send;
    /// How far the schema of a GraphQL API is: `SUCCESS`, `ACTIVE`, `FAILED`, ..., and why.
    fn schema(&self, api: &str) -> impl Future<Output = Asked<(String, String)>> + Send;
    /// What SES lets it do.
    fn mail(&self) -> impl Future<Output = Asked<MailAccount>> + Send;
    /// A sender, if SES knows it.
    fn identity(&self, name: &str) -> impl Future<Output = Asked<Option<Identity>>> + Send;
    /// Secrets by name, those that are stored.
    fn secrets(&self, names: &[String]) -> impl Future<Output = Asked<BTreeMap<String, String>>> + Send;
    /// The alarms of these names that exist.
    fn alarms(&self, names: &[String]) -> impl Future<Output = Asked<Vec<Alarm>>> + Send;
    /// For each subscription of a topic, whether it was confirmed.
    fn subscriptions(&self, topic: &str) -> impl Future<Output = Asked<Vec<bool>>> + Send;
    /// A stream's mapping.
    fn mapping(&self, id: &str) -> impl Future<Output = Asked<Mapping>> + Send;
    /// How many functions may run at once.
    fn concurrency(&self) -> impl Future<Output = Asked<u64>> + Send;
    /// What time it is at AWS.
    fn time(&self) -> impl Future<Output = Asked<Timestamp>> + Send;
}

/// Stripe, as a key sees it.
pub trait Payments {
    /// The webhook endpoints, as far as the key may see them.
    fn endpoints(&self, key: &str) -> impl Future<Output = Asked<Vec<Endpoint>>> + Send;
    /// Asks for one object of a list, to see whether the key may.
    fn peek(&self, key: &str, list: &str) -> impl Future<Output = Asked<()>> + Send;
}

/// The webhook, as a stranger sees it.
pub trait Door {
    /// Posts a body that nobody signed.
    fn knock(&self, url: &str) -> impl Future<Output = Asked<Knock>> + Send;
}
