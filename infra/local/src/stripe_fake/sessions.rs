//! Checkout sessions: opened, expired, and paid by a customer.

use serde_json::{Map, Value, json};

use super::calendar::{DAY, HOUR};
use super::catalog;
use super::closing;
use super::collect::By;
use super::coupons;
use super::customers;
use super::form::Form;
use super::items;
use super::methods;
use super::object::{id, list, merge, number, set, some, text};
use super::outcome::{Declined, Outcome};
use super::payments::{self, Tried};
use super::refusal::Refusal;
use super::subscriptions::{self, Start};
use super::world::{Timer, World};

/// The least and the most that a session lives.
const LIVES: std::ops::RangeInclusive<i64> = HOUR / 2..=DAY;

/// `POST /v1/checkout/sessions`.
///
/// # Errors
/// Stripe's.
pub fn create(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "mode",
        "line_items",
        "customer",
        "customer_email",
        "client_reference_id",
        "success_url",
        "cancel_url",
        "expires_at",
        "subscription_data",
        "metadata",
        "locale",
        "payment_method_types",
        "payment_method_collection",
        "allow_promotion_codes",
        "billing_address_collection",
        "customer_creation",
        "payment_intent_data",
        "invoice_creation",
        "tax_id_collection",
        "automatic_tax",
        "phone_number_collection",
        "ui_mode",
        "currency",
        "consent_collection",
        "custom_text",
        "submit_type",
        "customer_update",
        "custom_fields",
        "discounts",
        "name_collection",
    ])?;
    let mode = form.choice("/mode", &["payment", "subscription"])?.ok_or_else(|| Refusal::missing("mode"))?;
    let customer = match (form.text("/customer"), form.text("/customer_email")) {
        (Some(_), Some(_)) => {
            return Err(Refusal::parameter(
                "customer_email",
                "",
                "You may only specify one of these parameters: customer, customer_email.",
            ));
        }
        (Some(customer), None) => Some(world.named(customer, "customer", "customer")?),
        (None, _) => None,
    };
    for name in ["/success_url", "/cancel_url"] {
        if form.text(name).is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            return Err(Refusal::parameter(name.trim_start_matches('/'), "url_invalid", "Not a valid URL"));
        }
    }
    let expires = form.number("/expires_at")?.unwrap_or(world.now + DAY);
    if !LIVES.contains(&(expires - world.now)) {
        let words = "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.";
        return Err(Refusal::parameter("expires_at", "", words));
    }
    if mode == "payment" && form.has("/subscription_data") {
        let words = "You can not pass `subscription_data` in `payment` mode.";
        return Err(Refusal::parameter("subscription_data", "", words));
    }
    let trial = subscriptions::trial_end(world, form, "/subscription_data")?;
    let lines = lines(world, form, mode)?;
    let total: i64 = lines.iter().map(|line| number(line, "/amount_total")).sum();
    let total = if trial.is_some() { 0 } else { total };
    let currency = lines.first().map(|line| text(line, "/currency").to_owned());
    let fields = json!({
        "mode": mode, "amount_subtotal": total, "amount_total": total, "currency": currency, "expires_at": expires,
        "customer": customer.as_ref().map(|found| text(found, "/id")),
        "customer_creation": match (mode, &customer) { ("subscription", None) => json!("always"), (_, None) => json!(form.text("/customer_creation").unwrap_or("if_required")), _ => Value::Null },
        "customer_details": customer.as_ref().map(|found| details(some(found, "/email"), found)),
        "payment_method_collection": (mode == "subscription").then(|| form.text("/payment_method_collection").unwrap_or("always")),
    });
    let mut session = world.new_object("checkout.session", "cs_test_", fields);
    let session_id = text(&session, "/id").to_owned();
    merge(
        &mut session,
        &form.texts(&[
            "client_reference_id",
            "customer_email",
            "success_url",
            "cancel_url",
            "locale",
            "billing_address_collection",
        ]),
    );
    set(&mut session, "metadata", form.metadata("/metadata", &json!({})));
    set(&mut session, "url", format!("{}/pay/{session_id}", world.pages));
    let url = format!("/v1/checkout/sessions/{session_id}/line_items");
    let lines = json!({"object": "list", "data": lines, "has_more": false, "url": url});
    world.objects.insert(format!("checkout/sessions/{session_id}/line_items"), lines);
    // What the subscription will be told is no field of the session.
    let mut wish = form.value().get("subscription_data").cloned().unwrap_or_else(|| json!({}));
    if let Some(coupon) = coupons::named(world, form, "")? {
        set(&mut wish, "discounts", json!([{"coupon": coupon}]));
    }
    set(&mut wish, "customer_update", form.value().get("customer_update").cloned());
    world.wishes.insert(session_id.clone(), wish);
    world.at(expires, Timer::ExpireSession(session_id));
    world.keep(&session, "");
    Ok(session)
}

