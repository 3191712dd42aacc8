//! An invocation's queries to Stripe.

use comptoir::stripe::{
    object::{
        BalanceTransaction, CreditLine, CreditNote, Intent, InvoiceLine, InvoicePayment, LineItem, PaymentMethod,
        Session, StripeCustomer, StripeInvoice, StripeRefund, Subscription, TaxRate,
    },
    reader::{SessionsOf, StripeReader},
};

use crate::{
    ports::{Answer, Ports},
    shop,
};

const STRIPE: &str = "Stripe";

impl StripeReader for Ports {
    fn can_ask(&self) -> bool {
        true
    }

    async fn session(&self, session: &str) -> Answer<Option<Session>> {
        self.call(STRIPE, "session", None, || Ok(self.world.shop.session_now(session, self.world.core().now))).await
    }

    async fn session_lines(&self, session: &str) -> Answer<Option<Vec<LineItem>>> {
        self.refuse(STRIPE, "session_lines", session)?;
        self.call(STRIPE, "session_lines", None, || Ok(self.world.shop.session_lines(session))).await
    }

    async fn invoice_lines(&self, _: &str) -> Answer<Option<Vec<InvoiceLine>>> {
        Ok(None)
    }

    async fn tax_rate(&self, _: &str) -> Answer<Option<TaxRate>> {
        self.call(STRIPE, "tax_rate", None, || Ok(Some(shop::tax_rate()))).await
    }

    async fn refunds_of(&self, charge: &str) -> Answer<Option<Vec<StripeRefund>>> {
        self.call(STRIPE, "refunds_of", None, || Ok(self.world.shop.refunds_of(charge))).await
    }

    async fn sessions(&self, of: SessionsOf<'_>) -> Answer<Option<Vec<Session>>> {
        self.call(STRIPE, "sessions", None, || Ok(self.world.shop.sessions(of, self.world.core().now))).await
    }

    async fn invoice(&self, invoice: &str) -> Answer<Option<StripeInvoice>> {
        self.call(STRIPE, "invoice", None, || Ok(self.world.shop.invoice_now(invoice))).await
    }

    async fn invoice_payments(&self, _: &str) -> Answer<Option<Vec<InvoicePayment>>> {
        Ok(None)
    }

    async fn invoices_paid_by(&self, intent: &str) -> Answer<Option<Vec<String>>> {
        self.call(STRIPE, "invoices_paid_by", None, || Ok(Some(self.world.shop.invoices_paid_by(intent)))).await
    }

    async fn credit_notes_of(&self, invoice: &str) -> Answer<Option<Vec<CreditNote>>> {
        self.call(STRIPE, "credit_notes_of", None, || Ok(Some(self.world.shop.credit_notes_of(invoice)))).await
    }

    async fn credit_note_lines(&self, _: &str) -> Answer<Option<Vec<CreditLine>>> {
        Ok(None)
    }

    async fn subscription(&self, _: &str) -> Answer<Option<Subscription>> {
        Ok(None)
    }

    async fn customer(&self, _: &str) -> Answer<Option<StripeCustomer>> {
        Ok(None)
    }

    async fn payment_intent(&self, intent: &str) -> Answer<Option<Intent>> {
        self.call(STRIPE, "payment_intent", None, || Ok(self.world.shop.intent(intent))).await
    }

    async fn payment_method(&self, _: &str) -> Answer<Option<PaymentMethod>> {
        Ok(None)
    }

    async fn settlement(&self, _: &str) -> Answer<Option<Option<BalanceTransaction>>> {
        Ok(None)
    }
}
