//! Payment intents, the charges that try them, and what Stripe takes of each.

use serde_json::{Value, json};

use super::calendar::DAY;
use super::object::{id, merge, number, set, some, text};
use super::outcome::{Declined, Outcome};
use super::world::{Timer, World};

/// What a SEPA debit takes.
const BANK_DAYS: i64 = 5;

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is paid.
    Paid,
    /// It was declined: why, and the failed charge.
    Declined(Box<Declined>, String),
    /// The customer has to confirm it.
    ActionRequired,
    /// The bank will say.
    Processing,
}

/// A new intent of this amount.
pub fn intent(world: &mut World, amount: i64, currency: &str, customer: Option<&str>, fields: &Value) -> Value {
    let made = json!({"amount": amount, "currency": currency, "customer": customer});
    let mut intent = world.new_object("payment_intent", "pi_", made);
    let secret = format!("{}_secret_local", text(&intent, "/id"));
    set(&mut intent, "client_secret", secret);
    merge(&mut intent, fields);
    world.keep(&intent, "payment_intent.created");
    intent
}

/// Charges an intent to a method; `present` says that the customer is there to confirm it.
pub fn attempt(world: &mut World, intent: &str, method: &Value, present: bool) -> Tried {
    let method_id = text(method, "/id").to_owned();
    attempt_as(
        world,
        intent,
        method,
        &match world.outcome(&method_id) {
            Outcome::RequiresAction if present => Outcome::Succeed,
            outcome => outcome,
        },
    )
}

/// The same with an outcome of the caller's choice.
pub fn attempt_as(world: &mut World, intent: &str, method: &Value, outcome: &Outcome) -> Tried {
    let method_id = text(method, "/id");
    let known = world.get(intent).cloned().unwrap_or_default();
    match outcome {
        Outcome::Succeed => {
            let charge = charge(world, &known, method, json!({"status": "succeeded", "paid": true, "captured": true}));
            succeed(world, intent, &charge);
            Tried::Paid
        }
        Outcome::Decline(code) => {
            let declined = Declined::of(code);
            let charge = charge(world, &known, method, json!({"status": "failed"}));
            fail(world, intent, &charge, method, &declined);
            Tried::Declined(Box::new(declined), text(&charge, "/id").to_owned())
        }
        Outcome::RequiresAction => {
            let url = format!("{}/authenticate/{intent}", world.pages);
            let fields = json!({
                "status": "requires_action", "payment_method": method_id, "last_payment_error": null,
                "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": null}},
            });
            world.update(intent, &fields, "payment_intent.requires_action");
            Tried::ActionRequired
        }
        Outcome::ProcessingThenFail | Outcome::ProcessingThenSucceed => {
            let charge = charge(world, &known, method, json!({"status": "pending", "captured": true}));
            world.keep(&charge, "charge.pending");
            let fields = json!({
                "status": "processing", "payment_method": method_id, "latest_charge": text(&charge, "/id"),
                "last_payment_error": null, "next_action": null, "processing": {"type": text(method, "/type")},
            });
            world.update(intent, &fields, "payment_intent.processing");
            let paid = *outcome == Outcome::ProcessingThenSucceed;
            world.at(world.now + BANK_DAYS * DAY, Timer::Settle { intent: intent.to_owned(), paid });
            Tried::Processing
        }
    }
}

/// What the bank says of a charge that it was processing; nothing if it is not any more.
pub fn settle(world: &mut World, intent: &str, paid: bool) -> Option<Tried> {
    let known = world.get(intent).filter(|known| text(known, "/status") == "processing")?.clone();
    let charge = id(&known, "/latest_charge").and_then(|charge| world.get(charge)).cloned()?;
    let method = id(&known, "/payment_method").and_then(|method| world.get(method)).cloned().unwrap_or_default();
    if paid {
        let charge = world.update(text(&charge, "/id"), &json!({"status": "succeeded", "paid": true}), "");
        succeed(world, intent, &charge);
        return Some(Tried::Paid);
    }
    let declined = Declined::of("insufficient_funds");
    let charge = world.update(text(&charge, "/id"), &json!({"status": "failed", "captured": false}), "");
    fail(world, intent, &charge, &method, &declined);
    Some(Tried::Declined(Box::new(declined), text(&charge, "/id").to_owned()))
}

