//! Stripe's subscriptions and invoices, as far as access depends on them, and what is asked of Stripe.
//!
//! Newer versions of the API moved fields: a period lies on the item (since 2025-03-31, "basil"), the subscription of an
//! invoice below `parent`. Both places are read.

use std::future::Future;

use comptoir::{outcome::ServiceError, stripe::object::Reference};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

/// A customer, or the id alone where it was not expanded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Subscriber {
    /// The id.
    Id(String),
    /// The customer.
    Customer(Customer),
}

impl Subscriber {
    /// `cus_...`.
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Customer(Customer { id, .. }) => id,
        }
    }
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Customer {
    /// `cus_...`.
    pub id: String,
    /// E-mail; none where the customer was deleted.
    pub email: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// Languages, the first one preferred.
    pub preferred_locales: Option<Vec<String>>,
    /// How the customer pays.
    pub invoice_settings: Option<InvoiceSettings>,
    /// Whether the customer was deleted.
    #[serde(default)]
    pub deleted: bool,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subscription {
    /// `sub_...`.
    pub id: String,
    /// Who subscribes.
    pub customer: Subscriber,
    /// In Stripe's words.
    pub status: Status,
    /// When it began, in seconds.
    pub created: i64,
    /// What is subscribed to.
    pub items: List<Item>,
    /// The method that its invoices are charged to.
    pub default_payment_method: Option<Reference>,
    /// When its trial began, in seconds.
    pub trial_start: Option<i64>,
    /// When its trial ends, in seconds.
    pub trial_end: Option<i64>,
    /// When it is told to end, in seconds.
    pub cancel_at: Option<i64>,
    /// Whether it is told to end with its period.
    #[serde(default)]
    pub cancel_at_period_end: bool,
    /// Reductions that apply to it.
    pub discounts: Option<Vec<serde_json::Value>>,
    /// How much of it is taxed, and when.
    pub automatic_tax: Option<AutomaticTax>,
    /// When it ended, in seconds.
    pub ended_at: Option<i64>,
    /// Before 2025-03-31 the period was here.
    pub current_period_start: Option<i64>,
    /// As above.
    pub current_period_end: Option<i64>,
}

/// The state of a subscription (docs.stripe.com/billing/subscriptions/overview, "Subscription statuses").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The first payment is not made; 23 hours are left for it.
    Incomplete,
    /// It was not made in time. Final.
    IncompleteExpired,
    /// In its trial.
    Trialing,
    /// Paid.
    Active,
    /// The newest invoice is not paid, and Stripe may still try.
    PastDue,
    /// Not paid, and Stripe tries no more.
    Unpaid,
    /// Over. Final.
    Canceled,
    /// A trial ended without a payment method.
    Paused,
    /// A word that this code does not know.
    Unknown,
}

impl Status {
    /// Whether nothing brings it back.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(match word.as_str() {
            "incomplete" => Self::Incomplete,
            "incomplete_expired" => Self::IncompleteExpired,
            "trialing" => Self::Trialing,
            "active" => Self::Active,
            "past_due" => Self::PastDue,
            "unpaid" => Self::Unpaid,
            "canceled" => Self::Canceled,
            "paused" => Self::Paused,
            _ => Self::Unknown,
        })
    }
}

/// Whether Stripe adds taxes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AutomaticTax {
    /// Whether it does.
    #[serde(default)]
    pub enabled: bool,
}

/// How a customer pays invoices.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InvoiceSettings {
    /// The usual method.
    pub default_payment_method: Option<Reference>,
}

/// A list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct List<T> {
    /// Its entries; within another object the first ten or so.
    pub data: Vec<T>,
    /// Whether there are more.
    #[serde(default)]
    pub has_more: bool,
}

/// An item of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Item {
    /// Its price.
    pub price: Price,
    /// How many units.
    pub quantity: Option<i64>,
    /// When what is paid began, in seconds.
    pub current_period_start: Option<i64>,
    /// When it ends, in seconds.
    pub current_period_end: Option<i64>,
}

