//! AWS for one function in a container: it returns the webhook's secret, and accepts every write.

use anyhow::Context;
use axum::Json;
use axum::http::HeaderMap;
use axum::routing::any;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::runtime::AbortOnDrop;

/// The running stand-in. Dropping it ends it.
#[derive(Debug)]
pub struct StandIn {
    port: u16,
    _task: AbortOnDrop<()>,
}

impl StandIn {
    /// Starts it at this address of the machine, on a free port.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start(address: &str, secret: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((address, 0)).await;
        let listener = listener.with_context(|| format!("nobody may listen on {address}, where containers look"))?;
        let port = listener.local_addr()?.port();
        let secret = secret.to_owned();
        let answers = any(move |headers: HeaderMap, body: String| {
            let answer = answer(&headers, &body, &secret);
            async move { Json(answer) }
        });
        let app = axum::Router::new().fallback_service(answers);
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.ok();
        });
        Ok(Self { port, _task: AbortOnDrop(task) })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn answer(headers: &HeaderMap, body: &str, secret: &str) -> Value {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if !target.ends_with(".GetParameters") {
        // DynamoDB's answer to a write that took effect, and to a read that found nothing.
        return json!({});
    }
    let asked: Value = serde_json::from_str(body).unwrap_or_default();
    let names = asked.get("Names").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let known = names.filter(|name| name.ends_with("/stripe-webhook-secrets"));
    let parameters: Vec<Value> =
        known.map(|name| json!({"Name": name, "Type": "SecureString", "Value": secret})).collect();
    json!({"Parameters": parameters, "InvalidParameters": []})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_secret_is_known_and_writes_take_effect() {
        let stand_in = StandIn::start("127.0.0.1", "whsec_x").await.unwrap();
        let ask = async |target: &str| {
            let request = reqwest::Client::new().post(format!("http://127.0.0.1:{}/", stand_in.port()));
            let body = r#"{"Names":["/a/stripe-webhook-secrets","/a/stripe-api-key"]}"#;
            request.header("x-amz-target", target).body(body).send().await.unwrap().json::<Value>().await.unwrap()
        };
        let secrets = ask("AmazonSSM.GetParameters").await;
        assert_eq!(secrets.pointer("/Parameters/0/Value"), Some(&json!("whsec_x")));
        assert_eq!(secrets.pointer("/Parameters/1"), None, "there is no key for Stripe");
        assert_eq!(ask("DynamoDB_20120810.TransactWriteItems").await, json!({}));
    }
}
