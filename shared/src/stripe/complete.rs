//! What is read from Stripe to complete a sale before it is recorded: whose sale it is, how and by whom it was paid,
//! who bought, and what.

use rust_decimal::Decimal;

use super::{
    announced::{Missing, SaleFromEvent},
    buyer, capture,
    lines::{Rates, of_invoice, of_session, taxes_of},
    object::{InvoiceLine, List, Session, StripeInvoice, Subscription, TaxAmount},
    paid, purchase_order,
    reader::{SessionsOf, StripeReader},
    session,
    whose::{self, OtherSeller},
};
use crate::{
    money::together,
    outcome::ServiceError,
    sale::{ChargedTax, Sale, SaleLine},
    vat::split,
};

/// What an announced sale is after reading from Stripe.
#[derive(Debug)]
pub enum Completed {
    /// It has all its lines.
    Whole(Sale),
    /// Stripe could not list them; one line stands for the total, with the owner's label.
    Summed(Sale),
    /// It has a Stripe invoice by now, and that invoice is the sale.
    BilledByInvoice,
    /// It is another seller's sale.
    NotOurs(OtherSeller),
}

/// Completes a sale with data that its event does not carry.
///
/// # Errors
/// When Stripe does not answer; nothing was recorded, and Stripe delivers the event again.
pub async fn complete(announced: SaleFromEvent, stripe: &impl StripeReader) -> Result<Completed, ServiceError> {
    let SaleFromEvent { sale, missing } = announced;
    match missing {
        Missing::InvoiceLines(invoice) => of_an_invoice(sale, *invoice, stripe).await,
        Missing::SessionLines { may_have_invoice, session, captured } => {
            if may_have_invoice && has_invoice(&sale.key.0, stripe).await? {
                return Ok(Completed::BilledByInvoice);
            }
            of_a_session(sale, &session, captured, stripe).await
        }
    }
}

async fn of_a_session(
    mut sale: Sale,
    session: &Session,
    captured: Option<i64>,
    stripe: &impl StripeReader,
) -> Result<Completed, ServiceError> {
    let lines = stripe.session_lines(&sale.key.0).await?.map(|items| of_session(session, &items));
    ask_customer(&mut sale, stripe).await?;
    ask_method(&mut sale, None, stripe).await?;
    let Some(captured) = captured else { return Ok(with_lines(sale, lines)) };
    let french = session.locale.as_deref().is_none_or(|locale| !locale.starts_with("en"));
    let (agreed, tax) = (sale.total, sale.tax);
    sale.total = captured;
    sale.tax = tax.and_then(|tax| split::scaled(tax, captured, agreed));
    let listed = lines.filter(|lines| !lines.is_empty());
    let lines = listed.and_then(|lines| capture::captured(&lines, agreed, captured, &sale.currency, french));
    if let Some(lines) = &lines {
        sale.tax = tax.map(|_| together(lines.iter().flat_map(|line| &line.taxes).map(|tax| tax.amount)));
    }
    Ok(with_lines(sale, lines))
}

async fn of_an_invoice(
    mut sale: Sale,
    mut invoice: StripeInvoice,
    stripe: &impl StripeReader,
) -> Result<Completed, ServiceError> {
    if !paid::is_told(&invoice) || invoice.payments.as_ref().is_some_and(|payments| payments.has_more) {
        ask_payments(&mut invoice, stripe).await?;
        let total = sale.total;
        sale.received = paid::through_stripe(&invoice).filter(|received| *received < total);
        sale.payment_intent = sale.payment_intent.or_else(|| paid::intent(&invoice).map(str::to_owned));
    }
    let subscription = match invoice.subscription_id().filter(|_| whose::may_be_managed(&invoice)) {
        Some(id) => stripe.subscription(id).await?,
        None => None,
    };
    if let Some(seller) = subscription.as_ref().and_then(whose::of_subscription) {
        return Ok(Completed::NotOurs(seller));
    }
    if let Some(seller) = ask_buyer(&mut sale, &invoice, subscription.as_ref(), stripe).await? {
        return Ok(Completed::NotOurs(seller));
    }
    let carried = invoice.lines.as_ref().filter(|lines| !lines.has_more).map(|lines| lines.data.clone());
    let lines = match carried {
        Some(lines) => Some(lines),
        None => stripe.invoice_lines(&sale.key.0).await?,
    };
    let rates = rates(lines.as_deref().unwrap_or_default(), stripe).await?;
    let lines = lines.map(|lines| of_invoice(&invoice, &lines, &rates)).filter(|lines| !lines.is_empty());
    if let Some(lines) = lines.as_ref().filter(|_| invoice.pre_payment_credit_notes_amount != 0) {
        sale.tax = sale.tax.map(|_| together(lines.iter().flat_map(|line| &line.taxes).map(|tax| tax.amount)));
    }
    Ok(with_lines(sale, lines))
}

