//! Subscriptions: begun, changed and ended by calls.

use serde_json::{Map, Value, json};

use super::bill::{self, Bill};
use super::calendar::{self, DAY, HOUR};
use super::collect::{self, By};
use super::coupons;
use super::form::Form;
use super::items;
use super::methods;
use super::object::{id, list, merge, number, set, some, text};
use super::outcome::Outcome;
use super::proration;
use super::refusal::Refusal;
use super::shape;
use super::standing;
use super::world::{Timer, World};

/// A first invoice that is not paid by then ends its subscription.
const INCOMPLETE: i64 = 23 * HOUR;

/// How long before its end a trial is announced.
const NOTICE: i64 = 3 * DAY;

/// A subscription that begins.
#[derive(Debug)]
pub struct Start<'a> {
    /// Whose.
    pub customer: &'a str,
    /// What.
    pub items: Vec<Value>,
    /// The method that is charged, if it is not the customer's default.
    pub method: Option<&'a str>,
    /// When its trial ends.
    pub trial_end: Option<i64>,
    /// Stripe's `payment_behavior`.
    pub behavior: &'a str,
    /// The fields that the caller set.
    pub fields: Value,
    /// The coupon.
    pub coupon: Option<String>,
    /// Who pays, and what the method does if not what it usually does.
    pub payer: (By, Option<Outcome>),
}

/// `POST /v1/subscriptions`.
///
/// # Errors
/// Stripe's.
pub fn create(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "customer",
        "items",
        "default_payment_method",
        "payment_behavior",
        "trial_period_days",
        "trial_end",
        "metadata",
        "cancel_at_period_end",
        "off_session",
        "collection_method",
        "proration_behavior",
        "payment_settings",
        "description",
        "trial_settings",
        "discounts",
        "currency",
        "billing_mode",
        "cancel_at",
        "days_until_due",
        "automatic_tax",
        "default_tax_rates",
    ])?;
    let customer = world.named(form.required("/customer")?, "customer", "customer")?;
    let customer = text(&customer, "/id").to_owned();
    let items = items::made(world, form, "items")?;
    let behaviors = ["allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"];
    let behavior = form.choice("/payment_behavior", &behaviors)?.unwrap_or("allow_incomplete");
    let method = method_of(world, form, &customer)?;
    let start = Start {
        customer: &customer,
        items,
        method: method.as_deref(),
        trial_end: trial_end(world, form, "")?,
        behavior,
        fields: fields(form, &json!({}))?,
        coupon: coupons::named(world, form, "")?,
        payer: (By::Seller, None),
    };
    start_now(world, start)
}

/// Begins a subscription: its first invoice is made and charged at once.
///
/// # Errors
/// When its first payment fails and the caller wants none then.
pub fn start_now(world: &mut World, start: Start<'_>) -> Result<Value, Refusal> {
    let currency = start.items.first().map(|item| text(item, "/price/currency").to_owned()).unwrap_or_default();
    let (trial, now) = (start.trial_end.is_some(), world.now);
    let total = if trial { 0 } else { items::total(&start.items) };
    let default = start.method.map(str::to_owned);
    let payable = default.is_some() || methods::default_of(world, start.customer, None).is_some();
    if total > 0 && !payable && start.behavior != "default_incomplete" {
        let text = "This customer has no attached payment source or default payment method. Please consider adding a default payment method.";
        return Err(Refusal::state("resource_missing", text));
    }
    let made = json!({
        "customer": start.customer, "currency": currency, "default_payment_method": default, "start_date": now,
        "billing_cycle_anchor": start.trial_end.unwrap_or(now), "trial_start": trial.then_some(now), "trial_end": start.trial_end,
        "status": if trial { "trialing" } else { "incomplete" },
    });
    let before = world.told.len();
    let mut subscription = world.new_object("subscription", "sub_", made);
    merge(&mut subscription, &start.fields);
    let subscription_id = text(&subscription, "/id").to_owned();
    if let Some(coupon) = &start.coupon {
        let discount = coupons::give(world, &subscription_id, coupon);
        set(&mut subscription, "discounts", json!([discount]));
    }
    let mut items = start.items;
    set(&mut subscription, "items", items::as_list(&items, &subscription_id));
    let end = start.trial_end.unwrap_or_else(|| items::next_end(&subscription, now));
    items::with_period(&mut items, &subscription_id, (now, end));
    set(&mut subscription, "items", items::as_list(&items, &subscription_id));
    world.keep(&subscription, "customer.subscription.created");
    if trial && end - now <= NOTICE {
        world.emit("customer.subscription.trial_will_end", &subscription, &Map::new());
    } else if trial {
        world.at(end - NOTICE, Timer::TrialWillEnd(subscription_id.clone()));
    }
    world.at(end, Timer::Renew(subscription_id.clone()));
    if let Some(at) = subscription.get("cancel_at").and_then(Value::as_i64) {
        world.at(at, Timer::Renew(subscription_id.clone()));
    }
    let lines = bill::lines_of(world, &subscription, (now, end), trial);
    let bill = Bill {
        customer: start.customer,
        subscription: Some(&subscription),
        reason: "subscription_create",
        currency: &currency,
        lines,
        period: (now, now),
    };
    let invoice = bill::draft(world, bill);
    let invoice_id = text(&invoice, "/id").to_owned();
    let open = bill::finalize(world, &invoice_id);
    if number(&open, "/amount_due") == 0 {
        collect::settled(world, &invoice_id, false);
    } else {
        world.at(now + INCOMPLETE, Timer::ExpireIncomplete(subscription_id.clone()));
        let method = methods::default_of(world, start.customer, Some(&subscription));
        if let (Some(method), true) = (method, start.behavior != "default_incomplete") {
            let charged = collect::charge(world, &invoice_id, &method, start.payer.0, start.payer.1.as_ref());
            if let (Err(refusal), "error_if_incomplete") = (charged, start.behavior) {
                forget(world, &subscription_id, &invoice_id, before);
                return Err(refusal);
            }
        }
        // Stripe trusts the bank: the subscription runs while the debit is on its way.
        let intent = bill::payment_of(world, &invoice_id).and_then(|(_, intent)| world.get(&intent)).cloned();
        if intent.is_some_and(|intent| text(&intent, "/status") == "processing") {
            world.update(&subscription_id, &json!({"status": "active"}), "customer.subscription.updated");
        }
    }
    Ok(world.get(&subscription_id).cloned().unwrap_or_default())
}

