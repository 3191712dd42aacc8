//! What is asked from Stripe for what events do not carry, as a capability. `None` means that Stripe does not know the
//! object, or may not be asked.

use std::future::Future;

use super::object::{InvoiceLine, LineItem, Session, TaxRate};
use crate::outcome::Unavailable;

/// Reads from Stripe.
pub trait StripeReader: Send + Sync {
    /// Whether Stripe may be asked at all: there is a key.
    fn can_ask(&self) -> bool;

    /// The session as it is now.
    fn session(&self, session: &str) -> impl Future<Output = Result<Option<Session>, Unavailable>> + Send;

    /// All line items of a session, with their taxes.
    fn session_lines(&self, session: &str) -> impl Future<Output = Result<Option<Vec<LineItem>>, Unavailable>> + Send;

    /// All lines of an invoice.
    fn invoice_lines(
        &self,
        invoice: &str,
    ) -> impl Future<Output = Result<Option<Vec<InvoiceLine>>, Unavailable>> + Send;

    /// A rate of tax.
    fn tax_rate(&self, id: &str) -> impl Future<Output = Result<Option<TaxRate>, Unavailable>> + Send;
}
