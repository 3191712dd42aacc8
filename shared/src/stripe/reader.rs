//! What is asked from Stripe for what events do not carry, as a capability. `None` means that Stripe does not know the
//! object, or may not be asked.

use std::future::Future;

use super::object::{BalanceTransaction, InvoiceLine, LineItem, Session, StripeRefund, TaxRate};
use crate::outcome::ServiceError;

/// Reads from Stripe.
pub trait StripeReader: Send + Sync {
    /// Whether Stripe may be asked at all: there is a key.
    fn can_ask(&self) -> bool;

    /// The session as it is now.
    fn session(&self, session: &str) -> impl Future<Output = Result<Option<Session>, ServiceError>> + Send;

    /// All line items of a session, with their taxes.
    fn session_lines(&self, session: &str) -> impl Future<Output = Result<Option<Vec<LineItem>>, ServiceError>> + Send;

    /// All lines of an invoice.
    fn invoice_lines(
        &self,
        invoice: &str,
    ) -> impl Future<Output = Result<Option<Vec<InvoiceLine>>, ServiceError>> + Send;

    /// A rate of tax.
    fn tax_rate(&self, id: &str) -> impl Future<Output = Result<Option<TaxRate>, ServiceError>> + Send;

    /// The refunds of a charge, the newest first.
    fn refunds_of(&self, charge: &str) -> impl Future<Output = Result<Option<Vec<StripeRefund>>, ServiceError>> + Send;

    /// The invoice that a payment intent paid.
    fn invoice_paid_by(&self, intent: &str) -> impl Future<Output = Result<Option<String>, ServiceError>> + Send;

    /// The payment intent that paid an invoice.
    fn intent_that_paid(&self, invoice: &str) -> impl Future<Output = Result<Option<String>, ServiceError>> + Send;

    /// How a payment intent was settled; `Some(None)` if that is not known yet.
    fn settlement(
        &self,
        intent: &str,
    ) -> impl Future<Output = Result<Option<Option<BalanceTransaction>>, ServiceError>> + Send;
}
