//! Stripe, as far as plans meet it: customers with methods of payment, subscriptions, invoices, pages, and the keys under which it
//! keeps its answers. A pure model: time comes in, timers and events go out.

mod charge;
mod pages;
mod standing;
mod view;

use std::collections::BTreeMap;

use comptoir_plans::stripe::Status;
use jiff::Timestamp;

pub use self::{
    charge::{Charge, End, Kept, Paying},
    standing::Beginning,
};

/// A day in milliseconds.
pub const DAY: i64 = 86_400_000;
/// An hour in milliseconds.
pub const HOUR: i64 = 3_600_000;
/// How long Stripe keeps the answer to a key, in milliseconds.
pub const KEYS_KEPT: i64 = DAY;

/// The prices that are subscribed to; the last is of no plan.
pub const PRICES: [&str; 4] = ["price_solo", "price_studio", "price_essai", "price_other"];

/// A time of the simulation.
pub fn moment(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap()
}

/// What a method does when it is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// It pays.
    Pays,
    /// The bank declines with this code.
    Declines(&'static str),
    /// The intent waits for the customer.
    Asks,
    /// The bank takes days, and then says so.
    Debits {
        /// Whether it pays in the end.
        pays: bool,
        /// How long it takes.
        days: i64,
    },
}

/// A saved method of payment.
#[derive(Debug, Clone)]
pub struct Card {
    /// `pm_...`.
    pub id: String,
    /// The same for the same card or account; none where Stripe knows none.
    pub fingerprint: Option<String>,
    /// The last year of a card; none for an account.
    pub year: Option<i16>,
    /// What it does.
    pub does: Does,
    /// Since when it is saved.
    pub since: i64,
}

/// A customer.
#[derive(Debug, Clone)]
pub struct Customer {
    /// `cus_...`.
    pub id: String,
    /// E-mail.
    pub email: String,
    /// Saved methods.
    pub cards: Vec<Card>,
    /// The usual method.
    pub usual: Option<String>,
}

/// A subscription.
#[derive(Debug, Clone)]
pub struct Sub {
    /// `sub_...`.
    pub id: String,
    /// The place of its customer.
    pub customer: usize,
    /// Its status.
    pub status: Status,
    /// When it began.
    pub created: i64,
    /// What it is for.
    pub price: &'static str,
    /// How many.
    pub quantity: u64,
    /// The length of a period.
    pub period: i64,
    /// When the period began, and ends.
    pub span: (i64, i64),
    /// When its trial ends.
    pub trial_end: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Whether our side cancelled it.
    pub cancelled_by_us: bool,
    /// When it was last seen living.
    pub seen_living: i64,
    /// Whether a period costs nothing.
    pub free: bool,
}

/// An invoice.
#[derive(Debug, Clone)]
pub struct Bill {
    /// `in_...`.
    pub id: String,
    /// The place of its subscription.
    pub sub: usize,
    /// `draft`, `open`, `paid`, `void`, `uncollectible`.
    pub status: &'static str,
    /// `subscription_create`, `subscription_cycle`, `subscription_update`.
    pub reason: &'static str,
    /// What for.
    pub price: &'static str,
    /// How many.
    pub quantity: u64,
    /// The period.
    pub span: (i64, i64),
    /// What it costs.
    pub amount: i64,
    /// The automatic tries that were made; any first try counts.
    pub attempt_count: u32,
    /// When Stripe's first try failed.
    pub failed_at: Option<i64>,
    /// The instrument of that try, and the usual method at that time.
    pub first: Option<(String, Option<String>)>,
    /// The intent that pays it.
    pub intent: Paying,
    /// Every charge that took effect.
    pub charges: Vec<Charge>,
    /// Every request of ours to charge: key and method.
    pub asked: Vec<(String, String)>,
    /// Since when it is not open, or of a subscription that ended.
    pub over_since: Option<i64>,
}

/// A Checkout page.
#[derive(Debug, Clone)]
pub struct Page {
    /// `cs_...`.
    pub session: String,
    /// What is bought.
    pub price: &'static str,
    /// Who buys: a customer's place.
    pub customer: Option<usize>,
    /// Who buys: an address.
    pub email: Option<String>,
    /// Days of trial.
    pub trial_days: u32,
    /// The key of the request.
    pub key: String,
    /// Our name of the wish.
    pub reference: String,
    /// `open`, `complete`, `expired`.
    pub status: &'static str,
    /// When it ends by itself.
    pub expires_at: i64,
}

/// An event.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its type.
    pub kind: &'static str,
    /// Its body.
    pub body: String,
    /// When.
    pub at: i64,
}

/// What happens at Stripe by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// A period ends.
    Renew(usize),
    /// An invoice is finalised and charged.
    Collect(usize),
    /// An invoice is charged once more.
    Retry(usize),
    /// A bank says what became of a debit.
    Bank(usize, bool),
    /// The first payment was not made in time.
    Lapse(usize),
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

impl Card {
    /// What is charged: the card or account behind it.
    pub fn instrument(&self) -> &str {
        self.fingerprint.as_deref().unwrap_or(&self.id)
    }
}

impl Bill {
    /// Whether a bank is at it.
    pub fn is_processing(&self) -> bool {
        self.intent.status == "processing"
    }

    /// Whether it is still to be paid.
    pub fn is_open(&self) -> bool {
        self.status == "open"
    }
}
