//! Fetches from Stripe what an event does not carry, through its Rust bindings.
//!
//! Responses are parsed into the domain's own tolerant structures, not the bindings' typed ones, so that a newer API
//! version does not make them unreadable.

use std::{collections::BTreeMap, time::Duration};

use comptoir::{
    outcome::ServiceError,
    stripe::{
        object::{
            BalanceTransaction, CreditLine, CreditNote, Intent, InvoiceLine, InvoicePayment, LineItem, List,
            PaymentIntent, PaymentMethod, Reference, Session, StripeCustomer, StripeInvoice, StripeRefund,
            Subscription, TaxRate,
        },
        reader::{SessionsOf, StripeReader},
    },
};
use comptoir_aws::secrets::SecretStore;
use comptoir_edge::https::Https;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stripe_client_core::{RequestBuilder, SharedConfigBuilder, StripeMethod};
use tokio::{sync::OnceCell, time::Instant};

use comptoir_stripe::client::{Client, Trouble, WHAT, unreadable};

use crate::gate::Gate;

/// A response in the bindings' own JSON.
type Json = miniserde::json::Value;

/// Most pages read of a list, of 100 entries each; Stripe allows a sale far fewer lines (250 items of an invoice,
/// docs.stripe.com/invoicing).
const PAGES: usize = 10;

/// What must be readable if Stripe is called at all: without it a credit note's VAT would depend on the order of
/// events, another account's sale could be billed, and what never arrived would be taken for nothing.
const DECISIVE: [&str; 3] = ["/credit_notes", "/events", "/subscriptions"];

/// Stripe, if there is a key to call it with.
#[derive(Debug)]
pub struct StripeApi<'a> {
    client: Option<Client<'a>>,
    /// The same with the currently stored key, after Stripe rejected the cached one.
    renewed: OnceCell<Option<Client<'a>>>,
    store: &'a SecretStore,
    stripe: Stripe<'a>,
    gate: Gate<'a>,
    /// Sessions that a list brought.
    listed: BTreeMap<String, Listed>,
}

/// A session, and its lines if the list had all of them.
type Listed = (Session, Option<Vec<LineItem>>);

/// How Stripe is called.
#[derive(Debug, Clone, Copy)]
pub struct Stripe<'a> {
    /// A base URL other than api.stripe.com.
    pub url: Option<&'a str>,
    /// The HTTPS client.
    pub https: &'a Https,
    /// The deadline for calling Stripe.
    pub until: Instant,
    /// The longest that one read may take.
    pub patience: Duration,
}

impl<'a> Stripe<'a> {
    fn client(self, key: String) -> Client<'a> {
        let config = SharedConfigBuilder::new(key).timeout(self.patience);
        Client::new(self.url.into_iter().fold(config, SharedConfigBuilder::url), self.https, self.until)
    }
}

impl<'a> StripeApi<'a> {
    /// Stripe with `api_key`, one of `store`'s; asked as `gate` allows.
    pub fn new(api_key: Option<String>, store: &'a SecretStore, stripe: Stripe<'a>, gate: Gate<'a>) -> Self {
        let client = api_key.map(|key| stripe.client(key));
        Self { client, renewed: OnceCell::new(), store, stripe, gate, listed: BTreeMap::new() }
    }

    /// Whether nothing more is asked: Stripe is away, or had enough.
    pub fn is_shut(&self) -> bool {
        self.gate.is_cut_off()
    }

