//! A sale as an event announces it, and what of it has still to be asked from Stripe.

use super::object::{Session, StripeInvoice};
use crate::sale::Sale;

/// A sale whose lines may still have to be fetched.
#[derive(Debug)]
pub struct Announced {
    /// The sale, still without lines.
    pub sale: Sale,
    /// What is missing.
    pub missing: Missing,
}

/// What has to be asked from Stripe before a sale is complete.
#[derive(Debug)]
pub enum Missing {
    /// The session's line items, and first whether an invoice exists by now if `may_have_invoice`.
    SessionLines {
        /// The session makes an invoice but did not carry its id yet.
        may_have_invoice: bool,
        /// The session, for its shipping and language.
        session: Box<Session>,
    },
    /// The rates of the invoice's taxes, and its lines beyond the first page.
    InvoiceLines(Box<StripeInvoice>),
}
