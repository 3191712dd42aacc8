//! What end-to-end tests share: a bundle per test, sales to pay in it, and waiting for the results.
//!
//! Nothing here depends on how the functions work: it posts what Stripe posts and reads what people read.

pub mod browser;
pub mod graphql;
pub mod members;
pub mod pages;
pub mod promises;
pub mod second;
pub mod site;
pub mod stores;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use comptoir::{
    mail::{MailId, TAG, headers},
    stripe::signature,
};
use comptoir_local::{
    Bundle, Options,
    checkout::{Checkout, Purchase},
    client::BundleClient,
    clock,
    follow::{Delivered, End, follow},
    mail::Mail,
    paths, settings,
};
use jiff::SignedDuration;
use serde_json::Value;

/// The timeout of every wait.
///
/// Generous, because unoptimised functions render on machines that are busy with other work.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// A running bundle with its client.
#[derive(Debug)]
pub struct Shop {
    /// The bundle.
    pub bundle: Bundle,
    /// Its client.
    pub client: BundleClient,
    http: reqwest::Client,
}

impl Shop {
    /// Opens a shop of its own for the test `name`.
    ///
    /// # Errors
    /// When the bundle does not start.
    pub async fn open(name: &str) -> Result<Self> {
        Self::open_with(name, |_| {}).await
    }

    /// The same with other options.
    ///
    /// # Errors
    /// When the bundle does not start.
    pub async fn open_with(name: &str, change: impl FnOnce(&mut Options)) -> Result<Self> {
        let mut options = Options::new(folder(name));
        change(&mut options);
        let bundle = Bundle::start(options).await?;
        let client = BundleClient::new(bundle.endpoints.clone());
        Ok(Self { bundle, client, http: reqwest::Client::new() })
    }