/// `POST /v1/subscriptions/{id}`.
///
/// # Errors
/// Stripe's.
pub fn update(world: &mut World, subscription: &str, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "items",
        "default_payment_method",
        "payment_behavior",
        "trial_end",
        "metadata",
        "cancel_at_period_end",
        "cancel_at",
        "off_session",
        "proration_behavior",
        "proration_date",
        "payment_settings",
        "description",
        "trial_settings",
        "pause_collection",
        "billing_cycle_anchor",
        "collection_method",
        "days_until_due",
        "cancellation_details",
        "automatic_tax",
        "default_tax_rates",
    ])?;
    let before = world.named(subscription, "subscription", "id")?;
    if matches!(text(&before, "/status"), "canceled" | "incomplete_expired") {
        return Err(Refusal::no_such("subscription", subscription, "id"));
    }
    let customer = text(&before, "/customer").to_owned();
    let prorate = form.choice("/proration_behavior", &["create_prorations", "always_invoice", "none"])?;
    let mut fields = fields(form, &before)?;
    if let Some(method) = method_of(world, form, &customer)? {
        set(&mut fields, "default_payment_method", method);
    } else if form.has("/default_payment_method") {
        set(&mut fields, "default_payment_method", Value::Null);
    }
    if form.has("/items") {
        let old = list(&before, "/items/data").to_vec();
        let mut items = items::changed(world, form, &old)?;
        items::with_period(&mut items, subscription, items::period_of(&before));
        proration::remember(world, &before, &items, prorate.unwrap_or("create_prorations"));
        set(&mut fields, "items", items::as_list(&items, subscription));
    }
    if let Some(end) = trial_end(world, form, "")? {
        let mut items = list(fields.get("items").map_or(&before, |_| &fields), "/items/data").to_vec();
        items::with_period(&mut items, subscription, (items::period_of(&before).0, end));
        set(&mut fields, "items", items::as_list(&items, subscription));
        set(&mut fields, "trial_end", end);
        set(&mut fields, "billing_cycle_anchor", end);
        if end > world.now {
            set(&mut fields, "status", "trialing");
            world.at(end - NOTICE, Timer::TrialWillEnd(subscription.to_owned()));
        }
        world.at(end, Timer::Renew(subscription.to_owned()));
    }
    if let Some(at) = fields.get("cancel_at").and_then(Value::as_i64) {
        world.at(at, Timer::Renew(subscription.to_owned()));
    }
    world.update(subscription, &fields, "customer.subscription.updated");
    if prorate == Some("always_invoice") {
        proration::invoice_now(world, subscription, form.text("/payment_behavior"), &before)?;
    }
    Ok(world.get(subscription).cloned().unwrap_or_default())
}

