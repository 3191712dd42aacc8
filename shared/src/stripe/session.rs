//! A Checkout Session as a sale.

use super::{
    announced::{Missing, SaleFromEvent},
    buyer,
    meaning::{Meaning, nothing, seconds, short, unreadable},
    object::{self, Event, Intent, Reference, Session, is_id},
    purchase_order, whose,
};
use crate::{
    sale::{Customer, Delivery, Sale, SaleKey},
    text::filled,
};

/// What a completed session means.
pub(super) fn from_session(event: &Event<'_>, session: Session) -> Meaning {
    if session.payment_status.as_deref() == Some("unpaid") {
        return not_sold(&session).unwrap_or_else(|| {
            nothing(
                "unpaid",
                "not paid yet; checkout.session.async_payment_succeeded, or payment_intent.succeeded for a payment that the \
                 shop captures, announces it when it is",
            )
        });
    }
    let Some(total) = session.amount_total else { return unreadable("data.object.amount_total is missing") };
    not_sold(&session).unwrap_or_else(|| sold(event, session, total, None))
}

/// What a session means whose payment the shop captured later: the sale is what was captured.
pub fn sold_when_captured(event: &Event<'_>, session: Session, intent: &Intent) -> Meaning {
    let Some(agreed) = session.amount_total else { return unreadable("the session's amount_total is missing") };
    let captured = (intent.amount_received != agreed).then_some(intent.amount_received);
    not_sold(&session).unwrap_or_else(|| sold(event, session, agreed, captured))
}

/// Why a session is not a sale of its own, whether or not it was paid.
fn not_sold(session: &Session) -> Option<Meaning> {
    if !is_id(&session.id) {
        return Some(unreadable("data.object.id is no id of Stripe: letters, digits and _, 255 at most"));
    }
    if let Some(seller) = whose::of_session(session) {
        return Some(Meaning::NotOurs(seller));
    }
    if let Some(invoice) = &session.invoice {
        return Some(nothing(
            "billed_by_stripe_invoice",
            format!("the sale is invoice {}, announced by invoice.paid", short(invoice.id())),
        ));
    }
    match session.mode.as_deref() {
        Some("subscription") => {
            Some(nothing("billed_by_stripe_invoice", "a subscription's sales are announced by invoice.paid"))
        }
        Some("setup") => Some(nothing("no_sale", "a session in setup mode sells nothing")),
        _ => None,
    }
}

fn sold(event: &Event<'_>, session: Session, total: i64, captured: Option<i64>) -> Meaning {
    if total == 0 {
        return nothing("zero_amount", "nothing was paid, so there is nothing to invoice");
    }
    let known = customer(&session);
    let sale = Sale {
        key: SaleKey(session.id.clone()),
        event: event.id.clone(),
        livemode: event.livemode,
        paid_at: seconds(event.created),
        currency: session.currency.clone().unwrap_or_default(),
        total,
        tax: session.total_details.as_ref().and_then(|details| details.amount_tax),
        lines: Vec::new(),
        customer: known,
        payment_intent: id(session.payment_intent.as_ref()),
        reference: session.client_reference_id.clone(),
        purchase_order: purchase_order::of_session(session.custom_fields.as_deref()),
        delivery: delivery(&session),
        received: None,
        exchange: None,
    };
    let may_have_invoice = session.invoice_creation.as_ref().is_some_and(|creation| creation.enabled);
    let missing = Missing::SessionLines { may_have_invoice, session: Box::new(session), captured };
    Meaning::Sale(Box::new(SaleFromEvent { sale, missing }))
}

/// The buyer, as the payment page has them.
pub(super) fn customer(session: &Session) -> Customer {
    let known = buyer::on_session(session.customer_details.clone().unwrap_or_default());
    Customer {
        id: id(session.customer.as_ref()),
        email: known.email.or_else(|| filled(session.customer_email.as_deref())),
        language: session.locale.clone().filter(|locale| locale != "auto"),
        ..known
    }
}

/// The shipping address.
pub(super) fn delivery(session: &Session) -> Option<Delivery> {
    let collected = session.collected_information.as_ref().and_then(|collected| collected.shipping_details.as_ref());
    sent_to(collected.or(session.shipping_details.as_ref()))
}

pub(super) fn sent_to(shipping: Option<&object::Shipping>) -> Option<Delivery> {
    let shipping = shipping?;
    Some(Delivery { name: filled(shipping.name.as_deref()), address: buyer::address(shipping.address.clone()?) })
}

pub(super) fn id(reference: Option<&Reference>) -> Option<String> {
    reference.map(|reference| reference.id().to_owned())
}
