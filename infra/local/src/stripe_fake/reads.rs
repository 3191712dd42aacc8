//! What `GET /v1/...` answers.

use serde_json::{Value, json};

use super::expand;
use super::lists;
use super::object::{list, merge, text};
use super::query::Query;
use super::refusal::Refusal;
use super::world::{World, name_of};

/// The object or list at a path.
///
/// # Errors
/// When there is none.
pub fn read(world: &World, path: &str, query: &Query) -> Result<Value, Refusal> {
    let mut answer = match world.objects.get(path) {
        Some(object) => lists::filtered(object, query),
        None if lists::is_list(path) => lists::of(&world.objects, path, query),
        None => within(world, path, query)?,
    };
    expand::fill(world, &mut answer, query.all("expand"));
    match answer.get_mut("data").and_then(Value::as_array_mut) {
        Some(entries) => entries.iter_mut().for_each(shortened),
        None => shortened(&mut answer),
    }
    Ok(answer)
}

/// An invoice has its first lines within itself, as Stripe answers it; the rest is read from their own path.
fn shortened(object: &mut Value) {
    if text(object, "/object") == "invoice"
        && let Some(first) = object.get("lines").and_then(lists::first_lines)
        && let Some(lines) = object.get_mut("lines")
        && first.get("has_more") == Some(&Value::Bool(true))
    {
        merge(lines, &first);
    }
}

/// What is part of an object: its lines, a customer's methods, a subscription's items.
fn within(world: &World, path: &str, query: &Query) -> Result<Value, Refusal> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [kind @ ("invoices" | "credit_notes"), id, "lines"] => {
            let whole = world.get(id).ok_or_else(|| Refusal::not_found(name_of(kind), id))?;
            let lines: Vec<&Value> = list(whole, "/lines/data").iter().collect();
            Ok(lists::page(&lines, path, query))
        }
        ["customers", id, "payment_methods"] => {
            world.named(id, "customer", "customer")?;
            let theirs = |method: &&Value| {
                text(method, "/customer") == *id && query.one("type").is_none_or(|kind| text(method, "/type") == kind)
            };
            let methods: Vec<&Value> = world.all("payment_methods").into_iter().filter(theirs).collect();
            Ok(lists::page(&methods, path, query))
        }
        ["customers", _, "payment_methods", id] => {
            world.get(id).cloned().ok_or_else(|| Refusal::not_found("PaymentMethod", id))
        }
        ["subscription_items"] => {
            let wanted = query.one("subscription").ok_or_else(|| Refusal::missing("subscription"))?;
            let known = world.named(wanted, "subscription", "subscription")?;
            let items: Vec<&Value> = list(&known, "/items/data").iter().collect();
            Ok(lists::page(&items, path, query))
        }
        ["subscription_items", id] => {
            let all = world.all("subscriptions").into_iter().flat_map(|found| list(found, "/items/data"));
            let found = all.into_iter().find(|item| text(item, "/id") == *id);
            found.cloned().ok_or_else(|| Refusal::not_found("subscription item", id))
        }
        ["balance"] => Ok(json!({"object": "balance", "available": [], "pending": [], "livemode": false})),
        [kind @ .., id] => Err(Refusal::not_found(name_of(&kind.join("/")), id)),
        [] => Err(Refusal::not_found("object", path)),
    }
}
