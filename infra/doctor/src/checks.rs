//! The checks: pure functions from facts to findings, without network calls.

use std::collections::BTreeMap;

use comptoir::seller::{Settings, SettingsDocument};
use comptoir::stripe::wanted::{API_VERSION, EVENTS, Need, RIGHTS, RIGHTS_WITHIN};
use jiff::Timestamp;

use crate::facts::{Alarm, Endpoint, Identity, Knock, MailAccount, Mapping, Stack, Unasked};
use crate::finding::{Finding, State};

/// Longest stack name that its resources allow: SES and EventBridge Scheduler take 64 characters, `-leavers` is eight.
const LONGEST_NAME: usize = 56;

/// With a larger clock skew AWS rejects our signatures, and Stripe's signatures count as stale.
const SKEW_SECONDS: i64 = 300;

/// A lower concurrency limit is soon exhausted: new accounts begin with ten.
const FEW_AT_ONCE: u64 = 100;

/// A Stripe secret has about thirty characters after its prefix; a shorter one was typed, not copied.
const SHORTEST_SECRET: usize = 20;

/// A failed query results in `NotChecked`.
pub fn unasked(key: &'static str, why: &Unasked) -> Finding {
    Finding::not(key, State::NotChecked, why.to_string(), "look yourself, or give your own role the right to ask")
}

/// The stack is complete, and its stage matches its name.
pub fn stack(stack: &Stack) -> Finding {
    let key = "stack";
    let (stage, mode) = (stack.parameter("Stage"), stack.parameter("StripeMode"));
    let state = format!("{} is {}, Stage={stage} StripeMode={mode}", stack.name, stack.status);
    if !matches!(stack.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") {
        let fix = "read the stack's events in CloudFormation, mend what failed, deploy again";
        return Finding::not(key, State::Fail, state, fix);
    }
    if stack.name.len() > LONGEST_NAME {
        let fix = format!("deploy it under a name of at most {LONGEST_NAME} characters");
        return Finding::not(key, State::Fail, state, fix);
    }
    if (stage == "prod") != (mode == "live") {
        let fix = "set Stage=prod StripeMode=live, or Stage=dev StripeMode=test, in samconfig.toml and deploy again; \
                   a prod stack in test mode is right for a rehearsal alone";
        return Finding::not(key, State::Todo, state, fix);
    }
    Finding::ok(key, state)
}

/// The machine's clock agrees with AWS's.
pub fn clock(here: Timestamp, there: Timestamp) -> Finding {
    let skew = here.as_second().saturating_sub(there.as_second());
    if skew.abs() > SKEW_SECONDS {
        let fix = "set this machine's clock (NTP): AWS refuses what it signs";
        return Finding::not("clock", State::Fail, format!("{skew} s off AWS's"), fix);
    }
    Finding::ok("clock", format!("{} s off AWS's", skew.abs()))
}

/// AppSync accepted the schema.
pub fn schema(status: &str, details: &str) -> Finding {
    match status {
        "SUCCESS" | "ACTIVE" => Finding::ok("schema", format!("the GraphQL schema is {status}")),
        "PROCESSING" => Finding::not("schema", State::Wait, "AppSync reads the schema", "ask again in a minute"),
        _ => {
            let detail = format!("the GraphQL schema is {status} {details}");
            Finding::not("schema", State::Fail, detail.trim_end(), "correct infra/schema.graphql and deploy again")
        }
    }
}

