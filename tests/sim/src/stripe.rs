//! What an invocation asks of Stripe.

use comptoir::stripe::{
    object::{BalanceTransaction, InvoiceLine, LineItem, Session, StripeRefund, TaxRate},
    reader::StripeReader,
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

    async fn invoice_paid_by(&self, intent: &str) -> Answer<Option<String>> {
        self.call(STRIPE, "invoice_paid_by", None, || Ok(self.world.shop.invoice_paid_by(intent))).await
    }

    async fn intent_that_paid(&self, _: &str) -> Answer<Option<String>> {
        Ok(None)
    }

    async fn settlement(&self, _: &str) -> Answer<Option<Option<BalanceTransaction>>> {
        Ok(None)
    }
}
