//! The lines of a sale: how Stripe's two kinds become ours, and the capability that fetches them.

use std::future::Future;

use super::{
    announced::{Announced, Missing},
    object::{InvoiceLine, LineItem, Session, ShippingCost, StripeInvoice, TaxAmount},
};
use crate::{
    outcome::Unavailable,
    sale::{Sale, SaleLine},
};

/// Asks Stripe for what an event did not carry. `None` means that Stripe does not know the object, or may not be asked.
pub trait StripeReader: Send + Sync {
    /// All line items of a session.
    fn session_lines(&self, session: &str) -> impl Future<Output = Result<Option<Vec<LineItem>>, Unavailable>> + Send;
    /// All lines of an invoice.
    fn invoice_lines(
        &self,
        invoice: &str,
    ) -> impl Future<Output = Result<Option<Vec<InvoiceLine>>, Unavailable>> + Send;
    /// Whether Stripe may be asked at all: there is a key.
    fn can_ask(&self) -> bool;
    /// The session as it is now.
    fn session(&self, session: &str) -> impl Future<Output = Result<Option<Session>, Unavailable>> + Send;
}

/// What became of an announced sale once Stripe was asked.
#[derive(Debug)]
pub enum Completed {
    /// It has all its lines.
    Whole(Sale),
    /// Stripe could not list them; one line stands for the total, under the owner's label.
    Summed(Sale),
    /// By now it has a Stripe invoice, which is the sale.
    BilledByInvoice,
}

/// Completes a sale with the lines it lacks.
///
/// # Errors
/// When Stripe does not answer; nothing was recorded, and Stripe delivers the event again.
pub async fn complete(announced: Announced, stripe: &impl StripeReader) -> Result<Completed, Unavailable> {
    let Announced { mut sale, missing } = announced;
    let lines = match &missing {
        Missing::Nothing => return Ok(Completed::Whole(sale)),
        Missing::InvoiceLines(invoice) => {
            stripe.invoice_lines(&sale.key.0).await?.map(|lines| of_invoice(invoice, Some(&lines)))
        }
        Missing::SessionLines { may_have_invoice, session } => {
            if *may_have_invoice && has_invoice(&sale.key.0, stripe).await? {
                return Ok(Completed::BilledByInvoice);
            }
            stripe.session_lines(&sale.key.0).await?.map(|items| of_session(session, &items))
        }
    };
    match lines.filter(|lines: &Vec<SaleLine>| !lines.is_empty()) {
        Some(lines) => {
            sale.lines = lines;
            Ok(Completed::Whole(sale))
        }
        None => {
            sale.lines = vec![SaleLine {
                description: String::new(),
                quantity: 1,
                total: sale.total,
                discount: 0,
                tax: sale.tax,
            }];
            Ok(Completed::Summed(sale))
        }
    }
}

/// Whether a session that makes an invoice has it by now. `invoice.paid` announces that invoice, and billing both would
/// bill the sale twice; so who may not ask trusts that it comes, and who asks too early hears it at the next delivery.
async fn has_invoice(session: &str, stripe: &impl StripeReader) -> Result<bool, Unavailable> {
    if !stripe.can_ask() {
        return Ok(true);
    }
    match stripe.session(session).await? {
        Some(now) if now.invoice.is_none() => {
            Err(Unavailable::new("Stripe's API", "the session's invoice is not made yet"))
        }
        known => Ok(known.is_some()),
    }
}

/// A session's items, and its shipping as a line of its own.
pub fn of_session(session: &Session, items: &[LineItem]) -> Vec<SaleLine> {
    let french = session.locale.as_deref().is_none_or(|locale| !locale.starts_with("en"));
    let item = |item: &LineItem| SaleLine {
        description: item.description.clone().unwrap_or_default(),
        quantity: item.quantity.unwrap_or(1),
        total: item.amount_total,
        discount: item.amount_discount,
        tax: Some(item.amount_tax),
    };
    items.iter().map(item).chain(shipping(session.shipping_cost.as_ref(), french)).collect()
}

/// An invoice's lines, those of the event or those fetched, and its shipping.
pub fn of_invoice(invoice: &StripeInvoice, fetched: Option<&[InvoiceLine]>) -> Vec<SaleLine> {
    let carried = invoice.lines.as_ref().map(|lines| lines.data.as_slice());
    let lines = fetched.or(carried).unwrap_or_default();
    lines.iter().map(of_invoice_line).chain(shipping(invoice.shipping_cost.as_ref(), true)).collect()
}

fn of_invoice_line(line: &InvoiceLine) -> SaleLine {
    let discount = line.discount_amounts.iter().flatten().map(|discount| discount.amount).sum::<i64>();
    let taxes = line.taxes.as_ref().or(line.tax_amounts.as_ref());
    let on_top: i64 = taxes.into_iter().flatten().filter(|tax| !is_included(tax)).map(|tax| tax.amount).sum();
    SaleLine {
        description: line.description.clone().unwrap_or_default(),
        quantity: line.quantity.unwrap_or(1),
        total: line.amount.saturating_sub(discount).saturating_add(on_top),
        discount,
        tax: taxes.map(|taxes| taxes.iter().map(|tax| tax.amount).sum()),
    }
}

fn is_included(tax: &TaxAmount) -> bool {
    tax.inclusive.unwrap_or_else(|| tax.tax_behavior.as_deref() == Some("inclusive"))
}

fn shipping(cost: Option<&ShippingCost>, french: bool) -> Option<SaleLine> {
    let cost = cost?;
    let total = cost.amount_total.filter(|total| *total != 0)?;
    let description = if french { "Frais de livraison" } else { "Shipping" }.to_owned();
    Some(SaleLine { description, quantity: 1, total, discount: 0, tax: cost.amount_tax })
}
