//! A client of a running bundle, using only its addresses: for `cargo pay`, `cargo replay` and tests.

use anyhow::{Context, ensure};
use comptoir::stripe::signature::sign;
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

use crate::aws::Aws;
use crate::aws::dynamodb::plain_items;
use crate::checkout::Checkout;
use crate::endpoints::Endpoints;
use crate::mail::Mail;

/// A bundle's client.
#[derive(Clone, Debug)]
pub struct BundleClient {
    /// The bundle's addresses.
    pub endpoints: Endpoints,
    /// A client of its AWS.
    pub aws: Aws,
    http: Client,
}

impl BundleClient {
    /// A client of the bundle at these addresses.
    pub fn new(endpoints: Endpoints) -> Self {
        let aws = Aws::new(endpoints.aws_endpoint_url.clone(), endpoints.aws_access_key_id.clone());
        Self { endpoints, aws, http: Client::new() }
    }

    /// Places a checkout in the stand-in for Stripe, so that the functions can fetch its line items.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn tell_stripe(&self, checkout: &Checkout) -> anyhow::Result<()> {
        for (path, object) in checkout.objects() {
            let url = format!("{}/_fake/v1/{path}", self.endpoints.stripe_api_url);
            send(self.http.put(url).json(object)).await?;
        }
        Ok(())
    }

    /// Places an event in the stand-in's list of events.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn list_event(&self, event: &Value) -> anyhow::Result<()> {
        let id = event.get("id").and_then(Value::as_str).context("an event has its id")?;
        let url = format!("{}/_fake/v1/events/{id}", self.endpoints.stripe_api_url);
        send(self.http.put(url).json(event)).await.map(drop)
    }

    /// Signs an event and posts it as Stripe would; returns the status and the body.
    ///
    /// # Errors
    /// When the bundle does not answer at all.
    pub async fn post_event(&self, body: &[u8]) -> anyhow::Result<(u16, String)> {
        let signature = sign(body, &self.endpoints.stripe_webhook_secret, self.now().await?);
        let request = self.http.post(&self.endpoints.stripe_webhook_url).header("stripe-signature", signature);
        let request = request
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)");
        let response = request.body(body.to_vec()).send().await.ok().context(GONE)?;
        let status = response.status().as_u16();
        Ok((status, response.text().await.unwrap_or_default()))
    }

    /// The bundle's time.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn now(&self) -> anyhow::Result<Timestamp> {
        let told: Value = send(self.http.get(&self.endpoints.clock_url)).await?.json().await.context(GONE)?;
        let now = told.get("now").and_then(Value::as_str).unwrap_or_default();
        now.parse().context("the bundle tells no time")
    }

    /// Moves the clock of the bundle ahead; returns its time afterwards.
    ///
    /// # Errors
    /// When the bundle does not answer, or refuses.
    pub async fn advance(&self, seconds: i64) -> anyhow::Result<Timestamp> {
        let wish = serde_json::json!({"advance_seconds": seconds});
        send(self.http.post(&self.endpoints.clock_url).json(&wish)).await?;
        self.now().await
    }

    /// Asks the stand-in for Stripe as the seller's own program would; returns the status and the answer.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn stripe(
        &self,
        method: &str,
        path: &str,
        form: &[(&str, &str)],
        key: Option<&str>,
    ) -> anyhow::Result<(u16, Value)> {
        let url = format!("{}/v1/{path}", self.endpoints.stripe_api_url);
        let mut url = reqwest::Url::parse(&url)?;
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let pairs = |url: &mut reqwest::Url| {
            url.query_pairs_mut().extend_pairs(form);
        };
        let mut request = if method == reqwest::Method::POST {
            let mut body = url.clone();
            body.set_query(None);
            pairs(&mut body);
            let body = body.query().unwrap_or_default().to_owned();
            self.http.request(method, url).header("content-type", "application/x-www-form-urlencoded").body(body)
        } else {
            pairs(&mut url);
            self.http.request(method, url)
        };
        request = request.header("authorization", "Bearer sk_test_local");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await.ok().context(GONE)?;
        let status = response.status().as_u16();
        Ok((status, response.json().await.context("the stand-in for Stripe answers no JSON")?))
    }

    /// Knocks at one of the doors that only the stand-in for Stripe has: `complete`, `events`, `faults`.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn fake(&self, method: &str, door: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        let url = format!("{}/_fake/{door}", self.endpoints.stripe_api_url);
        let mut request = self.http.request(reqwest::Method::from_bytes(method.as_bytes())?, url);
        if method != "GET" {
            request = request.json(body);
        }
        let response = request.send().await.ok().context(GONE)?;
        let status = response.status().as_u16();
        Ok((status, response.json().await.unwrap_or_default()))
    }

    /// The captured mails.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn mails(&self) -> anyhow::Result<Vec<Mail>> {
        send(self.http.get(&self.endpoints.mailbox_url)).await?.json().await.context(GONE)
    }

    /// Everything the home page shows.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn state(&self) -> anyhow::Result<Value> {
        send(self.http.get(format!("{}_local/state", self.endpoints.home_url))).await?.json().await.context(GONE)
    }

    /// The parked records.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn parked(&self) -> anyhow::Result<Vec<Value>> {
        send(self.http.get(&self.endpoints.parked_url)).await?.json().await.context(GONE)
    }

    /// A document of the archive.
    ///
    /// # Errors
    /// When the bundle does not answer, or there is no such document.
    pub async fn document(&self, key: &str) -> anyhow::Result<Vec<u8>> {
        let response = send(self.http.get(format!("{}/{key}", self.endpoints.archive_url))).await?;
        Ok(response.bytes().await.context(GONE)?.to_vec())
    }

    /// Invokes a function as its schedule does on AWS; returns its answer.
    ///
    /// # Errors
    /// When the bundle does not answer, or the function fails.
    pub async fn invoke(&self, function: &str, request: &Value) -> anyhow::Result<Value> {
        let url = format!("{}_local/functions/{function}", self.endpoints.home_url);
        send(self.http.post(url).json(request)).await?.json().await.context(GONE)
    }

    /// Finds a table by its logical id, and returns its items as plain JSON.
    ///
    /// # Errors
    /// When the stand-in for AWS does not answer.
    pub async fn table(&self, logical: &str) -> anyhow::Result<(String, Vec<Value>)> {
        let resources = self.aws.resources(&format!("comptoir-{}", self.endpoints.stage)).await?;
        let table = resources.get(logical).cloned().with_context(|| format!("the bundle has no {logical}"))?;
        let items = plain_items(&self.aws.scan(&table).await?);
        Ok((table, items))
    }
}

const GONE: &str = "the bundle does not answer: start one with `cargo local` in another terminal";

async fn send(request: RequestBuilder) -> anyhow::Result<Response> {
    let response = request.send().await.ok().context(GONE)?;
    let status = response.status();
    ensure!(status.is_success(), "{} answered {status}; read the logs of the bundle in target/local", response.url());
    Ok(response)
}
