//! A sale, or a refund, as an event announces it, and what of it has still to be asked from Stripe.

use jiff::Timestamp;

use super::object::{CreditNote, Session, StripeInvoice};
use crate::{
    refund::RefundKey,
    sale::{Sale, SaleKey},
};

/// A sale whose lines may still have to be fetched.
#[derive(Debug)]
pub struct SaleFromEvent {
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
        /// What was captured, where that is not what the session sold, in Stripe's minor units.
        captured: Option<i64>,
    },
    /// How and by whom the invoice was paid, the rates of its taxes, and its lines beyond the first page.
    InvoiceLines(Box<StripeInvoice>),
}

/// A refund that an event announces, before it is known which sale it refunds.
#[derive(Debug, Clone)]
pub struct RefundFromEvent {
    /// What makes it one refund.
    pub key: RefundKey,
    /// When the event was made.
    pub announced_at: Timestamp,
    /// When money went back.
    pub refunded_at: Timestamp,
    /// The currency as Stripe writes it.
    pub currency: String,
    /// What went back, tax included, in Stripe's minor units.
    pub amount: i64,
    /// The credit note that it pays out, where the event told.
    pub note: Option<Box<CreditNote>>,
    /// Whether the owner's balance at Stripe paid it, as far as the event told. What is given up of an authorization looks
    /// like a refund and moves nothing.
    pub moved: bool,
    /// What had been paid.
    pub of: Paid,
}

/// What a refund refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paid {
    /// The payment intent.
    Intent(String),
    /// The Stripe invoice, which is the sale.
    Invoice(SaleKey),
}
