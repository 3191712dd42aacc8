//! Customers.

use serde_json::{Value, json};

use super::form::Form;
use super::methods;
use super::object::{id, merge, set, text};
use super::refusal::Refusal;
use super::standing;
use super::world::World;

const TEXTS: [&str; 5] = ["email", "name", "phone", "description", "tax_exempt"];

const KNOWN: [&str; 14] = [
    "email",
    "name",
    "phone",
    "description",
    "tax_exempt",
    "address",
    "shipping",
    "metadata",
    "payment_method",
    "invoice_settings",
    "preferred_locales",
    "balance",
    "tax",
    "invoice_prefix",
];

/// `POST /v1/customers`.
///
/// # Errors
/// Stripe's.
pub fn create(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&KNOWN)?;
    checked(form)?;
    let customer = made(world, &json!({}));
    let id = text(&customer, "/id").to_owned();
    if let Some(method) = form.text("/payment_method") {
        methods::attached(world, method, &id)?;
    }
    let fields = fields(world, form, &customer)?;
    let customer = world.update(&id, &fields, "");
    world.keep(&customer, "customer.created");
    Ok(customer)
}

/// A customer with these fields; the caller announces it.
pub fn made(world: &mut World, fields: &Value) -> Value {
    let mut customer = world.new_object("customer", "cus_", fields.clone());
    let prefix: String = text(&customer, "/id").chars().rev().take(8).collect::<String>().to_ascii_uppercase();
    set(&mut customer, "invoice_prefix", prefix);
    world.keep(&customer, "");
    customer
}

/// `POST /v1/customers/{id}`.
///
/// # Errors
/// Stripe's.
pub fn update(world: &mut World, customer: &str, form: &Form) -> Result<Value, Refusal> {
    form.only(&KNOWN)?;
    checked(form)?;
    let before = world.named(customer, "customer", "id")?;
    let fields = fields(world, form, &before)?;
    Ok(world.update(customer, &fields, "customer.updated"))
}

/// `DELETE /v1/customers/{id}`: the subscriptions end with it.
///
/// # Errors
/// Stripe's.
pub fn delete(world: &mut World, customer: &str) -> Result<Value, Refusal> {
    let known = world.named(customer, "customer", "id")?;
    let of = |found: &&Value| id(found, "/customer") == Some(customer);
    let live = |found: &&Value| of(found) && !matches!(text(found, "/status"), "canceled" | "incomplete_expired");
    let ending: Vec<_> = world.each("subscriptions").filter(live).map(|found| text(found, "/id").to_owned()).collect();
    for subscription in ending {
        standing::cancel(world, &subscription, "cancellation_requested");
    }
    let theirs: Vec<_> = world.each("payment_methods").filter(of).map(|found| text(found, "/id").to_owned()).collect();
    for method in theirs {
        world.update(&method, &json!({"customer": null}), "payment_method.detached");
    }
    world.emit("customer.deleted", &known, &serde_json::Map::new());
    let gone = json!({"id": customer, "object": "customer", "deleted": true});
    world.keep(&gone, "");
    Ok(gone)
}

fn checked(form: &Form) -> Result<(), Refusal> {
    match form.text("/email") {
        Some(email) if !email.contains('@') || email.contains(char::is_whitespace) => {
            Err(Refusal::parameter("email", "email_invalid", format!("Invalid email address: {email}")))
        }
        _ => Ok(()),
    }
}

fn fields(world: &World, form: &Form, before: &Value) -> Result<Value, Refusal> {
    let mut fields = form.texts(&TEXTS);
    set(&mut fields, "metadata", form.metadata("/metadata", before.get("metadata").unwrap_or(&Value::Null)));
    if let Some(balance) = form.number("/balance")? {
        set(&mut fields, "balance", balance);
    }
    for name in ["address", "shipping"] {
        if let Some(given) = form.value().get(name) {
            let mut whole = json!({});
            if name == "address" {
                whole = json!({"city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null});
            }
            merge(&mut whole, given);
            set(&mut fields, name, if given.is_object() { whole } else { Value::Null });
        }
    }
    if form.has("/preferred_locales") {
        let locales: Vec<Value> =
            form.entries("/preferred_locales").iter().map(|entry| entry.value().clone()).collect();
        set(&mut fields, "preferred_locales", locales);
    }
    if let Some(given) = form.value().get("invoice_settings") {
        let mut settings = before.get("invoice_settings").cloned().unwrap_or_default();
        merge(&mut settings, given);
        if given.get("default_payment_method").and_then(Value::as_str) == Some("") {
            set(&mut settings, "default_payment_method", Value::Null);
        }
        if let Some(method) = form.text("/invoice_settings/default_payment_method") {
            let param = "invoice_settings[default_payment_method]";
            let known = world.named(method, "PaymentMethod", param)?;
            if id(&known, "/customer") != Some(text(before, "/id")) {
                let words = format!(
                    "The customer does not have a payment method with the ID {method}. The payment method must be attached to the customer."
                );
                return Err(Refusal::parameter(param, "resource_missing", words));
            }
        }
        set(&mut fields, "invoice_settings", settings);
    }
    Ok(fields)
}
