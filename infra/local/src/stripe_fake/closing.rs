//! What becomes of a Checkout session later: it expires, or its bank answers.

use serde_json::{Map, json};

use super::bill;
use super::object::{id, text};
use super::world::World;

/// Ends a session that nobody paid.
pub fn expire(world: &mut World, session: &str) {
    if world.get(session).is_some_and(|known| text(known, "/status") == "open") {
        let expired = world.update(session, &json!({"status": "expired", "url": null}), "");
        world.emit("checkout.session.expired", &expired, &Map::new());
    }
}

/// The session whose payment this intent, or this invoice, is: its payment came in after it was complete, or failed.
pub fn settled(world: &mut World, intent: &str, paid: bool) {
    let invoice = bill::invoice_of(world, intent);
    let of = |found: &&serde_json::Value| {
        text(found, "/payment_status") == "unpaid"
            && text(found, "/status") == "complete"
            && (id(found, "/payment_intent") == Some(intent)
                || (invoice.is_some() && id(found, "/invoice") == invoice.as_deref()))
    };
    let Some(session) = world.each("checkout/sessions").find(of).map(|found| text(found, "/id").to_owned()) else {
        return;
    };
    let fields = if paid { json!({"payment_status": "paid"}) } else { json!({}) };
    let session = world.update(&session, &fields, "");
    let kind = if paid { "checkout.session.async_payment_succeeded" } else { "checkout.session.async_payment_failed" };
    world.emit(kind, &session, &Map::new());
}