/// A price, or its id alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Price {
    /// The id.
    Id(String),
    /// The price.
    Object(PriceTag),
}

/// What a unit costs, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PriceTag {
    /// `price_...`.
    pub id: String,
    /// In Stripe's minor units; none where it depends on how many are bought.
    pub unit_amount: Option<i64>,
    /// ISO 4217 in small letters.
    pub currency: Option<String>,
    /// `exclusive` where taxes come on top of it.
    pub tax_behavior: Option<String>,
    /// How often.
    pub recurring: Option<Recurring>,
}

/// How often something is charged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Recurring {
    /// `day`, `week`, `month`, `year`.
    pub interval: String,
    /// Every so many of them.
    pub interval_count: Option<u32>,
}

impl Price {
    /// `price_...`.
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Object(PriceTag { id, .. }) => id,
        }
    }
}

/// An invoice of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Invoice {
    /// `in_...`.
    pub id: String,
    /// `paid`, `open`, `void` and others.
    pub status: Option<String>,
    /// Why it was made: `subscription_create`, `subscription_cycle` and others.
    pub billing_reason: Option<String>,
    /// What was paid, in Stripe's minor units.
    pub amount_paid: Option<i64>,
    /// What it is for.
    pub lines: List<Line>,
}

/// A line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Line {
    /// How many units.
    pub quantity: Option<u64>,
    /// The time that it is for.
    pub period: Option<Period>,
    /// Its price.
    pub pricing: Option<Pricing>,
    /// Before 2025-03-31 the price was here.
    pub price: Option<Reference>,
    /// Whether it settles a change within a period; before 2025-03-31.
    #[serde(default)]
    pub proration: bool,
    /// What made it.
    pub parent: Option<LineParent>,
}

/// What made a line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LineParent {
    /// An item of a subscription.
    pub subscription_item_details: Option<ItemDetails>,
    /// An item that waited for an invoice, as a change within a period does.
    pub invoice_item_details: Option<ItemDetails>,
}

/// An item that made a line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ItemDetails {
    /// Whether the line settles a change within a period.
    #[serde(default)]
    pub proration: bool,
}

/// A time, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Period {
    /// Its beginning.
    pub start: i64,
    /// Its end.
    pub end: i64,
}

/// The price of a line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pricing {
    /// The price.
    pub price_details: Option<PriceDetails>,
}

/// The price of a line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PriceDetails {
    /// Its id, or the price.
    pub price: Option<Reference>,
}

impl Subscription {
    /// Everything that what it gives depends on, in one line: two looks that say the same need no work. The customer is named
    /// by id, because a list does not bring the address.
    pub fn as_seen(&self) -> String {
        let items = self.items.data.iter().map(|item| {
            let end = item.current_period_end.or(self.current_period_end).unwrap_or_default();
            format!("{}x{}@{end}", item.price.id(), item.quantity.unwrap_or(1))
        });
        let mut items: Vec<String> = items.collect();
        items.sort();
        let at = |time: Option<i64>| time.unwrap_or_default();
        format!(
            "{:?} {} {} {} {} {} {}",
            self.status,
            self.customer.id(),
            items.join(","),
            at(self.trial_end),
            at(self.cancel_at),
            self.cancel_at_period_end,
            at(self.ended_at)
        )
    }

    /// `cus_...`; none where the customer was deleted, who buys nothing under this id any more.
    pub fn living_customer(&self) -> Option<&str> {
        match &self.customer {
            Subscriber::Customer(customer) if customer.deleted => None,
            known => Some(known.id()),
        }
    }

    /// The address of its customer.
    pub fn email(&self) -> Option<&str> {
        match &self.customer {
            Subscriber::Customer(customer) if !customer.deleted => customer.email.as_deref(),
            _ => None,
        }
    }
}

