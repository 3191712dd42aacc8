//! Payment methods: cards and SEPA debits.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::form::Form;
use super::object::{id, merge, set, text};
use super::outcome::Outcome;
use super::refusal::Refusal;
use super::world::World;

/// Stripe's methods and tokens for tests, and the numbers behind them.
const TOKENS: [(&str, &str); 9] = [
    ("visa", "4242424242424242"),
    ("mastercard", "5555555555554444"),
    ("amex", "378282246310005"),
    ("chargeDeclined", "4000000000000002"),
    ("visa_chargeDeclined", "4000000000000002"),
    ("chargeDeclinedInsufficientFunds", "4000000000009995"),
    ("visa_chargeDeclinedInsufficientFunds", "4000000000009995"),
    ("chargeCustomerFail", "4000000000000341"),
    ("authenticationRequired", "4000002760003184"),
];

/// `POST /v1/payment_methods`.
///
/// # Errors
/// Stripe's.
pub fn create(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&["type", "card", "sepa_debit", "billing_details", "metadata", "allow_redisplay", "customer"])?;
    let kind = form.choice("/type", &["card", "sepa_debit"])?.ok_or_else(|| Refusal::missing("type"))?;
    let number = match kind {
        "card" => card_number(form)?,
        _ => form.required("/sepa_debit/iban")?.replace(' ', "").to_ascii_uppercase(),
    };
    let months = (form.number("/card/exp_month")?.unwrap_or(12), form.number("/card/exp_year")?.unwrap_or(2034));
    let method = made(world, kind, &number, months);
    let mut details = method.get("billing_details").cloned().unwrap_or_default();
    if let Some(given) = form.value().get("billing_details") {
        merge(&mut details, given);
    }
    let fields = json!({"billing_details": details, "metadata": form.metadata("/metadata", &json!({}))});
    Ok(world.update(text(&method, "/id"), &fields, ""))
}

/// A method with this number.
pub fn made(world: &mut World, kind: &str, number: &str, expires: (i64, i64)) -> Value {
    let last4: String = number.chars().skip(number.chars().count().saturating_sub(4)).collect();
    let fingerprint = fingerprint(number);
    let country = number.get(..2).unwrap_or("FR");
    let details = match kind {
        "card" => json!({
            "brand": brand(number), "checks": {"address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass"},
            "country": "FR", "display_brand": brand(number), "exp_month": expires.0, "exp_year": expires.1,
            "fingerprint": fingerprint, "funding": "credit", "generated_from": null, "last4": last4,
            "networks": {"available": [brand(number)], "preferred": null}, "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": true}, "wallet": null,
        }),
        _ => json!({
            "bank_code": "20041", "branch_code": "", "country": country, "fingerprint": fingerprint,
            "generated_from": {"charge": null, "setup_attempt": null}, "last4": last4,
        }),
    };
    let mut method = world.new_object("payment_method", "pm_", json!({"type": kind}));
    set(&mut method, kind, details);
    world.outcomes.insert(text(&method, "/id").to_owned(), Outcome::of_number(number, kind));
    world.keep(&method, "");
    method
}

/// `POST /v1/payment_methods/{id}/attach`.
///
/// # Errors
/// Stripe's.
pub fn attach(world: &mut World, method: &str, form: &Form) -> Result<Value, Refusal> {
    form.only(&["customer"])?;
    let customer = world.named(form.required("/customer")?, "customer", "customer")?;
    attached(world, method, text(&customer, "/id"))
}

/// Attaches a method to a customer; one of Stripe's for tests becomes a new one.
///
/// # Errors
/// When it is another customer's.
pub fn attached(world: &mut World, method: &str, customer: &str) -> Result<Value, Refusal> {
    let method = match method.strip_prefix("pm_card_").and_then(number_of) {
        Some(number) => made(world, "card", number, (12, 2034)),
        None => world.named(method, "PaymentMethod", "payment_method")?,
    };
    match id(&method, "/customer") {
        Some(owner) if owner == customer => Ok(method),
        Some(_) => Err(Refusal::state("", "The payment method you provided has already been attached to a customer.")),
        None => Ok(world.update(text(&method, "/id"), &json!({"customer": customer}), "payment_method.attached")),
    }
}

/// `POST /v1/payment_methods/{id}/detach`.
///
/// # Errors
/// Stripe's.
pub fn detach(world: &mut World, method: &str) -> Result<Value, Refusal> {
    let method = world.named(method, "PaymentMethod", "payment_method")?;
    let Some(customer) = id(&method, "/customer").map(str::to_owned) else {
        return Err(Refusal::state(
            "",
            "The payment method you provided is not attached to a customer so detachment is impossible.",
        ));
    };
    let method_id = text(&method, "/id");
    let holder = world.get(&customer).cloned().unwrap_or_default();
    if text(&holder, "/invoice_settings/default_payment_method") == method_id {
        let mut settings = holder.get("invoice_settings").cloned().unwrap_or_default();
        set(&mut settings, "default_payment_method", Value::Null);
        world.update(&customer, &json!({"invoice_settings": settings}), "customer.updated");
    }
    let using = |subscription: &&Value| id(subscription, "/default_payment_method") == Some(method_id);
    let using: Vec<_> = world.each("subscriptions").filter(using).map(|found| text(found, "/id").to_owned()).collect();
    for subscription in using {
        world.update(&subscription, &json!({"default_payment_method": null}), "customer.subscription.updated");
    }
    Ok(world.update(method_id, &json!({"customer": null}), "payment_method.detached"))
}

