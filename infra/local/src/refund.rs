//! `cargo refund`: refunds the newest payment of a running bundle, with the events Stripe would send.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use comptoir::sale::Sale;
use serde_json::{Value, json};

use crate::{checkout, client::BundleClient, pay::minor_units};

/// How long to wait for the mail of the refund's credit note.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the store is polled.
const LOOK: Duration = Duration::from_millis(50);

/// What to refund.
#[derive(Clone, Debug, clap::Args)]
pub struct Refund {
    /// How much, such as 10.00; without it, all of it
    #[arg(long)]
    amount: Option<String>,
    /// Of which payment (a session, or a Stripe invoice); without it, the newest
    #[arg(long, value_name = "SALE")]
    sale: Option<String>,
}

/// Refunds, and prints the result.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(refund: &Refund, client: &BundleClient) -> anyhow::Result<()> {
    let sale = sale(refund.sale.as_deref(), client).await?;
    let amount = match &refund.amount {
        Some(amount) => minor_units(amount, &sale.currency)?,
        None => sale.total,
    };
    let intent = sale.payment_intent.context("the payment names no payment intent, so Stripe could not refund it")?;
    let (id, now) = (checkout::id("re_3", 23), client.now().await?);
    let object = json!({
        "id": id, "object": "refund", "amount": amount, "currency": sale.currency, "status": "succeeded",
        "payment_intent": intent, "created": now.as_second(),
    });
    let event = checkout::event_at(&checkout::id("evt_1", 22), "refund.created", &object, now);
    let (status, body) = client.post_event(event.to_string().as_bytes()).await?;
    crate::print(format!("The webhook answered {status} {body}").trim_end());
    ensure!(status == 200, "the webhook refused the refund: read target/local/bundle/logs/payment-webhook.log");
    let credit_note = credited(&id, client).await?;
    crate::print(format!("Credit note {credit_note} for {}", sale.customer.email.unwrap_or_default()));
    crate::print(format!("Page  {}", client.endpoints.home_url));
    Ok(())
}

/// The sale to refund.
async fn sale(wanted: Option<&str>, client: &BundleClient) -> anyhow::Result<Sale> {
    let (_, items) = client.table("BillingTable").await?;
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let payments = items.iter().filter(|item| text(item, "kind") == "PAYMENT");
    let payment = match wanted {
        Some(sale) => payments.into_iter().find(|item| text(item, "pk") == format!("PAYMENT#{sale}")),
        None => payments.max_by_key(|item| text(item, "recorded_at")),
    };
    let payment = payment.context("there is no such payment: make one with `cargo pay`")?;
    Ok(serde_json::from_value(payment.get("data").cloned().unwrap_or_default())?)
}

/// Waits for the credit note of a refund; returns its number.
async fn credited(id: &str, client: &BundleClient) -> anyhow::Result<String> {
    let started = Instant::now();
    loop {
        let (_, items) = client.table("BillingTable").await?;
        let refund = items.iter().find(|item| item.get("pk").and_then(Value::as_str) == Some(&format!("REFUND#{id}")));
        let text = |name: &str| refund.and_then(|item| item.get(name)).and_then(Value::as_str).map(str::to_owned);
        if let Some(reason) = text("parked_reason") {
            bail!("the refund waits: {reason}. Mend the cause and run `cargo replay`");
        }
        if let Some(number) = text("invoice")
            && client.mails().await?.iter().any(|mail| mail.subject.contains(&number))
        {
            return Ok(number);
        }
        ensure!(
            started.elapsed() < PATIENCE,
            "no credit note after {} s: read target/local/bundle/logs",
            PATIENCE.as_secs()
        );
        tokio::time::sleep(LOOK).await;
    }
}
