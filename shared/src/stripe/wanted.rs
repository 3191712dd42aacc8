//! The events that Stripe has to send, and the resources that the restricted API key has to read: one list, each entry
//! with the feature that needs it. Tests and stack checks compare the README and the template with it.

/// The version of Stripe's API that is called, and that a webhook endpoint must have: that of the bindings in use.
pub const API_VERSION: &str = "2026-09-30.endive";

/// What needs an event or a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Checkout sales, with their items.
    Sales,
    /// Payments with manual capture: the shop captures some time after the customer agreed.
    LaterCaptures,
    /// Subscriptions and other Stripe invoices.
    Invoices,
    /// Refunds.
    Refunds,
    /// Disputes that were lost.
    Disputes,
    /// The buyer, where the sale does not say.
    Buyers,
    /// The seller, where others sell through the account.
    Sellers,
    /// The exchange rate at which a payment in another currency was settled.
    Exchange,
    /// Events that never arrived.
    Reconciliation,
    /// What subscriptions to plans give.
    Access,
    /// Unpaid invoices of plans: other methods are tried.
    Recovery,
    /// Trials of plans that end.
    Trials,
}

/// An event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedEvent {
    /// As Stripe names it.
    pub kind: &'static str,
    /// What needs it.
    pub need: Need,
}

/// A permission of a restricted API key: reading one kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedRight {
    /// As the Dashboard names the resource (Developers, API keys, Create restricted key).
    pub resource: &'static str,
    /// The first segment of the paths that it grants, below `/v1/`.
    pub path: &'static str,
    /// What needs it.
    pub need: Need,
}

/// Every event type that is processed.
pub const EVENTS: [WantedEvent; 21] = [
    event("checkout.session.completed", Need::Sales),
    event("checkout.session.async_payment_succeeded", Need::Sales),
    event("payment_intent.succeeded", Need::LaterCaptures),
    event("invoice.paid", Need::Invoices),
    event("refund.created", Need::Refunds),
    event("refund.updated", Need::Refunds),
    event("refund.failed", Need::Refunds),
    event("charge.refunded", Need::Refunds),
    event("credit_note.created", Need::Refunds),
    event("charge.dispute.closed", Need::Disputes),
    event("customer.subscription.created", Need::Access),
    event("customer.subscription.deleted", Need::Access),
    event("customer.subscription.paused", Need::Access),
    event("customer.subscription.resumed", Need::Access),
    event("customer.subscription.updated", Need::Access),
    event("customer.subscription.trial_will_end", Need::Trials),
    event("invoice.payment_failed", Need::Recovery),
    event("invoice.payment_action_required", Need::Recovery),
    event("invoice.voided", Need::Recovery),
    event("invoice.marked_uncollectible", Need::Recovery),
    event("payment_method.attached", Need::Recovery),
];

/// Every resource that is read.
pub const RIGHTS: [WantedRight; 11] = [
    right("Checkout Sessions", "checkout", Need::Sales),
    right("Invoices", "invoices", Need::Invoices),
    right("Invoices", "invoice_payments", Need::Invoices),
    right("Tax Rates", "tax_rates", Need::Invoices),
    right("Charges and Refunds", "refunds", Need::Refunds),
    right("Credit Notes", "credit_notes", Need::Refunds),
    right("Events", "events", Need::Reconciliation),
    right("Payment Intents", "payment_intents", Need::Exchange),
    right("Customers", "customers", Need::Buyers),
    right("Payment Methods", "payment_methods", Need::Buyers),
    right("Subscriptions", "subscriptions", Need::Sellers),
];

/// Resources read as part of another object: they need a permission without a path of their own.
pub const RIGHTS_WITHIN: [(&str, Need); 1] = [("Balance", Need::Exchange)];