/// `POST /v1/checkout/sessions/{id}/expire`.
///
/// # Errors
/// Stripe's.
pub fn expire(world: &mut World, session: &str) -> Result<Value, Refusal> {
    open(world, session, "Only Checkout Sessions with a status in [\"open\"] can be expired.")?;
    closing::expire(world, session);
    Ok(world.get(session).cloned().unwrap_or_default())
}

/// What a customer does at Checkout.
#[derive(Debug, Default)]
pub struct Customer<'a> {
    /// The address, where the session has none.
    pub email: Option<&'a str>,
    /// The name.
    pub name: Option<&'a str>,
    /// The card's number; 4242 if none is given.
    pub number: Option<&'a str>,
    /// What becomes of the payment.
    pub outcome: Option<Outcome>,
}

/// The customer pays. A decline leaves the session open; it is in the answer.
///
/// # Errors
/// When the session is not open, or nobody says to whom it belongs.
pub fn complete(world: &mut World, session: &str, customer: &Customer<'_>) -> Result<Value, Refusal> {
    let known = open(world, session, "This Checkout Session is not open any more.")?;
    let number = customer.number.unwrap_or("4242424242424242");
    let outcome = customer.outcome.clone().unwrap_or_else(|| Outcome::of_number(number, "card"));
    let outcome = if outcome == Outcome::RequiresAction { Outcome::Succeed } else { outcome };
    if let Outcome::Decline(code) = &outcome {
        return Ok(declined(world, &known, number, code));
    }
    let holder = holder(world, &known, customer)?;
    let holder_id = some(&holder, "/id").map(str::to_owned);
    let unasked = text(&known, "/payment_method_collection") == "if_required" && total(&known) == 0;
    let method = if unasked { Value::Null } else { saved(world, &holder, number) };
    let mut fields = json!({
        "status": "complete", "url": null, "customer": holder_id, "customer_details": details(some(&holder, "/email"), &holder),
        "payment_status": "paid",
    });
    match text(&known, "/mode") {
        "subscription" => merge(&mut fields, &subscribed(world, &known, text(&holder, "/id"), &method, outcome)?),
        _ => merge(&mut fields, &paid(world, &known, holder_id.as_deref(), &method, &outcome)),
    };
    let complete = world.update(session, &fields, "");
    world.emit("checkout.session.completed", &complete, &Map::new());
    Ok(complete)
}

fn subscribed(
    world: &mut World,
    session: &Value,
    customer: &str,
    method: &Value,
    outcome: Outcome,
) -> Result<Value, Refusal> {
    let session_id = text(session, "/id");
    let wish = Form::of(world.wishes.get(session_id).cloned().unwrap_or_default());
    let lines = world.objects.get(&format!("checkout/sessions/{session_id}/line_items")).cloned().unwrap_or_default();
    let entries: Vec<Value> = list(&lines, "/data")
        .iter()
        .filter(|line| line.pointer("/price/recurring").is_some_and(Value::is_object))
        .map(|line| json!({"price": id(line, "/price"), "quantity": number(line, "/quantity").to_string()}))
        .collect();
    let items = items::made(world, &Form::of(json!({"items": entries})), "items")?;
    let trial_end = subscriptions::trial_end(world, &wish, "")?;
    let metadata = wish.metadata("/metadata", &json!({}));
    let mut fields = wish.texts(&["description"]);
    set(&mut fields, "metadata", metadata);
    let start = Start {
        customer,
        items,
        method: some(method, "/id"),
        trial_end,
        behavior: "allow_incomplete",
        fields,
        coupon: coupons::named(world, &wish, "")?,
        payer: (By::Customer, Some(outcome)),
    };
    let subscription = subscriptions::start_now(world, start)?;
    let invoice =
        id(&subscription, "/latest_invoice").and_then(|invoice| world.get(invoice)).cloned().unwrap_or_default();
    let status = match (number(&invoice, "/amount_due"), text(&invoice, "/status")) {
        (0, _) => "no_payment_required",
        (_, "paid") => "paid",
        _ => "unpaid",
    };
    Ok(json!({"subscription": text(&subscription, "/id"), "invoice": text(&invoice, "/id"), "payment_status": status}))
}

fn paid(world: &mut World, session: &Value, customer: Option<&str>, method: &Value, outcome: &Outcome) -> Value {
    let amount = number(session, "/amount_total");
    if amount == 0 {
        return json!({"payment_status": "no_payment_required"});
    }
    let intent = payments::intent(world, amount, text(session, "/currency"), customer, &json!({}));
    let intent = text(&intent, "/id").to_owned();
    let tried = payments::attempt_as(world, &intent, method, outcome);
    json!({"payment_intent": intent, "payment_status": if tried == Tried::Paid { "paid" } else { "unpaid" }})
}

