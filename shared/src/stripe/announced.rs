//! A sale, or a refund, as an event announces it, and which of its data must still be read from Stripe.

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

/// What must be read from Stripe before a sale is complete.
#[derive(Debug)]
pub enum Missing {
    /// The session's line items; if `may_have_invoice`, first whether an invoice exists by now.
    SessionLines {
        /// The session makes an invoice but did not carry its id yet.
        may_have_invoice: bool,
        /// The session, for its shipping and language.
        session: Box<Session>,
        /// The amount captured, where it differs from what the session sold, in Stripe's minor units.
        captured: Option<i64>,
    },
    /// How and by whom the invoice was paid, its tax rates, and its lines beyond the first page.
    InvoiceLines(Box<StripeInvoice>),
}

/// A refund that an event announces, before it is known which sale it refunds.
#[derive(Debug, Clone)]
pub struct RefundFromEvent {
    /// Its idempotency key.
    pub key: RefundKey,
    /// When the event was created.
    pub announced_at: Timestamp,
    /// When the money went back.
    pub refunded_at: Timestamp,
    /// The currency as Stripe writes it.
    pub currency: String,
    /// The amount refunded, tax included, in Stripe's minor units.
    pub amount: i64,
    /// The credit note that it pays out, where the event names it.
    pub note: Option<Box<CreditNote>>,
    /// Whether the owner's Stripe balance paid it, as far as the event says. The released part of an authorization
    /// looks like a refund and moves no money.
    pub moved: bool,
    /// The payment that is refunded.
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
