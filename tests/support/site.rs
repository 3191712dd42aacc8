//! The seller's site: it knocks at the doors of plans with its key.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::Shop;

/// The plan that every test buys if it does not say which.
pub const SOLO: &str = "price_comptoir_solo";

impl Shop {
    /// Knocks at a door with a key; status and body.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn knock(&self, key: &str, method: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
        let url = format!("{}{path}", self.bundle.endpoints.billing_api_url);
        let request = match method {
            "GET" => self.http.get(url),
            _ => self.http.post(url).header("content-type", "application/json").body(body.to_string()),
        };
        let response = request.header("authorization", format!("Bearer {key}")).send().await?;
        let status = response.status().as_u16();
        Ok((status, response.json().await?))
    }

    /// Knocks with the site's own key.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn door(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
        self.knock(&self.bundle.endpoints.api_key, method, path, body).await
    }

    /// What somebody has.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub async fn access(&self, email: &str) -> Result<Value> {
        let (status, body) = self.door("GET", &format!("/access?email={email}"), &Value::Null).await?;
        ensure!(status == 200, "{status} {body}");
        Ok(body)
    }

    /// Opens a Checkout page; the session.
    ///
    /// # Errors
    /// When the answer is not 201.
    pub async fn page(&self, price: &str, email: Option<&str>, key: &str) -> Result<String> {
        let (status, body) = self.door("POST", "/checkout", &wish(price, email, key)).await?;
        ensure!(status == 201, "{status} {body}");
        Ok(body.get("session").and_then(Value::as_str).context("a page has a session")?.to_owned())
    }

    /// The customer pays on a page; the session afterwards.
    ///
    /// # Errors
    /// When Stripe's stand-in refuses.
    pub async fn pays(&self, completion: &Value) -> Result<Value> {
        let (status, done) = self.client.fake("POST", "complete", completion).await?;
        ensure!(status == 200, "{status} {done}");
        Ok(done)
    }

    /// Buys a plan on a page of its own; the subscription.
    ///
    /// # Errors
    /// When it cannot be bought.
    pub async fn subscribes(&self, price: &str, email: &str, key: &str) -> Result<String> {
        let session = self.page(price, Some(email), key).await?;
        let done = self.pays(&json!({"session": session})).await?;
        Ok(done.get("subscription").and_then(Value::as_str).context("a subscription is made")?.to_owned())
    }

    /// Waits until somebody's access is in this state; what they have.
    ///
    /// # Errors
    /// When it never is.
    pub async fn access_in(&self, email: &str, state: &str) -> Result<Value> {
        self.wait_for(&format!("access {state}"), async |shop: &Self| {
            Ok(Some(shop.access(email).await?).filter(|access| access.get("state") == Some(&json!(state))))
        })
        .await
    }

    /// Waits until no work on any subscription is open.
    ///
    /// # Errors
    /// When some stays open.
    pub async fn access_at_rest(&self) -> Result<()> {
        self.wait_for("the work on subscriptions", async |shop: &Self| {
            let items = shop.items("ACCESS").await?;
            Ok(items.iter().all(|item| item.get("open_shard").is_none()).then_some(()))
        })
        .await
    }
}

/// A wish to buy.
pub fn wish(price: &str, email: Option<&str>, key: &str) -> Value {
    json!({
        "price": price, "email": email, "success_url": "https://example.org/merci", "cancel_url": "https://example.org/",
        "idempotency_key": key,
    })
}
