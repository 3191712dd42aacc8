//! Runs all queries and checks, one after the other: a stack is examined rarely, so speed does not matter.

use comptoir::clock::Clock;
use comptoir::seller::{Settings, SettingsDocument};

use crate::checks;
use crate::facts::{Account, Asked, Door, Payments, Stack};
use crate::finding::{Finding, State};
use crate::other_door;

/// The subject of the examination.
#[derive(Debug, Clone)]
pub struct Questions {
    /// The stack's name.
    pub stack: String,
    /// The owner's file.
    pub file: SettingsDocument,
    /// The webhook's address, if not the one in the stack's outputs.
    pub webhook: Option<String>,
}

/// All findings, in the order in which to fix them.
pub async fn examine(
    questions: &Questions,
    account: &impl Account,
    payments: &impl Payments,
    door: &impl Door,
    clock: &impl Clock,
) -> Vec<Finding> {
    let time = account.time().await;
    let mut findings = vec![read("clock", time, |there| checks::clock(clock.now(), there))];
    let stack = match account.stack(&questions.stack).await {
        Ok(Some(stack)) => stack,
        Ok(None) => {
            let detail = format!("there is no stack {} in this region", questions.stack);
            let fix = "name another with --stack and --region, or deploy it: README, Deploy";
            findings.push(Finding::not("stack", State::Fail, detail, fix));
            return findings;
        }
        Err(why) => {
            findings.push(checks::unasked("stack", &why));
            return findings;
        }
    };
    findings.push(checks::stack(&stack));
    let table = stack.resources.get("BillingTable").map(|table| table.id.clone()).unwrap_or_default();
    let stored = account.settings(&table).await;
    let sender = sender(questions, stored.as_ref().ok().and_then(Option::as_deref));
    findings.push(read("seller", stored, |stored| checks::seller(stored.as_deref(), &questions.file)));
    findings.extend(mail(&sender, account).await);
    findings.extend(stripe(questions, &stack, account, payments, door).await);
    findings.extend(watch(&stack, account).await);
    findings.push(match stack.resources.get("ProfileApi") {
        Some(api) => {
            let id = api.id.rsplit('/').next().unwrap_or_default();
            read("schema", account.schema(id).await, |(status, details)| checks::schema(&status, &details))
        }
        None => Finding::not("schema", State::Fail, "the stack has no ProfileApi", "deploy the stack again"),
    });
    findings.push(checks::members_page(&stack));
    findings.push(read("concurrency", account.concurrency().await, checks::concurrency));
    findings
}

fn read<T>(key: &'static str, asked: Asked<T>, meaning: impl FnOnce(T) -> Finding) -> Finding {
    match asked {
        Ok(fact) => meaning(fact),
        Err(why) => checks::unasked(key, &why),
    }
}

/// Who mails come from: what the stack's settings say, or the file that is still to be saved.
fn sender(questions: &Questions, stored: Option<&str>) -> String {
    let stored = stored.and_then(|text| SettingsDocument::stored(text).ok());
    let settings =
        stored.and_then(|document| Settings::of(&document).ok()).or_else(|| Settings::of(&questions.file).ok());
    settings.map(|settings| settings.newest().mail.from).unwrap_or_default()
}

async fn mail(from: &str, account: &impl Account) -> Vec<Finding> {
    let domain = from.rsplit('@').next().unwrap_or_default();
    let identities = match (account.identity(from).await, account.identity(domain).await) {
        (Ok(address), Ok(domain)) => Ok((address, domain)),
        (Err(why), _) | (_, Err(why)) => Err(why),
    };
    let asked = account.mail().await;
    vec![
        read("ses_domain", identities, |(address, domain)| checks::sender(from, address.as_ref(), domain.as_ref())),
        read("ses_production", asked.clone(), |mail| checks::production(&mail)),
        read("ses_quota", asked, |mail| checks::quota(&mail)),
    ]
}

async fn stripe(
    questions: &Questions,
    stack: &Stack,
    account: &impl Account,
    payments: &impl Payments,
    door: &impl Door,
) -> Vec<Finding> {
    let prefix = stack.secrets();
    let names = ["stripe-webhook-secrets", "stripe-api-key"].map(|last| format!("{prefix}/{last}"));
    let secrets = match account.secrets(&names).await {
        Ok(secrets) => secrets,
        Err(why) => {
            let keys = ["stripe_secrets", "stripe_key", "stripe_rights", "stripe_webhook"];
            return keys.map(|key| checks::unasked(key, &why)).to_vec();
        }
    };
    let key = checks::named(&secrets, &prefix, "stripe-api-key").map(str::trim);
    let judged = checks::api_key(key, stack.parameter("StripeMode"));
    let closed = other_door::is_the_only_one(stack);
    let unneeded = |key| Finding::ok(key, "events come over EventBridge alone");
    let mut findings = Vec::new();
    if other_door::is_open(stack) {
        let asked = account.event_source(stack.parameter("StripeEventSource")).await;
        findings.push(read("stripe_event_source", asked, |state| other_door::event_source(stack, state.as_deref())));
    }
    findings.push(match closed {
        true => unneeded("stripe_secrets"),
        false => checks::webhook_secrets(checks::named(&secrets, &prefix, "stripe-webhook-secrets")),
    });
    let usable = !matches!(judged.state, State::Fail);
    findings.push(judged);
    let printed = stack.outputs.get("WebhookUrl").cloned().unwrap_or_default();
    match key.filter(|key| usable && !key.is_empty()) {
        Some(key) => {
            let mut asked = Vec::new();
            for right in checks::wanted_rights() {
                asked.push((right, payments.peek(key, right.list).await));
            }
            findings.push(checks::rights(&asked));
            let asked = if closed { Ok(None) } else { payments.endpoints(key).await.map(Some) };
            findings.push(match asked {
                Ok(None) => unneeded("stripe_webhook"),
                Ok(Some(endpoints)) => checks::endpoint(&endpoints, &printed),
                Err(why) => Finding::not(
                    "stripe_webhook",
                    State::NotChecked,
                    why.to_string(),
                    "let the key read Webhook Endpoints, or compare events and version with the README in Stripe's dashboard",
                ),
            });
        }
        None => {
            for key in
                ["stripe_rights", "stripe_webhook"].into_iter().filter(|key| !(closed && *key == "stripe_webhook"))
            {
                let fix = "store a right key first: only with one can Stripe be asked";
                findings.push(Finding::not(key, State::NotChecked, "there is no key to ask Stripe with", fix));
            }
        }
    }
    let url = questions.webhook.as_deref().unwrap_or(&printed);
    findings.push(match closed {
        true => unneeded("webhook"),
        false => read("webhook", door.knock(url).await, |knock| checks::door(&knock)),
    });
    findings
}

async fn watch(stack: &Stack, account: &impl Account) -> Vec<Finding> {
    let alarms = account.alarms(&stack.all("AWS::CloudWatch::Alarm")).await;
    let mut findings = vec![read("alarms", alarms, |found| checks::alarms(stack, &found))];
    let topic = stack.resources.get("AlarmTopic").map(|topic| topic.id.clone()).unwrap_or_default();
    findings.push(read("alarm_mail", account.subscriptions(&topic).await, |confirmed| checks::alarm_mail(&confirmed)));
    let mut mappings = Vec::new();
    for id in stack.all("AWS::Lambda::EventSourceMapping") {
        match account.mapping(&id).await {
            Ok(mapping) => mappings.push(mapping),
            Err(why) => {
                findings.push(checks::unasked("streams", &why));
                return findings;
            }
        }
    }
    findings.push(checks::streams(&mappings));
    findings
}
