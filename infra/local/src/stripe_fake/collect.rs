//! Has invoices paid: by Stripe's own tries, by a call, or outside of Stripe.

use serde_json::{Map, Value, json};

use super::bill;
use super::calendar::DAY;
use super::methods;
use super::object::{id, is, number, set, some, text};
use super::outcome::Outcome;
use super::payments::{self, Tried};
use super::refusal::Refusal;
use super::standing;
use super::world::{Timer, World};

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Stripe, on its own schedule.
    Stripe,
    /// A call of the seller's.
    Seller,
    /// The customer, who is there to confirm.
    Customer,
}

/// Charges an open invoice to a method; returns the invoice.
///
/// # Errors
/// The decline, or what the customer has to do.
pub fn charge(
    world: &mut World,
    invoice: &str,
    method: &Value,
    by: By,
    as_if: Option<&Outcome>,
) -> Result<Value, Refusal> {
    let Some((_, intent)) = bill::payment_of(world, invoice) else { return Ok(settled(world, invoice, false)) };
    let tried = match as_if {
        Some(outcome) => payments::attempt_as(world, &intent, method, outcome),
        None => payments::attempt(world, &intent, method, by == By::Customer),
    };
    counted(world, invoice, by);
    match tried {
        Tried::Paid => Ok(settled(world, invoice, false)),
        Tried::Processing => Ok(world.update(invoice, &json!({"next_payment_attempt": null}), "invoice.updated")),
        Tried::ActionRequired => {
            let known = failed(world, invoice, by);
            world.emit("invoice.payment_action_required", &known, &Map::new());
            world.emit("invoice.payment_failed", &known, &Map::new());
            let text = "This payment requires additional user action before it can be completed successfully.";
            let intent = world.get(&intent).cloned().unwrap_or_default();
            Err(Refusal::card("invoice_payment_intent_requires_action", text).with("payment_intent", intent))
        }
        Tried::Declined(declined, charge) => {
            let known = failed(world, invoice, by);
            world.emit("invoice.payment_failed", &known, &Map::new());
            let intent = world.get(&intent).cloned().unwrap_or_default();
            Err(declined.refusal(&charge, method).with("payment_intent", intent))
        }
    }
}

/// Stripe's own try: with the default method, whatever becomes of it.
pub fn try_default(world: &mut World, invoice: &str) {
    let known = world.get(invoice).cloned().unwrap_or_default();
    if text(&known, "/status") != "open" || !is(&known, "/auto_advance") {
        return;
    }
    if number(&known, "/amount_due") == 0 {
        settled(world, invoice, false);
        return;
    }
    let subscription = bill::subscription_of(&known).and_then(|id| world.get(id)).cloned();
    match methods::default_of(world, text(&known, "/customer"), subscription.as_ref()) {
        // A refusal is in the invoice, and in its events.
        Some(method) => drop(charge(world, invoice, &method, By::Stripe, None)),
        None => {
            counted(world, invoice, By::Stripe);
            let known = failed(world, invoice, By::Stripe);
            world.emit("invoice.payment_failed", &known, &Map::new());
        }
    }
}

/// What the bank says of a charge that it was processing.
pub fn settle(world: &mut World, intent: &str, paid: bool) {
    let Some(tried) = payments::settle(world, intent, paid) else { return };
    let Some(invoice) = bill::invoice_of(world, intent) else { return };
    if tried == Tried::Paid {
        settled(world, &invoice, false);
        return;
    }
    let known = failed(world, &invoice, By::Stripe);
    world.emit("invoice.payment_failed", &known, &Map::new());
}

/// The invoice is paid.
pub fn settled(world: &mut World, invoice: &str, out_of_band: bool) -> Value {
    let known = world.get(invoice).cloned().unwrap_or_default();
    let due = number(&known, "/amount_due");
    let mut transitions = known.get("status_transitions").cloned().unwrap_or_default();
    set(&mut transitions, "paid_at", world.now);
    let mut fields = json!({
        "status": "paid", "attempted": true, "amount_paid": due, "amount_remaining": 0, "next_payment_attempt": null,
        "auto_advance": false, "status_transitions": transitions,
    });
    if out_of_band {
        set(&mut fields, "amount_paid_off_stripe", due);
    }
    let paid = world.update(invoice, &fields, "invoice.updated");
    if let Some((payment, intent)) = bill::payment_of(world, invoice) {
        if out_of_band {
            payments::cancel(world, &intent);
            world.update(
                &payment,
                &json!({"status": "canceled", "status_transitions": {"canceled_at": world.now, "paid_at": null}}),
                "",
            );
        } else {
            let fields = json!({"status": "paid", "amount_paid": due, "status_transitions": {"canceled_at": null, "paid_at": world.now}});
            world.update(&payment, &fields, "invoice_payment.paid");
        }
    }
    for kind in ["invoice.paid", "invoice.payment_succeeded"] {
        world.emit(kind, &paid, &Map::new());
    }
    if let Some(customer) = some(&paid, "/customer") {
        world.update(customer, &json!({"delinquent": false}), "");
    }
    standing::relieved(world, &paid);
    paid
}

/// Any try counts as the first; later ones only if they are Stripe's own.
fn counted(world: &mut World, invoice: &str, by: By) {
    let known = world.get(invoice).cloned().unwrap_or_default();
    let before = number(&known, "/attempt_count");
    let count = if before == 0 || by == By::Stripe { before + 1 } else { before };
    world.update(invoice, &json!({"attempted": true, "attempt_count": count}), "");
}

/// A try failed: Stripe may try again, and the subscription hears of it.
fn failed(world: &mut World, invoice: &str, by: By) -> Value {
    let known = world.get(invoice).cloned().unwrap_or_default();
    let retried = matches!(
        text(&known, "/billing_reason"),
        "subscription_cycle" | "subscription_update" | "subscription_threshold"
    );
    let tries = usize::try_from(number(&known, "/attempt_count") - 1).unwrap_or_default();
    let days = world.habits.retries.get(tries).copied();
    let mut last = false;
    let known = match (retried, by == By::Stripe, days) {
        (true, true, Some(days)) if is(&known, "/auto_advance") => {
            let next = world.now + days * DAY;
            world.at(next, Timer::Retry(invoice.to_owned()));
            world.update(invoice, &json!({"next_payment_attempt": next}), "invoice.updated")
        }
        (true, true, None) => {
            last = true;
            world.update(invoice, &json!({"next_payment_attempt": null, "auto_advance": false}), "invoice.updated")
        }
        _ => known,
    };
    if let Some(customer) = id(&known, "/customer").map(str::to_owned) {
        world.update(&customer, &json!({"delinquent": true}), "");
    }
    standing::burdened(world, &known, last);
    known
}
