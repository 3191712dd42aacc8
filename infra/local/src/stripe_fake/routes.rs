//! What `POST` and `DELETE` below `/v1/` change.

use serde_json::{Map, Value, json};

use super::bill;
use super::catalog;
use super::closing;
use super::collect::{self, By};
use super::coupons;
use super::customers;
use super::expand;
use super::form::Form;
use super::invoices;
use super::methods;
use super::object::{id, set, text};
use super::outcome::Outcome;
use super::payments;
use super::portal;
use super::refunds;
use super::refusal::Refusal;
use super::sessions;
use super::subscriptions;
use super::world::{World, name_of};

/// Makes a change; returns the object that Stripe answers with.
///
/// # Errors
/// Stripe's.
pub fn change(world: &mut World, method: &str, path: &str, form: &Form) -> Result<Value, Refusal> {
    let parts: Vec<&str> = path.split('/').collect();
    let mut answer = match (method, parts.as_slice()) {
        ("POST", ["customers"]) => customers::create(world, form),
        ("POST", ["customers", id]) => customers::update(world, id, form),
        ("DELETE", ["customers", id]) => customers::delete(world, id),
        ("POST", ["payment_methods"]) => methods::create(world, form),
        ("POST", ["payment_methods", id]) => methods::update(world, id, form),
        ("POST", ["payment_methods", id, "attach"]) => methods::attach(world, id, form),
        ("POST", ["payment_methods", id, "detach"]) => methods::detach(world, id),
        ("POST", ["products"]) => catalog::create_product(world, form),
        ("POST", ["prices"]) => catalog::create_price(world, form),
        ("POST", [kind @ ("prices" | "products"), id]) => described(world, kind, id, form),
        ("POST", ["coupons"]) => coupons::create(world, form),
        ("POST", ["tax_rates"]) => tax_rate(world, form),
        ("POST", ["subscriptions"]) => subscriptions::create(world, form),
        ("POST", ["subscriptions", id]) => subscriptions::update(world, id, form),
        ("DELETE", ["subscriptions", id]) => subscriptions::cancel(world, id, form),
        ("POST", ["invoices"]) => invoices::create(world, form),
        ("POST", ["invoiceitems"]) => invoices::add_item(world, form),
        ("POST", ["invoices", id]) => invoices::update(world, id, form),
        ("POST", ["invoices", id, "pay"]) => invoices::pay(world, id, form),
        ("POST", ["invoices", id, "finalize"]) => invoices::finalize(world, id, form),
        ("POST", ["invoices", id, "void"]) => invoices::void(world, id),
        ("POST", ["invoices", id, "mark_uncollectible"]) => invoices::mark_uncollectible(world, id),
        ("POST", ["checkout", "sessions"]) => sessions::create(world, form),
        ("POST", ["checkout", "sessions", id, "expire"]) => sessions::expire(world, id),
        ("POST", ["billing_portal", "sessions"]) => portal::create(world, form),
        ("POST", ["refunds"]) => refunds::create(world, form),
        ("POST", ["credit_notes"]) => refunds::credit(world, form),
        ("POST", ["payment_intents"]) => intent(world, form),
        ("POST", ["payment_intents", id, "confirm"]) => confirm(world, id, form),
        ("POST", ["payment_intents", id, "cancel"]) => {
            world.named(id, "payment_intent", "intent")?;
            payments::cancel(world, id);
            Ok(world.get(id).cloned().unwrap_or_default())
        }
        ("POST", [kind @ ("payment_intents" | "charges" | "refunds"), id]) => described(world, kind, id, form),
        _ => Err(Refusal {
            status: 404,
            ..Refusal::state("", format!("Unrecognized request URL ({method}: /v1/{path})."))
        }),
    }
    .map_err(|refusal| unfound(refusal, &parts))?;
    let wanted = form.entries("/expand");
    expand::fill(world, &mut answer, wanted.iter().filter_map(|entry| entry.value().as_str()));
    Ok(answer)
}

/// What the path names and is not there is 404; what a parameter names is 400.
fn unfound(refusal: Refusal, parts: &[&str]) -> Refusal {
    let missing = text(&refusal.error, "/code") == "resource_missing";
    let named = |part: &&str| text(&refusal.error, "/message").ends_with(&format!("'{part}'"));
    if missing && parts.iter().any(named) { Refusal { status: 404, ..refusal } } else { refusal }
}