    /// Places a purchase in Stripe's stand-in and posts its event; returns the checkout and the webhook's status.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn pay(&self, purchase: &Purchase) -> Result<(Checkout, u16)> {
        let checkout = Checkout::at(purchase, self.client.now().await?);
        self.client.tell_stripe(&checkout).await?;
        let (status, _) = self.post(&checkout.event("checkout.session.completed")).await?;
        Ok((checkout, status))
    }

    /// Pays, and posts the event until the webhook answers 200, as Stripe does; returns the sale's key.
    ///
    /// # Errors
    /// When it never does.
    pub async fn sell(&self) -> Result<String> {
        let checkout = Checkout::at(&Purchase::default(), self.client.now().await?);
        self.client.tell_stripe(&checkout).await?;
        self.deliver(&checkout.event("checkout.session.completed")).await?;
        Ok(checkout.session_id)
    }

    /// Posts an event until the webhook answers 200, as Stripe does; returns the number of posts.
    ///
    /// # Errors
    /// When it never does.
    pub async fn deliver(&self, event: &Value) -> Result<usize> {
        for tries in 1..=50 {
            if self.post(event).await?.0 == 200 {
                return Ok(tries);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the webhook never answered 200")
    }

    /// Signs and posts an event; returns status and body.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn post(&self, event: &Value) -> Result<(u16, Value)> {
        let (status, body) = self.client.post_event(event.to_string().as_bytes()).await?;
        Ok((status, serde_json::from_str(&body).unwrap_or(Value::String(body))))
    }

    /// Posts bytes with a signature of the caller's choice, or none.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn post_raw(&self, body: Vec<u8>, signature: Option<&str>) -> Result<(u16, Value)> {
        let mut request = self.http.post(&self.bundle.endpoints.stripe_webhook_url).body(body);
        request = request.header("content-type", "application/json");
        if let Some(signature) = signature {
            request = request.header("Stripe-Signature", signature);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// A valid signature for `body`, made `age` seconds ago (negative: in the future).
    pub fn signature(&self, body: &[u8], age: i64) -> String {
        signature::sign(
            body,
            &self.bundle.endpoints.stripe_webhook_secret,
            clock::now() - SignedDuration::from_secs(age),
        )
    }

    /// Waits until a sale's mail is there.
    ///
    /// # Errors
    /// When it does not come, or the sale was parked.
    pub async fn delivered(&self, sale: &str) -> Result<Delivered> {
        match follow(&self.client, sale, Instant::now(), PATIENCE).await? {
            End::Delivered(delivered) => Ok(*delivered),
            End::Parked(source, reason) => bail!("{source} parked {sale}: {reason}"),
        }
    }

    /// Waits until a sale is parked; returns who parked it and why.
    ///
    /// # Errors
    /// When its mail comes instead, or nothing happens.
    pub async fn parked(&self, sale: &str) -> Result<(String, String)> {
        match follow(&self.client, sale, Instant::now(), PATIENCE).await? {
            End::Parked(source, reason) => Ok((source, reason)),
            End::Delivered(delivered) => bail!("{sale} was not parked but became {}", delivered.number),
        }
    }

    /// Waits until `done` returns a value.
    ///
    /// # Errors
    /// When it never does, naming `what` it waited for.
    pub async fn wait_for<T>(&self, what: &str, done: impl AsyncFn(&Self) -> Result<Option<T>>) -> Result<T> {
        let started = Instant::now();
        loop {
            if let Some(found) = done(self).await? {
                return Ok(found);
            }
            ensure!(started.elapsed() < PATIENCE, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The items of one kind, such as `PAYMENT`, in the table that holds them.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn items(&self, kind: &str) -> Result<Vec<Value>> {
        let logical = match kind {
            "MAIL" => "OutboxTable",
            "HOOK" | "NOTICE" => "NoticesTable",
            "ACCESS" | "CHECKOUT" | "CUSTOMER" | "DECLARATION" | "EPISODE" | "GRANT" | "JOIN" | "PERSON"
            | "RECOVERY" | "RENEWAL" | "USE" => "AccessTable",
            _ => "BillingTable",
        };
        let (_, items) = self.client.table(logical).await?;
        Ok(items.into_iter().filter(|item| item["kind"] == kind).collect())
    }

    /// Every number issued, in order.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn numbers(&self) -> Result<Vec<String>> {
        let mut numbers: Vec<String> = self
            .items("INVOICE")
            .await?
            .iter()
            .filter_map(|item| Some(item["pk"].as_str()?.strip_prefix("INVOICE#")?.to_owned()))
            .collect();
        numbers.sort();
        Ok(numbers)
    }

    /// The mails so far. Whichever they are, each says what it is and that a machine wrote it.
    ///
    /// # Errors
    /// When the bundle does not answer, or a mail lacks a header.
    pub async fn mails(&self) -> Result<Vec<Mail>> {
        let mails = self.client.mails().await?;
        for mail in &mails {
            let id = mail.tags.get(TAG).and_then(|tag| MailId::of_tag(tag)).context("a mail without its tag")?;
            for (name, value) in headers(&id) {
                let told = mail.headers.get(name).map(String::as_str);
                ensure!(told == Some(value), "{id} has {name}: {told:?}");
            }
        }
        Ok(mails)
    }

    /// Saves a file as the next version of the settings; returns the version.
    ///
    /// # Errors
    /// When it is not saved.
    pub async fn save_settings(&self, file: &Path) -> Result<u64> {
        let answer = self.client.invoke(settings::FUNCTION, &settings::Document::Seller.command(file, false)?).await?;
        Ok(settings::saved(&answer)?.0)
    }

    /// Completes a further sale: whatever happened before, the streams still work.
    ///
    /// # Errors
    /// When it does not.
    pub async fn still_sells(&self) -> Result<Delivered> {
        let (checkout, status) = self.pay(&Purchase::default()).await?;
        ensure!(status == 200, "the webhook answered {status}");
        self.delivered(&checkout.session_id).await
    }
}

/// A folder of its own for each test.
fn folder(name: &str) -> PathBuf {
    paths::local().join("tests").join(name)
}

/// A seller file: the default with `changes` made, written for the test `name`.
///
/// # Errors
/// When it cannot be written, or a change does not fit the file.
pub fn seller_file(name: &str, changes: &[(&str, &str)]) -> Result<PathBuf> {
    let mut text = std::fs::read_to_string(paths::seller())?;
    for (from, to) in changes {
        ensure!(text.contains(from), "the seller file has no {from}");
        text = text.replacen(from, to, 1);
    }
    let folder = paths::local().join("tests");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.seller.toml"));
    std::fs::write(&path, text).context("the seller file cannot be written")?;
    Ok(path)
}
