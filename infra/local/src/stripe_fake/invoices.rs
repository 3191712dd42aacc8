//! Invoices: made, paid and given up by calls.

use serde_json::{Value, json};

use super::bill::{self, Bill};
use super::catalog;
use super::collect::{self, By};
use super::form::Form;
use super::methods;
use super::object::{id, number, set, text};
use super::refusal::Refusal;
use super::standing;
use super::world::World;

/// `POST /v1/invoices`: a one-off invoice of what waits for the customer.
///
/// # Errors
/// Stripe's.
pub fn create(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "customer",
        "metadata",
        "auto_advance",
        "collection_method",
        "days_until_due",
        "description",
        "currency",
        "default_payment_method",
        "pending_invoice_items_behavior",
    ])?;
    let customer = world.named(form.required("/customer")?, "customer", "customer")?;
    let customer = text(&customer, "/id");
    let lines = world.pending.remove(customer).unwrap_or_default();
    let currency = lines.first().map_or("eur", |line| text(line, "/currency")).to_owned();
    let bill = Bill {
        customer,
        subscription: None,
        reason: "manual",
        currency: &currency,
        lines,
        period: (world.now, world.now),
    };
    let invoice = bill::draft(world, bill);
    let mut fields = form.texts(&["description", "collection_method", "default_payment_method"]);
    set(&mut fields, "metadata", form.metadata("/metadata", &json!({})));
    Ok(world.update(text(&invoice, "/id"), &fields, ""))
}

/// `POST /v1/invoiceitems`.
///
/// # Errors
/// Stripe's.
pub fn add_item(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "customer",
        "amount",
        "currency",
        "description",
        "price",
        "price_data",
        "quantity",
        "pricing",
        "metadata",
        "invoice",
        "subscription",
    ])?;
    let customer = world.named(form.required("/customer")?, "customer", "customer")?;
    let quantity = form.number("/quantity")?.unwrap_or(1);
    let price = match form.number("/amount")? {
        Some(amount) => {
            json!({"unit_amount": amount, "currency": form.text("/currency").unwrap_or("eur"), "id": null, "product": null})
        }
        None => catalog::of_entry(world, form, "invoiceitem")?,
    };
    let amount = number(&price, "/unit_amount").saturating_mul(quantity);
    let now = world.now;
    let mut line = bill::line(world, &price, quantity, amount, (now, now));
    if let Some(words) = form.text("/description") {
        set(&mut line, "description", words);
    }
    let item = world.id("ii_");
    let details = json!({"invoice_item": item, "proration": false, "proration_details": {"credited_items": null}, "subscription": null});
    set(
        &mut line,
        "parent",
        json!({"type": "invoice_item_details", "invoice_item_details": details, "subscription_item_details": null}),
    );
    let customer = text(&customer, "/id").to_owned();
    let fields = json!({
        "id": item, "object": "invoiceitem", "amount": amount, "currency": text(&line, "/currency"), "customer": customer,
        "date": now, "description": text(&line, "/description"), "invoice": null, "livemode": false, "quantity": quantity,
    });
    world.pending.entry(customer).or_default().push(line);
    Ok(fields)
}