/// Ends an intent that nobody will pay.
pub fn cancel(world: &mut World, intent: &str) {
    let open = world.get(intent).is_some_and(|known| !matches!(text(known, "/status"), "succeeded" | "canceled"));
    if open {
        let fields = json!({"status": "canceled", "canceled_at": world.now, "cancellation_reason": "void_invoice", "next_action": null});
        world.update(intent, &fields, "payment_intent.canceled");
    }
}

/// What Stripe took or gave for an object.
pub fn transaction(world: &mut World, kind: &str, source: &str, amount: i64, currency: &str) -> Value {
    // One and a half per cent and 25 cents, as for a European card.
    let fee = if amount > 0 { (amount.saturating_mul(15) + 500) / 1000 + 25 } else { 0 };
    let details = if fee > 0 {
        json!([{"amount": fee, "application": null, "currency": currency, "description": "Stripe processing fees", "type": "stripe_fee"}])
    } else {
        json!([])
    };
    let made = json!({
        "amount": amount, "currency": currency, "fee": fee, "fee_details": details, "net": amount - fee, "source": source,
        "type": kind, "reporting_category": kind, "available_on": world.now + 7 * DAY,
    });
    let transaction = world.new_object("balance_transaction", "txn_", made);
    world.keep(&transaction, "");
    transaction
}

fn charge(world: &mut World, intent: &Value, method: &Value, fields: Value) -> Value {
    let kind = text(method, "/type").to_owned();
    let mut details = json!({"type": kind});
    let mut card = method.get(&kind).cloned().unwrap_or_default();
    let network = card.get("brand").cloned().unwrap_or_default();
    set(&mut card, "network", network);
    set(&mut details, &kind, card);
    let customer = id(intent, "/customer").map(str::to_owned);
    let mut made = json!({
        "amount": number(intent, "/amount"), "currency": text(intent, "/currency"), "customer": customer,
        "payment_intent": text(intent, "/id"), "payment_method": text(method, "/id"), "payment_method_details": details,
        "description": intent.get("description"), "outcome": outcome(text(&fields, "/status"), None),
        "billing_details": method.get("billing_details"), "metadata": intent.get("metadata"),
    });
    merge(&mut made, &fields);
    let charge = world.new_object("charge", "ch_", made);
    world.keep(&charge, "");
    charge
}

fn outcome(status: &str, declined: Option<&Declined>) -> Value {
    let failed = status == "failed";
    json!({
        "advice_code": declined.map(|declined| declined.advice), "network_advice_code": null,
        "network_decline_code": declined.map(|_| "05"),
        "network_status": if failed { "declined_by_network" } else { "approved_by_network" },
        "reason": declined.map(|declined| declined.decline_code.as_str()), "risk_level": "normal", "risk_score": 12,
        "seller_message": if failed { "The bank did not return any further details with this decline." } else { "Payment complete." },
        "type": if failed { "issuer_declined" } else { "authorized" },
    })
}

fn succeed(world: &mut World, intent: &str, charge: &Value) {
    let (charge_id, amount, currency) = (text(charge, "/id"), number(charge, "/amount"), text(charge, "/currency"));
    let transaction = transaction(world, "charge", charge_id, amount, currency);
    let url = format!("{}/receipt/{charge_id}", world.pages);
    let fields = json!({"balance_transaction": text(&transaction, "/id"), "amount_captured": amount, "receipt_url": url, "failure_code": null});
    let charge = world.update(charge_id, &fields, "");
    world.keep(&charge, "charge.succeeded");
    let fields = json!({
        "status": "succeeded", "amount_received": amount, "latest_charge": charge_id, "processing": null, "next_action": null,
        "payment_method": some(&charge, "/payment_method"), "last_payment_error": null,
    });
    world.update(intent, &fields, "payment_intent.succeeded");
}

fn fail(world: &mut World, intent: &str, charge: &Value, method: &Value, declined: &Declined) {
    let charge_id = text(charge, "/id");
    let fields = json!({
        "failure_code": declined.code, "failure_message": declined.message, "outcome": outcome("failed", Some(declined)),
    });
    let charge = world.update(charge_id, &fields, "");
    world.keep(&charge, "charge.failed");
    let fields = json!({
        "status": "requires_payment_method", "payment_method": null, "latest_charge": charge_id, "processing": null,
        "next_action": null, "last_payment_error": declined.error(charge_id, method),
    });
    world.update(intent, &fields, "payment_intent.payment_failed");
}