/// How an invoice was paid: events of newer API versions do not say.
async fn ask_payments(invoice: &mut StripeInvoice, stripe: &impl StripeReader) -> Result<(), ServiceError> {
    if let Some(now) = stripe.invoice(&invoice.id).await? {
        invoice.amount_paid_off_stripe = now.amount_paid_off_stripe.or(invoice.amount_paid_off_stripe);
        invoice.paid_out_of_band = now.paid_out_of_band.or(invoice.paid_out_of_band);
        invoice.payments = now.payments.or(invoice.payments.take());
    }
    if invoice.payments.as_ref().is_none_or(|payments| payments.has_more)
        && let Some(data) = stripe.invoice_payments(&invoice.id).await?
    {
        invoice.payments = Some(List { data, has_more: false });
    }
    Ok(())
}

/// Looks up the buyer of an invoice, as far as it does not say; returns the other seller, if the session names one.
async fn ask_buyer(
    sale: &mut Sale,
    invoice: &StripeInvoice,
    subscription: Option<&Subscription>,
    stripe: &impl StripeReader,
) -> Result<Option<OtherSeller>, ServiceError> {
    let begins = begins(invoice);
    let gaps = buyer::gaps(&sale.customer);
    let asked_on_page = sale.purchase_order.is_none() && from_a_page(invoice);
    if !(gaps.essential || gaps.street || asked_on_page) {
        return Ok(None);
    }
    if !begins {
        ask_customer(sale, stripe).await?;
    }
    let found = session_of(sale, invoice, stripe).await?;
    if let Some(seller) = found.as_ref().and_then(whose::of_session) {
        return Ok(Some(seller));
    }
    if let Some(found) = found {
        tell(sale, found, begins);
    }
    if begins {
        ask_customer(sale, stripe).await?;
    }
    let subscribed = subscription.and_then(|subscription| subscription.default_payment_method.as_ref());
    ask_method(sale, session::id(invoice.default_payment_method.as_ref().or(subscribed)), stripe).await?;
    Ok(None)
}

/// Whether an invoice is the first of its sale, so that a session found for it describes it.
fn begins(invoice: &StripeInvoice) -> bool {
    matches!(invoice.billing_reason.as_deref(), Some("subscription_create" | "manual") | None)
}

/// Whether a payment page may have made an invoice, and asked for a purchase order number: such a page charges at once.
fn from_a_page(invoice: &StripeInvoice) -> bool {
    match invoice.billing_reason.as_deref() {
        Some("subscription_create") => true,
        Some("manual") => invoice.collection_method.as_deref() == Some("charge_automatically"),
        _ => false,
    }
}

/// Fills in a sale from its session.
fn tell(sale: &mut Sale, found: Session, begins: bool) {
    let known = session::customer(&found);
    if begins {
        sale.purchase_order =
            sale.purchase_order.take().or_else(|| purchase_order::of_session(found.custom_fields.as_deref()));
        sale.delivery = sale.delivery.take().or_else(|| session::delivery(&found));
        sale.reference = sale.reference.take().or(found.client_reference_id);
        if sale.customer.tax_ids.is_empty() {
            sale.customer.tax_ids.clone_from(&known.tax_ids);
        }
    }
    buyer::fill(&mut sale.customer, known);
}

