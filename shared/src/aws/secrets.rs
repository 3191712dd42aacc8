//! Secrets in SSM SecureString parameters: read at init, kept for a while, read again when one may have been rotated.

use std::time::{Duration, Instant};

use aws_sdk_ssm::{Client, error::ProvideErrorMetadata};
use tokio::sync::Mutex;

use crate::outcome::Unavailable;

const WHAT: &str = "the secret store";

/// How long secrets are used before they are read again.
const KEPT: Duration = Duration::from_secs(300);
/// The least time between two readings, so that neither forgers nor a store that is away can make us wait at every request.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the webhook must know.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Every webhook secret in force; several during a rotation.
    pub webhook: Vec<String>,
    /// The key for calling Stripe, if one is configured.
    pub api_key: Option<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} webhook, api key: {})", self.webhook.len(), self.api_key.is_some())
    }
}

/// The two parameters under a prefix.
#[derive(Debug)]
pub struct SecretStore {
    client: Client,
    webhook_name: String,
    api_key_name: String,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    read_at: Instant,
    tried_at: Instant,
    secrets: Secrets,
}

impl SecretStore {
    /// Parameters `{prefix}/stripe-webhook-secrets` and `{prefix}/stripe-api-key`.
    pub fn new(client: Client, prefix: &str) -> Self {
        let name = |last: &str| format!("{prefix}/{last}");
        let (webhook_name, api_key_name) = (name("stripe-webhook-secrets"), name("stripe-api-key"));
        Self { client, webhook_name, api_key_name, kept: Mutex::new(None) }
    }

    /// The secrets, at most five minutes old.
    ///
    /// # Errors
    /// When the store does not answer and nothing is kept.
    pub async fn current(&self) -> Result<Secrets, Unavailable> {
        self.newer_than(KEPT).await
    }

    /// The secrets, read again unless that was done a moment ago: for a signature that fits none of those kept.
    ///
    /// # Errors
    /// When the store does not answer and nothing is kept.
    pub async fn renewed(&self) -> Result<Secrets, Unavailable> {
        self.newer_than(PATIENCE).await
    }

    async fn newer_than(&self, age: Duration) -> Result<Secrets, Unavailable> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref()
            && (kept.read_at.elapsed() < age || kept.tried_at.elapsed() < PATIENCE)
        {
            return Ok(kept.secrets.clone());
        }
        let now = Instant::now();
        match (self.read().await, kept.as_mut()) {
            (Ok(secrets), _) => {
                *kept = Some(Kept { read_at: now, tried_at: now, secrets: secrets.clone() });
                Ok(secrets)
            }
            // Secrets change rarely: those we have serve while the store is away, and nobody waits for it at every request.
            (Err(_), Some(kept)) => {
                kept.tried_at = now;
                Ok(kept.secrets.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn read(&self) -> Result<Secrets, Unavailable> {
        let names = [self.webhook_name.clone(), self.api_key_name.clone()];
        let got = self.client.get_parameters().set_names(Some(names.to_vec())).with_decryption(true).send().await;
        let got = got.map_err(|error| Unavailable::new(WHAT, error.code().unwrap_or("no answer").to_owned()))?;
        let value = |name: &str| {
            let found = got.parameters().iter().find(|parameter| parameter.name() == Some(name));
            found.and_then(|parameter| parameter.value()).unwrap_or_default()
        };
        let webhook = value(&self.webhook_name).split([' ', ',', '\n', '\r', '\t']).filter(|secret| !secret.is_empty());
        let api_key = value(&self.api_key_name).trim();
        Ok(Secrets {
            webhook: webhook.map(str::to_owned).collect(),
            api_key: (!api_key.is_empty()).then(|| api_key.to_owned()),
        })
    }
}
