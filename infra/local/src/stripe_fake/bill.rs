//! Invoices: drafted, given a number, and asked for.

use serde_json::{Map, Value, json};

use super::coupons;
use super::object::{id, is, list, number, set, some, text};
use super::payments;
use super::world::World;

/// What an invoice is for.
#[derive(Debug, Default)]
pub struct Bill<'a> {
    /// The customer.
    pub customer: &'a str,
    /// The subscription, if it is for one.
    pub subscription: Option<&'a Value>,
    /// Stripe's `billing_reason`.
    pub reason: &'a str,
    /// ISO 4217 in small letters.
    pub currency: &'a str,
    /// The lines.
    pub lines: Vec<Value>,
    /// When its period begins and ends.
    pub period: (i64, i64),
}

/// A line of an invoice.
pub fn line(world: &mut World, price: &Value, quantity: i64, amount: i64, period: (i64, i64)) -> Value {
    let product = id(price, "/product").unwrap_or_default().to_owned();
    let name = world.get(&product).map_or_else(|| "Goods".to_owned(), |found| text(found, "/name").to_owned());
    let price_id = text(price, "/id");
    let made = json!({
        "amount": amount, "subtotal": amount, "currency": text(price, "/currency"), "description": format!("{quantity} × {name}"),
        "period": {"start": period.0, "end": period.1}, "quantity": quantity, "quantity_decimal": quantity.to_string(),
        "pricing": {
            "type": "price_details", "price_details": {"price": price_id, "product": product},
            "unit_amount_decimal": number(price, "/unit_amount").to_string(),
        },
    });
    world.new_object("line_item", "il_", made)
}

/// The lines of a period of a subscription: one for each item, at nothing in a trial.
pub fn lines_of(world: &mut World, subscription: &Value, period: (i64, i64), trial: bool) -> Vec<Value> {
    let items = list(subscription, "/items/data").to_vec();
    let lines = items.iter().map(|item| {
        let price = item.get("price").cloned().unwrap_or_default();
        let quantity = item.get("quantity").and_then(Value::as_i64).unwrap_or(1);
        let amount = if trial { 0 } else { number(&price, "/unit_amount").saturating_mul(quantity) };
        let mut line = line(world, &price, quantity, amount, period);
        of_item(&mut line, subscription, text(item, "/id"), false);
        line
    });
    lines.collect()
}

/// Says of which item of a subscription a line is.
pub fn of_item(line: &mut Value, subscription: &Value, item: &str, proration: bool) {
    let details = json!({
        "invoice_item": null, "proration": proration, "proration_details": {"credited_items": null},
        "subscription": text(subscription, "/id"), "subscription_item": item,
    });
    let parent = json!({"type": "subscription_item_details", "subscription_item_details": details, "invoice_item_details": null});
    set(line, "parent", parent);
    set(line, "subscription", text(subscription, "/id"));
}

/// A draft. What waited for the next invoice of the subscription is on it.
pub fn draft(world: &mut World, bill: Bill<'_>) -> Value {
    let subscription = bill.subscription.map(|found| text(found, "/id").to_owned());
    let waiting = subscription.as_ref().and_then(|id| world.pending.remove(id)).unwrap_or_default();
    let mut lines: Vec<Value> = waiting.into_iter().chain(bill.lines).collect();
    let customer = world.get(bill.customer).cloned().unwrap_or_default();
    let parent = bill.subscription.map(|found| {
        let details = json!({"metadata": found.get("metadata"), "subscription": text(found, "/id")});
        json!({"type": "subscription_details", "subscription_details": details, "quote_details": null})
    });
    let off = subscription.as_ref().and_then(|id| coupons::take_off(world, id, &mut lines));
    let subtotal: i64 = lines.iter().map(|line| number(line, "/amount")).sum();
    let total = subtotal - off.as_ref().map_or(0, |(_, amount)| *amount);
    let method = bill.subscription.and_then(|found| id(found, "/default_payment_method"));
    let due = total.max(0);
    let fields = json!({
        "customer": bill.customer, "currency": bill.currency, "billing_reason": bill.reason, "parent": parent,
        "customer_address": customer.get("address"), "customer_email": customer.get("email"), "customer_name": customer.get("name"),
        "customer_phone": customer.get("phone"), "customer_shipping": customer.get("shipping"),
        "customer_tax_exempt": some(&customer, "/tax_exempt").unwrap_or("none"), "default_payment_method": method,
        "subtotal": subtotal, "subtotal_excluding_tax": subtotal, "total": total, "total_excluding_tax": total,
        "amount_due": due, "amount_remaining": due, "ending_balance": null, "period_start": bill.period.0, "period_end": bill.period.1,
        "discounts": off.iter().map(|(id, _)| id).collect::<Vec<_>>(),
        "total_discount_amounts": off.iter().map(|(id, amount)| json!({"amount": amount, "discount": id})).collect::<Vec<_>>(),
        "metadata": {}, "auto_advance": bill.reason != "manual",
    });
    let mut invoice = world.new_object("invoice", "in_", fields);
    let invoice_id = text(&invoice, "/id").to_owned();
    for line in &mut lines {
        set(line, "invoice", invoice_id.clone());
    }
    let url = format!("/v1/invoices/{invoice_id}/lines");
    set(
        &mut invoice,
        "lines",
        json!({"object": "list", "data": lines, "has_more": false, "total_count": lines.len(), "url": url}),
    );
    if let Some(subscription) = &subscription {
        world.update(subscription, &json!({"latest_invoice": invoice_id}), "");
    }
    world.keep(&invoice, "invoice.created");
    invoice
}

