//! Coupons: a part, or all, of what a subscription costs.

use serde_json::{Value, json};

use super::form::Form;
use super::object::{number, set, text};
use super::refusal::Refusal;
use super::world::World;

/// `POST /v1/coupons`.
///
/// # Errors
/// Stripe's.
pub fn create(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&["id", "percent_off", "duration", "duration_in_months", "name", "metadata"])?;
    let percent = form.number("/percent_off")?.ok_or_else(|| Refusal::missing("percent_off"))?;
    if !(1..=100).contains(&percent) {
        return Err(Refusal::parameter("percent_off", "", "Invalid percentage: must be between 1 and 100."));
    }
    let duration = form.choice("/duration", &["forever", "once"])?.unwrap_or("once");
    let id = form.text("/id").map_or_else(|| world.id(""), str::to_owned);
    let coupon = json!({
        "id": id, "object": "coupon", "amount_off": null, "created": world.now, "currency": null, "duration": duration,
        "duration_in_months": null, "livemode": false, "max_redemptions": null, "metadata": form.metadata("/metadata", &json!({})),
        "name": form.text("/name"), "percent_off": percent, "redeem_by": null, "times_redeemed": 0, "valid": true,
    });
    world.objects.insert(format!("coupons/{id}"), coupon.clone());
    Ok(coupon)
}

/// The coupon that `discounts[0][coupon]` names, if any.
///
/// # Errors
/// When there is no such coupon.
pub fn named(world: &World, form: &Form, at: &str) -> Result<Option<String>, Refusal> {
    let Some(id) = form.text(&format!("{at}/discounts/0/coupon")) else { return Ok(None) };
    match world.objects.contains_key(&format!("coupons/{id}")) {
        true => Ok(Some(id.to_owned())),
        false => Err(Refusal::no_such("coupon", id, "discounts[0][coupon]")),
    }
}

/// Gives a subscription a discount; returns its id.
pub fn give(world: &mut World, subscription: &str, coupon: &str) -> String {
    let discount = world.id("di_");
    world.discounts.insert(subscription.to_owned(), (discount.clone(), coupon.to_owned()));
    discount
}

/// Takes the discount of a subscription off the lines of an invoice; returns its id and how much it is.
pub fn take_off(world: &mut World, subscription: &str, lines: &mut [Value]) -> Option<(String, i64)> {
    let (discount, coupon) = world.discounts.get(subscription).cloned()?;
    let coupon = world.objects.get(&format!("coupons/{coupon}")).cloned()?;
    let mut whole = 0;
    for line in lines {
        let part = number(line, "/amount").max(0).saturating_mul(number(&coupon, "/percent_off")) / 100;
        set(line, "discount_amounts", json!([{"amount": part, "discount": discount}]));
        set(line, "discounts", json!([discount]));
        whole += part;
    }
    // A trial's first invoice, at nothing, uses no coupon up.
    if text(&coupon, "/duration") == "once" && whole > 0 {
        world.discounts.remove(subscription);
    }
    Some((discount, whole))
}
