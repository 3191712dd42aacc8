//! What happens by itself: trials end, periods are renewed, invoices are finalised and charged again, sessions expire.

use serde_json::{Map, Value, json};

use super::bill::{self, Bill};
use super::calendar::{DAY, HOUR};
use super::closing;
use super::collect;
use super::items;
use super::methods;
use super::object::{is, list, number, set, text};
use super::standing;
use super::world::{Timer, World};

/// Stripe leaves a draft alone for an hour.
const DRAFT: i64 = HOUR;

/// Lets time pass: what is due happens at its time, in order.
pub fn pass(world: &mut World, until: i64) {
    let caused = std::mem::take(&mut world.cause);
    while let Some((time, timer)) = world.due(until) {
        world.now = world.now.max(time);
        happen(world, &timer);
    }
    world.now = world.now.max(until);
    world.cause = caused;
}

fn happen(world: &mut World, timer: &Timer) {
    match timer {
        Timer::TrialWillEnd(subscription) => trial_will_end(world, subscription),
        Timer::Renew(subscription) => renew(world, subscription),
        Timer::ExpireIncomplete(subscription) => standing::expire(world, subscription),
        Timer::Finalize(invoice) => finalize(world, invoice),
        Timer::Retry(invoice) => {
            let due = world.get(invoice).is_some_and(|known| number(known, "/next_payment_attempt") == world.now);
            if due {
                collect::try_default(world, invoice);
            }
        }
        Timer::ExpireSession(session) => closing::expire(world, session),
        Timer::Settle { intent, paid } => {
            collect::settle(world, intent, *paid);
            closing::settled(world, intent, *paid);
        }
    }
}

fn trial_will_end(world: &mut World, subscription: &str) {
    let Some(known) = world.get(subscription).cloned() else { return };
    let near = (number(&known, "/trial_end") - world.now - 3 * DAY).abs() < HOUR;
    if text(&known, "/status") == "trialing" && near {
        world.emit("customer.subscription.trial_will_end", &known, &Map::new());
    }
}

fn renew(world: &mut World, subscription: &str) {
    let Some(known) = world.get(subscription).cloned().filter(standing::is_live) else { return };
    let (_, end) = items::period_of(&known);
    let told_to_end = known.get("cancel_at").and_then(Value::as_i64).is_some_and(|at| at <= world.now);
    if told_to_end || (is(&known, "/cancel_at_period_end") && end <= world.now) {
        standing::cancel(world, subscription, "cancellation_requested");
        return;
    }
    if end > world.now {
        return;
    }
    let trial = text(&known, "/status") == "trialing";
    if trial && without_method(world, &known) {
        return;
    }
    let next = items::next_end(&known, end);
    let mut renewed = list(&known, "/items/data").to_vec();
    items::with_period(&mut renewed, subscription, (end, next));
    let mut fields = json!({"items": items::as_list(&renewed, subscription)});
    if trial {
        set(&mut fields, "status", "active");
    }
    // A trial's end makes it active before anything is paid.
    let known = world.update(subscription, &fields, "customer.subscription.updated");
    world.at(next, Timer::Renew(subscription.to_owned()));
    let lines = bill::lines_of(world, &known, (end, next), false);
    let (customer, currency) = (text(&known, "/customer"), text(&known, "/currency"));
    let bill = Bill {
        customer,
        subscription: Some(&known),
        reason: "subscription_cycle",
        currency,
        lines,
        period: (world.now, end),
    };
    let invoice = bill::draft(world, bill);
    let id = text(&invoice, "/id").to_owned();
    if text(&known, "/status") == "unpaid" || paused(&known, "keep_as_draft") {
        world.update(&id, &json!({"auto_advance": false}), "");
        return;
    }
    let at = world.now + DRAFT;
    world.update(&id, &json!({"automatically_finalizes_at": at, "next_payment_attempt": at}), "");
    world.at(at, Timer::Finalize(id));
}

/// What the seller wants of a trial that ends without a method; whether it was not to go on.
fn without_method(world: &mut World, subscription: &Value) -> bool {
    if methods::default_of(world, text(subscription, "/customer"), Some(subscription)).is_some() {
        return false;
    }
    let id = text(subscription, "/id");
    match text(subscription, "/trial_settings/end_behavior/missing_payment_method") {
        "cancel" => {
            standing::cancel(world, id, "payment_failed");
        }
        "pause" => {
            let paused = world.update(id, &json!({"status": "paused"}), "customer.subscription.updated");
            world.emit("customer.subscription.paused", &paused, &Map::new());
        }
        _ => return false,
    }
    true
}

fn finalize(world: &mut World, invoice: &str) {
    let Some(known) = world.get(invoice).cloned() else { return };
    if text(&known, "/status") != "draft" || !is(&known, "/auto_advance") {
        return;
    }
    bill::finalize(world, invoice);
    let subscription = bill::subscription_of(&known).and_then(|id| world.get(id)).cloned().unwrap_or_default();
    if paused(&subscription, "void") {
        standing::void(world, invoice);
    } else if paused(&subscription, "mark_uncollectible") {
        world.update(
            invoice,
            &json!({"status": "uncollectible", "auto_advance": false}),
            "invoice.marked_uncollectible",
        );
    } else {
        collect::try_default(world, invoice);
    }
}

fn paused(subscription: &Value, behavior: &str) -> bool {
    text(subscription, "/pause_collection/behavior") == behavior
}
