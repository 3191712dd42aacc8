//! The doctor's findings for a correct stack, and for each single fault; no line ever shows a secret.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::collections::BTreeMap;

use crate::{
    Finding, Questions, State, examine,
    facts::{
        Account, Alarm, Asked, Door, Endpoint, Identity, Knock, MailAccount, Mapping, Payments, Resource, Stack,
        Unasked,
    },
    finding,
};
use comptoir::{
    clock::FixedClock,
    seller::SettingsDocument,
    stripe::wanted::{API_VERSION, EVENTS},
};
use jiff::Timestamp;

const URL: &str = "https://a1.execute-api.eu-west-3.amazonaws.com/webhooks/stripe";
const TOPIC: &str = "arn:aws:sns:eu-west-3:1:topic";
const SECRET: &str = "whsec_NotARealSecretOfAnyone00";
const KEY: &str = "rk_live_NotARealSecretOfAnyone00";

/// A correct AWS account, Stripe account and webhook, which a test then changes.
#[derive(Clone)]
struct World {
    stack: Option<Stack>,
    schema: &'static str,
    mail: MailAccount,
    identities: BTreeMap<&'static str, Identity>,
    secrets: BTreeMap<String, String>,
    alarm: Alarm,
    subscriptions: Vec<bool>,
    mapping: Mapping,
    settings: Option<String>,
    event_source: Option<&'static str>,
    concurrency: u64,
    time: Timestamp,
    endpoints: Asked<Vec<Endpoint>>,
    peek: Asked<()>,
    knock: Asked<Knock>,
    /// AWS denies every request.
    denied: bool,
}

fn file() -> SettingsDocument {
    let toml = include_str!("../../seller.toml").replace("facturation@example.org", "factures@shop.fr");
    SettingsDocument::from_toml(&toml).unwrap()
}

fn now() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl World {
    fn right() -> Self {
        let resource = |kind: &str, id: &str| Resource { kind: kind.to_owned(), id: id.to_owned() };
        let resources = [
            ("ParkedAlarm", resource("AWS::CloudWatch::Alarm", "parked")),
            ("AlarmTopic", resource("AWS::SNS::Topic", TOPIC)),
            ("Stream", resource("AWS::Lambda::EventSourceMapping", "uuid")),
            ("ProfileApi", resource("AWS::AppSync::GraphQLApi", "arn:aws:appsync:eu-west-3:1:apis/abc")),
        ];
        let stack = Stack {
            name: "comptoir-prod".to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
            parameters: pairs(&[("Stage", "prod"), ("StripeMode", "live"), ("AlertEmail", "a@b.fr")]),
            outputs: pairs(&[("WebhookUrl", URL)]),
            resources: resources.into_iter().map(|(name, of)| (name.to_owned(), of)).collect(),
        };
        let mail = MailAccount {
            production: true,
            sending: true,
            enforcement: "HEALTHY".to_owned(),
            quota: 50_000.0,
            rate: 14.0,
            ..MailAccount::default()
        };
        let endpoint = Endpoint {
            url: URL.to_owned(),
            status: "enabled".to_owned(),
            events: EVENTS.iter().map(|needed| needed.kind.to_owned()).collect(),
            version: Some(API_VERSION.to_owned()),
        };
        Self {
            stack: Some(stack),
            schema: "SUCCESS",
            mail,
            identities: BTreeMap::from([("shop.fr", Identity { verified: true, dkim: "SUCCESS".to_owned() })]),
            secrets: pairs(&[
                ("/comptoir/comptoir-prod/stripe-webhook-secrets", SECRET),
                ("/comptoir/comptoir-prod/stripe-api-key", KEY),
            ]),
            alarm: Alarm { enabled: true, actions: vec![TOPIC.to_owned()] },
            subscriptions: vec![true],
            mapping: Mapping { state: "Enabled".to_owned(), last_result: "OK".to_owned(), function: "f".to_owned() },
            settings: Some(serde_json::to_string(&file().whole()).unwrap()),
            event_source: Some("ACTIVE"),
            concurrency: 1_000,
            time: now(),
            endpoints: Ok(vec![endpoint]),
            peek: Ok(()),
            knock: Ok(Knock { status: 400, reason: "signature_missing".to_owned() }),
            denied: false,
        }
    }

    fn told<T>(&self, fact: T) -> Asked<T> {
        match self.denied {
            true => Err(refused(403)),
            false => Ok(fact),
        }
    }

    fn deployed(&mut self) -> &mut Stack {
        self.stack.as_mut().unwrap()
    }

    fn endpoint(&mut self) -> &mut Endpoint {
        self.endpoints.as_mut().unwrap().first_mut().unwrap()
    }

    fn secret(&mut self, name: &str, value: &str) {
        self.secrets.insert(format!("/comptoir/comptoir-prod/{name}"), value.to_owned());
    }
}

