//! A trial that ends: its customer is told once, three days before, what will be charged and how to leave.
//!
//! Stripe's event only wakes the subscription, as every other; who is told is decided on what is true when it is fetched.

use std::future::Future;

use comptoir::{
    invoice::print::{money, written_day},
    mail::{Content, Mail, MailId, TrialMail},
    money::Currency,
    outcome::ServiceError,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    catalogue::Catalogue,
    recovery::letter::Writer,
    stripe::{Billing, Customer, Item, Price, PriceTag, Status, Subscriber, Subscription, seconds},
};

/// How long before its end Stripe announces it (docs.stripe.com/billing/subscriptions/trials), and an hour for clocks.
const BEFORE: SignedDuration = SignedDuration::from_hours(3 * 24 + 1);

/// The longest trial that is too short for a mail: who began it within these days has just read its end and its price on the page.
const SHORT: SignedDuration = SignedDuration::from_hours(4 * 24 - 1);

/// Tells customers.
pub trait Tell: Send + Sync {
    /// Tells the customer of `subscription`, of which nobody was told yet, if its trial ends soon.
    fn of_trial(
        &self,
        subscription: &Subscription,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Tell for Nobody {
    async fn of_trial(&self, _subscription: &Subscription, _now: Timestamp) -> Result<(), ServiceError> {
        Ok(())
    }
}

/// Where it is written down that a customer was told.
pub trait TrialStore: Send + Sync {
    /// Marks a subscription and queues the mail in one transaction, unless it is marked.
    fn told_of_trial(
        &self,
        subscription: &str,
        mail: &Mail,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;
}

/// Tells customers by mail.
#[derive(Debug, Clone, Copy)]
pub struct ByMail<'a, S, B> {
    /// Where it is written down.
    pub store: &'a S,
    /// Stripe.
    pub billing: &'a B,
    /// What is sold.
    pub catalogue: &'a Catalogue,
    /// Who writes.
    pub writer: Writer<'a>,
}

impl<S: TrialStore, B: Billing> Tell for ByMail<'_, S, B> {
    async fn of_trial(&self, subscription: &Subscription, now: Timestamp) -> Result<(), ServiceError> {
        let Some(mail) = letter(subscription, self.catalogue, self.writer, now) else { return Ok(()) };
        // Who has paid before a trial was added knows the price; nothing is known of who paid during it.
        let paid = self.billing.paid_invoices(&subscription.id).await?;
        if paid.iter().any(|invoice| invoice.amount_paid.unwrap_or_default() > 0) {
            return Ok(());
        }
        self.store.told_of_trial(&subscription.id, &mail, now).await
    }
}

/// Whether the trial of a subscription ends soon, and its customer is to be told.
pub fn ends_soon(subscription: &Subscription, now: Timestamp) -> Option<Timestamp> {
    let end = seconds(subscription.trial_end?);
    let start = seconds(subscription.trial_start.unwrap_or(subscription.created));
    let told_to_end = subscription.cancel_at_period_end || subscription.cancel_at.is_some();
    let soon = end > now && end.duration_since(now) <= BEFORE;
    let long = end.duration_since(start) > SHORT;
    (subscription.status == Status::Trialing && !told_to_end && soon && long).then_some(end)
}

/// The mail about a trial that ends; none where it does not end soon, or nobody is to be told.
pub fn letter(subscription: &Subscription, catalogue: &Catalogue, writer: Writer<'_>, now: Timestamp) -> Option<Mail> {
    let end = ends_soon(subscription, now)?;
    let Subscriber::Customer(customer) = &subscription.customer else { return None };
    let plan = subscription.items.data.iter().find_map(|item| catalogue.sold_at(item.price.id()))?;
    let seller = writer.seller;
    let french = french(customer).unwrap_or(seller.language == "fr");
    let (price, every) = to_be_charged(subscription, french).unzip();
    let usual = customer.invoice_settings.as_ref().and_then(|settings| settings.default_payment_method.as_ref());
    let content = TrialMail {
        language: if french { "fr" } else { "en" }.to_owned(),
        seller_name: seller.party.name.clone(),
        contact: seller.party.email.clone(),
        accent: seller.look.accent.clone(),
        name: customer.name.clone().unwrap_or_default(),
        plan: plan.name.clone(),
        ends_on: written_day(end.to_zoned(seller.time_zone.clone()).date(), french),
        price,
        every: every.unwrap_or_default(),
        has_method: subscription.default_payment_method.is_some() || usual.is_some(),
        site: catalogue.origins.first().map(|origin| origin.host()).unwrap_or_default(),
    };
    Some(Mail {
        id: MailId::of_trial_ending(&subscription.id),
        to: subscription.email().map(str::to_owned),
        from: seller.mail.from.clone(),
        from_name: seller.mail.from_name.clone(),
        reply_to: seller.mail.reply_to.clone(),
        content: Content::Trial(content),
        attachment: None,
        queued_at: now,
    })
}

fn french(customer: &Customer) -> Option<bool> {
    crate::recovery::letter::first_of(customer.preferred_locales.iter().flatten())
}

/// What is charged at the end, and how often; none where reductions, taxes or the price itself leave it to Stripe.
fn to_be_charged(subscription: &Subscription, french: bool) -> Option<(String, String)> {
    let reduced = subscription.discounts.as_ref().is_some_and(|discounts| !discounts.is_empty());
    let taxed = subscription.automatic_tax.as_ref().is_some_and(|tax| tax.enabled);
    let tags: Option<Vec<(&PriceTag, i64)>> = subscription.items.data.iter().map(tag).collect();
    let tags = tags.filter(|_| !reduced)?;
    let (first, _) = tags.first()?;
    let currency = Currency::parse(first.currency.as_deref()?).ok()?;
    let mut sum: i64 = 0;
    for (tag, quantity) in &tags {
        let on_top = taxed && tag.tax_behavior.as_deref() != Some("inclusive");
        if tag.currency != first.currency || tag.recurring != first.recurring || on_top {
            return None;
        }
        if tag.tax_behavior.as_deref() == Some("exclusive") {
            return None;
        }
        sum = sum.checked_add(tag.unit_amount?.checked_mul(*quantity)?)?;
    }
    let every = first.recurring.as_ref().filter(|recurring| recurring.interval_count.unwrap_or(1) == 1);
    let every = every.map(|recurring| recurring.interval.clone()).unwrap_or_default();
    Some((money(currency.from_stripe(sum)?, french), every))
}

fn tag(item: &Item) -> Option<(&PriceTag, i64)> {
    match &item.price {
        Price::Object(tag) => Some((tag, item.quantity.unwrap_or(1))),
        Price::Id(_) => None,
    }
}
