//! The status of a subscription, as its invoices are paid or not.

use serde_json::{Value, json};

use super::bill;
use super::object::{id, list, set, text};
use super::payments;
use super::world::World;

/// An invoice of it was paid, or need not be paid any more.
pub fn relieved(world: &mut World, invoice: &Value) {
    let Some(subscription) = bill::subscription_of(invoice).and_then(|id| world.get(id)).cloned() else { return };
    let newest = id(&subscription, "/latest_invoice") == Some(text(invoice, "/id"));
    let trial = subscription.get("trial_end").and_then(Value::as_i64).is_some_and(|end| end > world.now);
    let status = match text(&subscription, "/status") {
        "incomplete" if trial => "trialing",
        "incomplete" => "active",
        "past_due" | "unpaid" if newest => "active",
        _ => return,
    };
    world.update(text(&subscription, "/id"), &json!({"status": status}), "customer.subscription.updated");
}

/// An invoice of it was not paid; `last` says that Stripe tries no more.
pub fn burdened(world: &mut World, invoice: &Value, last: bool) {
    let Some(subscription) = bill::subscription_of(invoice).and_then(|id| world.get(id)).cloned() else { return };
    let subscription_id = text(&subscription, "/id");
    if !matches!(text(&subscription, "/status"), "active" | "trialing" | "past_due") {
        return;
    }
    let at_the_end = world.habits.at_the_end.clone();
    match (last, at_the_end.as_str()) {
        (true, "canceled") => {
            cancel(world, subscription_id, "payment_failed");
        }
        (true, "unpaid") => {
            world.update(subscription_id, &json!({"status": "unpaid"}), "customer.subscription.updated");
        }
        _ => {
            world.update(subscription_id, &json!({"status": "past_due"}), "customer.subscription.updated");
        }
    }
}

/// Ends a subscription now; Stripe tries none of its invoices any more.
pub fn cancel(world: &mut World, subscription: &str, reason: &str) -> Value {
    let known = world.get(subscription).cloned().unwrap_or_default();
    let mut details = known.get("cancellation_details").cloned().unwrap_or_default();
    set(&mut details, "reason", reason);
    let canceled_at = known.get("canceled_at").filter(|at| at.is_i64()).cloned().unwrap_or_else(|| json!(world.now));
    let fields = json!({"status": "canceled", "ended_at": world.now, "canceled_at": canceled_at, "cancellation_details": details});
    let ended = world.update(subscription, &fields, "");
    leave_invoices(world, subscription);
    world.keep(&ended, "customer.subscription.deleted");
    ended
}

/// The first invoice was not paid in time: the subscription never began.
pub fn expire(world: &mut World, subscription: &str) {
    if world.get(subscription).is_none_or(|known| text(known, "/status") != "incomplete") {
        return;
    }
    let newest = world.get(subscription).and_then(|known| id(known, "/latest_invoice")).map(str::to_owned);
    if let Some(invoice) = newest {
        void(world, &invoice);
    }
    let fields = json!({"status": "incomplete_expired", "ended_at": world.now});
    world.update(subscription, &fields, "customer.subscription.updated");
}

/// Makes an open invoice void, and ends its intent.
pub fn void(world: &mut World, invoice: &str) -> Value {
    let known = world.get(invoice).cloned().unwrap_or_default();
    if !matches!(text(&known, "/status"), "open" | "uncollectible") {
        return known;
    }
    let mut transitions = known.get("status_transitions").cloned().unwrap_or_default();
    set(&mut transitions, "voided_at", world.now);
    let fields = json!({"status": "void", "status_transitions": transitions, "next_payment_attempt": null, "auto_advance": false});
    if let Some((payment, intent)) = bill::payment_of(world, invoice) {
        payments::cancel(world, &intent);
        world.update(
            &payment,
            &json!({"status": "canceled", "status_transitions": {"canceled_at": world.now, "paid_at": null}}),
            "",
        );
    }
    world.update(invoice, &fields, "invoice.voided")
}

fn leave_invoices(world: &mut World, subscription: &str) {
    let left = |invoice: &&Value| {
        bill::subscription_of(invoice) == Some(subscription) && matches!(text(invoice, "/status"), "draft" | "open")
    };
    let left: Vec<_> = world.each("invoices").filter(left).map(|found| text(found, "/id").to_owned()).collect();
    for invoice in left {
        let fields = json!({"auto_advance": false, "next_payment_attempt": null, "automatically_finalizes_at": null});
        world.update(&invoice, &fields, "invoice.updated");
    }
}

/// Whether a subscription has an end at which it can be renewed.
pub fn is_live(subscription: &Value) -> bool {
    matches!(text(subscription, "/status"), "active" | "trialing" | "past_due" | "unpaid")
        && !list(subscription, "/items/data").is_empty()
}
