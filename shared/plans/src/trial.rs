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
    declaration,
    recovery::letter::Writer,
    renewal::{Announcing, RenewalStore},
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
        catalogue: &Catalogue,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Tells the customer of `subscription` that it renews itself, if it is time, or sees to it that they are told then.
    fn of_renewal(
        &self,
        subscription: &Subscription,
        catalogue: &Catalogue,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Tell for Nobody {
    async fn of_trial(
        &self,
        _subscription: &Subscription,
        _catalogue: &Catalogue,
        _now: Timestamp,
    ) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn of_renewal(
        &self,
        _subscription: &Subscription,
        _catalogue: &Catalogue,
        _now: Timestamp,
    ) -> Result<(), ServiceError> {
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
    /// Who writes.
    pub writer: Writer<'a>,
    /// Where pages for everybody are.
    pub public_url: &'a str,
}

impl<S: TrialStore + RenewalStore, B: Billing> Tell for ByMail<'_, S, B> {
    async fn of_trial(
        &self,
        subscription: &Subscription,
        catalogue: &Catalogue,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let Some(mail) = letter(subscription, catalogue, self.writer, now) else { return Ok(()) };
        // Who has paid before a trial was added knows the price; nothing is known of who paid during it.
        let paid = self.billing.paid_invoices(&subscription.id).await?;
        if paid.iter().any(|invoice| invoice.amount_paid.unwrap_or_default() > 0) {
            return Ok(());
        }
        self.store.told_of_trial(&subscription.id, &mail, now).await
    }

    async fn of_renewal(
        &self,
        subscription: &Subscription,
        catalogue: &Catalogue,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let writer = declaration::letter::Writer { seller: self.writer.seller, public_url: self.public_url };
        let Self { store, billing, .. } = *self;
        Announcing { store, billing, catalogue, writer }.look(subscription, now).await
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

#[cfg(test)]
mod tests {
    use comptoir::{seller::Seller, testing::FRANCHISE_TOML};
    use serde_json::json;

    use super::*;
    use crate::memory::catalogue;

    /// Monday, 30 November 2026, 09:00 UTC.
    const END: i64 = 1_796_029_200;
    const DAY: i64 = 24 * 3600;

    fn trial(change: impl FnOnce(&mut serde_json::Value)) -> Subscription {
        let mut read = json!({
            "id": "sub_1", "status": "trialing", "created": END - 14 * DAY, "trial_start": END - 14 * DAY, "trial_end": END,
            "customer": {"id": "cus_1", "email": "zoe@example.org", "name": "Zoé", "preferred_locales": ["de", "fr-FR"]},
            "default_payment_method": "pm_1",
            "items": {"data": [{"quantity": 2, "price": {
                "id": "price_essai", "unit_amount": 1900, "currency": "eur", "recurring": {"interval": "month", "interval_count": 1},
            }}]},
        });
        change(&mut read);
        serde_json::from_value(read).unwrap()
    }

    fn told(subscription: &Subscription, before: i64) -> Option<TrialMail> {
        let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
        let writer = Writer { seller: &seller, local_host: None };
        let mail = letter(subscription, &catalogue(), writer, seconds(END - before))?;
        assert_eq!(mail.id.0, "trial/sub_1/ending");
        match mail.content {
            Content::Trial(trial) => Some(trial),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_mail_has_the_day_the_price_and_where_to_leave() {
        let mail = told(&trial(|_| {}), 3 * DAY).unwrap();
        assert_eq!(
            (mail.ends_on.as_str(), mail.price.as_deref()),
            ("30\u{a0}novembre\u{a0}2026", Some("38,00\u{a0}€"))
        );
        assert_eq!((mail.every.as_str(), mail.site.as_str(), mail.has_method), ("month", "example.org", true));
        let without = told(&trial(|read| read["default_payment_method"] = json!(null)), DAY).unwrap();
        assert!(!without.has_method);
    }

    #[test]
    fn who_is_not_to_be_told_is_not() {
        assert_eq!(told(&trial(|_| {}), 4 * DAY), None, "too early");
        assert_eq!(told(&trial(|_| {}), 0), None, "over");
        for (name, value) in [
            ("status", json!("active")),
            ("status", json!("canceled")),
            ("cancel_at_period_end", json!(true)),
            ("cancel_at", json!(END)),
            ("trial_start", json!(END - 3 * DAY)),
            ("trial_end", json!(null)),
        ] {
            assert_eq!(told(&trial(|read| read[name] = value.clone()), 2 * DAY), None, "{name} {value}");
        }
        assert_eq!(told(&trial(|read| read["items"]["data"][0]["price"]["id"] = json!("price_other")), DAY), None);
    }

    #[test]
    fn a_price_that_stripe_alone_knows_is_not_guessed() {
        let price = |change: &dyn Fn(&mut serde_json::Value)| told(&trial(|read| change(read)), DAY).unwrap().price;
        let tag = |read: &mut serde_json::Value, name: &str, value| read["items"]["data"][0]["price"][name] = value;
        assert_eq!(price(&|read| read["discounts"] = json!(["di_1"])), None);
        assert_eq!(price(&|read| tag(read, "unit_amount", json!(null))), None);
        assert_eq!(price(&|read| tag(read, "tax_behavior", json!("exclusive"))), None);
        assert_eq!(price(&|read| read["automatic_tax"] = json!({"enabled": true})), None);
        let inclusive = |read: &mut serde_json::Value| {
            read["automatic_tax"] = json!({"enabled": true});
            tag(read, "tax_behavior", json!("inclusive"));
        };
        assert_eq!(price(&inclusive).as_deref(), Some("38,00\u{a0}€"));
    }
}