impl Line {
    /// The id of its price.
    pub fn price(&self) -> Option<&str> {
        let now = self.pricing.as_ref().and_then(|pricing| pricing.price_details.as_ref()?.price.as_ref());
        now.or(self.price.as_ref()).map(Reference::id)
    }

    /// Whether it settles a change within a period.
    pub fn is_proration(&self) -> bool {
        let parent = self.parent.as_ref();
        let mut made_by = parent.into_iter().flat_map(|parent| {
            [parent.subscription_item_details.as_ref(), parent.invoice_item_details.as_ref()].into_iter().flatten()
        });
        self.proration || made_by.any(|item| item.proration)
    }
}

/// A time of Stripe's.
pub fn seconds(value: i64) -> Timestamp {
    Timestamp::from_second(value).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A Checkout page to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckout {
    /// What is bought.
    pub price: String,
    /// Who buys, where that is known.
    pub buyer: Option<Buyer>,
    /// Where to go after paying.
    pub success_url: String,
    /// Where to go after giving up.
    pub cancel_url: String,
    /// Days of trial; 0 for none.
    pub trial_days: u32,
    /// Our key for this request.
    pub reference: String,
}

/// Who buys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Buyer {
    /// A customer of Stripe's.
    Customer(String),
    /// Somebody with this address.
    Address(String),
}

/// A Checkout page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutPage {
    /// `cs_...`.
    pub session: String,
    /// Where the customer pays.
    pub url: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What became of a page that was to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made<T> {
    /// It was made.
    Page(T),
    /// The customer was deleted at Stripe: nothing was made.
    NoCustomer,
    /// Stripe does not take what this field of the request holds: nothing was made.
    Wrong(&'static str),
}

/// What became of a page that was to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expired {
    /// It is over.
    Over,
    /// The customer has bought on it already: this subscription, where it is one.
    Paid(Option<String>),
}

/// Stripe, as far as plans need it.
pub trait Billing: Send + Sync {
    /// The subscription as it stands, with its customer; `None` if Stripe does not know it.
    fn subscription(&self, id: &str) -> impl Future<Output = Result<Option<Subscription>, ServiceError>> + Send;

    /// The newest paid invoices of a subscription.
    fn paid_invoices(&self, subscription: &str) -> impl Future<Output = Result<Vec<Invoice>, ServiceError>> + Send;

    /// Cancels a subscription at once. Nothing happens to one that is over.
    fn cancel(&self, subscription: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Makes a Checkout page, one for each `key`, whose parameters are always the same.
    fn open_checkout(
        &self,
        checkout: &NewCheckout,
        key: &str,
    ) -> impl Future<Output = Result<Made<CheckoutPage>, ServiceError>> + Send;

    /// Ends a Checkout page.
    fn expire_checkout(&self, session: &str) -> impl Future<Output = Result<Expired, ServiceError>> + Send;

    /// The address of a new page on which a customer manages subscriptions and methods of payment. It is a secret.
    fn open_portal(
        &self,
        customer: &str,
        return_url: &str,
    ) -> impl Future<Output = Result<Made<String>, ServiceError>> + Send;
}

impl<B: Billing> Billing for &B {
    async fn subscription(&self, id: &str) -> Result<Option<Subscription>, ServiceError> {
        B::subscription(self, id).await
    }

    async fn paid_invoices(&self, subscription: &str) -> Result<Vec<Invoice>, ServiceError> {
        B::paid_invoices(self, subscription).await
    }

    async fn cancel(&self, subscription: &str) -> Result<(), ServiceError> {
        B::cancel(self, subscription).await
    }

    async fn open_checkout(&self, checkout: &NewCheckout, key: &str) -> Result<Made<CheckoutPage>, ServiceError> {
        B::open_checkout(self, checkout, key).await
    }

    async fn expire_checkout(&self, session: &str) -> Result<Expired, ServiceError> {
        B::expire_checkout(self, session).await
    }

    async fn open_portal(&self, customer: &str, return_url: &str) -> Result<Made<String>, ServiceError> {
        B::open_portal(self, customer, return_url).await
    }
}
