//! What a change in the middle of a period gives back, and what it costs.

use serde_json::{Value, json};

use super::bill::{self, Bill};
use super::collect::{self, By};
use super::items;
use super::methods;
use super::object::{list, number, set, text};
use super::refusal::Refusal;
use super::world::World;

/// Keeps the lines of a change for the next invoice.
pub fn remember(world: &mut World, before: &Value, after: &[Value], behavior: &str) {
    if behavior == "none" || !matches!(text(before, "/status"), "active" | "past_due") {
        return;
    }
    let (start, end) = items::period_of(before);
    let left = (end - world.now).clamp(0, (end - start).max(1));
    let mut lines = Vec::new();
    let unchanged = |item: &Value, others: &[Value]| {
        let same = |other: &Value| {
            ["/id", "/price/id"].iter().all(|at| text(other, at) == text(item, at))
                && number(other, "/quantity") == number(item, "/quantity")
        };
        others.iter().any(same)
    };
    for (items, others, sign) in [(list(before, "/items/data"), after, -1), (after, list(before, "/items/data"), 1)] {
        for item in items.iter().filter(|item| !unchanged(item, others)) {
            let whole = number(item, "/price/unit_amount").saturating_mul(number(item, "/quantity"));
            let part = whole.saturating_mul(left) / (end - start).max(1);
            let price = item.get("price").cloned().unwrap_or_default();
            let mut line = bill::line(world, &price, number(item, "/quantity"), sign * part, (world.now, end));
            let what = if sign < 0 { "Unused time on" } else { "Remaining time on" };
            let described = format!("{what} {}", text(&line, "/description"));
            set(&mut line, "description", described);
            bill::of_item(&mut line, before, text(item, "/id"), true);
            lines.push(line);
        }
    }
    world.pending.entry(text(before, "/id").to_owned()).or_default().extend(lines);
}

/// Makes and charges an invoice of what waits.
///
/// # Errors
/// The decline, if the caller wants the change only when it is paid; the change is taken back.
pub fn invoice_now(
    world: &mut World,
    subscription: &str,
    behavior: Option<&str>,
    before: &Value,
) -> Result<(), Refusal> {
    if world.pending.get(subscription).is_none_or(Vec::is_empty) {
        return Ok(());
    }
    let known = world.get(subscription).cloned().unwrap_or_default();
    let (customer, currency) = (text(&known, "/customer"), text(&known, "/currency"));
    let bill = Bill {
        customer,
        subscription: Some(&known),
        reason: "subscription_update",
        currency,
        lines: Vec::new(),
        period: (world.now, world.now),
    };
    let invoice = bill::draft(world, bill);
    let invoice_id = text(&invoice, "/id").to_owned();
    let open = bill::finalize(world, &invoice_id);
    if number(&open, "/amount_due") == 0 {
        collect::settled(world, &invoice_id, false);
        return Ok(());
    }
    let Some(method) = methods::default_of(world, customer, Some(&known)) else { return Ok(()) };
    match collect::charge(world, &invoice_id, &method, By::Stripe, None) {
        Err(refusal) if behavior == Some("error_if_incomplete") => {
            let fields = json!({"items": before.get("items"), "status": before.get("status")});
            world.update(subscription, &fields, "customer.subscription.updated");
            Err(refusal)
        }
        _ => Ok(()),
    }
}
