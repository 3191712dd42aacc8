//! The doctor on a real stack: the bundle's, on the stand-in for AWS. The deliberate faults are listed; the
//! stand-in's mappings are off, because the bundle reads the streams itself, and it does not report an alarm's targets.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail loudly, and shows what was said")]

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use comptoir::{
    clock::SystemClock,
    stripe::wanted::{API_VERSION, EVENTS},
};
use comptoir_doctor::aws::{AwsAccount, Credentials};
use comptoir_doctor::checks::wanted_rights;
use comptoir_doctor::outside::Outside;
use comptoir_doctor::{Finding, Questions, State, examine};
use comptoir_tests::{Shop, seller_file};
use serde_json::json;

/// In Stripe's format, and not a real key.
const SECRET: &str = "whsec_doctordoctordoctordoctor";
const KEY: &str = "rk_test_doctordoctordoctordoctor";

async fn examined(shop: &Shop, file: &Path) -> Vec<Finding> {
    let at = &shop.bundle.endpoints;
    let credentials = Credentials::new(&at.aws_access_key_id, "test", None, None, "test");
    let account = AwsAccount::new("eu-west-3".to_owned(), credentials, Some(at.aws_endpoint_url.clone()));
    let outside = Outside::new(Some(at.stripe_api_url.clone()));
    let questions = Questions {
        stack: format!("comptoir-{}", at.stage),
        file: comptoir_local::settings::document(file).unwrap(),
        webhook: Some(at.stripe_webhook_url.clone()),
    };
    let findings = examine(&questions, &account, &outside, &outside, &SystemClock).await;
    for finding in &findings {
        println!("{finding}");
        let line = finding.to_string();
        assert!(!line.contains(SECRET) && !line.contains(KEY), "a secret is printed: {line}");
    }
    findings
}

fn found<'a>(findings: &'a [Finding], key: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.key == key).unwrap()
}

#[tokio::test]
async fn a_stack_is_examined_as_its_owner_would_see_it() -> Result<()> {
    let shop = Shop::open_with("doctor", |options| options.stage = "prod".to_owned()).await?;
    let prefix = "/comptoir/comptoir-prod";
    let put = async |last: &str, value: &str| {
        let input =
            json!({"Name": format!("{prefix}/{last}"), "Value": value, "Type": "SecureString", "Overwrite": true});
        shop.bundle.aws().json("ssm", "AmazonSSM.PutParameter", &input).await
    };
    put("stripe-webhook-secrets", "whsec_...").await?;
    let shipped = comptoir_local::paths::seller();
    let before = examined(&shop, &shipped).await;
    for (key, state, word) in [
        ("clock", State::Ok, "off AWS's"),
        ("stack", State::Todo, "Stage=prod StripeMode=test"),
        ("seller", State::Ok, "says"),
        ("ses_domain", State::Todo, "still facturation@example.org"),
        ("ses_production", State::Ok, "out of the sandbox"),
        ("stripe_secrets", State::Todo, "1 of 1"),
        ("webhook", State::Ok, "answered 400"),
        ("alarms", State::NotChecked, "cannot be read"),
        ("alarm_mail", State::Ok, "confirmed"),
        ("streams", State::Fail, "Disabled"),
        ("schema", State::Ok, "schema is"),
        ("members_page", State::Ok, "no sign-in page"),
        ("concurrency", State::Ok, "at once"),
    ] {
        let finding = found(&before, key);
        ensure!(finding.state == state && finding.detail.contains(word), "{finding}");
    }
    put("stripe-webhook-secrets", SECRET).await?;
    put("stripe-api-key", KEY).await?;
    let stack_url = {
        let outputs = shop.bundle.aws().stack_outputs("comptoir-prod").await?;
        outputs.get("WebhookUrl").cloned().context("the stack prints its WebhookUrl")?
    };
    let stripe = shop.bundle.stripe();
    for right in wanted_rights() {
        stripe.store(right.list, json!({"object": "list", "data": []}));
    }
    let own = seller_file("doctor", &[("facturation@example.org", "facturation@shop.fr")])?;
    let unsaved = found(&examined(&shop, &own).await, "seller").clone();
    ensure!(unsaved.state == State::Todo && unsaved.detail.contains("something else"), "{unsaved}");
    shop.save_settings(&own).await?;
    let unlisted = found(&examined(&shop, &own).await, "stripe_webhook").clone();
    ensure!(unlisted.state == State::NotChecked, "the stand-in knows no endpoints: {unlisted}");
    let events: Vec<&str> = EVENTS.iter().map(|needed| needed.kind).collect();
    let endpoint = json!({"url": stack_url, "status": "enabled", "enabled_events": events, "api_version": API_VERSION});
    stripe.store("webhook_endpoints", json!({"object": "list", "data": [endpoint]}));
    let after = examined(&shop, &own).await;
    for key in ["seller", "stripe_secrets", "stripe_key", "stripe_rights", "stripe_webhook"] {
        ensure!(found(&after, key).state == State::Ok, "{}", found(&after, key));
    }
    ensure!(found(&after, "ses_domain").state == State::Todo, "SES does not know the sender");
    shop.bundle.stop_aws().await;
    let alone = tokio::time::timeout(Duration::from_secs(60), examined(&shop, &own)).await?;
    ensure!(alone.iter().all(|finding| finding.state == State::NotChecked), "{alone:?}");
    shop.bundle.stop().await;
    Ok(())
}
