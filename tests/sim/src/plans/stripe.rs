//! Stripe, as far as plans meet it: customers with methods of payment, subscriptions, invoices, pages, and the keys under which it
//! keeps its answers. A pure model: time comes in, timers and events go out.

mod charge;
mod objects;
mod pages;
mod standing;
mod view;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use self::{
    charge::Kept,
    objects::{Bill, Card, Charge, Customer, Does, End, Page, Paying, Sub, Timer, Told},
    standing::Beginning,
};

/// A day in milliseconds.
pub const DAY: i64 = 86_400_000;
/// An hour in milliseconds.
pub const HOUR: i64 = 3_600_000;
/// How long Stripe keeps the answer to a key, in milliseconds.
pub const KEYS_KEPT: i64 = DAY;

/// A time of the simulation.
pub fn moment(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap()
}

/// What Stripe does when every try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtLast {
    /// The subscription is cancelled.
    Cancels,
    /// It is marked unpaid.
    Unpaid,
    /// It stays past due.
    Stays,
}

/// Stripe.
#[derive(Debug)]
pub struct Stripe {
    /// Customers.
    pub customers: Vec<Customer>,
    /// Subscriptions.
    pub subs: Vec<Sub>,
    /// Invoices.
    pub bills: Vec<Bill>,
    /// Pages.
    pub pages: Vec<Page>,
    /// Answers by key.
    pub keys: BTreeMap<String, Kept>,
    /// Keys of pages under which a failure is kept, and since when.
    pub failed_pages: BTreeMap<String, i64>,
    /// Events, in order.
    pub events: Vec<Told>,
    /// Timers that were set since they were last taken.
    pub timers: Vec<(i64, Timer)>,
    /// No period begins after this.
    pub horizon: i64,
    /// The days between one try and the next.
    pub retries: Vec<i64>,
    /// What is done after the last.
    pub at_last: AtLast,
    cards: usize,
}

impl Stripe {
    /// An empty account.
    pub fn new(horizon: i64, retries: Vec<i64>, at_last: AtLast) -> Self {
        Self {
            customers: Vec::new(),
            subs: Vec::new(),
            bills: Vec::new(),
            pages: Vec::new(),
            keys: BTreeMap::new(),
            failed_pages: BTreeMap::new(),
            events: Vec::new(),
            timers: Vec::new(),
            horizon,
            retries,
            at_last,
            cards: 0,
        }
    }

    /// The place of a customer, which is new where nobody of the address is known.
    pub fn customer_of(&mut self, email: &str) -> usize {
        self.customers.push(Customer {
            id: format!("cus_{}", self.customers.len()),
            email: email.to_owned(),
            cards: Vec::new(),
            usual: None,
        });
        self.customers.len() - 1
    }

    /// Saves a method.
    pub fn attach(&mut self, customer: usize, fingerprint: Option<String>, year: Option<i16>, does: Does, now: i64) {
        let id = format!("pm_{}", self.cards);
        self.cards += 1;
        let known = &mut self.customers[customer];
        known.usual.get_or_insert_with(|| id.clone());
        let body = format!(r#"{{"id":"{id}","customer":"{}"}}"#, known.id);
        known.cards.push(Card { id, fingerprint, year, does, since: now });
        self.emit("payment_method.attached", &body, now);
    }

    /// The place of a subscription.
    pub fn sub(&self, id: &str) -> Option<usize> {
        self.subs.iter().position(|sub| sub.id == id)
    }

    /// The place of an invoice.
    pub fn bill(&self, id: &str) -> Option<usize> {
        self.bills.iter().position(|bill| bill.id == id)
    }

    /// The place of a customer.
    pub fn customer(&self, id: &str) -> Option<usize> {
        self.customers.iter().position(|customer| customer.id == id)
    }

    fn emit(&mut self, kind: &'static str, object: &str, now: i64) {
        let (n, created) = (self.events.len(), now / 1_000);
        let body = format!(
            r#"{{"id":"evt_{n}","type":"{kind}","created":{created},"livemode":false,"data":{{"object":{object}}}}}"#
        );
        self.events.push(Told { kind, body, at: now });
    }

    fn tell_sub(&mut self, kind: &'static str, sub: usize, now: i64) {
        let (sub, customer) = (&self.subs[sub].id, &self.customers[self.subs[sub].customer].id);
        let object = format!(r#"{{"id":"{sub}","customer":"{customer}"}}"#);
        self.emit(kind, &object, now);
    }

    fn tell_bill(&mut self, kind: &'static str, bill: usize, now: i64) {
        let (bill, sub) = (&self.bills[bill], &self.subs[self.bills[bill].sub]);
        let object =
            format!(r#"{{"id":"{}","parent":{{"subscription_details":{{"subscription":"{}"}}}}}}"#, bill.id, sub.id);
        self.emit(kind, &object, now);
    }
}
