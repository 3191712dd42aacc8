//! Queries Stripe and the webhook over HTTPS.

use std::time::Duration;

use comptoir::stripe::wanted::API_VERSION;
use comptoir_edge::https::{Https, Request};
use serde_json::Value;

use crate::facts::{Asked, Door, Endpoint, Knock, Payments, Unasked};

const PATIENCE: Duration = Duration::from_secs(30);
const LARGEST: usize = 4 * 1024 * 1024;

/// Stripe's API and the webhook, with their addresses.
#[derive(Debug)]
pub struct Outside {
    stripe: String,
    https: Https,
}

impl Outside {
    /// Stripe's API at this address, `https://api.stripe.com` by default.
    pub fn new(stripe: Option<String>) -> Self {
        let stripe = stripe.unwrap_or_else(|| "https://api.stripe.com".to_owned());
        Self { stripe: stripe.trim_end_matches('/').to_owned(), https: Https::default() }
    }

    /// A list of Stripe's. Error texts are dropped: they may repeat a part of the key.
    async fn list(&self, key: &str, list: &str, limit: u8) -> Asked<Value> {
        let what = format!("Stripe {list}");
        let silent = || Unasked::Silent { what: what.clone() };
        let url = format!("{}/v1/{list}?limit={limit}", self.stripe);
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", authorization.as_str()), ("stripe-version", API_VERSION)];
        let wanted =
            Request { method: "GET", url: &url, headers: &headers, body: "", patience: PATIENCE, largest: LARGEST };
        let answer = self.https.ask(&wanted).await.map_err(|_| silent())?;
        match answer.status {
            200..=299 => serde_json::from_slice(&answer.body.map_err(|_| silent())?)
                .map_err(|_| Unasked::Unreadable { what: what.clone() }),
            status => Err(Unasked::Refused { what, status, code: String::new() }),
        }
    }
}

impl Payments for Outside {
    async fn endpoints(&self, key: &str) -> Asked<Vec<Endpoint>> {
        let answer = self.list(key, "webhook_endpoints", 100).await?;
        let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
        let endpoint = |one: &Value| {
            let events = one.get("enabled_events").and_then(Value::as_array).into_iter().flatten();
            Endpoint {
                url: text(one, "url").unwrap_or_default(),
                status: text(one, "status").unwrap_or_default(),
                events: events.filter_map(Value::as_str).map(str::to_owned).collect(),
                version: text(one, "api_version"),
            }
        };
        Ok(answer.get("data").and_then(Value::as_array).into_iter().flatten().map(endpoint).collect())
    }

    async fn peek(&self, key: &str, list: &str) -> Asked<()> {
        self.list(key, list, 1).await.map(drop)
    }
}

impl Door for Outside {
    async fn knock(&self, url: &str) -> Asked<Knock> {
        let silent = || Unasked::Silent { what: "the webhook".to_owned() };
        let headers = [("content-type", "application/json")];
        let wanted =
            Request { method: "POST", url, headers: &headers, body: "{}", patience: PATIENCE, largest: LARGEST };
        let answer = self.https.ask(&wanted).await.map_err(|_| silent())?;
        let body: Value = serde_json::from_slice(&answer.body.map_err(|_| silent())?).unwrap_or_default();
        let reason = body.get("reason").and_then(Value::as_str).unwrap_or_default();
        let reason = reason.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect();
        Ok(Knock { status: answer.status, reason })
    }
}