/// SES may send to every address.
pub fn production(mail: &MailAccount) -> Finding {
    let key = "ses_production";
    if !mail.sending || mail.enforcement == "SHUTDOWN" {
        let detail = format!("SES has paused sending ({})", mail.enforcement);
        return Finding::not(key, State::Fail, detail, "answer the case that AWS opened in Support");
    }
    match (mail.production, mail.review.as_str()) {
        (true, _) => Finding::ok(key, "out of the sandbox"),
        (false, "PENDING") => Finding::not(
            key,
            State::Wait,
            "in the sandbox, AWS reviews your request",
            "wait about a day, then ask again",
        ),
        (false, "DENIED" | "FAILED") => {
            let fix = "answer in the support case: invoices to your own buyers, bounces are handled";
            Finding::not(key, State::Fail, format!("in the sandbox, your request is {}", mail.review), fix)
        }
        (false, _) => {
            let fix = "SES, Account dashboard, Request production access; until then only verified addresses get mail";
            Finding::not(key, State::Todo, "in the sandbox", fix)
        }
    }
}

/// SES's sending quota is sufficient.
#[expect(clippy::float_arithmetic, reason = "mails, which SES counts in floating point, and no money")]
pub fn quota(mail: &MailAccount) -> Finding {
    let limit = if mail.quota < 0.0 { "no limit a day".to_owned() } else { format!("{} mails a day", mail.quota) };
    let detail = format!("{limit}, {} a second, {} sent in 24 hours", mail.rate, mail.sent);
    if mail.quota >= 0.0 && mail.sent * 2.0 > mail.quota {
        let fix = "Service Quotas, Simple Email Service, Sending quota: ask for more before it is used up";
        return Finding::not("ses_quota", State::Todo, detail, fix);
    }
    Finding::ok("ses_quota", detail)
}

/// The settings are saved, and say what the owner's file says.
pub fn seller(stored: Option<&str>, file: &SettingsDocument) -> Finding {
    let key = "seller";
    let save = "run the command that the stack prints as SaveSettings";
    let Some(stored) = stored else {
        let detail = "no settings are saved: payments are recorded, and no invoice is made";
        return Finding::not(key, State::Todo, detail, save);
    };
    match SettingsDocument::stored(stored) {
        Ok(document) if document == file.clone().whole() => {
            Finding::ok(key, "the settings say what infra/seller.toml says")
        }
        Ok(document) if Settings::of(&document).is_ok() => {
            let detail = "the settings say something else than infra/seller.toml";
            Finding::not(key, State::Todo, detail, format!("{save}, or bring the file up to date"))
        }
        _ => Finding::not(key, State::Fail, "the settings cannot be used by this version", save),
    }
}

/// The sender of the settings is verified: its address, or else its domain.
pub fn sender(from: &str, address: Option<&Identity>, domain: Option<&Identity>) -> Finding {
    let key = "ses_domain";
    let name = from.rsplit('@').next().unwrap_or(from);
    if name == "example.org" {
        let fix = "write your own sender into [mail] from of infra/seller.toml, and verify its domain in SES";
        return Finding::not(key, State::Todo, format!("the sender is still {from}"), fix);
    }
    let Some(known) = domain.filter(|domain| domain.verified).or(address).or(domain) else {
        let fix = format!("SES, Identities, Create identity, Domain {name}; enter the DNS records that it shows");
        return Finding::not(key, State::Todo, format!("SES does not know {name}, nor {from}"), fix);
    };
    match (known.verified, known.dkim.as_str()) {
        (true, "SUCCESS") => Finding::ok(key, format!("{name} is verified, with DKIM")),
        (true, _) => {
            let fix = format!("verify the domain {name} with DKIM: without it many mails are taken for spam");
            Finding::not(key, State::Todo, format!("{from} is verified, DKIM is {}", known.dkim), fix)
        }
        (false, dkim) => {
            let fix = format!("enter the DNS records that SES shows for {name}; it looks again within hours");
            Finding::not(key, State::Wait, format!("{name} is not verified yet, DKIM is {dkim}"), fix)
        }
    }
}

