//! Which subscription an event is about. The event wakes the work on it and decides nothing: events come twice, late and in
//! any order, and only Stripe knows what is true.

use comptoir::stripe::object::{Event, Reference, is_id};
use serde::Deserialize;

/// Event types that say nothing but that a subscription changed.
pub const ABOUT_SUBSCRIPTIONS: [&str; 6] = [
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
];

/// The event type that may say that less is to be paid; it is also of an invoice that was paid.
const CREDITED: &str = "credit_note.created";

/// Event types that say nothing but that an unpaid invoice, or how it may be paid, changed.
pub const ABOUT_RECOVERY: [&str; 5] = [
    "invoice.marked_uncollectible",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.voided",
    "payment_method.attached",
];

/// An unpaid invoice that an event wakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpaid {
    /// `in_...`, or `cus_...` where a method came to a customer, or a subscription of theirs ended: what it left is no debt.
    pub id: String,
    /// Whether only what is known to be unpaid is woken.
    pub only_known: bool,
}

#[derive(Deserialize)]
struct Object {
    id: Option<String>,
    customer: Option<Reference>,
    subscription: Option<Reference>,
    parent: Option<Parent>,
    invoice: Option<Reference>,
}

#[derive(Deserialize)]
struct Parent {
    subscription_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    subscription: Option<Reference>,
}

/// The subscription that `event` is about; `None` for events of the other mode, of other accounts, and of other things.
pub fn subscription(event: &Event<'_>, livemode: bool) -> Option<String> {
    let about = ABOUT_SUBSCRIPTIONS.contains(&event.kind.as_str());
    let of_one = matches!(
        event.kind.as_str(),
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" | "invoice.paid"
    );
    if !(about || of_one) || event.livemode != livemode || event.account.is_some() {
        return None;
    }
    let object: Object = serde_json::from_str(event.data.object.get()).ok()?;
    let id = if about {
        object.id
    } else {
        let below = object.parent.and_then(|parent| parent.subscription_details?.subscription);
        below.or(object.subscription).map(|subscription| subscription.id().to_owned())
    };
    id.filter(|id| is_id(id))
}

/// The unpaid invoice of a subscription that `event` is about, or the customer whose invoices may be paid now.
pub fn unpaid(event: &Event<'_>, livemode: bool) -> Option<Unpaid> {
    let kind = event.kind.as_str();
    let of_customer = matches!(kind, "payment_method.attached" | "customer.subscription.deleted");
    let wanted = matches!(kind, "invoice.paid" | CREDITED) || of_customer || ABOUT_RECOVERY.contains(&kind);
    if !wanted || event.livemode != livemode || event.account.is_some() {
        return None;
    }
    let object: Object = serde_json::from_str(event.data.object.get()).ok()?;
    let failed = matches!(kind, "invoice.payment_action_required" | "invoice.payment_failed");
    let id = if of_customer {
        object.customer.map(|customer| customer.id().to_owned()).filter(|id| id.starts_with("cus_"))
    } else if kind == CREDITED {
        object.invoice.map(|invoice| invoice.id().to_owned()).filter(|id| id.starts_with("in_"))
    } else {
        let below = object.parent.and_then(|parent| parent.subscription_details?.subscription);
        below.or(object.subscription).and(object.id).filter(|id| id.starts_with("in_"))
    };
    id.filter(|id| is_id(id)).map(|id| Unpaid { id, only_known: !failed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use comptoir::stripe::classify::read;

    fn woken(kind: &str, object: &str, livemode: bool) -> Option<String> {
        let body =
            format!(r#"{{"id":"evt_1","type":"{kind}","created":1,"livemode":false,"data":{{"object":{object}}}}}"#);
        subscription(&read(body.as_bytes()).unwrap(), livemode)
    }

    #[test]
    fn the_subscription_of_an_event_is_found() {
        for (kind, object) in [
            ("customer.subscription.updated", r#"{"id":"sub_1"}"#),
            ("customer.subscription.deleted", r#"{"id":"sub_1","status":"canceled"}"#),
            ("checkout.session.completed", r#"{"id":"cs_1","subscription":"sub_1"}"#),
            ("invoice.paid", r#"{"id":"in_1","parent":{"subscription_details":{"subscription":"sub_1"}}}"#),
            ("invoice.paid", r#"{"id":"in_1","subscription":{"id":"sub_1"}}"#),
        ] {
            assert_eq!(woken(kind, object, false).as_deref(), Some("sub_1"), "{kind} {object}");
        }
    }

    #[test]
    fn an_unpaid_invoice_is_found_and_a_paid_one_only_where_it_was_unpaid() {
        let of = |kind: &str, object: &str| {
            let body = format!(
                r#"{{"id":"evt_1","type":"{kind}","created":1,"livemode":false,"data":{{"object":{object}}}}}"#
            );
            unpaid(&read(body.as_bytes()).unwrap(), false).map(|unpaid| (unpaid.id, unpaid.only_known))
        };
        let invoice = r#"{"id":"in_1","parent":{"subscription_details":{"subscription":"sub_1"}}}"#;
        assert_eq!(of("invoice.payment_failed", invoice), Some(("in_1".to_owned(), false)));
        assert_eq!(of("invoice.payment_action_required", invoice), Some(("in_1".to_owned(), false)));
        for kind in ["invoice.paid", "invoice.voided", "invoice.marked_uncollectible"] {
            assert_eq!(of(kind, invoice), Some(("in_1".to_owned(), true)), "{kind}");
        }
        let credit = r#"{"id":"cn_1","invoice":"in_1"}"#;
        assert_eq!(of("credit_note.created", credit), Some(("in_1".to_owned(), true)));
        assert_eq!(of("credit_note.created", r#"{"id":"cn_1","invoice":"../in"}"#), None);
        let method = r#"{"id":"pm_1","customer":"cus_1"}"#;
        assert_eq!(of("payment_method.attached", method), Some(("cus_1".to_owned(), true)));
        let ended = r#"{"id":"sub_1","customer":"cus_1"}"#;
        assert_eq!(of("customer.subscription.deleted", ended), Some(("cus_1".to_owned(), true)));
        assert_eq!(of("customer.subscription.updated", ended), None);
        for (kind, object) in [
            ("invoice.payment_failed", r#"{"id":"in_1"}"#),
            ("invoice.payment_failed", r#"{"id":"../in","subscription":"sub_1"}"#),
            ("payment_method.attached", r#"{"id":"pm_1","customer":null}"#),
            ("invoice.created", invoice),
        ] {
            assert_eq!(of(kind, object), None, "{kind} {object}");
        }
    }

    #[test]
    fn other_events_wake_nothing() {
        for (kind, object) in [
            ("invoice.paid", r#"{"id":"in_1"}"#),
            ("checkout.session.completed", r#"{"id":"cs_1","subscription":null}"#),
            ("customer.subscription.updated", r#"{"id":"../customers"}"#),
            ("customer.subscription.updated", r#"{"id":7}"#),
            ("charge.refunded", r#"{"id":"ch_1","subscription":"sub_1"}"#),
        ] {
            assert_eq!(woken(kind, object, false), None, "{kind} {object}");
        }
        assert_eq!(woken("customer.subscription.updated", r#"{"id":"sub_1"}"#, true), None, "the other mode");
    }
}
