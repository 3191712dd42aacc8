//! The environment of measured handlers: the bundle's tables and secrets behind TLS, and the input events.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use comptoir::stripe::signature;
use comptoir_local::{
    Bundle, Functions, Options,
    bundle::build::Binaries,
    checkout::{Checkout, Purchase},
    clock,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    actor::{Handler, Theatre},
    prepare::Kit,
    tls::Tls,
};

/// API Gateway's event, the same as for `sam local invoke`.
const REQUEST: &str = include_str!("../../../events/payment-webhook.stale.json");

/// The stage.
#[derive(Debug)]
pub struct Stage {
    /// The bundle, with the functions as deployed.
    pub bundle: Bundle,
    /// The Runtime API for the handlers.
    pub theatre: Theatre,
    /// The TLS front to AWS.
    pub tls: Tls,
}

impl Stage {
    /// Opens a stage in `folder`; the functions around the measured one are test builds, unless others are given.
    ///
    /// # Errors
    /// When the bundle does not start.
    pub async fn open(folder: &Path, functions: Option<&Binaries>) -> Result<Self> {
        let mut options = Options::new(folder.join("bundle"));
        options.functions = functions.map_or(Functions::Build, |functions| Functions::Prebuilt(functions.clone()));
        // Queries to Stripe are not part of the comparison.
        options.stripe_api_key = None;
        let front = TcpListener::bind(("127.0.0.1", 0)).await?;
        options.aws_also_at = vec![format!("localhost:{}", front.local_addr()?.port())];
        let bundle = Bundle::start(options).await?;
        let aws = bundle.aws().endpoint.clone();
        let upstream =
            aws.strip_prefix("http://").context("the stand-in speaks HTTP")?.trim_end_matches('/').to_owned();
        let tls = Tls::start(front, upstream, folder).await?;
        let theatre = Theatre::open(folder.join("logs")).await?;
        Ok(Self { bundle, theatre, tls })
    }

    /// `function` as deployed, and the peers that do the same work; AWS is behind TLS.
    ///
    /// # Errors
    /// When the bundle has no such function.
    pub fn handlers(&self, kit: &Kit, function: &str, script: &str) -> Result<Vec<Handler>> {
        let ours = kit.ours.get(function).with_context(|| format!("{function} was not built"))?;
        let (own, theirs) = (self.tls.ours.display().to_string(), self.tls.theirs.display().to_string());
        let aws = ("AWS_ENDPOINT_URL", self.tls.url.clone());
        let trust = [aws.clone(), ("AWS_CA_BUNDLE", theirs.clone()), ("NODE_EXTRA_CA_CERTS", theirs)];
        let mut handlers = vec![self.handler(ours, function, &[aws, ("SSL_CERT_FILE", own)])?];
        for (name, command) in [(super::NODE, kit.node(script)), (super::PYTHON, kit.python(script))] {
            let Some(command) = command else { continue };
            handlers.push(Handler { name: name.to_owned(), command, variables: self.variables(function, &trust)? });
        }
        Ok(handlers)
    }

    /// `binary`, which is a build of `function`, with these variables added before its own.
    ///
    /// # Errors
    /// When the bundle has no such function.
    pub fn handler(&self, binary: &Path, function: &str, own: &[(&str, String)]) -> Result<Handler> {
        let variables = self.variables(function, own)?;
        Ok(Handler { name: super::OURS.to_owned(), command: vec![binary.display().to_string()], variables })
    }

    /// The environment of `function`.
    fn variables(&self, function: &str, own: &[(&str, String)]) -> Result<Vec<(String, String)>> {
        let function = self.bundle.function(function).with_context(|| format!("no function is named {function}"))?;
        let kept = function.variables().iter().filter(|(name, _)| own.iter().all(|(other, _)| other != name)).cloned();
        Ok(kept.chain(own.iter().map(|(name, value)| ((*name).to_owned(), value.clone()))).collect())
    }

    /// A new sale, in API Gateway's event.
    ///
    /// # Errors
    /// When the event in `tests/events` cannot be read.
    pub fn sale(&self) -> Result<Value> {
        let body = sale().to_string();
        let secret = &self.bundle.endpoints.stripe_webhook_secret;
        let mut request: Value = serde_json::from_str(REQUEST).context("tests/events/payment-webhook.stale.json")?;
        let signed = signature::sign(body.as_bytes(), secret, clock::now());
        let headers = request.get_mut("headers").and_then(Value::as_object_mut).context("a request has headers")?;
        headers.insert("stripe-signature".to_owned(), json!(signed));
        headers.insert("content-length".to_owned(), json!(body.len().to_string()));
        request.as_object_mut().context("a request is an object")?.insert("body".to_owned(), json!(body));
        Ok(request)
    }

    /// Ends everything.
    pub async fn close(self) {
        self.bundle.stop().await;
    }
}

/// A sale in Stripe's event.
pub fn sale() -> Value {
    Checkout::of(&Purchase::default()).event("checkout.session.completed")
}

/// Checks that an answer of the webhook is the one Stripe expects.
///
/// # Errors
/// The answer, if another.
pub fn taken(name: &str, answer: &Value) -> Result<()> {
    ensure!(answer.get("statusCode") == Some(&json!(200)), "{name} answers {answer}");
    Ok(())
}

/// A pause between two measurements, for background work to end.
pub async fn settle() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
