//! Reads the sale of a saved Stripe event, from the event alone: Stripe is not called.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use comptoir::{
    outcome::{Reason, ServiceError},
    sale::Sale,
    stripe::{
        classify::{classify, read},
        complete::{Completed, complete},
        meaning::Meaning,
        object::{
            BalanceTransaction, CreditLine, CreditNote, Intent, InvoiceLine, InvoicePayment, LineItem, PaymentMethod,
            Session, StripeCustomer, StripeInvoice, StripeRefund, Subscription, TaxRate,
        },
        reader::{SessionsOf, StripeReader},
    },
};
use serde_json::Value;

/// Reads the sale of an event, with the lines it carries, or else with one line for the total.
///
/// # Errors
/// It is not an event, or the event is not a sale.
pub(super) fn sale(body: &[u8]) -> Result<Sale, Reason> {
    let event = read(body)?;
    let announced = match classify(&event, event.livemode) {
        Meaning::Sale(announced) => *announced,
        Meaning::NotOurs(seller) => return Err(seller.reason("what this event tells of")),
        Meaning::Captured(_) => {
            return Err(Reason::new("captured", "show the event checkout.session.completed of this payment, as paid"));
        }
        Meaning::Nothing(reason) | Meaning::ForTheOwner(reason) | Meaning::Unreadable(reason) => return Err(reason),
        Meaning::Refunds(_) | Meaning::RefundsOf { .. } => {
            return Err(Reason::new("refund", "show the event of the sale; its credit note looks the same"));
        }
    };
    let carried = serde_json::from_str::<Value>(event.data.object.get())
        .ok()
        .and_then(|object| serde_json::from_value(object.pointer("/line_items/data")?.clone()).ok());
    match at_once(complete(announced, &Carried(carried))) {
        Some(Ok(Completed::Whole(sale) | Completed::Summed(sale))) => Ok(sale),
        Some(Ok(Completed::NotOurs(seller))) => Err(seller.reason("what this event tells of")),
        Some(Ok(Completed::BilledByInvoice)) => {
            Err(Reason::new("billed_by_stripe_invoice", "show the event invoice.paid of this sale instead"))
        }
        Some(Err(_)) | None => Err(Reason::new("incomplete", "Stripe has to be asked for the rest of this sale")),
    }
}

/// The output of a future that never waits.
fn at_once<T>(work: impl Future<Output = T>) -> Option<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

/// A Stripe limited to the event itself: the line items expanded in it.
struct Carried(Option<Vec<LineItem>>);

impl StripeReader for Carried {
    fn can_ask(&self) -> bool {
        true
    }

    async fn session_lines(&self, _: &str) -> Result<Option<Vec<LineItem>>, ServiceError> {
        Ok(self.0.clone())
    }

    async fn session(&self, _: &str) -> Result<Option<Session>, ServiceError> {
        Ok(None)
    }

    async fn sessions(&self, _: SessionsOf<'_>) -> Result<Option<Vec<Session>>, ServiceError> {
        Ok(None)
    }

    async fn invoice(&self, _: &str) -> Result<Option<StripeInvoice>, ServiceError> {
        Ok(None)
    }

    async fn invoice_lines(&self, _: &str) -> Result<Option<Vec<InvoiceLine>>, ServiceError> {
        Ok(None)
    }

    async fn invoice_payments(&self, _: &str) -> Result<Option<Vec<InvoicePayment>>, ServiceError> {
        Ok(None)
    }

    async fn invoices_paid_by(&self, _: &str) -> Result<Option<Vec<String>>, ServiceError> {
        Ok(None)
    }

    async fn tax_rate(&self, _: &str) -> Result<Option<TaxRate>, ServiceError> {
        Ok(None)
    }

    async fn refunds_of(&self, _: &str) -> Result<Option<Vec<StripeRefund>>, ServiceError> {
        Ok(None)
    }

    async fn credit_notes_of(&self, _: &str) -> Result<Option<Vec<CreditNote>>, ServiceError> {
        Ok(None)
    }

    async fn credit_note_lines(&self, _: &str) -> Result<Option<Vec<CreditLine>>, ServiceError> {
        Ok(None)
    }

    async fn subscription(&self, _: &str) -> Result<Option<Subscription>, ServiceError> {
        Ok(None)
    }

    async fn customer(&self, _: &str) -> Result<Option<StripeCustomer>, ServiceError> {
        Ok(None)
    }

    async fn payment_intent(&self, _: &str) -> Result<Option<Intent>, ServiceError> {
        Ok(None)
    }

    async fn payment_method(&self, _: &str) -> Result<Option<PaymentMethod>, ServiceError> {
        Ok(None)
    }

    async fn settlement(&self, _: &str) -> Result<Option<Option<BalanceTransaction>>, ServiceError> {
        Ok(None)
    }
}
