//! Follows one sale through the bundle: which step it reached, and when.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

use crate::client::BundleClient;
use crate::mail::Mail;

/// How often the store is polled.
const LOOK: Duration = Duration::from_millis(20);

/// The steps of a sale, in their order.
pub const STEPS: [&str; 5] = ["payment recorded", "number claimed", "PDF archived", "mail queued", "mail sent"];

/// A sale whose mail was sent.
#[derive(Debug)]
pub struct Delivered {
    /// When each step was first seen.
    pub steps: Vec<(&'static str, Duration)>,
    /// The invoice's number.
    pub number: String,
    /// Where its PDF is in the archive.
    pub document: String,
    /// The mail with the PDF.
    pub mail: Mail,
}

/// The outcome of a sale.
#[derive(Debug)]
pub enum End {
    /// All steps completed.
    Delivered(Box<Delivered>),
    /// A record of it is parked: by whom, and why.
    Parked(String, String),
}

/// Follows the sale with this key (its session or Stripe invoice) until its mail is there.
///
/// # Errors
/// When it does not get there within `patience`.
pub async fn follow(client: &BundleClient, sale: &str, started: Instant, patience: Duration) -> anyhow::Result<End> {
    let mut steps: Vec<(&'static str, Duration)> = Vec::new();
    loop {
        let state = client.state().await?;
        let found = Found::of(&state, sale);
        for (step, reached) in STEPS.into_iter().zip(found.reached()) {
            if reached && !steps.iter().any(|(seen, _)| *seen == step) {
                steps.push((step, started.elapsed()));
            }
        }
        if let (Some(number), Some(document), true) = (&found.number, &found.document, found.mailed) {
            let name = document.rsplit('/').next().unwrap_or(document);
            let mails = client.mails().await?;
            let with_pdf = |mail: &Mail| {
                mail.attachments.iter().any(|file| file.filename == name || file.filename.contains(number.as_str()))
            };
            if let Some(mail) = mails.into_iter().find(with_pdf) {
                return Ok(End::Delivered(Box::new(Delivered {
                    steps,
                    number: number.clone(),
                    document: document.clone(),
                    mail,
                })));
            }
        }
        if let Some((source, reason)) = found.parked {
            return Ok(End::Parked(source, reason));
        }
        if started.elapsed() > patience {
            let last = steps.last().map_or("the webhook's answer", |(step, _)| *step);
            bail!(
                "nothing happened after \"{last}\" for {} seconds: read the logs of the bundle in target/local",
                patience.as_secs()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The records of one sale in the store.
#[derive(Debug, Default)]
struct Found {
    recorded: bool,
    number: Option<String>,
    document: Option<String>,
    queued: bool,
    mailed: bool,
    parked: Option<(String, String)>,
}

impl Found {
    fn of(state: &Value, sale: &str) -> Self {
        let list = |name: &str| state.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is = |item: &Value, pk: &str| item.get("pk") == Some(&json!(pk));
        let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut found = Self::default();
        let Some(payment) = list("payments").iter().find(|payment| is(payment, &format!("PAYMENT#{sale}"))) else {
            return found;
        };
        found.recorded = true;
        found.number = text(payment, "invoice");
        let mut records = vec![payment];
        if let Some(number) = &found.number {
            if let Some(invoice) = list("invoices").iter().find(|invoice| is(invoice, &format!("INVOICE#{number}"))) {
                found.document = text(invoice, "document_key");
                records.push(invoice);
            }
            if let Some(mail) = list("queued").iter().find(|mail| is(mail, &format!("MAIL#invoice/{number}"))) {
                found.queued = true;
                found.mailed = matches!(text(mail, "status").as_deref(), Some("sent" | "delivered" | "complained"));
                records.push(mail);
            }
        }
        found.parked = records.into_iter().find(|record| record.get("parked_at").is_some()).map(|record| {
            (text(record, "parked_source").unwrap_or_default(), text(record, "parked_reason").unwrap_or_default())
        });
        found
    }

    fn reached(&self) -> [bool; 5] {
        [self.recorded, self.number.is_some(), self.document.is_some(), self.queued, self.mailed]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_is_found_at_each_of_its_steps() {
        let state = json!({
            "payments": [{"pk": "PAYMENT#cs_1", "invoice": "2026-11-0001"}, {"pk": "PAYMENT#cs_2", "parked_at": "t", "parked_source": "invoice-renderer", "parked_reason": "no"}],
            "invoices": [{"pk": "INVOICE#2026-11-0001", "document_key": "invoices/1.pdf"}],
            "queued": [{"pk": "MAIL#invoice/2026-11-0001", "status": "sending"}],
        });
        assert_eq!(Found::of(&state, "cs_1").reached(), [true, true, true, true, false]);
        assert_eq!(Found::of(&state, "cs_2").parked, Some(("invoice-renderer".to_owned(), "no".to_owned())));
        assert_eq!(Found::of(&state, "cs_3").reached(), [false; 5]);
    }
}