/// The webhook's signing secrets are stored.
pub fn webhook_secrets(stored: Option<&str>) -> Finding {
    let key = "stripe_secrets";
    let fix = "run the command of the output PutWebhookSecrets with the secret that Stripe shows for the endpoint";
    let secrets: Vec<&str> =
        stored.unwrap_or_default().split([' ', ',', '\n', '\r', '\t']).filter(|one| !one.is_empty()).collect();
    let wrong = secrets.iter().filter(|secret| !is_secret(secret, "whsec_")).count();
    match (secrets.len(), wrong) {
        (0, _) => Finding::not(key, State::Todo, "no webhook secret is stored", fix),
        (count, 0) => Finding::ok(key, format!("{count} webhook secret(s) stored")),
        (count, wrong) => {
            Finding::not(key, State::Todo, format!("{wrong} of {count} stored secrets are no whsec_..."), fix)
        }
    }
}

/// The Stripe API key is stored, restricted, and of the stack's mode.
pub fn api_key(stored: Option<&str>, mode: &str) -> Finding {
    let key = "stripe_key";
    let fix = format!("make a restricted key in {mode} mode and run the command of the output PutApiKey");
    let Some(stored) = stored.map(str::trim).filter(|stored| !stored.is_empty()) else {
        let detail = "no key is stored: an invoice has one line, and some sales and refunds wait";
        return Finding::not(key, State::Todo, detail, fix);
    };
    let wanted = [format!("rk_{mode}_"), format!("sk_{mode}_")];
    let Some(prefix) = wanted.iter().find(|prefix| is_secret(stored, prefix)) else {
        let other = if mode == "live" { "test" } else { "live" };
        let detail = match stored.split('_').nth(1) {
            Some(found) if found == other => format!("the key is of {other} mode, the stack of {mode} mode"),
            _ => format!("what is stored is no rk_{mode}_..."),
        };
        return Finding::not(key, State::Fail, detail, fix);
    };
    if prefix.starts_with("sk_") {
        return Finding::not(key, State::Todo, "the stored key may do everything that you may", fix);
    }
    Finding::ok(key, format!("a restricted key of {mode} mode is stored"))
}

fn is_secret(text: &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    rest.len() >= SHORTEST_SECRET && rest.chars().all(|c| c.is_ascii_alphanumeric())
}

/// A permission of the key, and a Stripe list that requires this permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// The resource's name in Stripe's dashboard.
    pub resource: &'static str,
    /// The list, below `/v1/`.
    pub list: &'static str,
    /// The feature that needs it.
    pub need: Need,
}

/// Every permission of the key. A resource without a list of its own is named with one under the same permission.
pub fn wanted_rights() -> Vec<Right> {
    let list = |path: &'static str| if path == "checkout" { "checkout/sessions" } else { path };
    let own = RIGHTS.iter().map(|right| Right { resource: right.resource, list: list(right.path), need: right.need });
    let within = RIGHTS_WITHIN.iter().map(|(resource, need)| {
        let list = if *resource == "Balance" { "balance_transactions" } else { resource };
        Right { resource, list, need: *need }
    });
    own.chain(within).collect()
}

/// What fails without an event or a permission.
fn lost(need: Need) -> &'static str {
    match need {
        Need::Sales => "invoices of Checkout payments, and their items",
        Need::LaterCaptures => "invoices of payments that are captured later",
        Need::Invoices => "invoices of subscriptions, and their items",
        Need::Refunds => "credit notes",
        Need::Disputes => "word of a dispute that was lost",
        Need::Buyers => "name and place of some buyers",
        Need::Sellers => "whose sale it is",
        Need::Exchange => "the rate at which another currency was settled",
        Need::Reconciliation => "events that never arrived",
        Need::Access => "what subscriptions to plans give",
        Need::Recovery => "word of unpaid invoices, and the tries with other methods",
        Need::Trials => "word of trials that end",
    }
}

