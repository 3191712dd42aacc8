//! A fake Stripe that answers from objects stored under their paths, and records its requests.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    outcome::ServiceError,
    stripe::{
        object::{
            BalanceTransaction, CreditLine, CreditNote, Intent, InvoiceLine, InvoicePayment, LineItem, PaymentMethod,
            Session, StripeCustomer, StripeInvoice, StripeRefund, Subscription, TaxRate,
        },
        reader::{SessionsOf, StripeReader},
    },
};

/// Stored objects by their path below `/v1/`, lists as arrays. A missing list is empty, a missing object unknown.
#[derive(Debug, Default)]
pub struct Placed {
    objects: BTreeMap<String, Value>,
    asked: Mutex<Vec<String>>,
    mute: bool,
    cut_off: bool,
}

impl Placed {
    /// A Stripe that has these objects.
    pub fn with(objects: &[(&str, Value)]) -> Self {
        let objects = objects.iter().map(|(path, object)| ((*path).to_owned(), object.clone())).collect();
        Self { objects, ..Self::default() }
    }

    /// A Stripe that cannot be called.
    pub fn mute() -> Self {
        Self { mute: true, ..Self::default() }
    }

    /// The same Stripe, which answers no question for now.
    pub fn cut_off(self) -> Self {
        Self { cut_off: true, ..self }
    }

    /// The requests, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn one<T: DeserializeOwned>(&self, path: String) -> Result<Option<T>, ServiceError> {
        if self.cut_off {
            return Err(ServiceError::transient("Stripe", "it is not asked now"));
        }
        if self.mute {
            return Ok(None);
        }
        let found = self.objects.get(&path).cloned();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(path);
        let unreadable = |error: serde_json::Error| ServiceError::permanent("Stripe", "unreadable", error.to_string());
        found.map(serde_json::from_value).transpose().map_err(unreadable)
    }

    /// The entries of a list whose `field` is `value`.
    async fn listed<T: DeserializeOwned>(
        &self,
        path: &str,
        field: &str,
        value: &str,
    ) -> Result<Option<Vec<T>>, ServiceError> {
        if self.mute {
            return Ok(None);
        }
        let all: Vec<Value> = self.one(path.to_owned()).await?.unwrap_or_default();
        let wanted = all.into_iter().filter(|entry| entry.pointer(field).and_then(Value::as_str) == Some(value));
        let entries: Result<Vec<T>, _> = wanted.map(serde_json::from_value).collect();
        entries.map(Some).map_err(|error| ServiceError::permanent("Stripe", "unreadable", error.to_string()))
    }
}

impl StripeReader for Placed {
    fn can_ask(&self) -> bool {
        !self.mute
    }

    fn is_cut_off(&self) -> bool {
        self.cut_off
    }

    async fn session(&self, session: &str) -> Result<Option<Session>, ServiceError> {
        self.one(format!("checkout/sessions/{session}")).await
    }

    async fn sessions(&self, of: SessionsOf<'_>) -> Result<Option<Vec<Session>>, ServiceError> {
        let (field, value) = match of {
            SessionsOf::Intent(intent) => ("/payment_intent", intent),
            SessionsOf::Subscription(subscription) => ("/subscription", subscription),
            SessionsOf::Customer(customer) => ("/customer", customer),
        };
        self.listed("checkout/sessions", field, value).await
    }

    async fn session_lines(&self, session: &str) -> Result<Option<Vec<LineItem>>, ServiceError> {
        self.one(format!("checkout/sessions/{session}/line_items")).await
    }

    async fn invoice(&self, invoice: &str) -> Result<Option<StripeInvoice>, ServiceError> {
        self.one(format!("invoices/{invoice}")).await
    }

    async fn invoice_lines(&self, invoice: &str) -> Result<Option<Vec<InvoiceLine>>, ServiceError> {
        self.one(format!("invoices/{invoice}/lines")).await
    }

    async fn invoice_payments(&self, invoice: &str) -> Result<Option<Vec<InvoicePayment>>, ServiceError> {
        self.listed("invoice_payments", "/invoice", invoice).await
    }

    async fn invoices_paid_by(&self, intent: &str) -> Result<Option<Vec<String>>, ServiceError> {
        let paid: Option<Vec<Value>> = self.listed("invoice_payments", "/payment/payment_intent", intent).await?;
        let invoice = |paid: &Value| paid.get("invoice").and_then(Value::as_str).map(str::to_owned);
        Ok(paid.map(|paid| paid.iter().filter_map(invoice).collect()))
    }

    async fn tax_rate(&self, id: &str) -> Result<Option<TaxRate>, ServiceError> {
        self.one(format!("tax_rates/{id}")).await
    }

    async fn refunds_of(&self, charge: &str) -> Result<Option<Vec<StripeRefund>>, ServiceError> {
        self.listed("refunds", "/charge", charge).await
    }

    async fn credit_notes_of(&self, invoice: &str) -> Result<Option<Vec<CreditNote>>, ServiceError> {
        self.listed("credit_notes", "/invoice", invoice).await
    }

    async fn credit_note_lines(&self, note: &str) -> Result<Option<Vec<CreditLine>>, ServiceError> {
        self.one(format!("credit_notes/{note}/lines")).await
    }

    async fn subscription(&self, id: &str) -> Result<Option<Subscription>, ServiceError> {
        self.one(format!("subscriptions/{id}")).await
    }

    async fn customer(&self, id: &str) -> Result<Option<StripeCustomer>, ServiceError> {
        self.one(format!("customers/{id}")).await
    }

    async fn payment_intent(&self, intent: &str) -> Result<Option<Intent>, ServiceError> {
        self.one(format!("payment_intents/{intent}")).await
    }

    async fn payment_method(&self, id: &str) -> Result<Option<PaymentMethod>, ServiceError> {
        self.one(format!("payment_methods/{id}")).await
    }

    async fn settlement(&self, _: &str) -> Result<Option<Option<BalanceTransaction>>, ServiceError> {
        Ok(None)
    }
}