/// `POST /v1/invoices/{id}/pay`.
///
/// # Errors
/// Stripe's; the decline, if the method is declined.
pub fn pay(world: &mut World, invoice: &str, form: &Form) -> Result<Value, Refusal> {
    form.only(&["payment_method", "off_session", "paid_out_of_band", "mandate", "source", "forgive"])?;
    let off_session = form.boolean("/off_session")?.unwrap_or(true);
    let out_of_band = form.boolean("/paid_out_of_band")?.unwrap_or(false);
    let known = world.named(invoice, "invoice", "id")?;
    let known = if text(&known, "/status") == "draft" { bill::finalize(world, invoice) } else { known };
    match text(&known, "/status") {
        "open" | "uncollectible" => {}
        "paid" => return Err(Refusal::state("invoice_already_paid", "Invoice is already paid")),
        "void" => return Err(Refusal::state("", "You cannot pay an invoice that is void.")),
        other => return Err(Refusal::state("", format!("You cannot pay an invoice that is {other}."))),
    }
    if out_of_band {
        return Ok(collect::settled(world, invoice, true));
    }
    let customer = text(&known, "/customer").to_owned();
    let method = match form.text("/payment_method") {
        Some(method) => {
            let method = world.named(method, "PaymentMethod", "payment_method")?;
            if id(&method, "/customer") != Some(customer.as_str()) {
                let words = "The payment method supplied does not belong to the customer of this invoice.";
                return Err(Refusal::parameter("payment_method", "resource_missing", words));
            }
            method
        }
        None => {
            let subscription = bill::subscription_of(&known).and_then(|id| world.get(id)).cloned();
            let own = id(&known, "/default_payment_method").and_then(|method| world.get(method)).cloned();
            let words = "There is no `default_payment_method` set on this Customer or Invoice. Please set a default payment method or pass one.";
            own.or_else(|| methods::default_of(world, &customer, subscription.as_ref()))
                .ok_or_else(|| Refusal::state("missing", words))?
        }
    };
    let intent =
        bill::payment_of(world, invoice).and_then(|(_, intent)| world.get(&intent)).cloned().unwrap_or_default();
    if text(&intent, "/status") == "processing" {
        let words =
            "This invoice has a payment that is still processing; it cannot be paid again until that payment fails.";
        return Err(Refusal::state("payment_intent_unexpected_state", words));
    }
    let by = if off_session { By::Seller } else { By::Customer };
    // Off session the customer is not there, on session nobody confirms it for them.
    collect::charge(world, invoice, &method, by, None)
}

/// `POST /v1/invoices/{id}/finalize`.
///
/// # Errors
/// Stripe's.
pub fn finalize(world: &mut World, invoice: &str, form: &Form) -> Result<Value, Refusal> {
    form.only(&["auto_advance"])?;
    let known = world.named(invoice, "invoice", "id")?;
    if text(&known, "/status") != "draft" {
        return Err(Refusal::state(
            "invoice_not_editable",
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
        ));
    }
    let open = bill::finalize(world, invoice);
    if number(&open, "/amount_due") == 0 {
        return Ok(collect::settled(world, invoice, false));
    }
    Ok(open)
}

/// `POST /v1/invoices/{id}/void`.
///
/// # Errors
/// Stripe's.
pub fn void(world: &mut World, invoice: &str) -> Result<Value, Refusal> {
    let known = world.named(invoice, "invoice", "id")?;
    if !matches!(text(&known, "/status"), "open" | "uncollectible") {
        return Err(Refusal::state("", "You can only pass in open invoices. This invoice isn't open."));
    }
    let voided = standing::void(world, invoice);
    let first = bill::subscription_of(&voided).and_then(|id| world.get(id)).cloned().unwrap_or_default();
    if text(&first, "/status") == "incomplete" {
        standing::expire(world, text(&first, "/id"));
    } else {
        standing::relieved(world, &voided);
    }
    Ok(voided)
}

/// `POST /v1/invoices/{id}/mark_uncollectible`.
///
/// # Errors
/// Stripe's.
pub fn mark_uncollectible(world: &mut World, invoice: &str) -> Result<Value, Refusal> {
    let known = world.named(invoice, "invoice", "id")?;
    if text(&known, "/status") != "open" {
        return Err(Refusal::state("", "You can only mark open invoices as uncollectible."));
    }
    let mut transitions = known.get("status_transitions").cloned().unwrap_or_default();
    set(&mut transitions, "marked_uncollectible_at", world.now);
    let fields = json!({"status": "uncollectible", "status_transitions": transitions, "next_payment_attempt": null, "auto_advance": false});
    let marked = world.update(invoice, &fields, "invoice.marked_uncollectible");
    standing::relieved(world, &marked);
    Ok(marked)
}

/// `POST /v1/invoices/{id}`.
///
/// # Errors
/// Stripe's.
pub fn update(world: &mut World, invoice: &str, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "metadata",
        "auto_advance",
        "description",
        "default_payment_method",
        "collection_method",
        "days_until_due",
        "footer",
    ])?;
    let known = world.named(invoice, "invoice", "id")?;
    let mut fields = form.texts(&["description", "default_payment_method", "footer"]);
    set(&mut fields, "metadata", form.metadata("/metadata", known.get("metadata").unwrap_or(&Value::Null)));
    if let Some(advance) = form.boolean("/auto_advance")? {
        set(&mut fields, "auto_advance", advance);
    }
    Ok(world.update(invoice, &fields, "invoice.updated"))
}