/// The key has its permissions: for each, Stripe's answer.
pub fn rights(asked: &[(Right, Result<(), Unasked>)]) -> Finding {
    let key = "stripe_rights";
    let refused = |status: u16| {
        asked.iter().filter(
            move |(_, answer)| matches!(answer, Err(Unasked::Refused { status: found, .. }) if *found == status),
        )
    };
    if refused(401).next().is_some() {
        let fix = "make a new restricted key and store it with the command of the output PutApiKey";
        return Finding::not(key, State::Fail, "Stripe does not know the stored key", fix);
    }
    let missing: Vec<String> =
        refused(403).map(|(right, _)| format!("{} ({})", right.resource, lost(right.need))).collect();
    if !missing.is_empty() {
        let fix = "edit the key in Stripe's dashboard (Developers, API keys): reading these";
        return Finding::not(key, State::Todo, format!("the key may not read {}", missing.join(", ")), fix);
    }
    match asked.iter().find_map(|(_, answer)| answer.as_ref().err()) {
        Some(why) => unasked(key, why),
        None => Finding::ok(key, format!("the key may read all {} lists", asked.len())),
    }
}

/// The webhook exists, and rejects unsigned requests.
pub fn door(knock: &Knock) -> Finding {
    let key = "webhook";
    match (knock.status, knock.reason.as_str()) {
        (400, "signature_missing") => Finding::ok(key, "reachable; an unsigned body is answered 400"),
        (500..=599, _) => {
            let fix = "read the log of payment-webhook; without stored secrets it answers 500";
            Finding::not(key, State::Fail, format!("it answers {} {}", knock.status, knock.reason), fix)
        }
        (200..=299, _) => {
            let fix = "this is not the webhook of this stack: compare the output WebhookUrl";
            Finding::not(key, State::Fail, format!("an unsigned body is answered {}", knock.status), fix)
        }
        _ => {
            let fix = "deploy the stack again; another API answers at the address of the output WebhookUrl";
            Finding::not(key, State::Fail, format!("it answers {} {}", knock.status, knock.reason), fix)
        }
    }
}

/// Stripe sends the right events to this stack.
pub fn endpoint(endpoints: &[Endpoint], url: &str) -> Finding {
    let key = "stripe_webhook";
    let Some(found) = endpoints.iter().find(|endpoint| endpoint.url == url) else {
        let fix = "Stripe, Developers, Webhooks, Add destination: the address of the output WebhookUrl, and the README's events";
        return Finding::not(key, State::Todo, "Stripe has no endpoint with this stack's address", fix);
    };
    if found.status != "enabled" {
        let fix = "enable the endpoint in Stripe, then send again what failed meanwhile";
        return Finding::not(key, State::Fail, format!("the endpoint is {}", found.status), fix);
    }
    let sends = |kind: &str| found.events.iter().any(|event| event == kind || event == "*");
    let missing: Vec<String> = EVENTS
        .iter()
        .filter(|wanted| !sends(wanted.kind))
        .map(|wanted| format!("{} ({})", wanted.kind, lost(wanted.need)))
        .collect();
    if !missing.is_empty() {
        let fix = "add these events to the endpoint in Stripe";
        return Finding::not(key, State::Todo, format!("the endpoint does not send {}", missing.join(", ")), fix);
    }
    match found.version.as_deref() {
        Some(API_VERSION) => Finding::ok(key, format!("sends all {} events, version {API_VERSION}", EVENTS.len())),
        other => {
            let detail = format!("its events have version {}", other.unwrap_or("of the account's default"));
            let fix =
                format!("add a second endpoint with version {API_VERSION}, store both secrets, then delete the first");
            Finding::not(key, State::Todo, detail, fix)
        }
    }
}

