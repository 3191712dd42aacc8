//! The items of a subscription: what is bought, how often, and for how long.

use serde_json::{Value, json};

use super::calendar;
use super::catalog;
use super::form::Form;
use super::object::{id, list, merge, number, set, some, text};
use super::refusal::Refusal;
use super::shape;
use super::world::World;

/// Items are few; Stripe takes twenty.
const MOST: usize = 20;

/// Items made of a list of parameters.
///
/// # Errors
/// When a price is missing, unknown, not recurring, or of another currency than the first.
pub fn made(world: &mut World, form: &Form, list: &str) -> Result<Vec<Value>, Refusal> {
    let entries = form.entries(&format!("/{list}"));
    if entries.is_empty() {
        return Err(Refusal::missing(list));
    }
    if entries.len() > MOST {
        return Err(Refusal::parameter(list, "", format!("A subscription has at most {MOST} items.")));
    }
    let mut items = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        items.push(one(world, entry, &format!("{list}[{place}]"))?);
    }
    agree(&items, list)?;
    Ok(items)
}

/// The items after an update: changed, deleted and added ones.
///
/// # Errors
/// As [`made`]; also when there is no such item.
pub fn changed(world: &mut World, form: &Form, before: &[Value]) -> Result<Vec<Value>, Refusal> {
    let mut items = before.to_vec();
    for (place, entry) in form.entries("/items").iter().enumerate() {
        let param = format!("items[{place}]");
        let Some(item) = entry.text("/id") else {
            items.push(one(world, entry, &param)?);
            continue;
        };
        let at = items.iter().position(|known| text(known, "/id") == item);
        let at = at.ok_or_else(|| Refusal::no_such("subscription item", item, &format!("{param}[id]")))?;
        if entry.boolean("/deleted")? == Some(true) {
            items.remove(at);
            continue;
        }
        let Some(known) = items.get_mut(at) else { continue };
        if entry.has("/price") || entry.has("/price_data") {
            let price = recurring(catalog::of_entry(world, entry, &param)?, &param)?;
            merge(known, &json!({"plan": plan(&price), "price": price}));
        }
        if let Some(quantity) = entry.number("/quantity")? {
            set(known, "quantity", quantity);
        }
        let metadata = entry.metadata("/metadata", known.get("metadata").unwrap_or(&Value::Null));
        set(known, "metadata", metadata);
    }
    if items.is_empty() {
        return Err(Refusal::parameter("items", "", "A subscription must have at least one active plan."));
    }
    agree(&items, "items")?;
    Ok(items)
}

/// Gives each item its subscription and its period.
pub fn with_period(items: &mut [Value], subscription: &str, period: (i64, i64)) {
    for item in items {
        let fields =
            json!({"subscription": subscription, "current_period_start": period.0, "current_period_end": period.1});
        merge(item, &fields);
    }
}

/// The items of a subscription as its list.
pub fn as_list(items: &[Value], subscription: &str) -> Value {
    let url = format!("/v1/subscription_items?subscription={subscription}");
    json!({"object": "list", "data": items, "has_more": false, "total_count": items.len(), "url": url})
}

/// When the current period of a subscription began and ends.
pub fn period_of(subscription: &Value) -> (i64, i64) {
    let first = list(subscription, "/items/data").first();
    first.map_or((0, 0), |item| (number(item, "/current_period_start"), number(item, "/current_period_end")))
}

/// The end of the period after `end`.
pub fn next_end(subscription: &Value, end: i64) -> i64 {
    let recurring = list(subscription, "/items/data").first().and_then(|item| item.pointer("/price/recurring"));
    let recurring = recurring.cloned().unwrap_or_default();
    let interval = some(&recurring, "/interval").unwrap_or("month");
    calendar::next(
        number(subscription, "/billing_cycle_anchor"),
        end,
        interval,
        number(&recurring, "/interval_count").max(1),
    )
}

/// What a period of these items costs.
pub fn total(items: &[Value]) -> i64 {
    items.iter().map(|item| number(item, "/price/unit_amount").saturating_mul(number(item, "/quantity"))).sum()
}

fn one(world: &mut World, entry: &Form, param: &str) -> Result<Value, Refusal> {
    let price = recurring(catalog::of_entry(world, entry, param)?, param)?;
    let quantity = entry.number("/quantity")?.unwrap_or(1);
    if quantity < 0 {
        return Err(Refusal::parameter(
            &format!("{param}[quantity]"),
            "parameter_invalid_integer",
            "Invalid non-negative integer",
        ));
    }
    let metadata = entry.metadata("/metadata", &json!({}));
    let fields = json!({"plan": plan(&price), "price": price, "quantity": quantity, "metadata": metadata});
    Ok(world.new_object("subscription_item", "si_", fields))
}

fn recurring(price: Value, param: &str) -> Result<Value, Refusal> {
    if price.get("recurring").is_some_and(Value::is_object) {
        return Ok(price);
    }
    let text = format!(
        "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`: {}",
        id(&price, "/id").unwrap_or_default()
    );
    Err(Refusal::parameter(&format!("{param}[price]"), "", text))
}

fn agree(items: &[Value], list: &str) -> Result<(), Refusal> {
    let of = |pointer: &'static str| items.iter().map(move |item| item.pointer(pointer));
    let same = |pointer: &'static str| of(pointer).all(|value| Some(value) == of(pointer).next());
    if !same("/price/currency") {
        return Err(Refusal::parameter(list, "", "All prices on a subscription must have the same currency."));
    }
    if !same("/price/recurring/interval") {
        return Err(Refusal::parameter(
            list,
            "",
            "All prices on a subscription must have the same `recurring.interval`.",
        ));
    }
    Ok(())
}

/// A price in the older form that items still have.
fn plan(price: &Value) -> Value {
    let mut plan = shape::of("plan");
    let fields = json!({
        "id": price.get("id"), "amount": price.get("unit_amount"), "amount_decimal": price.get("unit_amount_decimal"),
        "created": price.get("created"), "currency": price.get("currency"), "product": price.get("product"),
        "interval": price.pointer("/recurring/interval"), "interval_count": price.pointer("/recurring/interval_count"),
        "nickname": price.get("nickname"),
    });
    merge(&mut plan, &fields);
    plan
}
