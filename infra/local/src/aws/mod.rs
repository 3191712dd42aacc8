//! The few calls the runner itself makes to the AWS stand-in.
//!
//! The functions use the real SDK. The runner does not: it needs a dozen operations of seven services, and their SDKs
//! would cost a newcomer minutes of compilation before `cargo demo` could print its first line. It also needs stream
//! records in exactly the JSON that Lambda passes on, which the typed client would take apart.

pub mod cloudformation;
pub mod dynamodb;
pub mod s3;
pub mod xml;

use anyhow::{Context, bail};
use reqwest::{Client, Method, Response};
use serde_json::Value;

/// The region everything is deployed to.
pub const REGION: &str = "eu-west-3";
/// The account that the ARNs of the stand-in name.
pub const ACCOUNT: &str = "000000000000";

/// A client of the stand-in.
#[derive(Clone, Debug)]
pub struct Aws {
    /// Where it answers.
    pub endpoint: String,
    /// The access key id that it wants to see.
    pub key: String,
    http: Client,
}

impl Aws {
    /// A client for the stand-in at `endpoint`, with the access key id of its run.
    pub fn new(endpoint: String, key: String) -> Self {
        Self { endpoint, key, http: Client::new() }
    }

    /// One operation of a service that speaks JSON (`target` such as `DynamoDB_20120810.Scan`).
    ///
    /// # Errors
    /// When it cannot be reached, or with the error it answers.
    pub async fn json(&self, service: &str, target: &str, input: &Value) -> anyhow::Result<Value> {
        let version = if matches!(service, "ssm" | "cognito-idp") { "1.1" } else { "1.0" };
        let request = self
            .request(Method::POST, "/", service)
            .header("x-amz-target", target)
            .header("content-type", format!("application/x-amz-json-{version}"))
            .body(input.to_string());
        let text = read(request.send().await, target).await?;
        if text.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_str(&text).with_context(|| format!("{target} answered something else than JSON"))
        }
    }

    /// One change at the Lambda control plane.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub async fn put_lambda(&self, path: &str, input: &Value) -> anyhow::Result<()> {
        let request = self.request(Method::PUT, path, "lambda").header("content-type", "application/json");
        read(request.body(input.to_string()).send().await, path).await.map(drop)
    }

    /// What a service answers at a path.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub async fn get(&self, service: &str, path: &str) -> anyhow::Result<Value> {
        let text = read(self.request(Method::GET, path, service).send().await, path).await?;
        serde_json::from_str(&text).with_context(|| format!("{path} answered something else than JSON"))
    }

    /// A request addressed to one service. The stand-in checks the key and no signature; the header names service and
    /// region.
    fn request(&self, method: Method, path: &str, service: &str) -> reqwest::RequestBuilder {
        let scope = format!("20260101/{REGION}/{service}/aws4_request");
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host, Signature=00", self.key);
        self.http
            .request(method, format!("{}{path}", self.endpoint))
            .header("authorization", authorization)
            .header("x-amz-date", "20260101T000000Z")
    }
}

async fn read(answer: reqwest::Result<Response>, what: &str) -> anyhow::Result<String> {
    let answer = answer.with_context(|| format!("{what}: the stand-in for AWS does not answer"))?;
    let status = answer.status();
    let text = answer.text().await.with_context(|| format!("{what}: the answer broke off"))?;
    if !status.is_success() {
        bail!("{what}: {status} {}", text.chars().take(600).collect::<String>());
    }
    Ok(text)
}
