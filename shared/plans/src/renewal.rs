//! A contract that renews itself: its customer is told once a period, one to three months before, until when it can be refused
//! (C. consom. L215-1). Who is not told may end it at any time afterwards, and has the money back.
//!
//! A month renews itself as well, and cannot be announced a month before: only periods that are longer are.

use std::future::Future;

use comptoir::{
    invoice::print::written_day,
    mail::{Content, Mail, MailId, RenewalMail},
    outcome::{Outcome, ServiceError},
};
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

use crate::{
    catalogue::Catalogue,
    declaration::letter::Writer,
    stripe::{Billing, Status, Subscriber, Subscription, seconds},
};

/// The longest period that is not announced: there is no month left before its end.
const SHORT: SignedDuration = SignedDuration::from_hours(24 * 45);

/// How long before the end of a period it is announced: two months, in the midst of what the law wants.
const BEFORE: SignedDuration = SignedDuration::from_hours(24 * 60);

/// The path of the page on which a contract is ended.
const TERMINATE_PATH: &str = "/resilier";

/// A renewal to be announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// When the period ends, and the next one begins.
    pub end: Timestamp,
    /// When its customer is told.
    pub tell_at: Timestamp,
}

/// What is stored of a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredRenewal {
    /// When the period ends.
    pub end: Timestamp,
    /// Whether its customer was told.
    pub told: bool,
}

/// Where renewals wait for their day.
pub trait RenewalStore: Send + Sync {
    /// What is stored of a subscription's, read consistently.
    fn renewal(&self, subscription: &str) -> impl Future<Output = Result<Option<StoredRenewal>, ServiceError>> + Send;

    /// Lets one wait for its day, in place of that of an earlier period.
    fn await_renewal(
        &self,
        subscription: &str,
        renewal: Renewal,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Writes down that the customer was told and queues the mail, in one transaction, once a period.
    fn told_of_renewal(
        &self,
        subscription: &str,
        end: Timestamp,
        mail: &Mail,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Nothing is waited for any more.
    fn no_renewal(&self, subscription: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;
}

/// The end of the period of a subscription whose renewals are announced; none where it is too short for that, or of no plan.
fn long_period(subscription: &Subscription, catalogue: &Catalogue) -> Option<Timestamp> {
    let item = subscription.items.data.iter().find(|item| catalogue.sold_at(item.price.id()).is_some())?;
    let start = seconds(item.current_period_start.or(subscription.current_period_start)?);
    let end = seconds(item.current_period_end.or(subscription.current_period_end)?);
    (end.duration_since(start) > SHORT).then_some(end)
}

/// The renewal of a subscription that its customer is to be told of; none where it does not renew itself, or too soon.
pub fn of(subscription: &Subscription, catalogue: &Catalogue) -> Option<Renewal> {
    let end = long_period(subscription, catalogue)?;
    let told_to_end = subscription.cancel_at_period_end || subscription.cancel_at.is_some();
    let renews = matches!(subscription.status, Status::Active | Status::PastDue) && !told_to_end;
    let tell_at = end.saturating_sub(BEFORE).ok()?;
    renews.then_some(Renewal { end, tell_at })
}

/// The mail that announces `renewal`.
fn letter(
    subscription: &Subscription,
    renewal: Renewal,
    catalogue: &Catalogue,
    writer: Writer<'_>,
    now: Timestamp,
) -> Option<Mail> {
    let plan = subscription.items.data.iter().find_map(|item| catalogue.sold_at(item.price.id()))?;
    let seller = writer.seller;
    let customer = match &subscription.customer {
        Subscriber::Customer(customer) => Some(customer),
        Subscriber::Id(_) => None,
    };
    let locales = customer.into_iter().flat_map(|customer| customer.preferred_locales.iter().flatten());
    let french = crate::recovery::letter::first_of(locales).unwrap_or(seller.language == "fr");
    let day = renewal.end.to_zoned(seller.time_zone.clone()).date();
    let last_day = day.checked_sub(1.day()).unwrap_or(day);
    let content = RenewalMail {
        language: if french { "fr" } else { "en" }.to_owned(),
        seller_name: seller.party.name.clone(),
        contact: seller.party.email.clone(),
        accent: seller.look.accent.clone(),
        name: customer.and_then(|customer| customer.name.clone()).unwrap_or_default(),
        plan: plan.name.clone(),
        renews_on: written_day(day, french),
        last_day: written_day(last_day, french),
        link: format!("{}{TERMINATE_PATH}", writer.public_url),
    };
    Some(Mail {
        id: MailId::of_renewal(&subscription.id, &renewal.end.to_zoned(TimeZone::UTC).date().to_string()),
        to: subscription.email().map(str::to_owned),
        from: seller.mail.from.clone(),
        from_name: seller.mail.from_name.clone(),
        reply_to: seller.mail.reply_to.clone(),
        content: Content::Renewal(content),
        attachment: None,
        queued_at: now,
    })
}

/// What renewals are announced with.
#[derive(Debug, Clone, Copy)]
pub struct Announcing<'a, S, B> {
    /// Where they wait.
    pub store: &'a S,
    /// Stripe.
    pub billing: &'a B,
    /// What is sold.
    pub catalogue: &'a Catalogue,
    /// Who writes.
    pub writer: Writer<'a>,
}

impl<S: RenewalStore, B: Billing> Announcing<'_, S, B> {
    /// Tells the customer of the renewal of a subscription that was just fetched, if it is time; else lets it wait.
    ///
    /// # Errors
    /// The store failed.
    pub async fn look(&self, subscription: &Subscription, now: Timestamp) -> Result<(), ServiceError> {
        let Some(renewal) = of(subscription, self.catalogue).filter(|renewal| renewal.end > now) else {
            // It ends: nobody waits for its day any more.
            return match long_period(subscription, self.catalogue) {
                Some(_) => self.store.no_renewal(&subscription.id).await,
                None => Ok(()),
            };
        };
        let stored = self.store.renewal(&subscription.id).await?.filter(|stored| stored.end == renewal.end);
        if stored.is_some_and(|stored| stored.told) {
            return Ok(());
        }
        if stored.is_none() {
            self.store.await_renewal(&subscription.id, renewal).await?;
        }
        if now < renewal.tell_at {
            return Ok(());
        }
        match letter(subscription, renewal, self.catalogue, self.writer, now) {
            Some(mail) => self.store.told_of_renewal(&subscription.id, renewal.end, &mail, now).await,
            None => Ok(()),
        }
    }

    /// Works on one whose day has come.
    pub async fn announce(&self, subscription: &str, now: Timestamp) -> Outcome {
        match self.due(subscription, now).await {
            Ok(()) => Outcome::Done,
            // Nothing is parked: it stays open, and is looked at again.
            Err(error) => Outcome::Retry(error.reason()),
        }
    }

    async fn due(&self, subscription: &str, now: Timestamp) -> Result<(), ServiceError> {
        let fetched = self.billing.subscription(subscription).await?;
        let renews = fetched.filter(|fetched| of(fetched, self.catalogue).is_some_and(|renewal| renewal.end > now));
        match renews {
            Some(fetched) => self.look(&fetched, now).await,
            // It ends, or was ended: there is nothing to refuse.
            None => self.store.no_renewal(subscription).await,
        }
    }
}

#[cfg(test)]
mod tests;
