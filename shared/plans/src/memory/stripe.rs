//! What of Stripe the work on access needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use comptoir::{
    memory::{FaultPlan, locked, pass_the_turn},
    outcome::ServiceError,
};
use jiff::Timestamp;

use crate::{
    declaration::store::{Ending, Refunded},
    stripe::{Billing, Buyer, CheckoutPage, Expired, Invoice, Made, NewCheckout, Subscription},
};

/// Looks at Stripe that other workers may take between one worker's look and what it does then.
const MEANWHILE: u64 = 25;

/// What of Stripe the work on access needs, as values that a test sets.
#[derive(Debug, Default)]
pub struct SmallStripe {
    state: Mutex<StripeState>,
    /// Which call fails.
    pub faults: FaultPlan,
}

#[derive(Debug, Default)]
struct StripeState {
    subscriptions: BTreeMap<String, Subscription>,
    invoices: BTreeMap<String, Vec<Invoice>>,
    pages: BTreeMap<String, (String, CheckoutPage)>,
    expired: Vec<String>,
    paid: BTreeMap<String, String>,
    cancelled: Vec<String>,
    alone: Vec<String>,
    looks: u64,
    lived: BTreeMap<String, u64>,
    asked: Vec<NewCheckout>,
    gone: BTreeSet<String>,
    keys: BTreeMap<String, NewCheckout>,
    refuses: Option<&'static str>,
    refunded: BTreeSet<String>,
    at_a_bank: BTreeSet<String>,
    /// Subscriptions that Stripe lets nobody end with their period.
    scheduled: BTreeSet<String>,
    endings: BTreeMap<String, Option<Subscription>>,
}

impl SmallStripe {
    /// With a call that fails.
    pub fn under(faults: FaultPlan) -> Self {
        Self { faults, ..Self::default() }
    }

    /// Sets a subscription.
    pub fn put(&self, subscription: Subscription) {
        locked(&self.state).subscriptions.insert(subscription.id.clone(), subscription);
    }

    /// Forgets a subscription, as the API key of another account would.
    pub fn forget(&self, subscription: &str) {
        locked(&self.state).subscriptions.remove(subscription);
    }

    /// Refuses pages for what this field holds.
    pub fn refuses(&self, field: Option<&'static str>) {
        locked(&self.state).refuses = field;
    }

    /// Deletes a customer.
    pub fn delete_customer(&self, customer: &str) {
        locked(&self.state).gone.insert(customer.to_owned());
    }

    /// Adds a paid invoice; the newest is listed first.
    pub fn paid(&self, subscription: &str, invoice: Invoice) {
        locked(&self.state).invoices.entry(subscription.to_owned()).or_default().insert(0, invoice);
    }

    /// Buys this subscription on a page.
    pub fn pay(&self, session: &str, subscription: &str) {
        locked(&self.state).paid.insert(session.to_owned(), subscription.to_owned());
    }

    /// Subscriptions that were cancelled, in order.
    pub fn cancelled(&self) -> Vec<String> {
        locked(&self.state).cancelled.clone()
    }

    /// Subscriptions that were cancelled although no other one lived when it was looked at, some looks of others before.
    pub fn cancelled_alone(&self) -> Vec<String> {
        locked(&self.state).alone.clone()
    }

    /// A subscription as it stands.
    pub fn standing(&self, subscription: &str) -> Option<Subscription> {
        locked(&self.state).subscriptions.get(subscription).cloned()
    }

    /// Pages that are open.
    pub fn open_pages(&self) -> Vec<String> {
        let state = locked(&self.state);
        let open = state.pages.values().map(|(_, page)| page.session.clone());
        open.filter(|session| !state.expired.contains(session)).collect()
    }

    /// A bank is at the payment of a subscription, or not any more.
    pub fn at_a_bank(&self, subscription: &str, is: bool) {
        let state = &mut *locked(&self.state);
        if is {
            state.at_a_bank.insert(subscription.to_owned());
        } else {
            state.at_a_bank.remove(subscription);
        }
    }

    /// A schedule manages a subscription: nobody ends it with its period.
    pub fn schedule(&self, subscription: &str) {
        locked(&self.state).scheduled.insert(subscription.to_owned());
    }

    /// Subscriptions whose payments were refunded.
    pub fn refunded(&self) -> Vec<String> {
        locked(&self.state).refunded.iter().cloned().collect()
    }

