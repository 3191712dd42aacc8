//! What an event means: a sale, a refund, not relevant, or something that a person must check.
//!
//! One sale has one key, whichever events announce it: a session that has a Stripe invoice is announced again by
//! `invoice.paid`, and that invoice is the sale; any other paid session is the sale itself. `complete` reads from
//! Stripe what the event does not carry.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{
    capture, credit_note, invoice,
    meaning::{Meaning, nothing, short},
    object::{Event, is_id},
    refunds, session,
    whose::OtherSeller,
};
use crate::outcome::Reason;

/// Longest body that is read, in bytes: Lambda's limit for an invocation (6 MB, Lambda's quotas), so that no genuine
/// event is refused for its size.
pub const LONGEST_BODY: usize = 6 * 1024 * 1024;

/// Parses a verified body. Nesting depth needs no limit of ours: unknown fields are skipped without recursion, and
/// known fields are only as deep as their types.
///
/// # Errors
/// When it is not an event: not JSON, no id or no type.
pub fn read(body: &[u8]) -> Result<Event<'_>, Reason> {
    let event: Event<'_> = serde_json::from_slice(body).map_err(|error| {
        Reason::new(
            "not_an_event",
            format!("the body is no Stripe event: {} at line {}", category(&error), error.line()),
        )
    })?;
    if is_id(&event.id) {
        Ok(event)
    } else {
        Err(Reason::new("not_an_event", "the event's id is no id of Stripe: letters, digits and _, 255 at most"))
    }
}

/// What `event` means to a deployment that expects `livemode`.
pub fn classify(event: &Event<'_>, livemode: bool) -> Meaning {
    let read: fn(&Event<'_>) -> Result<Meaning, Reason> = match event.kind.as_str() {
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
            |event| object(event).map(|session| session::from_session(event, session))
        }
        "payment_intent.succeeded" => |event| object(event).map(capture::from_intent),
        "invoice.paid" => |event| object(event).map(|invoice| invoice::from_invoice(event, invoice)),
        "refund.created" | "refund.updated" | "refund.failed" => {
            |event| object(event).map(|refund| refunds::from_refund(event, &refund))
        }
        "charge.refunded" => |event| object(event).map(|charge| refunds::from_charge(event, &charge)),
        "credit_note.created" => |event| object(event).map(|note| credit_note::from_credit_note(event, note)),
        "charge.dispute.closed" => |event| object(event).map(|dispute| refunds::from_dispute(&dispute)),
        // It wakes the work on the subscription; there is nothing to record.
        "customer.subscription.created"
        | "customer.subscription.deleted"
        | "customer.subscription.paused"
        | "customer.subscription.resumed"
        | "customer.subscription.trial_will_end"
        | "customer.subscription.updated" => {
            |_| Ok(nothing("subscription_changed", "it says that a subscription changed, and no plan is sold"))
        }
        // It wakes the work on an unpaid invoice.
        "invoice.payment_failed"
        | "invoice.payment_action_required"
        | "invoice.voided"
        | "invoice.marked_uncollectible"
        | "payment_method.attached" => {
            |_| Ok(nothing("invoice_unpaid", "it says that an invoice is unpaid, and no plan is sold"))
        }
        other => return nothing("type_unused", format!("events of type {} are not used", short(other))),
    };
    if event.livemode != livemode {
        return wrong_mode(livemode);
    }
    if event.account.is_some() {
        return Meaning::NotOurs(OtherSeller::ConnectedAccount);
    }
    read(event).unwrap_or_else(Meaning::Unreadable)
}

fn wrong_mode(livemode: bool) -> Meaning {
    let (here, there) = if livemode { ("live", "test") } else { ("test", "live") };
    nothing("wrong_mode", format!("a {there}-mode event came to a stack set to {here} mode"))
}

fn object<T: DeserializeOwned>(event: &Event<'_>) -> Result<T, Reason> {
    let raw: &RawValue = event.data.object;
    serde_json::from_str(raw.get()).map_err(|error| {
        // The parser's own message quotes what it read.
        let place = format!("line {}, column {}", error.line(), error.column());
        let text = format!("data.object of {} cannot be read: {} at {place}", short(&event.kind), category(&error));
        Reason::new("object_unreadable", text)
    })
}

fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, object: &str) -> String {
        format!(
            r#"{{"id":"evt_1","type":"{kind}","created":1795257000,"livemode":false,"data":{{"object":{object}}}}}"#
        )
    }

    fn meaning(kind: &str, object: &str) -> Meaning {
        classify(&read(event(kind, object).as_bytes()).unwrap(), false)
    }

    /// A quarter of a million brackets on half a megabyte of stack: recursing into all of them would overflow it.
    #[test]
    fn no_nesting_takes_the_stack() {
        let deep = format!("{}1{}", "[".repeat(250_000), "]".repeat(250_000));
        let unread = format!(r#"{{"id":"cs_1","payment_status":"paid","amount_total":1,"metadata":{deep}}}"#);
        let read_as = format!(r#"{{"id":"cs_1","currency":{deep}}}"#);
        let either = format!(r#"{{"id":"cs_1","customer":{}}}"#, deep.replace('[', r#"{"id":"#).replace(']', "}"));
        let small = std::thread::Builder::new().stack_size(512 * 1024);
        let told = small.spawn(move || {
            assert!(read(deep.as_bytes()).is_err());
            [unread, read_as, either, deep].map(|object| meaning("checkout.session.completed", &object))
        });
        let told = told.unwrap().join().unwrap();
        assert!(matches!(&told[0], Meaning::Sale(_)), "{:?}", told[0]);
        assert!(told[1..].iter().all(|meaning| matches!(meaning, Meaning::Unreadable(_))), "{told:?}");
    }

    #[test]
    fn an_invoice_of_either_shape_is_a_sale() {
        let old = r#"{"id":"in_1","currency":"eur","total":1200,"tax":200,"payment_intent":"pi_1"}"#;
        let new = r#"{"id":"in_1","currency":"eur","total":1300,"total_taxes":[{"amount":200}],
            "pre_payment_credit_notes_amount":100,
            "payments":{"data":[{"payment":{"type":"payment_intent","payment_intent":{"id":"pi_1","object":"payment_intent"}}}]}}"#;
        for object in [old, new] {
            let Meaning::Sale(announced) = meaning("invoice.paid", object) else { panic!("{object}") };
            assert_eq!(announced.sale.payment_intent.as_deref(), Some("pi_1"));
            assert_eq!((announced.sale.tax, announced.sale.total), (Some(200), 1200));
        }
    }

    #[test]
    fn each_stack_takes_events_of_its_own_mode_only() {
        let object = r#"{"id":"cs_1","payment_status":"paid","amount_total":4900,"currency":"eur"}"#;
        let test_event = event("checkout.session.completed", object);
        let live_event = test_event.replace("\"livemode\":false", "\"livemode\":true");
        for (body, livemode, taken) in [
            (&test_event, false, true),
            (&test_event, true, false),
            (&live_event, true, true),
            (&live_event, false, false),
        ] {
            match classify(&read(body.as_bytes()).unwrap(), livemode) {
                Meaning::Sale(announced) => assert!(taken && announced.sale.livemode == livemode),
                Meaning::Nothing(reason) => assert!(!taken && reason.code == "wrong_mode", "{reason}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn ids_that_could_not_be_stored_are_refused() {
        let long = "c".repeat(256);
        for id in
            ["", "cs 1", "cs\\n1", "cs_1?expand[]=customer", "../../customers", "cs_1/line_items", "cs-1", "é", &long]
        {
            for object in [
                format!(r#"{{"id":"{id}","payment_status":"paid","amount_total":1,"currency":"eur"}}"#),
                format!(
                    r#"{{"id":"cs_1","payment_status":"paid","amount_total":1,"currency":"eur","payment_intent":"{id}"}}"#
                ),
                format!(
                    r#"{{"id":"cs_1","payment_status":"paid","amount_total":1,"currency":"eur","customer":{{"id":"{id}"}}}}"#
                ),
            ] {
                let Meaning::Unreadable(reason) = meaning("checkout.session.completed", &object) else {
                    panic!("{object}")
                };
                assert_eq!(reason.code, "object_unreadable");
                assert!(id.is_empty() || !reason.message.contains(id), "{reason}");
            }
            assert!(read(event("invoice.paid", "{}").replace("evt_1", id).as_bytes()).is_err(), "{id}");
        }
    }
}