    /// A key that Stripe rejects may have been replaced since it was read.
    async fn with_the_stored_key(&self) -> Option<&Client<'a>> {
        let renewed = self.renewed.get_or_init(|| async {
            let stored = self.store.renewed().await.ok().and_then(|secrets| secrets.api_key);
            stored.map(|key| self.stripe.client(key))
        });
        renewed.await.as_ref()
    }

    async fn send(&self, path: &str, query: &[(&str, &str)], client: &Client<'a>) -> Result<Json, Trouble> {
        let mut request = RequestBuilder::new(StripeMethod::Get, path);
        if !query.is_empty() {
            request.query =
                Some(query.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&"));
        }
        request.customize::<Json>().send(client).await
    }

    /// The object at `path`; `None` without a key, or if Stripe does not know it.
    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<T>, ServiceError> {
        let Some(client) = &self.client else { return Ok(None) };
        if !is_plain(path, query) {
            return Err(unreadable("an id that Stripe is asked for has other characters than letters, digits and _"));
        }
        let mut answer = match self.gate.enter().await {
            Ok(()) => self.send(path, query, client).await,
            Err(refused) => Err(refused),
        };
        if let (Err(Trouble::Refused(401)), Some(client)) = (&answer, self.with_the_stored_key().await) {
            answer = self.send(path, query, client).await;
        }
        match answer {
            Ok(value) => {
                self.gate.answered();
                serde_json::from_str(&miniserde::json::to_string(&value))
                    .map(Some)
                    .map_err(|_| unreadable("an answer is not of the shape that it should be"))
            }
            Err(Trouble::Refused(404)) => Ok(None),
            Err(Trouble::Refused(403)) if DECISIVE.iter().any(|decisive| path.starts_with(decisive)) => {
                let what = path.trim_start_matches('/').split('/').next().unwrap_or_default();
                let text = format!("the API key may not read {what}; give it that permission, then replay");
                Err(ServiceError::permanent(WHAT, "stripe_forbidden", text))
            }
            // A key without a read permission is no reason to lose a payment: the missing data is named later.
            Err(Trouble::Refused(403)) => {
                let what = path.trim_start_matches('/').split('/').next().unwrap_or_default();
                tracing::error!("the Stripe API key may not read {what}; give it that permission");
                Ok(None)
            }
            Err(trouble) => {
                self.gate.failed(&trouble);
                Err(trouble.error())
            }
        }
    }

    async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        wanted: &[(&str, &str)],
    ) -> Result<Option<Vec<T>>, ServiceError> {
        let mut entries = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let mut query = [&[("limit", "100")], wanted].concat();
            query.extend(after.as_deref().map(|after| ("starting_after", after)));
            let Some(page) = self.get::<List<Value>>(path, &query).await? else { return Ok(None) };
            after = page.data.last().and_then(|last| last.get("id")?.as_str().map(str::to_owned));
            let more = page.has_more && after.is_some();
            for entry in page.data {
                let entry = serde_json::from_value(entry);
                entries
                    .push(entry.map_err(|_| unreadable("an entry of a list is not of the shape that it should be"))?);
            }
            if !more {
                return Ok(Some(entries));
            }
        }
        Err(ServiceError::permanent(
            WHAT,
            "too_many_lines",
            format!("a list has more than {} entries, more than Stripe allows a sale; invoice it by hand", PAGES * 100),
        ))
    }
}

mod lists;

/// Whether ids in it change neither the path nor the query. Keys are ours.
fn is_plain(path: &str, query: &[(&str, &str)]) -> bool {
    let made_of = |text: &str, others: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || others.contains(&b));
    let whole = !path.ends_with('/') && !path.contains("//");
    made_of(path, b"_/") && whole && query.iter().all(|(_, value)| !value.is_empty() && made_of(value, b"_."))
}

