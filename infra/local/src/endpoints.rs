//! `endpoints.json`: the addresses of a running bundle, for other tools.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::lock::cannot_write;
use crate::private;

/// The addresses of a running bundle. Outside tools rely on these names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Stripe's events are posted here.
    pub stripe_webhook_url: String,
    /// The secret that signs them.
    pub stripe_webhook_secret: String,
    /// The stand-in for api.stripe.com.
    pub stripe_api_url: String,
    /// Moves the clock of the bundle: `POST {"advance_seconds": 3600}`; `GET` tells the time.
    pub clock_url: String,
    /// The home page.
    pub home_url: String,
    /// The captured mails.
    pub mailbox_url: String,
    /// The documents.
    pub archive_url: String,
    /// The parked records.
    pub parked_url: String,
    /// The GraphQL API.
    pub graphql_url: String,
    /// Signs members in: `{"email", "groups"}` for `{"idToken", "accessToken", "sub"}`.
    pub token_url: String,
    /// The stand-in for AWS.
    pub aws_endpoint_url: String,
    /// The access key id that the stand-in for AWS wants to see; the secret is free.
    pub aws_access_key_id: String,
    /// The API of the seller's site: plans, access, tokens.
    pub billing_api_url: String,
    /// The key of the seller's site.
    pub api_key: String,
    /// Pages for everybody: `/resilier`, `/renoncer`.
    pub public_url: String,
    /// What the stand-in for the seller's app was sent: `GET`; `POST {"status": 500, "times": 2}` makes it fail.
    #[serde(default)]
    pub webhooks_out_url: String,
    /// The secret that signs it: `whsec_` and base64.
    #[serde(default)]
    pub webhooks_out_secret: String,
    /// `dev` or `prod`.
    pub stage: String,
}

impl Endpoints {
    /// Writes the file, which has keys in it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        // Atomically: a reader waiting for the file never sees half of it.
        let draft = path.with_extension("draft");
        let text = serde_json::to_string_pretty(self)?;
        private::write(&draft, text.as_bytes())
            .and_then(|()| fs::rename(&draft, path))
            .with_context(|| cannot_write(path))
    }

    /// Reads the addresses of the running bundle.
    ///
    /// # Errors
    /// When no bundle has written the file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .ok()
            .context("no bundle is running: start one with `cargo local` in another terminal")?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged: stop `cargo local` and start it again", path.display()))
    }
}
