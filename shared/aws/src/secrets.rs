//! Secrets in SSM SecureString parameters: read at init, cached, and read again when one may have been rotated.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_sdk_ssm::{Client, error::ProvideErrorMetadata};
use tokio::sync::Mutex;

use comptoir::{outcome::ServiceError, secret::is_among};

const WHAT: &str = "the secret store";

/// The last segments of the parameter names.
const WEBHOOK: &str = "stripe-webhook-secrets";
const API_KEY: &str = "stripe-api-key";
const SLACK: &str = "slack-webhook-url";
const SITE: &str = "site-api-key";
const APP: &str = "app-webhook-secrets";

/// How long secrets are cached: a secret that leaked and was removed works no longer. A busy function reads them once in this
/// time, an idle one never: 86,400 decryptions a month at most, some 0.20 USD beyond the free tier of KMS.
const KEPT: Duration = Duration::from_secs(60);
/// Least time between two reads, so that neither forged requests nor an unavailable store delay every request.
const PATIENCE: Duration = Duration::from_secs(20);

/// The webhook's secrets.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Every webhook secret in force; several during a rotation.
    pub webhook: Vec<String>,
    /// The key for calling Stripe, if configured.
    pub api_key: Option<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} webhook, api key: {})", self.webhook.len(), self.api_key.is_some())
    }
}

/// The team notifier's secrets.
#[derive(Debug)]
pub struct TeamSecrets {
    parameters: Parameters,
}

impl TeamSecrets {
    /// The parameter `{prefix}/slack-webhook-url`.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { parameters: Parameters::new(client, prefix, &[SLACK]) }
    }

    /// The URL of the team's Slack webhook, at most a minute old, older only while the store is down; `None` if none is stored.
    ///
    /// # Errors
    /// When the store does not answer and nothing is cached.
    pub async fn slack(&self) -> Result<Option<String>, ServiceError> {
        Ok(filled(self.parameters.current().await?.remove(SLACK)))
    }

    /// The same, read again unless that was done a moment ago: for a URL that Slack refuses.
    ///
    /// # Errors
    /// When the store does not answer and nothing is cached.
    pub async fn renewed(&self) -> Result<Option<String>, ServiceError> {
        Ok(filled(self.parameters.renewed().await?.remove(SLACK)))
    }
}

/// The secrets that sign what the seller's app is told.
#[derive(Debug)]
pub struct AppSecrets {
    parameters: Parameters,
}

impl AppSecrets {
    /// The parameter `{prefix}/app-webhook-secrets`.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { parameters: Parameters::new(client, prefix, &[APP]) }
    }

    /// What is stored, at most a minute old, older only while the store is down; `None` if nothing is.
    ///
    /// # Errors
    /// When the store does not answer and nothing is cached.
    pub async fn current(&self) -> Result<Option<String>, ServiceError> {
        Ok(filled(self.parameters.current().await?.remove(APP)))
    }
}

/// The key with which Stripe is called, for functions that take no webhook.
#[derive(Debug)]
pub struct StripeKey {
    parameters: Parameters,
}

impl StripeKey {
    /// The parameter `{prefix}/stripe-api-key`.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { parameters: Parameters::new(client, prefix, &[API_KEY]) }
    }

    /// The key, at most a minute old, older only while the store is down; `None` if none is stored.
    ///
    /// # Errors
    /// When the store does not answer and nothing is cached.
    pub async fn current(&self) -> Result<Option<String>, ServiceError> {
        Ok(filled(self.parameters.current().await?.remove(API_KEY)))
    }

    /// The same, read again unless that was done a moment ago: for a key that Stripe refuses.
    ///
    /// # Errors
    /// When the store does not answer and nothing is cached.
    pub async fn renewed(&self) -> Result<Option<String>, ServiceError> {
        Ok(filled(self.parameters.renewed().await?.remove(API_KEY)))
    }
}

/// The keys by which the seller's site and app are known; several during a rotation.
#[derive(Debug)]
pub struct SiteKeys {
    parameters: Parameters,
}