/// Resources that the key must be able to write as well, where plans are sold: pages to pay on, pages on which customers manage
/// subscriptions, subscriptions (a second one is cancelled, a consumer ends one), invoices that are tried again, refunds of contracts
/// that are withdrawn from.
pub const WRITES: [(&str, Need); 5] = [
    ("Checkout Sessions", Need::Access),
    ("Customer Portal", Need::Access),
    ("Subscriptions", Need::Access),
    ("Invoices", Need::Recovery),
    ("Charges and Refunds", Need::Access),
];

/// The event types that a reconciliation lists. One list of Stripe's events names twenty at most (docs.stripe.com/api/events/list,
/// `types`): all of them fit, because the end of a trial is seen in the list of subscriptions. Where no plan is `sold`, events that
/// would wake nothing are no loss.
pub fn listed(sold: bool) -> Vec<&'static str> {
    let of_plans = [Need::Access, Need::Recovery];
    let all = EVENTS.iter().filter(|event| event.need != Need::Trials && (sold || !of_plans.contains(&event.need)));
    all.map(|event| event.kind).collect()
}

const fn event(kind: &'static str, need: Need) -> WantedEvent {
    WantedEvent { kind, need }
}

const fn right(resource: &'static str, path: &'static str, need: Need) -> WantedRight {
    WantedRight { resource, path, need }
}

/// The names of all resources that a key must be able to read, each once.
pub fn resources() -> Vec<&'static str> {
    let mut names: Vec<&str> = RIGHTS.iter().map(|right| right.resource).collect();
    names.extend(RIGHTS_WITHIN.iter().map(|(resource, _)| *resource));
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stripe::{
        classify::{classify, read},
        meaning::Meaning,
    };

    const README: &str = include_str!("../../../README.md");
    const TEMPLATE: &str = include_str!("../../../template.yaml");

    #[test]
    fn every_event_of_the_list_is_read_and_no_other() {
        let used = |kind: &str| {
            let body = format!(r#"{{"id":"evt_1","type":"{kind}","livemode":false,"data":{{"object":{{}}}}}}"#);
            !matches!(classify(&read(body.as_bytes()).unwrap(), false), Meaning::Nothing(reason) if reason.code == "type_unused")
        };
        for event in EVENTS {
            assert!(used(event.kind), "{}", event.kind);
        }
        let source = include_str!("classify.rs");
        let code = source.split("#[cfg(test)]").next().unwrap();
        let named = code.split('"').filter(|word| word.contains('.') && !word.contains([' ', '{'])).count();
        assert_eq!(named, EVENTS.len(), "an event that `classify` names is missing in the list");
        assert!(!used("payment_intent.created"));
    }

    /// Stripe lists events of at most twenty types at once (docs.stripe.com/api/events/list, `types`), and the reconciliation asks for
    /// all of them in one list: one type more needs a second one.
    #[test]
    fn one_list_holds_every_type() {
        assert!(listed(true).len() <= 20);
        assert!(listed(false).len() < listed(true).len() && listed(false).contains(&"invoice.paid"));
    }

    #[test]
    fn the_readme_and_the_stack_name_every_event_and_right() {
        let told = README.split("Stripe's events are").nth(1).unwrap().split("\n- **dev**").next().unwrap();
        for event in EVENTS {
            assert!(told.contains(&format!("`{}`", event.kind)), "the README does not name {}", event.kind);
        }
        let events = told.split(". ").next().unwrap();
        assert_eq!(events.matches('`').count() / 2, EVENTS.len(), "the README names another event: {events}");
        let key = TEMPLATE.split("  PutApiKey:").nth(1).unwrap().split("Value:").next().unwrap();
        for (text, place) in [(told, "the README"), (key, "the output PutApiKey")] {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for resource in resources() {
                assert!(text.contains(resource), "{place} does not name {resource}");
            }
            let writes = text.split("write ").nth(1).unwrap();
            for (resource, _) in WRITES {
                assert!(writes.contains(resource), "{place} does not say that {resource} are written");
            }
        }
    }
}
