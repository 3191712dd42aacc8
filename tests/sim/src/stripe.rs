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

impl Ports {
    /// A question, which is not answered where the seed says so; nothing the invocation needs is then known now.
    async fn ask<T: std::fmt::Debug + Send>(
        &self,
        what: &'static str,
        work: impl Fn() -> Answer<T> + Send,
    ) -> Answer<T> {
        let answer = self.call(STRIPE, what, None, work).await;
        if answer.as_ref().is_err_and(|error| !error.is_permanent()) {
            self.world.core().cut_off.insert(self.who);
        }
        answer
    }
}

impl StripeReader for Ports {
    fn can_ask(&self) -> bool {
        true
    }

    fn is_cut_off(&self) -> bool {
        self.world.core().cut_off.contains(&self.who)
    }

    async fn session(&self, session: &str) -> Answer<Option<Session>> {
        self.ask("session", || Ok(self.world.shop.session_now(session, self.world.core().now))).await
    }

    async fn session_lines(&self, session: &str) -> Answer<Option<Vec<LineItem>>> {
        self.refuse(STRIPE, "session_lines", session)?;
        self.ask("session_lines", || Ok(self.world.shop.session_lines(session))).await
    }

    async fn invoice_lines(&self, _: &str) -> Answer<Option<Vec<InvoiceLine>>> {
        Ok(None)
    }

    async fn tax_rate(&self, _: &str) -> Answer<Option<TaxRate>> {
        self.ask("tax_rate", || Ok(Some(shop::tax_rate()))).await
    }

    async fn refunds_of(&self, charge: &str) -> Answer<Option<Vec<StripeRefund>>> {
        self.ask("refunds_of", || Ok(self.world.shop.refunds_of(charge))).await
    }

    async fn sessions(&self, of: SessionsOf<'_>) -> Answer<Option<Vec<Session>>> {
        self.ask("sessions", || Ok(self.world.shop.sessions(of, self.world.core().now))).await
    }

    async fn invoice(&self, invoice: &str) -> Answer<Option<StripeInvoice>> {
        self.ask("invoice", || Ok(self.world.shop.invoice_now(invoice))).await
    }

    async fn invoice_payments(&self, _: &str) -> Answer<Option<Vec<InvoicePayment>>> {
        Ok(None)
    }

    async fn invoices_paid_by(&self, intent: &str) -> Answer<Option<Vec<String>>> {
        self.ask("invoices_paid_by", || Ok(Some(self.world.shop.invoices_paid_by(intent)))).await
    }

    async fn credit_notes_of(&self, invoice: &str) -> Answer<Option<Vec<CreditNote>>> {
        self.ask("credit_notes_of", || Ok(Some(self.world.shop.credit_notes_of(invoice)))).await
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
        self.ask("payment_intent", || Ok(self.world.shop.intent(intent))).await
    }

    async fn payment_method(&self, _: &str) -> Answer<Option<PaymentMethod>> {
        Ok(None)
    }

    async fn settlement(&self, _: &str) -> Answer<Option<Option<BalanceTransaction>>> {
        Ok(None)
    }
}