/// Gives a draft its number, and an intent if anything is to be paid.
pub fn finalize(world: &mut World, invoice: &str) -> Value {
    let known = world.get(invoice).cloned().unwrap_or_default();
    if text(&known, "/status") != "draft" {
        return known;
    }
    let number = next_number(world, text(&known, "/customer"));
    let mut transitions = known.get("status_transitions").cloned().unwrap_or_default();
    set(&mut transitions, "finalized_at", world.now);
    let hosted = format!("{}/invoice/{invoice}", world.pages);
    let fields = json!({
        "status": "open", "number": number, "status_transitions": transitions, "effective_at": world.now,
        "automatically_finalizes_at": null, "hosted_invoice_url": hosted, "invoice_pdf": format!("{hosted}.pdf"),
        "ending_balance": 0, "webhooks_delivered_at": world.now,
    });
    let due = self::number(&known, "/amount_due");
    if due > 0 {
        let described = json!({"description": format!("Invoice {number}"), "setup_future_usage": "off_session"});
        let intent = payments::intent(world, due, text(&known, "/currency"), some(&known, "/customer"), &described);
        let made = json!({
            "amount_requested": due, "currency": text(&known, "/currency"), "invoice": invoice,
            "payment": {"type": "payment_intent", "payment_intent": text(&intent, "/id")},
        });
        let payment = world.new_object("invoice_payment", "inpay_", made);
        world.keep(&payment, "");
    }
    let open = world.update(invoice, &fields, "");
    world.emit("invoice.finalized", &open, &Map::new());
    open
}

/// The payment of an invoice that is tried, and its intent.
pub fn payment_of(world: &World, invoice: &str) -> Option<(String, String)> {
    let of = |payment: &&Value| id(payment, "/invoice") == Some(invoice) && is(payment, "/is_default");
    let payment = world.each("invoice_payments").find(of)?;
    Some((text(payment, "/id").to_owned(), id(payment, "/payment/payment_intent")?.to_owned()))
}

/// The invoice that an intent is for.
pub fn invoice_of(world: &World, intent: &str) -> Option<String> {
    let of = |payment: &&Value| id(payment, "/payment/payment_intent") == Some(intent);
    world.each("invoice_payments").find(of).and_then(|payment| id(payment, "/invoice")).map(str::to_owned)
}

/// The subscription that an invoice is for.
pub fn subscription_of(invoice: &Value) -> Option<&str> {
    id(invoice, "/parent/subscription_details/subscription")
}

fn next_number(world: &mut World, customer: &str) -> String {
    let holder = world.get(customer).cloned().unwrap_or_default();
    let sequence = number(&holder, "/next_invoice_sequence").max(1);
    let prefix = some(&holder, "/invoice_prefix").unwrap_or("LOCAL").to_owned();
    let fields = json!({"next_invoice_sequence": sequence + 1});
    world.update(customer, &fields, "");
    format!("{prefix}-{sequence:04}")
}
