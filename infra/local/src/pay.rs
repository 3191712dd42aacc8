//! `cargo pay`: one payment into a running bundle.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::checkout::{Checkout, Purchase};
use crate::client::BundleClient;
use crate::follow::{Delivered, End, follow};

/// How long to wait for a payment's mail.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to pay.
#[derive(Clone, Debug, clap::Args)]
pub struct Pay {
    /// The total, such as 49.00
    #[arg(long, default_value = "49.00", allow_hyphen_values = true)]
    amount: String,
    /// The currency, ISO 4217
    #[arg(long, default_value = "EUR")]
    currency: String,
    /// Where the invoice goes
    #[arg(long, default_value = "camille.durand@example.com")]
    email: String,
    /// Who buys
    #[arg(long, default_value = "Camille Durand")]
    name: String,
    /// Where from, ISO 3166-1 alpha-2
    #[arg(long, default_value = "FR")]
    country: String,
    /// Over how many line items the total is spread
    #[arg(long, default_value_t = 1)]
    lines: usize,
    /// Posts this event instead, signed: a file with the JSON that Stripe would send
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
}

/// Pays, and prints the result.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(pay: &Pay, client: &BundleClient) -> anyhow::Result<()> {
    match &pay.event {
        Some(file) => post_file(file, client).await,
        None => buy(&pay.purchase()?, client).await,
    }
}

impl Pay {
    fn purchase(&self) -> anyhow::Result<Purchase> {
        Ok(Purchase {
            amount: minor_units(&self.amount, &self.currency)?,
            currency: self.currency.clone(),
            email: Some(self.email.clone()).filter(|email| !email.is_empty()),
            name: Some(self.name.clone()).filter(|name| !name.is_empty()),
            country: self.country.to_uppercase(),
            lines: self.lines,
        })
    }
}

async fn buy(purchase: &Purchase, client: &BundleClient) -> anyhow::Result<()> {
    let checkout = Checkout::at(purchase, client.now().await?);
    client.tell_stripe(&checkout).await?;
    let started = Instant::now();
    let event = checkout.event("checkout.session.completed");
    client.list_event(&event).await?;
    let (status, body) = client.post_event(event.to_string().as_bytes()).await?;
    crate::print(format!("The webhook answered {status} {body}").trim_end());
    if status != 200 {
        bail!("the webhook refused the payment: read target/local/bundle/logs/payment-webhook.log");
    }
    let result = serde_json::from_str::<Value>(&body).ok();
    if result.as_ref().and_then(|answer| answer.get("result")).is_some_and(|result| result == "ignored") {
        return Ok(());
    }
    match follow(client, &checkout.session_id, started, PATIENCE).await? {
        End::Delivered(delivered) => {
            report(&delivered, client, started.elapsed());
            Ok(())
        }
        End::Parked(source, reason) => {
            bail!(
                "{source} parked it: {reason}. Mend the cause and run `cargo replay`; {} shows what waits",
                client.endpoints.home_url
            )
        }
    }
}

fn report(delivered: &Delivered, client: &BundleClient, took: Duration) {
    crate::print(format!(
        "Invoice {} for {}, \"{}\", after {} ms",
        delivered.number,
        delivered.mail.to,
        delivered.mail.subject,
        took.as_millis()
    ));
    crate::print(format!("PDF   {}/{}", client.endpoints.archive_url, delivered.document));
    crate::print(format!("Page  {}", client.endpoints.home_url));
}

async fn post_file(file: &Path, client: &BundleClient) -> anyhow::Result<()> {
    let body =
        std::fs::read(file).with_context(|| format!("{} cannot be read: name a file with an event", file.display()))?;
    let (status, answer) = client.post_event(&event_of(&body)).await?;
    crate::print(format!("The webhook answered {status} {answer}").trim_end());
    if status != 200 {
        bail!("the webhook refused the event: read target/local/bundle/logs/payment-webhook.log");
    }
    crate::print(format!("{} shows what became of it", client.endpoints.home_url));
    Ok(())
}

/// The event itself, also when the file is a whole API Gateway request, such as those in `tests/events`.
fn event_of(file: &[u8]) -> Vec<u8> {
    let request: Option<Value> = serde_json::from_slice(file).ok();
    let body = request
        .as_ref()
        .filter(|request| request.get("requestContext").is_some())
        .and_then(|request| request.get("body")?.as_str());
    body.map_or_else(|| file.to_vec(), |body| body.as_bytes().to_vec())
}

/// `49.00` in the currency's smallest unit. Only currencies that Stripe counts with zero or three decimals are listed.
pub fn minor_units(amount: &str, currency: &str) -> anyhow::Result<i64> {
    let decimals = match currency.to_uppercase().as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "JPY" | "KMF" | "KRW" | "MGA" | "PYG" | "RWF" | "VND" | "VUV" | "XAF"
        | "XOF" | "XPF" => 0,
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => 3,
        _ => 2,
    };
    let wrong = || {
        format!(
            "--amount {amount} is not an amount of {currency}: write it like {}",
            if decimals == 0 { "4900" } else { "49.00" }
        )
    };
    let amount = amount.replace(',', ".");
    let (sign, digits) = amount.strip_prefix('-').map_or((1, amount.as_str()), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) || fraction.len() > decimals {
        bail!(wrong());
    }
    let minor: i64 = format!("{whole}{fraction:0<decimals$}").parse().with_context(wrong)?;
    Ok(sign * minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_the_currency_s_own_units() {
        assert_eq!(minor_units("49.00", "EUR").unwrap(), 4900);
        assert_eq!(minor_units("49", "eur").unwrap(), 4900);
        assert_eq!(minor_units("49,5", "EUR").unwrap(), 4950);
        assert_eq!(minor_units("4900", "JPY").unwrap(), 4900);
        assert_eq!(minor_units("1.234", "KWD").unwrap(), 1234);
        assert_eq!(minor_units("-1", "EUR").unwrap(), -100);
        for wrong in ["", "abc", "1.234", "1.2.3", "."] {
            assert!(minor_units(wrong, "EUR").is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_event_is_taken_out_of_its_request() {
        assert_eq!(event_of(br#"{"requestContext":{},"body":"{\"id\":1}"}"#), br#"{"id":1}"#);
        assert_eq!(event_of(br#"{"id":1}"#), br#"{"id":1}"#);
        assert_eq!(event_of(b"not json"), b"not json");
    }
}