/// All alarms exist and notify the topic.
pub fn alarms(stack: &Stack, found: &[Alarm]) -> Finding {
    let key = "alarms";
    let fix = "set AlertEmail in parameter_overrides of samconfig.toml and deploy again";
    let expected = stack.all("AWS::CloudWatch::Alarm").len();
    if !stack.watched() || expected == 0 {
        return Finding::not(key, State::Todo, "this stack has no alarms", fix);
    }
    let topic = stack.resources.get("AlarmTopic").map(|topic| topic.id.as_str()).unwrap_or_default();
    let loud = found.iter().filter(|alarm| alarm.enabled && alarm.actions.iter().any(|action| action == topic)).count();
    if loud < expected {
        let fix = "enable their actions in CloudWatch, or deploy the stack again";
        return Finding::not(key, State::Fail, format!("{loud} of {expected} alarms tell anybody"), fix);
    }
    Finding::ok(key, format!("{loud} alarms"))
}

/// The topic of the alarms has a confirmed subscriber.
pub fn alarm_mail(confirmed: &[bool]) -> Finding {
    let key = "alarm_mail";
    match (confirmed.is_empty(), confirmed.iter().any(|confirmed| *confirmed)) {
        (true, _) => {
            let fix = "set AlertEmail in parameter_overrides of samconfig.toml and deploy again";
            Finding::not(key, State::Todo, "the alarms' topic has no subscriber", fix)
        }
        (false, true) => Finding::ok(key, "the alarms' topic has a confirmed subscriber"),
        (false, false) => {
            let fix = "open the mail from AWS Notifications (look in spam) and confirm; after three days deploy anew";
            Finding::not(key, State::Todo, "nobody confirmed the subscription to the alarms", fix)
        }
    }
}

/// Every stream triggers its function.
pub fn streams(found: &[Mapping]) -> Finding {
    let key = "streams";
    let name = |mapping: &Mapping| mapping.function.rsplit(':').next().unwrap_or_default().to_owned();
    let off: Vec<String> = found
        .iter()
        .filter(|mapping| mapping.state != "Enabled")
        .map(|mapping| format!("{} is {}", name(mapping), mapping.state))
        .collect();
    if found.is_empty() || !off.is_empty() {
        let detail = if off.is_empty() { "no stream wakes a function".to_owned() } else { off.join(", ") };
        let fix = "enable the trigger in Lambda: what is older than a day is lost to the stream, and no alarm tells";
        return Finding::not(key, State::Fail, detail, fix);
    }
    let failing: Vec<String> = found
        .iter()
        .filter(|mapping| mapping.last_result.starts_with("PROBLEM"))
        .map(|mapping| format!("{}: {}", name(mapping), mapping.last_result))
        .collect();
    if !failing.is_empty() {
        return Finding::not(key, State::Fail, failing.join(", "), "read the function's log, and its role");
    }
    Finding::ok(key, format!("{} streams wake their functions", found.len()))
}

/// The concurrency limit is high enough.
pub fn concurrency(limit: u64) -> Finding {
    let detail = format!("{limit} functions may run at once in this account and region");
    if limit < FEW_AT_ONCE {
        let fix = "Service Quotas, AWS Lambda, Concurrent executions: ask for 1,000, which costs nothing";
        return Finding::not("concurrency", State::Todo, detail, fix);
    }
    Finding::ok("concurrency", detail)
}

/// The sign-in page of members, if there is one, has valid redirect addresses.
pub fn members_page(stack: &Stack) -> Finding {
    let key = "members_page";
    match (stack.parameter("MembersDomain"), stack.parameter("MembersCallbackUrls")) {
        ("", _) => Finding::ok(key, "no sign-in page; programs sign members in"),
        (domain, "") => {
            let fix = "set MembersCallbackUrls in parameter_overrides of samconfig.toml and deploy again";
            Finding::not(key, State::Todo, format!("{domain} has no address to send members back to"), fix)
        }
        (domain, _) => Finding::ok(key, format!("{domain} sends members back to your page")),
    }
}

/// One of several secrets, by the last part of its name.
pub fn named<'a>(secrets: &'a BTreeMap<String, String>, prefix: &str, last: &str) -> Option<&'a str> {
    secrets.get(&format!("{prefix}/{last}")).map(String::as_str)
}