impl StripeReader for StripeApi<'_> {
    fn can_ask(&self) -> bool {
        self.client.is_some()
    }

    fn is_cut_off(&self) -> bool {
        self.gate.is_cut_off()
    }

    async fn session(&self, session: &str) -> Result<Option<Session>, ServiceError> {
        if let Some((listed, _)) = self.listed.get(session) {
            return Ok(Some(listed.clone()));
        }
        self.get(&format!("/checkout/sessions/{session}"), &[]).await
    }

    async fn session_lines(&self, session: &str) -> Result<Option<Vec<LineItem>>, ServiceError> {
        if let Some((_, Some(lines))) = self.listed.get(session) {
            return Ok(Some(lines.clone()));
        }
        self.list(&format!("/checkout/sessions/{session}/line_items"), &[("expand%5B%5D", "data.taxes")]).await
    }

    async fn invoice_lines(&self, invoice: &str) -> Result<Option<Vec<InvoiceLine>>, ServiceError> {
        self.list(&format!("/invoices/{invoice}/lines"), &[]).await
    }

    async fn tax_rate(&self, id: &str) -> Result<Option<TaxRate>, ServiceError> {
        if let Some(known) = self.gate.asking().rate(id) {
            return Ok(Some(known));
        }
        let rate = self.get(&format!("/tax_rates/{id}"), &[]).await?;
        if let Some(rate) = &rate {
            self.gate.asking().remember(id, rate);
        }
        Ok(rate)
    }

    async fn refunds_of(&self, charge: &str) -> Result<Option<Vec<StripeRefund>>, ServiceError> {
        self.list("/refunds", &[("charge", charge)]).await
    }

    async fn sessions(&self, of: SessionsOf<'_>) -> Result<Option<Vec<Session>>, ServiceError> {
        let wanted = match of {
            SessionsOf::Intent(intent) => ("payment_intent", intent),
            SessionsOf::Subscription(subscription) => ("subscription", subscription),
            SessionsOf::Customer(customer) => ("customer", customer),
        };
        let listed: Option<List<Session>> = self.get("/checkout/sessions", &[("limit", "100"), wanted]).await?;
        Ok(listed.map(|listed| listed.data))
    }

    async fn invoice(&self, invoice: &str) -> Result<Option<StripeInvoice>, ServiceError> {
        let told = [("expand%5B%5D", "payments"), ("expand%5B%5D", "amount_paid_off_stripe")];
        self.get(&format!("/invoices/{invoice}"), &told).await
    }

    async fn invoice_payments(&self, invoice: &str) -> Result<Option<Vec<InvoicePayment>>, ServiceError> {
        self.list("/invoice_payments", &[("invoice", invoice), ("status", "paid")]).await
    }

    async fn invoices_paid_by(&self, intent: &str) -> Result<Option<Vec<String>>, ServiceError> {
        let payment = [("payment%5Btype%5D", "payment_intent"), ("payment%5Bpayment_intent%5D", intent)];
        let paid: Option<List<InvoicePayment>> =
            self.get("/invoice_payments", &[&payment[..], &[("limit", "1")]].concat()).await?;
        let invoice = |paid: &InvoicePayment| paid.invoice.as_ref().map(Reference::id).map(str::to_owned);
        Ok(paid.map(|paid| paid.data.iter().filter_map(invoice).collect()))
    }

    async fn credit_notes_of(&self, invoice: &str) -> Result<Option<Vec<CreditNote>>, ServiceError> {
        self.list("/credit_notes", &[("invoice", invoice)]).await
    }

    async fn credit_note_lines(&self, note: &str) -> Result<Option<Vec<CreditLine>>, ServiceError> {
        self.list(&format!("/credit_notes/{note}/lines"), &[]).await
    }

    async fn subscription(&self, id: &str) -> Result<Option<Subscription>, ServiceError> {
        self.get(&format!("/subscriptions/{id}"), &[]).await
    }

    async fn customer(&self, id: &str) -> Result<Option<StripeCustomer>, ServiceError> {
        self.get(&format!("/customers/{id}"), &[]).await
    }

    async fn payment_intent(&self, intent: &str) -> Result<Option<Intent>, ServiceError> {
        self.get(&format!("/payment_intents/{intent}"), &[("expand%5B%5D", "latest_charge")]).await
    }

    async fn payment_method(&self, id: &str) -> Result<Option<PaymentMethod>, ServiceError> {
        self.get(&format!("/payment_methods/{id}"), &[]).await
    }

    async fn settlement(&self, intent: &str) -> Result<Option<Option<BalanceTransaction>>, ServiceError> {
        let path = format!("/payment_intents/{intent}");
        let known: Option<PaymentIntent> =
            self.get(&path, &[("expand%5B%5D", "latest_charge.balance_transaction")]).await?;
        Ok(known.map(|intent| intent.latest_charge.and_then(|charge| charge.balance_transaction)))
    }
}

#[cfg(test)]
mod tests;
