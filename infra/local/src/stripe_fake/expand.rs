//! `expand[]`: objects in the place of their ids, and what an object has only for those who ask.

use serde_json::{Value, json};

use super::lists::first_lines;
use super::object::{id, set, text};
use super::world::{World, path_of};

/// Fills in what the query asks for: `latest_invoice.payments`, `data.customer`.
pub fn fill<'a>(world: &World, answer: &mut Value, wanted: impl Iterator<Item = &'a str>) {
    for path in wanted {
        let parts: Vec<&str> = path.split('.').collect();
        walk(world, answer, &parts);
    }
}

fn walk(world: &World, value: &mut Value, parts: &[&str]) {
    if let Value::Array(entries) = value {
        entries.iter_mut().for_each(|entry| walk(world, entry, parts));
        return;
    }
    let Some((name, rest)) = parts.split_first() else { return };
    if value.get(name).is_none()
        && let Some(more) = includable(world, value, name)
    {
        set(value, name, more);
    }
    let Some(field) = value.get_mut(name) else { return };
    if let Some(found) = field.as_str().and_then(path_of).and_then(|path| world.objects.get(&path)) {
        *field = found.clone();
    } else if let Value::Array(entries) = field {
        for entry in entries.iter_mut() {
            if let Some(found) = entry.as_str().and_then(path_of).and_then(|path| world.objects.get(&path)) {
                *entry = found.clone();
            }
        }
    }
    walk(world, field, rest);
}

/// What is only sent when asked for.
fn includable(world: &World, object: &Value, name: &str) -> Option<Value> {
    let own = text(object, "/id");
    let of = |path: &str, field: &str| {
        let found: Vec<Value> =
            world.all(path).into_iter().filter(|entry| id(entry, field) == Some(own)).cloned().collect();
        json!({"object": "list", "data": found, "has_more": false, "url": format!("/v1/{path}")})
    };
    match (text(object, "/object"), name) {
        ("invoice", "payments") => Some(of("invoice_payments", "/invoice")),
        ("invoice", "confirmation_secret") => {
            let payment = world.each("invoice_payments").find(|payment| id(payment, "/invoice") == Some(own))?;
            let intent = id(payment, "/payment/payment_intent").and_then(|intent| world.get(intent))?;
            Some(json!({"client_secret": text(intent, "/client_secret"), "type": "payment_intent"}))
        }
        ("customer", "subscriptions") => Some(of("subscriptions", "/customer")),
        ("customer", "tax_ids") => Some(
            json!({"object": "list", "data": [], "has_more": false, "url": format!("/v1/customers/{own}/tax_ids")}),
        ),
        ("charge", "refunds") => Some(of("refunds", "/charge")),
        ("checkout.session", "line_items") => {
            world.objects.get(&format!("checkout/sessions/{own}/line_items")).and_then(first_lines)
        }
        _ => None,
    }
}
