//! A sale in Stripe's objects: a paid Checkout Session, its line items, and the event that announces it.
//!
//! The shapes are those Stripe publishes for API version 2026-09-30.endive, including the fields that the functions
//! ignore, as Stripe sends them.

use jiff::Timestamp;
use serde_json::{Value, json};

const API_VERSION: &str = "2026-09-30.endive";
const GOODS: [&str; 5] = [
    "Formation en ligne « Aquarelle botanique »",
    "Cahier d’exercices illustré",
    "Atelier en direct, une heure",
    "Palette de douze couleurs, livraison comprise",
    "Accès à la bibliothèque de modèles, un an",
];

/// A purchase.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// The total in minor units.
    pub amount: i64,
    /// ISO 4217, in any case.
    pub currency: String,
    /// The buyer's address; may be missing.
    pub email: Option<String>,
    /// The buyer's name; may be missing.
    pub name: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// How many line items the total is spread over.
    pub lines: usize,
}

impl Default for Purchase {
    fn default() -> Self {
        Self {
            amount: 4900,
            currency: "eur".to_owned(),
            email: Some("camille.durand@example.com".to_owned()),
            name: Some("Camille Durand".to_owned()),
            country: "FR".to_owned(),
            lines: 1,
        }
    }
}

/// A purchase with its Stripe ids.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// `cs_test_...`.
    pub session_id: String,
    /// `evt_...`.
    pub event_id: String,
    /// The session.
    pub session: Value,
    /// When it is paid.
    pub paid_at: Timestamp,
    /// The list of its line items, as `GET /v1/checkout/sessions/{id}/line_items` answers.
    pub line_items: Value,
}

impl Checkout {
    /// Generates the ids of a purchase paid now.
    pub fn of(purchase: &Purchase) -> Self {
        Self::with_ids(purchase, &id("cs_test_a1", 56), &id("evt_1", 22))
    }

    /// The same, paid at a time of the bundle's clock.
    pub fn at(purchase: &Purchase, now: Timestamp) -> Self {
        Self::made(purchase, &id("cs_test_a1", 56), &id("evt_1", 22), now)
    }

    /// A purchase with ids chosen by the caller.
    pub fn with_ids(purchase: &Purchase, session_id: &str, event_id: &str) -> Self {
        Self::made(purchase, session_id, event_id, crate::clock::now())
    }

    fn made(purchase: &Purchase, session_id: &str, event_id: &str, now: Timestamp) -> Self {
        let created = now.as_second();
        Self {
            paid_at: now,
            session_id: session_id.to_owned(),
            event_id: event_id.to_owned(),
            session: session(purchase, session_id, created),
            line_items: line_items(purchase, session_id, created),
        }
    }

    /// The event, announcing the session in one of the ways Stripe has (`checkout.session.completed`).
    pub fn event(&self, kind: &str) -> Value {
        event_at(&self.event_id, kind, &self.session, self.paid_at)
    }

    /// The objects for a stand-in for Stripe, by path below `/v1/`.
    pub fn objects(&self) -> [(String, &Value); 2] {
        let session = format!("checkout/sessions/{}", self.session_id);
        [(format!("{session}/line_items"), &self.line_items), (session, &self.session)]
    }
}

/// The event that announces `object`, made now.
pub fn event(id: &str, kind: &str, object: &Value) -> Value {
    event_at(id, kind, object, crate::clock::now())
}

/// The event that announces `object`, made at a time of the bundle's clock.
pub fn event_at(id: &str, kind: &str, object: &Value, now: Timestamp) -> Value {
    json!({
        "id": id, "object": "event", "api_version": API_VERSION, "created": now.as_second(),
        "data": {"object": object}, "livemode": false, "pending_webhooks": 1,
        "request": {"id": null, "idempotency_key": null}, "type": kind,
    })
}

fn session(purchase: &Purchase, id: &str, created: i64) -> Value {
    let french = purchase.country == "FR";
    let address = json!({
        "city": if french { "Montpellier" } else { "Springfield" }, "country": purchase.country, "line1": "12 rue des Écoles",
        "line2": null, "postal_code": if french { "34000" } else { "12345" }, "state": null,
    });
    // The fields common to every sale; only what differs is set here.
    let mut session: Value = serde_json::from_str(include_str!("checkout/session.json")).unwrap_or_default();
    let own = json!({
        "id": id, "amount_subtotal": purchase.amount, "amount_total": purchase.amount, "created": created - 60,
        "currency": purchase.currency.to_lowercase(), "expires_at": created + 86_340, "locale": if french { "fr" } else { "en" },
        "customer_details": {
            "address": address, "business_name": null, "email": purchase.email, "individual_name": purchase.name,
            "name": purchase.name, "phone": null, "tax_exempt": "none", "tax_ids": [],
        },
        "payment_intent": self::id("pi_3", 23),
    });
    if let (Some(session), Value::Object(own)) = (session.as_object_mut(), own) {
        session.extend(own);
    }
    session
}

fn line_items(purchase: &Purchase, session: &str, created: i64) -> Value {
    let count = purchase.lines.max(1);
    let divisor = i64::try_from(count).unwrap_or(1);
    let (each, rest) = (purchase.amount / divisor, purchase.amount % divisor);
    let items = GOODS.iter().cycle().take(count).enumerate().map(|(index, description)| {
        let amount = if index == 0 { each + rest } else { each };
        line_item(description, amount, &purchase.currency.to_lowercase(), created)
    });
    json!({"object": "list", "data": items.collect::<Vec<_>>(), "has_more": false, "url": format!("/v1/checkout/sessions/{session}/line_items")})
}

fn line_item(description: &str, amount: i64, currency: &str, created: i64) -> Value {
    json!({
        "id": id("li_1", 23), "object": "item", "adjustable_quantity": null, "amount_discount": 0, "amount_subtotal": amount,
        "amount_tax": 0, "amount_total": amount, "currency": currency, "description": description, "metadata": {},
        "price": {
            "id": id("price_1", 23), "object": "price", "active": true, "billing_scheme": "per_unit", "created": created,
            "currency": currency, "custom_unit_amount": null, "livemode": false, "lookup_key": null, "metadata": {},
            "nickname": null, "product": id("prod_", 14), "recurring": null, "tax_behavior": "unspecified", "tiers_mode": null,
            "transform_quantity": null, "type": "one_time", "unit_amount": amount, "unit_amount_decimal": amount.to_string(),
        },
        "quantity": 1,
    })
}

/// An id in Stripe's form.
pub fn id(prefix: &str, letters: usize) -> String {
    prefix.chars().chain(std::iter::repeat_with(fastrand::alphanumeric).take(letters)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_add_up_to_the_total() {
        let checkout = Checkout::of(&Purchase { amount: 1000, lines: 3, ..Purchase::default() });
        let items = checkout.line_items.get("data").unwrap().as_array().unwrap();
        let amounts: Vec<i64> = items.iter().map(|item| item.get("amount_total").unwrap().as_i64().unwrap()).collect();
        assert_eq!(amounts, [334, 333, 333]);
        assert_eq!(checkout.session.get("amount_total").unwrap(), 1000);
    }
}
