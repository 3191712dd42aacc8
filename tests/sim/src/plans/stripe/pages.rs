//! Checkout pages.

use comptoir_plans::stripe::{Buyer, CheckoutPage, Expired, NewCheckout};

use super::{DAY, Does, KEYS_KEPT, Page, Stripe, moment, standing::Beginning};
use crate::plans::sold::PRICES;

impl Stripe {
    /// Whether a failure is kept under a key; `keeps` has one kept from now on, with or without a page.
    pub fn fails_page(&mut self, asked: &NewCheckout, key: &str, keeps: Option<bool>, now: i64) -> bool {
        if let Some(made) = keeps {
            self.failed_pages.entry(key.to_owned()).or_insert(now);
            if made {
                self.open_page(asked, key, now);
            }
        }
        self.failed_pages.get(key).is_some_and(|since| now < since + KEYS_KEPT)
    }

    /// Makes a page, one for each key.
    pub fn open_page(&mut self, asked: &NewCheckout, key: &str, now: i64) -> CheckoutPage {
        let known = self.pages.iter().position(|page| page.key == key);
        let place = known.unwrap_or_else(|| {
            let (customer, email) = match &asked.buyer {
                Some(Buyer::Customer(id)) => (self.customer(id), None),
                Some(Buyer::Address(email)) => (None, Some(email.clone())),
                None => (None, None),
            };
            let price = PRICES.into_iter().find(|price| *price == asked.price).unwrap_or("price_other");
            self.pages.push(Page {
                session: format!("cs_{}", self.pages.len()),
                price,
                customer,
                email,
                trial_days: asked.trial_days,
                key: key.to_owned(),
                reference: asked.reference.clone(),
                bought: None,
                status: "open",
                expires_at: now + DAY,
            });
            self.pages.len() - 1
        });
        let page = &self.pages[place];
        CheckoutPage {
            session: page.session.clone(),
            url: format!("https://checkout.stripe.com/c/pay/{}", page.session),
            expires_at: moment(page.expires_at),
        }
    }

    /// Ends a page.
    pub fn expire_page(&mut self, session: &str) -> Expired {
        match self.pages.iter_mut().find(|page| page.session == session) {
            Some(page) if page.status == "complete" => Expired::Paid(page.bought.clone()),
            Some(page) => {
                page.status = "expired";
                Expired::Over
            }
            None => Expired::Over,
        }
    }

    /// Somebody pays on a page, if it still takes payments; `typed` is the address where none was given.
    pub fn pay_on_page(&mut self, session: &str, typed: &str, period: i64, now: i64) {
        let open = |page: &&mut Page| page.session == session && page.status == "open" && page.expires_at > now;
        let Some(page) = self.pages.iter_mut().find(open) else { return };
        page.status = "complete";
        let page = page.clone();
        let customer = page.customer.unwrap_or_else(|| self.customer_of(page.email.as_deref().unwrap_or(typed)));
        if self.customers[customer].cards.is_empty() {
            let fingerprint = Some(format!("fp_{customer}_page"));
            self.attach(customer, fingerprint, Some(2034), Does::Pays, now);
        }
        let beginning = Beginning {
            customer,
            price: page.price,
            quantity: 1,
            period,
            trial_days: page.trial_days,
            free: false,
            paid: true,
        };
        let sub = self.subscribe(beginning, now);
        let bought = self.subs[sub].id.clone();
        let object = format!(r#"{{"id":"{}","subscription":"{bought}"}}"#, page.session);
        if let Some(paid) = self.pages.iter_mut().find(|known| known.session == page.session) {
            paid.bought = Some(bought);
        }
        self.emit("checkout.session.completed", &object, now);
    }
}
