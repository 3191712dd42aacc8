//! The secrets that a deployed stack needs, generated once per bundle and stored where the functions read them.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::aws::Aws;

/// A Stripe signing secret: the one already stored, or a new one.
///
/// # Errors
/// When the stand-in does not answer.
pub async fn webhook_secret(aws: &Aws, prefix: &str) -> anyhow::Result<String> {
    kept(aws, &format!("{prefix}/stripe-webhook-secrets"), "whsec_").await
}

/// The secret that is stored under a name, or a new one.
async fn kept(aws: &Aws, name: &str, begins: &str) -> anyhow::Result<String> {
    kept_or(aws, name, || random(begins)).await
}

async fn kept_or(aws: &Aws, name: &str, new: impl FnOnce() -> String) -> anyhow::Result<String> {
    let stored = aws.json("ssm", "AmazonSSM.GetParameter", &json!({"Name": name, "WithDecryption": true})).await.ok();
    let stored =
        stored.and_then(|answer| answer.pointer("/Parameter/Value").and_then(Value::as_str).map(str::to_owned));
    // The newest comes first; rotation keeps the old one behind it.
    if let Some(secret) = stored.and_then(|secrets| secrets.split_whitespace().next().map(str::to_owned)) {
        return Ok(secret);
    }
    let secret = new();
    put(aws, name, &secret).await?;
    Ok(secret)
}

/// The secret that signs what the seller's app is told: the one already stored, or a new one.
///
/// # Errors
/// When the stand-in does not answer.
pub async fn app_secret(aws: &Aws, prefix: &str) -> anyhow::Result<String> {
    kept_or(aws, &format!("{prefix}/app-webhook-secrets"), app_webhook_secret).await
}

/// A secret of the Standard Webhooks specification.
///
/// # Panics
/// When the system has no random numbers to give.
#[expect(clippy::expect_used, reason = "without random numbers there is no secret, and no bundle")]
pub fn app_webhook_secret() -> String {
    let bits: [u8; 32] = ring::rand::generate(&SystemRandom::new()).expect("the system gives random numbers").expose();
    format!("whsec_{}", STANDARD.encode(bits))
}

/// Stores the key for Stripe's API, if there is one.
///
/// # Errors
/// When the stand-in does not answer.
pub async fn store_api_key(aws: &Aws, prefix: &str, key: Option<&str>) -> anyhow::Result<()> {
    match key {
        Some(key) => put(aws, &format!("{prefix}/stripe-api-key"), key).await,
        None => Ok(()),
    }
}

/// The key by which the seller's site is known: the one already stored, or a new one.
///
/// # Errors
/// When the stand-in does not answer.
pub async fn site_key(aws: &Aws, prefix: &str) -> anyhow::Result<String> {
    kept(aws, &format!("{prefix}/site-api-key"), "site_").await
}

/// Stores the address of the team's Slack webhook, if there is one.
///
/// # Errors
/// When the stand-in does not answer.
pub async fn store_slack_webhook(aws: &Aws, prefix: &str, webhook: Option<&str>) -> anyhow::Result<()> {
    match webhook {
        Some(webhook) => put(aws, &format!("{prefix}/slack-webhook-url"), webhook).await,
        None => Ok(()),
    }
}

/// An address in the form of Slack's, served by the stand-in only.
pub fn slack_webhook() -> String {
    format!("https://hooks.slack.com/services/{}/{}/{}", "T0LOCAL", "B0LOCAL", random(""))
}

/// Stores a secret as an operator would.
///
/// # Errors
/// When the stand-in does not answer.
pub async fn put(aws: &Aws, name: &str, value: &str) -> anyhow::Result<()> {
    let input = json!({"Name": name, "Value": value, "Type": "SecureString", "Overwrite": true});
    aws.json("ssm", "AmazonSSM.PutParameter", &input).await.map(drop)
}

/// A random secret of 128 bits in Stripe's form.
///
/// # Panics
/// When the system has no random numbers to give.
#[expect(clippy::expect_used, reason = "without random numbers there is no secret, and no bundle")]
pub fn random(prefix: &str) -> String {
    let bits: [u8; 16] = ring::rand::generate(&SystemRandom::new()).expect("the system gives random numbers").expose();
    format!("{prefix}{}", hex::encode(bits))
}