/// `POST /v1/payment_methods/{id}`.
///
/// # Errors
/// Stripe's.
pub fn update(world: &mut World, method: &str, form: &Form) -> Result<Value, Refusal> {
    form.only(&["billing_details", "card", "metadata", "allow_redisplay"])?;
    let method = world.named(method, "PaymentMethod", "payment_method")?;
    let mut fields = json!({"metadata": form.metadata("/metadata", method.get("metadata").unwrap_or(&Value::Null))});
    let mut card = method.get("card").cloned().unwrap_or_default();
    for name in ["exp_month", "exp_year"] {
        if let Some(value) = form.number(&format!("/card/{name}"))? {
            set(&mut card, name, value);
            set(&mut fields, "card", card.clone());
        }
    }
    if let Some(given) = form.value().get("billing_details") {
        let mut details = method.get("billing_details").cloned().unwrap_or_default();
        merge(&mut details, given);
        set(&mut fields, "billing_details", details);
    }
    Ok(world.update(text(&method, "/id"), &fields, "payment_method.updated"))
}

/// The method that a customer's invoices are charged to: the subscription's, else the customer's.
pub fn default_of(world: &World, customer: &str, subscription: Option<&Value>) -> Option<Value> {
    let own = subscription.and_then(|subscription| id(subscription, "/default_payment_method"));
    let holder = world.get(customer);
    let usual = holder.and_then(|holder| id(holder, "/invoice_settings/default_payment_method"));
    own.or(usual).and_then(|method| world.get(method)).cloned()
}

fn card_number(form: &Form) -> Result<String, Refusal> {
    if let Some(token) = form.text("/card/token") {
        let number = token.strip_prefix("tok_").and_then(number_of);
        return number.map(str::to_owned).ok_or_else(|| Refusal::no_such("token", token, "card[token]"));
    }
    let number = form.required("/card/number")?.replace([' ', '-'], "");
    let plain = (12..=19).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || !luhn(&number) {
        return Err(Refusal::card("incorrect_number", "Your card number is incorrect.").with("param", "number"));
    }
    Ok(number)
}

fn number_of(token: &str) -> Option<&'static str> {
    TOKENS.iter().find(|(known, _)| *known == token).map(|(_, number)| *number)
}

/// The check digit of a card's number.
fn luhn(number: &str) -> bool {
    let digits = number.bytes().rev().map(|byte| u32::from(byte.saturating_sub(b'0')));
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn brand(number: &str) -> &'static str {
    match number.bytes().next() {
        Some(b'5' | b'2') => "mastercard",
        Some(b'3') => "amex",
        _ => "visa",
    }
}

/// The same for each method of one number.
fn fingerprint(number: &str) -> String {
    hex::encode(Sha256::digest(number)).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_makes_the_fingerprint_and_the_outcome() {
        let mut world = World::default();
        let form = |number: &str| Form::of(json!({"type": "card", "card": {"number": number}}));
        let first = create(&mut world, &form("4242 4242 4242 4242")).unwrap();
        let second = create(&mut world, &form("4242424242424242")).unwrap();
        let other = create(&mut world, &form("4000000000009987")).unwrap();
        assert_eq!(first["card"]["fingerprint"], second["card"]["fingerprint"]);
        assert_ne!(first["card"]["fingerprint"], other["card"]["fingerprint"]);
        assert_eq!((&first["card"]["last4"], &first["card"]["brand"]), (&json!("4242"), &json!("visa")));
        assert_eq!(world.outcome(text(&other, "/id")), Outcome::Decline("lost_card".to_owned()));
        assert_eq!(create(&mut world, &form("4242424242424241")).unwrap_err().error["code"], "incorrect_number");
        let sepa = Form::of(json!({"type": "sepa_debit", "sepa_debit": {"iban": "FR14 2004 1010 0505 0001 3M02 606"}}));
        assert_eq!(create(&mut world, &sepa).unwrap()["sepa_debit"]["last4"], "2606");
    }

    #[test]
    fn a_method_is_one_customer_s() {
        let mut world = World::default();
        for id in ["cus_1", "cus_2"] {
            world.keep(&json!({"id": id, "invoice_settings": {"default_payment_method": null}}), "");
        }
        let method = attached(&mut world, "pm_card_visa", "cus_1").unwrap();
        assert!(attached(&mut world, text(&method, "/id"), "cus_2").is_err());
        assert_eq!(detach(&mut world, text(&method, "/id")).unwrap()["customer"], Value::Null);
        assert!(detach(&mut world, text(&method, "/id")).is_err());
        let kinds: Vec<_> = world.told.iter().map(|event| text(event, "/type")).collect();
        assert_eq!(kinds, ["payment_method.attached", "payment_method.detached"]);
    }
}
