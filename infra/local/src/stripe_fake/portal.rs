//! Sessions of the customer portal.

use serde_json::{Value, json};

use super::form::Form;
use super::object::{set, text};
use super::refusal::Refusal;
use super::world::World;

const FLOWS: [&str; 4] =
    ["payment_method_update", "subscription_cancel", "subscription_update", "subscription_update_confirm"];

/// `POST /v1/billing_portal/sessions`.
///
/// # Errors
/// Stripe's.
pub fn create(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&["customer", "return_url", "flow_data", "locale", "configuration", "on_behalf_of"])?;
    let customer = world.named(form.required("/customer")?, "customer", "customer")?;
    let flow = form.choice("/flow_data/type", &FLOWS)?.map(|kind| {
        let detail = |name: &str| form.value().pointer(&format!("/flow_data/{name}")).cloned();
        json!({
            "type": kind, "after_completion": detail("after_completion").unwrap_or_else(|| json!({"type": "portal_homepage", "redirect": null, "hosted_confirmation": null})),
            "subscription_cancel": detail("subscription_cancel"), "subscription_update": detail("subscription_update"),
            "subscription_update_confirm": detail("subscription_update_confirm"),
        })
    });
    for name in ["subscription_cancel", "subscription_update"] {
        if let Some(subscription) = form.text(&format!("/flow_data/{name}/subscription")) {
            world.named(subscription, "subscription", &format!("flow_data[{name}][subscription]"))?;
        }
    }
    let fields = json!({"customer": text(&customer, "/id"), "return_url": form.text("/return_url"), "locale": form.text("/locale"), "flow": flow});
    let mut session = world.new_object("billing_portal.session", "bps_", fields);
    let url = format!("{}/portal/{}", world.pages, text(&session, "/id"));
    set(&mut session, "url", url);
    world.keep(&session, "");
    world.emit("billing_portal.session.created", &session, &serde_json::Map::new());
    Ok(session)
}