/// The customer confirms a payment that asked for it, or does not.
///
/// # Errors
/// The decline.
pub fn authenticate(world: &mut World, intent: &str, agrees: bool) -> Result<(), Refusal> {
    let known = world.named(intent, "payment_intent", "intent")?;
    if text(&known, "/status") != "requires_action" {
        return Err(Refusal::state("payment_intent_unexpected_state", "Nothing is to be confirmed here any more."));
    }
    let method = id(&known, "/payment_method").and_then(|method| world.get(method)).cloned().unwrap_or_default();
    let outcome = if agrees { Outcome::Succeed } else { Outcome::Decline("authentication_required".to_owned()) };
    match bill::invoice_of(world, intent) {
        Some(invoice) => collect::charge(world, &invoice, &method, By::Customer, Some(&outcome)).map(drop),
        None => {
            payments::attempt_as(world, intent, &method, &outcome);
            closing::settled(world, intent, agrees);
            Ok(())
        }
    }
}

fn intent(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "amount",
        "currency",
        "customer",
        "payment_method",
        "confirm",
        "off_session",
        "description",
        "metadata",
        "payment_method_types",
        "automatic_payment_methods",
        "setup_future_usage",
        "receipt_email",
        "return_url",
    ])?;
    let amount = form.number("/amount")?.ok_or_else(|| Refusal::missing("amount"))?;
    let currency = form.required("/currency")?.to_ascii_lowercase();
    let customer = form.text("/customer").map(|customer| world.named(customer, "customer", "customer")).transpose()?;
    let mut fields = form.texts(&["description", "setup_future_usage", "receipt_email"]);
    set(&mut fields, "metadata", form.metadata("/metadata", &json!({})));
    let made = payments::intent(world, amount, &currency, customer.as_ref().map(|found| text(found, "/id")), &fields);
    let made_id = text(&made, "/id").to_owned();
    if form.boolean("/confirm")? == Some(true) {
        return confirm(world, &made_id, form);
    }
    Ok(made)
}

fn confirm(world: &mut World, intent: &str, form: &Form) -> Result<Value, Refusal> {
    let known = world.named(intent, "payment_intent", "intent")?;
    let method = form.text("/payment_method").or_else(|| id(&known, "/payment_method"));
    let method =
        world.named(method.ok_or_else(|| Refusal::missing("payment_method"))?, "PaymentMethod", "payment_method")?;
    if !matches!(text(&known, "/status"), "requires_payment_method" | "requires_confirmation" | "requires_action") {
        return Err(Refusal::state(
            "payment_intent_unexpected_state",
            format!("This PaymentIntent's status is {}.", text(&known, "/status")),
        ));
    }
    if let Some(invoice) = bill::invoice_of(world, intent) {
        collect::charge(world, &invoice, &method, By::Seller, None)?;
    } else if let payments::Tried::Declined(declined, charge) = payments::attempt(world, intent, &method, false) {
        return Err(declined.refusal(&charge, &method));
    }
    Ok(world.get(intent).cloned().unwrap_or_default())
}

/// What is said of an object, and whether it may still be used.
fn described(world: &mut World, kind: &str, id: &str, form: &Form) -> Result<Value, Refusal> {
    form.only(&["metadata", "description", "active", "nickname", "name"])?;
    let known = world.named(id, name_of(kind), "id")?;
    let mut fields = form.texts(&["description", "nickname", "name"]);
    set(&mut fields, "metadata", form.metadata("/metadata", known.get("metadata").unwrap_or(&Value::Null)));
    if let Some(active) = form.boolean("/active")? {
        set(&mut fields, "active", active);
    }
    let event = format!("{}.updated", name_of(kind));
    Ok(world.update(id, &fields, &event))
}

fn tax_rate(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "display_name",
        "inclusive",
        "percentage",
        "country",
        "description",
        "jurisdiction",
        "active",
        "metadata",
        "tax_type",
        "state",
    ])?;
    let percentage: serde_json::Number =
        form.required("/percentage")?.parse().map_err(|_| Refusal::parameter("percentage", "", "Invalid decimal"))?;
    let fields = json!({
        "display_name": form.required("/display_name")?, "inclusive": form.boolean("/inclusive")?.ok_or_else(|| Refusal::missing("inclusive"))?,
        "percentage": percentage, "effective_percentage": percentage, "rate_type": "percentage",
        "country": form.text("/country"), "description": form.text("/description"), "jurisdiction": form.text("/jurisdiction"),
        "tax_type": form.text("/tax_type"), "state": form.text("/state"), "metadata": form.metadata("/metadata", &json!({})),
    });
    let rate = world.new_object("tax_rate", "txr_", fields);
    world.keep(&rate, "");
    world.emit("tax_rate.created", &rate, &Map::new());
    Ok(rate)
}