/// The session that made an invoice, or started its subscription.
async fn session_of(
    sale: &Sale,
    invoice: &StripeInvoice,
    stripe: &impl StripeReader,
) -> Result<Option<Session>, ServiceError> {
    let ways = [
        invoice.subscription_id().map(SessionsOf::Subscription),
        sale.payment_intent.as_deref().map(SessionsOf::Intent),
        sale.customer.id.as_deref().map(SessionsOf::Customer),
    ];
    for way in ways.into_iter().flatten() {
        let listed = stripe.sessions(way).await?.unwrap_or_default();
        if let Some(found) = listed.into_iter().find(|session| is_of(session, sale, invoice)) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn is_of(session: &Session, sale: &Sale, invoice: &StripeInvoice) -> bool {
    let same = |told: Option<&super::object::Reference>, ours: Option<&str>| {
        told.zip(ours).is_some_and(|(told, ours)| told.id() == ours)
    };
    same(session.invoice.as_ref(), Some(&sale.key.0))
        || same(session.subscription.as_ref(), invoice.subscription_id())
        || same(session.payment_intent.as_ref(), sale.payment_intent.as_deref())
}

/// Reads the payment method while anything essential is missing: that of the payment, or else the one that is charged.
async fn ask_method(sale: &mut Sale, method: Option<String>, stripe: &impl StripeReader) -> Result<(), ServiceError> {
    if !buyer::gaps(&sale.customer).essential {
        return Ok(());
    }
    let mut method = method;
    if let Some(intent) = &sale.payment_intent
        && let Some(intent) = stripe.payment_intent(intent).await?
    {
        if let Some(details) = intent.billing_details() {
            buyer::fill(&mut sale.customer, buyer::on_payment_method(details.clone()));
        }
        method = session::id(intent.payment_method.as_ref()).or(method);
    }
    if buyer::gaps(&sale.customer).essential
        && let Some(method) = method
        && let Some(details) = stripe.payment_method(&method).await?.and_then(|method| method.billing_details)
    {
        buyer::fill(&mut sale.customer, buyer::on_payment_method(details));
    }
    Ok(())
}

/// Reads the customer, while anything essential is missing.
async fn ask_customer(sale: &mut Sale, stripe: &impl StripeReader) -> Result<(), ServiceError> {
    if buyer::gaps(&sale.customer).essential
        && let Some(id) = sale.customer.id.clone()
        && let Some(customer) = stripe.customer(&id).await?
    {
        buyer::fill(&mut sale.customer, buyer::on_customer(customer));
    }
    Ok(())
}

/// A sale with its lines, or with one line for the total.
fn with_lines(mut sale: Sale, lines: Option<Vec<SaleLine>>) -> Completed {
    match lines.filter(|lines| !lines.is_empty()) {
        Some(lines) => {
            sale.lines = lines;
            Completed::Whole(sale)
        }
        None => {
            let taxes = sale.tax.filter(|tax| *tax != 0).map(|amount| ChargedTax { amount, ..ChargedTax::default() });
            let taxes = taxes.into_iter().collect();
            sale.lines = vec![SaleLine { quantity: Decimal::ONE, total: sale.total, taxes, ..SaleLine::default() }];
            Completed::Summed(sale)
        }
    }
}

/// Whether a session that makes an invoice has it by now. `invoice.paid` announces that invoice, and billing both would
/// bill the sale twice. Without an API key the invoice is assumed to come; if it is not there yet, Stripe retries.
async fn has_invoice(session: &str, stripe: &impl StripeReader) -> Result<bool, ServiceError> {
    if !stripe.can_ask() {
        return Ok(true);
    }
    match stripe.session(session).await? {
        Some(now) if now.invoice.is_none() => {
            Err(ServiceError::transient("Stripe's API", "the session's invoice is not made yet"))
        }
        _ => Ok(true),
    }
}

/// The rates of an invoice's taxes: its lines refer to them by id.
async fn rates(lines: &[InvoiceLine], stripe: &impl StripeReader) -> Result<Rates, ServiceError> {
    let mut rates = Rates::new();
    for id in lines.iter().flat_map(taxes_of).filter_map(TaxAmount::rate_id) {
        if !rates.contains_key(id)
            && let Some(rate) = stripe.tax_rate(id).await?
        {
            rates.insert(id.to_owned(), rate);
        }
    }
    Ok(rates)
}

#[cfg(test)]
mod tests;