/// `DELETE /v1/subscriptions/{id}`.
///
/// # Errors
/// Stripe's.
pub fn cancel(world: &mut World, subscription: &str, form: &Form) -> Result<Value, Refusal> {
    form.only(&["invoice_now", "prorate", "cancellation_details"])?;
    let known = world.named(subscription, "subscription", "id")?;
    if matches!(text(&known, "/status"), "canceled" | "incomplete_expired") {
        return Err(Refusal::no_such("subscription", subscription, "id"));
    }
    if let Some(given) = form.value().get("cancellation_details") {
        let mut details = known.get("cancellation_details").cloned().unwrap_or_default();
        merge(&mut details, given);
        world.update(subscription, &json!({"cancellation_details": details}), "");
    }
    Ok(standing::cancel(world, subscription, "cancellation_requested"))
}

/// When a trial ends that these parameters ask for.
///
/// # Errors
/// When it is in the past.
pub fn trial_end(world: &World, form: &Form, at: &str) -> Result<Option<i64>, Refusal> {
    if let Some(days) = form.number(&format!("{at}/trial_period_days"))? {
        if !(1..=730).contains(&days) {
            return Err(Refusal::parameter("trial_period_days", "", "The trial must be between 1 and 730 days."));
        }
        return Ok(Some(calendar::after(world.now, "day", days)));
    }
    if form.text(&format!("{at}/trial_end")) == Some("now") {
        return Ok(Some(world.now));
    }
    match form.number(&format!("{at}/trial_end"))? {
        Some(end) if end <= world.now => Err(Refusal::parameter(
            "trial_end",
            "",
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
        )),
        end => Ok(end),
    }
}

fn method_of(world: &mut World, form: &Form, customer: &str) -> Result<Option<String>, Refusal> {
    let Some(method) = form.text("/default_payment_method") else { return Ok(None) };
    let known = world.named(method, "PaymentMethod", "default_payment_method")?;
    if id(&known, "/customer") != Some(customer) {
        let text = format!(
            "The customer does not have a payment method with the ID {method}. The payment method must be attached to the customer."
        );
        return Err(Refusal::parameter("default_payment_method", "resource_missing", text));
    }
    Ok(Some(method.to_owned()))
}

/// The fields that a caller may set at any time.
fn fields(form: &Form, before: &Value) -> Result<Value, Refusal> {
    let mut fields = form.texts(&["description", "collection_method"]);
    set(&mut fields, "metadata", form.metadata("/metadata", before.get("metadata").unwrap_or(&Value::Null)));
    if let Some(cancel) = form.boolean("/cancel_at_period_end")? {
        set(&mut fields, "cancel_at_period_end", cancel);
        let (_, end) = items::period_of(before);
        set(&mut fields, "cancel_at", if cancel && end > 0 { json!(end) } else { Value::Null });
    }
    if form.has("/cancel_at") {
        set(&mut fields, "cancel_at", form.number("/cancel_at")?);
    }
    if let Some(words) = form.value().get("pause_collection") {
        let behaviors = ["keep_as_draft", "mark_uncollectible", "void"];
        let behavior = form.choice("/pause_collection/behavior", &behaviors)?;
        let resumes = form.number("/pause_collection/resumes_at")?;
        let pause = words.is_object().then(|| json!({"behavior": behavior, "resumes_at": resumes}));
        set(&mut fields, "pause_collection", pause);
    }
    for name in ["payment_settings", "trial_settings", "cancellation_details"] {
        if let Some(given) = form.value().get(name).filter(|given| given.is_object()) {
            let mut settings = before
                .get(name)
                .cloned()
                .unwrap_or_else(|| shape::of("subscription").get(name).cloned().unwrap_or_default());
            merge(&mut settings, given);
            set(&mut fields, name, settings);
        }
    }
    Ok(fields)
}

/// Stripe makes nothing of a subscription whose first payment must not fail and fails.
fn forget(world: &mut World, subscription: &str, invoice: &str, before: usize) {
    let told: Vec<_> = world.told.drain(before..).collect();
    for event in told {
        let kind = some(&event, "/type").unwrap_or_default();
        if kind.starts_with("customer.subscription") || kind.starts_with("invoice") {
            world.objects.remove(&format!("events/{}", text(&event, "/id")));
        } else {
            world.told.push(event);
        }
    }
    world.objects.remove(&format!("subscriptions/{subscription}"));
    world.objects.remove(&format!("invoices/{invoice}"));
}