fn refused(status: u16) -> Unasked {
    Unasked::Refused { what: "it".to_owned(), status, code: "AccessDenied".to_owned() }
}

impl Account for World {
    async fn stack(&self, _: &str) -> Asked<Option<Stack>> {
        Ok(self.stack.clone())
    }
    async fn schema(&self, api: &str) -> Asked<(String, String)> {
        assert_eq!(api, "abc");
        self.told((self.schema.to_owned(), String::new()))
    }
    async fn mail(&self) -> Asked<MailAccount> {
        self.told(self.mail.clone())
    }
    async fn identity(&self, name: &str) -> Asked<Option<Identity>> {
        self.told(self.identities.get(name).cloned())
    }
    async fn secrets(&self, names: &[String]) -> Asked<BTreeMap<String, String>> {
        let found = self.secrets.iter().filter(|(name, _)| names.contains(name));
        self.told(found.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
    async fn alarms(&self, names: &[String]) -> Asked<Vec<Alarm>> {
        self.told(names.iter().map(|_| self.alarm.clone()).collect())
    }
    async fn subscriptions(&self, topic: &str) -> Asked<Vec<bool>> {
        assert_eq!(topic, TOPIC);
        self.told(self.subscriptions.clone())
    }
    async fn mapping(&self, _: &str) -> Asked<Mapping> {
        self.told(self.mapping.clone())
    }
    async fn settings(&self, _: &str) -> Asked<Option<String>> {
        self.told(self.settings.clone())
    }
    async fn event_source(&self, name: &str) -> Asked<Option<String>> {
        assert!(name.starts_with("aws.partner/stripe.com/"));
        self.told(self.event_source.map(str::to_owned))
    }
    async fn concurrency(&self) -> Asked<u64> {
        self.told(self.concurrency)
    }
    async fn time(&self) -> Asked<Timestamp> {
        Ok(self.time)
    }
}

impl Payments for World {
    async fn endpoints(&self, key: &str) -> Asked<Vec<Endpoint>> {
        assert!(key.starts_with("rk_") || key.starts_with("sk_"));
        self.endpoints.clone()
    }
    async fn peek(&self, _: &str, _: &str) -> Asked<()> {
        self.peek.clone()
    }
}

impl Door for World {
    async fn knock(&self, url: &str) -> Asked<Knock> {
        assert_eq!(url, URL);
        self.knock.clone()
    }
}

async fn examined(world: &World) -> Vec<Finding> {
    let questions = Questions { stack: "comptoir-prod".to_owned(), file: file(), webhook: None };
    let findings = examine(&questions, world, world, world, &FixedClock(now())).await;
    for finding in &findings {
        let line = finding.to_string();
        assert!(!line.contains("NotAReal"), "a secret is printed: {line}");
        assert_eq!(finding.fix.is_none(), finding.state == State::Ok, "what is wrong says what to do: {line}");
    }
    findings
}

#[tokio::test]
async fn a_stack_that_is_right_is_ready() {
    let findings = examined(&World::right()).await;
    assert!(findings.iter().all(|finding| finding.state == State::Ok), "{findings:#?}");
    assert!(finding::ready(&findings) && findings.len() == 17, "{}", findings.len());
}

/// One fault: its check reports it, and no other check does.
#[tokio::test]
async fn each_thing_that_is_wrong_is_named() {
    type Change = fn(&mut World);
    let cases: &[(&str, State, &str, Change)] = &[
        ("clock", State::Fail, "400 s", |world| world.time = "2026-11-26T11:53:20Z".parse().unwrap()),
        ("stack", State::Fail, "ROLLBACK", |world| world.deployed().status = "UPDATE_ROLLBACK_COMPLETE".to_owned()),
        ("stack", State::Fail, "n-n", |world| world.deployed().name = "n-".repeat(29)),
        ("seller", State::Todo, "no settings are saved", |world| world.settings = None),
        ("seller", State::Todo, "something else", |world| {
            world.settings = world.settings.as_ref().map(|text| text.replace("Montpellier", "Nantes"));
        }),
        ("seller", State::Fail, "cannot be used", |world| world.settings = Some("{}".to_owned())),
        ("ses_domain", State::Todo, "does not know", |world| world.identities.clear()),
        ("ses_domain", State::Wait, "not verified yet", |world| {
            world.identities.insert("shop.fr", Identity { verified: false, dkim: "PENDING".to_owned() });
        }),
        ("ses_domain", State::Todo, "DKIM", |world| {
            let address = Identity { verified: true, dkim: "NOT_STARTED".to_owned() };
            world.identities = BTreeMap::from([("factures@shop.fr", address)]);
        }),
        ("ses_production", State::Todo, "sandbox", |world| world.mail.production = false),
        ("ses_production", State::Wait, "reviews", |world| {
            world.mail.production = false;
            world.mail.review = "PENDING".to_owned();
        }),
        ("ses_production", State::Fail, "DENIED", |world| {
            world.mail.production = false;
            world.mail.review = "DENIED".to_owned();
        }),
        ("ses_production", State::Fail, "paused", |world| world.mail.sending = false),
        ("ses_quota", State::Todo, "150 sent", |world| (world.mail.quota, world.mail.sent) = (200.0, 150.0)),
        ("stripe_secrets", State::Todo, "no webhook secret", |world| world.secret("stripe-webhook-secrets", " ")),
        ("stripe_secrets", State::Todo, "1 of 2", |world| {
            world.secret("stripe-webhook-secrets", &format!("{SECRET}\nwhsec_..."));
        }),
        ("stripe_key", State::Todo, "may do everything", |world| {
            world.secret("stripe-api-key", "sk_live_NotARealSecretOfAnyone00");
        }),
        ("stripe_rights", State::Todo, "Tax Rates", |world| world.peek = Err(refused(403))),
        ("stripe_rights", State::Fail, "does not know", |world| world.peek = Err(refused(401))),
        ("stripe_rights", State::NotChecked, "429", |world| world.peek = Err(refused(429))),
        ("stripe_webhook", State::Todo, "no endpoint", |world| world.endpoint().url = "https://other".to_owned()),
        ("stripe_webhook", State::Fail, "disabled", |world| world.endpoint().status = "disabled".to_owned()),
        ("stripe_webhook", State::Todo, "charge.dispute.closed", |world| {
            world.endpoint().events.retain(|event| event != "charge.dispute.closed");
        }),
        ("stripe_webhook", State::Todo, "2020-08-27", |world| {
            world.endpoint().version = Some("2020-08-27".to_owned());
        }),
        ("stripe_webhook", State::Todo, "default", |world| world.endpoint().version = None),
        ("stripe_webhook", State::NotChecked, "403", |world| world.endpoints = Err(refused(403))),
        ("webhook", State::Fail, "500 unavailable", |world| {
            world.knock = Ok(Knock { status: 500, reason: "unavailable".to_owned() });
        }),
        ("webhook", State::Fail, "404", |world| world.knock = Ok(Knock { status: 404, reason: String::new() })),
        ("webhook", State::Fail, "200", |world| world.knock = Ok(Knock { status: 200, reason: String::new() })),
        ("webhook", State::NotChecked, "does not answer", |world| {
            world.knock = Err(Unasked::Silent { what: "the webhook".to_owned() });
        }),
        ("alarms", State::Fail, "0 of 1", |world| world.alarm.enabled = false),
        ("alarms", State::Fail, "0 of 1", |world| world.alarm.actions = vec!["arn:other".to_owned()]),
        ("alarm_mail", State::Todo, "no subscriber", |world| world.subscriptions.clear()),
        ("alarm_mail", State::Todo, "nobody confirmed", |world| world.subscriptions = vec![false]),
        ("streams", State::Fail, "f is Disabled", |world| world.mapping.state = "Disabled".to_owned()),
        ("streams", State::Fail, "PROBLEM", |world| world.mapping.last_result = "PROBLEM: no role".to_owned()),
        ("schema", State::Fail, "FAILED", |world| world.schema = "FAILED"),
        ("schema", State::Wait, "reads", |world| world.schema = "PROCESSING"),
        ("concurrency", State::Todo, "10 functions", |world| world.concurrency = 10),
        ("members_page", State::Todo, "no address", |world| {
            world.deployed().parameters.insert("MembersDomain".to_owned(), "shop".to_owned());
        }),
    ];
    for (key, state, word, change) in cases {
        let mut world = World::right();
        change(&mut world);
        // A stack of another name stores its secrets elsewhere.
        let prefix = world.stack.as_ref().map(Stack::secrets).unwrap_or_default();
        world.secrets = std::mem::take(&mut world.secrets)
            .into_iter()
            .map(|(name, value)| (name.replace("/comptoir/comptoir-prod", &prefix), value))
            .collect();
        let findings = examined(&world).await;
        let wrong: Vec<&Finding> = findings.iter().filter(|finding| finding.state != State::Ok).collect();
        let [only] = wrong.as_slice() else { panic!("{key}: {wrong:#?}") };
        assert!(only.key == *key && only.state == *state && only.detail.contains(word), "{key} {word}: {only}");
        assert_eq!(finding::ready(&findings), *state == State::NotChecked);
    }
}

/// The door without a public address: its event source is looked at, and what only the other door needs is not missed.
#[tokio::test]
async fn events_may_come_over_eventbridge_alone() {
    let open = |source: &str, address: &str| {
        let mut world = World::right();
        let parameters = &mut world.deployed().parameters;
        parameters.insert("StripeEventSource".to_owned(), source.to_owned());
        parameters.insert("WebhookAddress".to_owned(), address.to_owned());
        world
    };
    let mut alone = open("aws.partner/stripe.com/ed_1", "none");
    alone.secret("stripe-webhook-secrets", "");
    (alone.endpoints, alone.knock) = (Ok(Vec::new()), Err(Unasked::Silent { what: "the webhook".to_owned() }));
    let findings = examined(&alone).await;
    assert!(findings.iter().all(|finding| finding.state == State::Ok) && findings.len() == 18, "{findings:#?}");
    let pending = World { event_source: Some("PENDING"), ..open("aws.partner/stripe.com/ed_1", "public") };
    let unknown = World { event_source: None, ..open("aws.partner/stripe.com/ed_1", "public") };
    let of_test = open("aws.partner/stripe.com/ed_test_1", "public");
    for (world, word) in [(pending, "PENDING"), (unknown, "does not know"), (of_test, "of test mode")] {
        let findings = examined(&world).await;
        let wrong: Vec<&Finding> = findings.iter().filter(|finding| finding.state != State::Ok).collect();
        let [only] = wrong.as_slice() else { panic!("{wrong:#?}") };
        assert!(only.key == "stripe_event_source" && only.detail.contains(word), "{only}");
    }
}

#[tokio::test]
async fn a_key_of_the_other_mode_is_never_used() {
    let mut world = World::right();
    world.secret("stripe-api-key", "rk_test_NotARealSecretOfAnyone00");
    let findings = examined(&world).await;
    let state = |key: &str| findings.iter().find(|finding| finding.key == key).unwrap().state;
    assert_eq!(state("stripe_key"), State::Fail);
    assert_eq!((state("stripe_rights"), state("stripe_webhook")), (State::NotChecked, State::NotChecked));
}

#[tokio::test]
async fn stage_and_mode_belong_together() {
    let mut world = World::right();
    world.deployed().parameters.insert("StripeMode".to_owned(), "test".to_owned());
    let findings = examined(&world).await;
    let stack = findings.iter().find(|finding| finding.key == "stack").unwrap();
    assert!(stack.state == State::Todo && stack.detail.contains("Stage=prod StripeMode=test"), "{stack}");
}

#[tokio::test]
async fn what_nobody_may_ask_is_not_called_right() {
    let findings = examined(&World { denied: true, ..World::right() }).await;
    let blind: Vec<&str> =
        findings.iter().filter(|finding| finding.state == State::NotChecked).map(|finding| finding.key).collect();
    assert_eq!(blind.len(), 13, "{blind:?}");
    let nothing = examined(&World { stack: None, ..World::right() }).await;
    assert!(nothing.len() == 2 && !finding::ready(&nothing), "{nothing:?}");
}
