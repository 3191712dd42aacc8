//! Reads data from Stripe that events do not carry, as a capability. `None` means that Stripe does not know the object,
//! or that the key may not read it; an empty list means that there are none.

use std::future::Future;

use super::object::{
    BalanceTransaction, CreditLine, CreditNote, Intent, InvoiceLine, InvoicePayment, LineItem, PaymentMethod, Session,
    StripeCustomer, StripeInvoice, StripeRefund, Subscription, TaxRate,
};
use crate::outcome::ServiceError;

/// What to search a Checkout Session by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionsOf<'a> {
    /// The payment intent that it made.
    Intent(&'a str),
    /// The subscription that it started.
    Subscription(&'a str),
    /// The customer, the latest sessions first.
    Customer(&'a str),
}

/// Reads from Stripe.
pub trait StripeReader: Send + Sync {
    /// Whether Stripe can be called at all: there is an API key.
    fn can_ask(&self) -> bool;

    /// Whether a question was not answered: the budget or the time for it is used up, or Stripe is away. What needs the
    /// answer can be done later.
    fn is_cut_off(&self) -> bool {
        false
    }

    /// The current session.
    fn session(&self, session: &str) -> impl Future<Output = Result<Option<Session>, ServiceError>> + Send;

    /// The sessions of a payment, a subscription or a customer; at most the latest hundred.
    fn sessions(&self, of: SessionsOf<'_>) -> impl Future<Output = Result<Option<Vec<Session>>, ServiceError>> + Send;

    /// All line items of a session, with their taxes.
    fn session_lines(&self, session: &str) -> impl Future<Output = Result<Option<Vec<LineItem>>, ServiceError>> + Send;

    /// The current invoice, with its payments.
    fn invoice(&self, invoice: &str) -> impl Future<Output = Result<Option<StripeInvoice>, ServiceError>> + Send;

    /// All lines of an invoice.
    fn invoice_lines(
        &self,
        invoice: &str,
    ) -> impl Future<Output = Result<Option<Vec<InvoiceLine>>, ServiceError>> + Send;

    /// All payments of an invoice that succeeded.
    fn invoice_payments(
        &self,
        invoice: &str,
    ) -> impl Future<Output = Result<Option<Vec<InvoicePayment>>, ServiceError>> + Send;

    /// The ids of the invoices that a payment intent paid.
    fn invoices_paid_by(&self, intent: &str) -> impl Future<Output = Result<Option<Vec<String>>, ServiceError>> + Send;

    /// A tax rate.
    fn tax_rate(&self, id: &str) -> impl Future<Output = Result<Option<TaxRate>, ServiceError>> + Send;

    /// The refunds of a charge, the newest first.
    fn refunds_of(&self, charge: &str) -> impl Future<Output = Result<Option<Vec<StripeRefund>>, ServiceError>> + Send;

    /// The credit notes of an invoice, each with its first lines.
    fn credit_notes_of(
        &self,
        invoice: &str,
    ) -> impl Future<Output = Result<Option<Vec<CreditNote>>, ServiceError>> + Send;

    /// All lines of a credit note.
    fn credit_note_lines(
        &self,
        note: &str,
    ) -> impl Future<Output = Result<Option<Vec<CreditLine>>, ServiceError>> + Send;

    /// A subscription.
    fn subscription(&self, id: &str) -> impl Future<Output = Result<Option<Subscription>, ServiceError>> + Send;

    /// A customer.
    fn customer(&self, id: &str) -> impl Future<Output = Result<Option<StripeCustomer>, ServiceError>> + Send;

    /// A payment intent, with its charge.
    fn payment_intent(&self, intent: &str) -> impl Future<Output = Result<Option<Intent>, ServiceError>> + Send;

    /// A payment method.
    fn payment_method(&self, id: &str) -> impl Future<Output = Result<Option<PaymentMethod>, ServiceError>> + Send;

    /// How a payment intent was settled; `Some(None)` if that is not known yet.
    fn settlement(
        &self,
        intent: &str,
    ) -> impl Future<Output = Result<Option<Option<BalanceTransaction>>, ServiceError>> + Send;
}