    /// What pages were asked for, each once.
    pub fn asked(&self) -> Vec<NewCheckout> {
        locked(&self.state).asked.clone()
    }
}

impl Ending for SmallStripe {
    async fn end_with_period(
        &self,
        subscription: &str,
        ends: bool,
        key: &str,
    ) -> Result<Option<Subscription>, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || {
            let state = &mut *locked(&self.state);
            if let Some(answer) = state.endings.get(key) {
                return Ok(answer.clone());
            }
            let scheduled = state.scheduled.contains(subscription);
            let standing = state.subscriptions.get_mut(subscription);
            let standing = standing.filter(|standing| !standing.status.is_final() && !scheduled);
            let answer = standing.map(|standing| {
                standing.cancel_at_period_end = ends;
                standing.clone()
            });
            state.endings.insert(key.to_owned(), answer.clone());
            Ok(answer)
        })
    }

    async fn refund(&self, subscription: &str) -> Result<Refunded, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || {
            let state = &mut *locked(&self.state);
            if state.at_a_bank.contains(subscription) {
                return Ok(Refunded::AtABank);
            }
            state.refunded.insert(subscription.to_owned());
            Ok(Refunded::All)
        })
    }
}

impl Billing for SmallStripe {
    async fn subscription(&self, id: &str) -> Result<Option<Subscription>, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || {
            let state = &mut *locked(&self.state);
            let known = state.subscriptions.get(id).cloned();
            state.looks += 1;
            if known.as_ref().is_some_and(|known| !known.status.is_final()) {
                state.lived.insert(id.to_owned(), state.looks);
            }
            Ok(known)
        })
    }

    async fn paid_invoices(&self, subscription: &str) -> Result<Vec<Invoice>, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || Ok(locked(&self.state).invoices.get(subscription).cloned().unwrap_or_default()))
    }

    async fn cancel(&self, subscription: &str) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || {
            let state = &mut *locked(&self.state);
            let lately = |(other, look): (&String, &u64)| other != subscription && look + MEANWHILE > state.looks;
            if !state.lived.iter().any(lately) {
                state.alone.push(subscription.to_owned());
            }
            if let Some(known) = state.subscriptions.get_mut(subscription) {
                known.status = crate::stripe::Status::Canceled;
            }
            state.cancelled.push(subscription.to_owned());
            Ok(())
        })
    }

    async fn open_checkout(&self, checkout: &NewCheckout, key: &str) -> Result<Made<CheckoutPage>, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || {
            let state = &mut *locked(&self.state);
            if let Some(field) = state.refuses {
                return Ok(Made::Wrong(field));
            }
            let known = state.keys.entry(key.to_owned()).or_insert_with(|| checkout.clone());
            if known != checkout {
                return Err(ServiceError::permanent("Stripe", "stripe_refused", "the key has other parameters"));
            }
            if matches!(&checkout.buyer, Some(Buyer::Customer(customer)) if state.gone.contains(customer)) {
                return Ok(Made::NoCustomer);
            }
            let n = state.pages.len() + 1;
            let page = CheckoutPage {
                session: format!("cs_{n}"),
                url: format!("https://checkout.stripe.com/c/pay/cs_{n}"),
                expires_at: "2030-01-01T00:00:00Z".parse().unwrap_or(Timestamp::MAX),
            };
            if !state.pages.contains_key(key) {
                state.asked.push(checkout.clone());
            }
            Ok(Made::Page(state.pages.entry(key.to_owned()).or_insert((checkout.price.clone(), page)).1.clone()))
        })
    }

    async fn expire_checkout(&self, session: &str) -> Result<Expired, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || {
            let state = &mut *locked(&self.state);
            if let Some(subscription) = state.paid.get(session) {
                return Ok(Expired::Paid(Some(subscription.clone())));
            }
            state.expired.push(session.to_owned());
            Ok(Expired::Over)
        })
    }

    async fn open_portal(&self, customer: &str, _return_url: &str) -> Result<Made<String>, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || {
            Ok(match locked(&self.state).gone.contains(customer) {
                true => Made::NoCustomer,
                false => Made::Page(format!("https://billing.stripe.com/p/session/{customer}")),
            })
        })
    }
}