fn declined(world: &mut World, session: &Value, number: &str, code: &str) -> Value {
    let method = methods::made(world, "card", number, (12, 2034));
    let intent = payments::intent(
        world,
        total(session).max(1),
        text(session, "/currency"),
        id(session, "/customer"),
        &json!({}),
    );
    payments::attempt_as(world, text(&intent, "/id"), &method, &Outcome::Decline(code.to_owned()));
    let mut session = session.clone();
    set(&mut session, "declined", Declined::of(code).message);
    session
}

/// The card that the customer typed, kept for later.
fn saved(world: &mut World, holder: &Value, number: &str) -> Value {
    let method = methods::made(world, "card", number, (12, 2034));
    let mut billing = method.get("billing_details").cloned().unwrap_or_default();
    merge(
        &mut billing,
        &json!({"email": holder.get("email"), "name": holder.get("name"), "address": holder.get("address")}),
    );
    let customer = some(holder, "/id");
    let event = if customer.is_some() { "payment_method.attached" } else { "" };
    world.update(text(&method, "/id"), &json!({"customer": customer, "billing_details": billing}), event)
}

/// Stripe makes a customer unless the session names one, also where there is one with the same address; for a single
/// payment only if the seller wants one.
fn holder(world: &mut World, session: &Value, customer: &Customer<'_>) -> Result<Value, Refusal> {
    let name = customer.name.unwrap_or("Camille Durand");
    let address = json!({"city": "Montpellier", "country": "FR", "line1": "12 rue des Écoles", "line2": null, "postal_code": "34000", "state": null});
    if let Some(holder) = id(session, "/customer") {
        let known = world.named(holder, "customer", "customer")?;
        let asked = world.wishes.get(text(session, "/id")).cloned().unwrap_or_default();
        let mut fields = json!({});
        for (field, value) in [("name", json!(name)), ("address", address)] {
            if text(&asked, &format!("/customer_update/{field}")) == "auto" {
                set(&mut fields, field, value);
            }
        }
        world.update(text(&known, "/id"), &fields, "customer.updated");
        return world.named(holder, "customer", "customer");
    }
    let email = some(session, "/customer_email").or(customer.email).unwrap_or("camille.durand@example.com").to_owned();
    let locale = some(session, "/locale").filter(|locale| *locale != "auto").unwrap_or("fr");
    let fields = json!({"email": email, "name": name, "address": address, "preferred_locales": [locale]});
    if text(session, "/mode") == "payment" && text(session, "/customer_creation") != "always" {
        return Ok(fields);
    }
    let holder = customers::made(world, &fields);
    world.keep(&holder, "customer.created");
    Ok(holder)
}

fn details(email: Option<&str>, holder: &Value) -> Value {
    json!({
        "address": holder.get("address"), "business_name": null, "email": email, "individual_name": null,
        "name": holder.get("name"), "phone": holder.get("phone"), "tax_exempt": "none", "tax_ids": [],
    })
}

fn open(world: &World, session: &str, closed: &str) -> Result<Value, Refusal> {
    let known = world.named(session, "checkout.session", "session")?;
    match text(&known, "/status") {
        "open" => Ok(known),
        _ => Err(Refusal::state("", closed)),
    }
}

fn lines(world: &mut World, form: &Form, mode: &str) -> Result<Vec<Value>, Refusal> {
    let entries = form.entries("/line_items");
    if entries.is_empty() {
        return Err(Refusal::missing("line_items"));
    }
    let mut lines = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let param = format!("line_items[{place}]");
        let price = catalog::of_entry(world, entry, &param)?;
        if mode == "payment" && price.get("recurring").is_some_and(Value::is_object) {
            let words = "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.";
            return Err(Refusal::parameter(&format!("{param}[price]"), "", words));
        }
        let quantity = entry.number("/quantity")?.unwrap_or(1);
        if quantity < 1 {
            return Err(Refusal::parameter(
                &format!("{param}[quantity]"),
                "parameter_invalid_integer",
                "This value must be greater than or equal to 1.",
            ));
        }
        let amount = number(&price, "/unit_amount").saturating_mul(quantity);
        let product = id(&price, "/product")
            .and_then(|product| world.get(product))
            .map(|product| text(product, "/name").to_owned());
        let fields = json!({
            "amount_subtotal": amount, "amount_total": amount, "currency": text(&price, "/currency"), "description": product,
            "price": price, "quantity": quantity,
        });
        lines.push(world.new_object("item", "li_", fields));
    }
    let recurring = lines.iter().any(|line| line.pointer("/price/recurring").is_some_and(Value::is_object));
    if mode == "subscription" && !recurring {
        let words = "You must provide at least one recurring price in `subscription` mode when using prices.";
        return Err(Refusal::parameter("line_items", "", words));
    }
    Ok(lines)
}

fn total(session: &Value) -> i64 {
    number(session, "/amount_total")
}
