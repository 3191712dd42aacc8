//! What Stripe keeps: customers and their methods, subscriptions, invoices, pages, events.

use comptoir_plans::stripe::Status;

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

/// The intent that pays an invoice.
#[derive(Debug, Clone)]
pub struct Paying {
    /// `requires_payment_method`, `requires_action`, `processing`, `succeeded`.
    pub status: &'static str,
    /// The method in hand.
    pub method: Option<String>,
    /// Why the last try failed: code, the bank's code, and the method.
    pub error: Option<(&'static str, Option<&'static str>, Card)>,
    /// Since when a bank is at it.
    pub since: i64,
}

/// A charge that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The key, where it was ours.
    pub key: Option<String>,
    /// What was charged.
    pub instrument: String,
    /// What came of it.
    pub end: End,
    /// Whether it asks for the customer.
    pub asks: bool,
}

/// What came of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It paid.
    Paid,
    /// The bank declined.
    Declined,
    /// The customer has to confirm.
    Asked,
    /// A bank is at it, or was, and declined.
    Debited,
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
    /// The subscription that was bought on it.
    pub bought: Option<String>,
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
