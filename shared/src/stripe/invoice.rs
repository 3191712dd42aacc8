//! A Stripe invoice as a sale.

use super::{
    announced::{Missing, SaleFromEvent},
    buyer::{address, tax_ids},
    meaning::{Meaning, nothing, seconds, unreadable},
    object::{Event, StripeInvoice, is_id},
    paid, purchase_order,
    session::{id, sent_to},
    whose,
};
use crate::{
    money::together,
    sale::{Customer, Sale, SaleKey},
    text::filled,
};

/// What a paid invoice means.
pub(super) fn from_invoice(event: &Event<'_>, invoice: StripeInvoice) -> Meaning {
    if !is_id(&invoice.id) {
        return unreadable("data.object.id is no id of Stripe: letters, digits and _, 255 at most");
    }
    if let Some(seller) = whose::of_invoice(&invoice) {
        return Meaning::NotOurs(seller);
    }
    let Some(total) = invoice.total else { return unreadable("data.object.total is missing") };
    let total = total.saturating_sub(invoice.pre_payment_credit_notes_amount);
    if total == 0 {
        return nothing("zero_amount", "nothing was paid, so there is nothing to invoice");
    }
    let paid_at = invoice.status_transitions.as_ref().and_then(|at| at.paid_at).unwrap_or(event.created);
    let tax = invoice.total_taxes.as_ref().map(|taxes| together(taxes.iter().map(|tax| tax.amount))).or(invoice.tax);
    let sale = Sale {
        key: SaleKey(invoice.id.clone()),
        event: event.id.clone(),
        livemode: event.livemode,
        paid_at: seconds(paid_at),
        currency: invoice.currency.clone().unwrap_or_default(),
        total,
        tax,
        lines: Vec::new(),
        customer: Customer {
            id: id(invoice.customer.as_ref()),
            name: filled(invoice.customer_name.as_deref()),
            business_name: None,
            email: filled(invoice.customer_email.as_deref()),
            address: invoice.customer_address.clone().map(address),
            language: None,
            tax_ids: tax_ids(invoice.customer_tax_ids.clone()),
        },
        payment_intent: paid::intent(&invoice).map(str::to_owned),
        reference: None,
        purchase_order: purchase_order::of_invoice(invoice.custom_fields.as_deref()),
        delivery: sent_to(invoice.shipping_details.as_ref()),
        received: paid::through_stripe(&invoice).filter(|received| *received < total),
        exchange: None,
    };
    Meaning::Sale(Box::new(SaleFromEvent { sale, missing: Missing::InvoiceLines(Box::new(invoice)) }))
}