impl SiteKeys {
    /// The parameter `{prefix}/site-api-key`.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { parameters: Parameters::new(client, prefix, &[SITE]) }
    }

    /// Whether `key` is one of them; those that are stored are at most a minute old, older only while the store is down. A
    /// key that is none costs at most one more look in twenty seconds. Takes the same time for every wrong key.
    ///
    /// # Errors
    /// When the store does not answer and nothing is cached.
    pub async fn know(&self, key: &str) -> Result<bool, ServiceError> {
        if is_among(key, &self.parameters.current().await?.remove(SITE).unwrap_or_default()) {
            return Ok(true);
        }
        Ok(is_among(key, &self.parameters.renewed().await?.remove(SITE).unwrap_or_default()))
    }
}

fn filled(value: Option<String>) -> Option<String> {
    value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The two parameters that the webhook reads.
#[derive(Debug)]
pub struct SecretStore {
    parameters: Parameters,
}

impl SecretStore {
    /// Parameters `{prefix}/stripe-webhook-secrets` and `{prefix}/stripe-api-key`.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { parameters: Parameters::new(client, prefix, &[WEBHOOK, API_KEY]) }
    }

    /// The secrets, at most a minute old, older only while the store is down.
    ///
    /// # Errors
    /// When the store does not answer and nothing is cached.
    pub async fn current(&self) -> Result<Secrets, ServiceError> {
        self.parameters.current().await.map(secrets)
    }

    /// The secrets, read again unless that was done a moment ago: for a signature that matches none cached.
    ///
    /// # Errors
    /// When the store does not answer and nothing is cached.
    pub async fn renewed(&self) -> Result<Secrets, ServiceError> {
        self.parameters.renewed().await.map(secrets)
    }
}

fn secrets(mut values: Values) -> Secrets {
    let webhook = values.remove(WEBHOOK).unwrap_or_default();
    let webhook = webhook.split([' ', ',', '\n', '\r', '\t']).filter(|secret| !secret.is_empty());
    Secrets { webhook: webhook.map(str::to_owned).collect(), api_key: filled(values.remove(API_KEY)) }
}

/// Values by the last segment of their parameter's name.
type Values = HashMap<&'static str, String>;

/// Parameters under a prefix, read together.
struct Parameters {
    client: Client,
    prefix: String,
    names: &'static [&'static str],
    ages: Ages,
    kept: Mutex<Option<Kept>>,
}

/// How old a value may be that is read from the cache.
#[derive(Debug, Clone, Copy)]
struct Ages {
    /// [`KEPT`].
    kept: Duration,
    /// [`PATIENCE`].
    patience: Duration,
}

const AGES: Ages = Ages { kept: KEPT, patience: PATIENCE };

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parameters({}/{:?})", self.prefix, self.names)
    }
}

struct Kept {
    read_at: Instant,
    tried_at: Instant,
    values: Values,
}

impl Parameters {
    fn new(client: Client, prefix: &str, names: &'static [&'static str]) -> Self {
        Self { client, prefix: prefix.to_owned(), names, ages: AGES, kept: Mutex::new(None) }
    }

    async fn current(&self) -> Result<Values, ServiceError> {
        self.newer_than(self.ages.kept).await
    }

    async fn renewed(&self) -> Result<Values, ServiceError> {
        self.newer_than(self.ages.patience).await
    }

    async fn newer_than(&self, age: Duration) -> Result<Values, ServiceError> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref()
            && (kept.read_at.elapsed() < age || kept.tried_at.elapsed() < self.ages.patience)
        {
            return Ok(kept.values.clone());
        }
        let now = Instant::now();
        match (self.read().await, kept.as_mut()) {
            (Ok(values), _) => {
                *kept = Some(Kept { read_at: now, tried_at: now, values: values.clone() });
                Ok(values)
            }
            // Secrets change rarely: the cached ones serve while the store is down, without a delay per request.
            (Err(_), Some(kept)) => {
                kept.tried_at = now;
                Ok(kept.values.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn read(&self) -> Result<Values, ServiceError> {
        let names = self.names.iter().map(|last| format!("{}/{last}", self.prefix)).collect();
        let got = self.client.get_parameters().set_names(Some(names)).with_decryption(true).send().await;
        let got = got.map_err(|error| ServiceError::transient(WHAT, error.code().unwrap_or("no answer").to_owned()))?;
        let mut values = Values::new();
        for parameter in got.parameters() {
            let last = parameter.name().and_then(|name| name.rsplit('/').next());
            if let Some(name) = self.names.iter().find(|name| Some(**name) == last) {
                values.insert(name, parameter.value().unwrap_or_default().to_owned());
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests;
