//! Stripe, as access and Checkout ask it.

use comptoir::outcome::ServiceError;
use comptoir_plans::stripe::{Billing, CheckoutPage, Expired, Invoice, Made, NewCheckout, Status, Subscription};

use super::{Answer, Ports, STRIPE};
use crate::plans::{mutant::Mutant, plan::Kind};

impl Billing for Ports {
    async fn subscription(&self, id: &str) -> Answer<Option<Subscription>> {
        let found = self.ask("subscription", id, || {
            let now = self.world.millis();
            self.world.looked(self.who, id);
            let mut stripe = self.world.stripe();
            let Some(place) = stripe.sub(id) else { return Ok(None) };
            if !stripe.subs[place].status.is_final() {
                stripe.subs[place].seen_living = now;
            }
            Ok(Some(stripe.subscription(place)))
        });
        let found = found.await?;
        if self.is(Mutant::EventApplied)
            && let Some(found) = &found
        {
            // What it said when its event was made: the first in three looks.
            let mut core = self.world.core();
            let turn = core.rng.u8(..3);
            let said = core.memory.subscriptions.entry(id.to_owned()).or_insert_with(|| found.clone());
            if turn == 0 {
                *said = found.clone();
            }
            return Ok(Some(said.clone()));
        }
        Ok(found)
    }

    async fn paid_invoices(&self, subscription: &str) -> Answer<Vec<Invoice>> {
        let unpaid = self.is(Mutant::UnpaidGrants);
        self.ask("paid_invoices", subscription, || {
            let stripe = self.world.stripe();
            let Some(place) = stripe.sub(subscription) else { return Ok(Vec::new()) };
            let mut invoices = stripe.invoices(place, if unpaid { &["paid", "open"] } else { &["paid"] });
            invoices.iter_mut().for_each(|invoice| invoice.status = Some("paid".to_owned()));
            Ok(invoices)
        })
        .await
    }

    async fn cancel(&self, subscription: &str) -> Answer<()> {
        let kept = self.is(Mutant::SecondKept);
        self.call(STRIPE, "cancel", None, || {
            let now = self.world.millis();
            self.world.witness(|witness, stripe, at| witness.cancelling(stripe, subscription, at));
            let mut stripe = self.world.stripe();
            if let Some(place) = stripe.sub(subscription).filter(|_| !kept) {
                stripe.end(place, Status::Canceled, now);
                stripe.subs[place].cancelled_by_us = true;
            }
            Ok(())
        })
        .await
    }

    async fn open_checkout(&self, checkout: &NewCheckout, key: &str) -> Answer<Made<CheckoutPage>> {
        let anew = self.is(Mutant::PageAnew);
        let keeps = self.world.hit(Kind::Keeps).then(|| self.world.draw(0, 2) == 0);
        self.call(STRIPE, "open_checkout", None, || {
            let now = self.world.millis();
            let mut stripe = self.world.stripe();
            let key = if anew { format!("{key}:{}", stripe.pages.len()) } else { key.to_owned() };
            if stripe.fails_page(checkout, &key, keeps, now) {
                return Err(ServiceError::transient(STRIPE, "it keeps a failure under the key"));
            }
            Ok(Made::Page(stripe.open_page(checkout, &key, now)))
        })
        .await
    }

    async fn expire_checkout(&self, session: &str) -> Answer<Expired> {
        if self.is(Mutant::PageKept) {
            return Ok(Expired::Over);
        }
        self.call(STRIPE, "expire_checkout", None, || Ok(self.world.stripe().expire_page(session))).await
    }

    async fn open_portal(&self, customer: &str, _return_url: &str) -> Answer<Made<String>> {
        Ok(Made::Page(customer.to_owned()))
    }
}
