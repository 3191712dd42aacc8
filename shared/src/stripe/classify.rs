//! What an event means: a sale, a refund, nothing to us, or something a person has to look at.
//!
//! One sale has one key whichever events announce it: a session that has a Stripe invoice is announced again by
//! `invoice.paid`, and that invoice is the sale; any other paid session is the sale itself. Where lines come from is said
//! here and fetched elsewhere (`lines`).

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{
    announced::{Announced, Missing},
    meaning::{Meaning, is_id, nothing, seconds, short, unreadable},
    object::{self, Event, Reference, Session, StripeInvoice},
    refunds,
};
use crate::{
    money::together,
    outcome::Reason,
    sale::{Address, Customer, Delivery, Sale, SaleKey, TaxId},
    text::filled,
};

/// Longest body that is read, in bytes: as much as Lambda hands to a function (6 MB, Lambda's quotas), so that no genuine
/// event is refused for its size.
pub const LONGEST_BODY: usize = 6 * 1024 * 1024;

/// Reads a verified body. How deep it nests needs no limit of ours: what nobody asked for is passed over without recursion,
/// and what is asked for is as deep as its type.
///
/// # Errors
/// When it is no event at all: not JSON, no id or no type.
pub fn read(body: &[u8]) -> Result<Event<'_>, Reason> {
    let event: Event<'_> = serde_json::from_slice(body).map_err(|error| {
        Reason::new(
            "not_an_event",
            format!("the body is no Stripe event: {} at line {}", category(&error), error.line()),
        )
    })?;
    if is_id(&event.id) { Ok(event) } else { Err(Reason::new("not_an_event", "the event's id is empty or too long")) }
}

/// What `event` means to a bundle that expects `livemode`.
pub fn classify(event: &Event<'_>, livemode: bool) -> Meaning {
    let read: fn(&Event<'_>) -> Result<Meaning, Reason> = match event.kind.as_str() {
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
            |event| object(event).map(|session| from_session(event, session))
        }
        "invoice.paid" => |event| object(event).map(|invoice| from_invoice(event, invoice)),
        "refund.created" | "refund.updated" | "refund.failed" => {
            |event| object(event).map(|refund| refunds::from_refund(event, &refund))
        }
        "charge.refunded" => |event| object(event).map(|charge| refunds::from_charge(event, &charge)),
        "credit_note.created" => |event| object(event).map(|note| refunds::from_credit_note(event, &note)),
        "charge.dispute.closed" => |event| object(event).map(|dispute| refunds::from_dispute(&dispute)),
        other => return nothing("type_unused", format!("events of type {} are not used", short(other))),
    };
    if event.livemode != livemode {
        return wrong_mode(livemode);
    }
    read(event).unwrap_or_else(Meaning::Unreadable)
}

fn wrong_mode(livemode: bool) -> Meaning {
    let (here, there) = if livemode { ("live", "test") } else { ("test", "live") };
    nothing("wrong_mode", format!("a {there}-mode event came to a stack set to {here} mode"))
}

fn from_session(event: &Event<'_>, session: Session) -> Meaning {
    if !is_id(&session.id) {
        return unreadable("data.object.id is empty or too long");
    }
    if let Some(invoice) = &session.invoice {
        return nothing(
            "billed_by_stripe_invoice",
            format!("the sale is invoice {}, announced by invoice.paid", short(invoice.id())),
        );
    }
    match session.mode.as_deref() {
        Some("subscription") => {
            return nothing("billed_by_stripe_invoice", "a subscription's sales are announced by invoice.paid");
        }
        Some("setup") => return nothing("no_sale", "a session in setup mode sells nothing"),
        _ => {}
    }
    if session.payment_status.as_deref() == Some("unpaid") {
        return nothing("unpaid", "not paid yet; checkout.session.async_payment_succeeded announces it when it is");
    }
    let Some(total) = session.amount_total else { return unreadable("data.object.amount_total is missing") };
    if total == 0 {
        return nothing("zero_amount", "nothing was paid, so there is nothing to invoice");
    }
    let details = session.customer_details.clone().unwrap_or_default();
    let collected = session.collected_information.as_ref().and_then(|collected| collected.shipping_details.as_ref());
    let sale = Sale {
        key: SaleKey(session.id.clone()),
        event: event.id.clone(),
        livemode: event.livemode,
        paid_at: seconds(event.created),
        currency: session.currency.clone().unwrap_or_default(),
        total,
        tax: session.total_details.as_ref().and_then(|details| details.amount_tax),
        lines: Vec::new(),
        customer: Customer {
            id: id(session.customer.as_ref()),
            name: filled(details.individual_name.as_deref()).or_else(|| filled(details.name.as_deref())),
            business_name: filled(details.business_name.as_deref()),
            email: filled(details.email.as_deref()).or_else(|| filled(session.customer_email.as_deref())),
            address: details.address.map(address),
            language: session.locale.clone().filter(|locale| locale != "auto"),
            tax_ids: tax_ids(details.tax_ids),
        },
        payment_intent: id(session.payment_intent.as_ref()),
        reference: session.client_reference_id.clone(),
        delivery: delivery(collected.or(session.shipping_details.as_ref())),
        received: None,
        exchange: None,
    };
    let may_have_invoice = session.invoice_creation.as_ref().is_some_and(|creation| creation.enabled);
    let missing = Missing::SessionLines { may_have_invoice, session: Box::new(session) };
    Meaning::Sale(Box::new(Announced { sale, missing }))
}

fn from_invoice(event: &Event<'_>, invoice: StripeInvoice) -> Meaning {
    if !is_id(&invoice.id) {
        return unreadable("data.object.id is empty or too long");
    }
    let Some(total) = invoice.total else { return unreadable("data.object.total is missing") };
    let total = total.saturating_sub(invoice.pre_payment_credit_notes_amount);
    if total == 0 {
        return nothing("zero_amount", "nothing was paid, so there is nothing to invoice");
    }
    let paid_at = invoice.status_transitions.as_ref().and_then(|at| at.paid_at).unwrap_or(event.created);
    let tax = invoice.total_taxes.as_ref().map(|taxes| together(taxes.iter().map(|tax| tax.amount))).or(invoice.tax);
    let first_payment =
        invoice.payments.as_ref().and_then(|list| list.data.first()).and_then(|entry| entry.payment.as_ref());
    let payment_intent = invoice.payment_intent.as_ref().or_else(|| first_payment?.payment_intent.as_ref());
    let received = if invoice.paid_out_of_band { Some(0) } else { invoice.amount_paid };
    let sale = Sale {
        key: SaleKey(invoice.id.clone()),
        event: event.id.clone(),
        livemode: event.livemode,
        paid_at: seconds(paid_at),
        currency: invoice.currency.clone().unwrap_or_default(),
        total,
        tax,
        lines: Vec::new(),
        customer: Customer {
            id: id(invoice.customer.as_ref()),
            name: filled(invoice.customer_name.as_deref()),
            business_name: None,
            email: filled(invoice.customer_email.as_deref()),
            address: invoice.customer_address.clone().map(address),
            language: None,
            tax_ids: tax_ids(invoice.customer_tax_ids.clone()),
        },
        payment_intent: id(payment_intent),
        reference: None,
        delivery: delivery(invoice.shipping_details.as_ref()),
        received: received.filter(|received| *received < total),
        exchange: None,
    };
    Meaning::Sale(Box::new(Announced { sale, missing: Missing::InvoiceLines(Box::new(invoice)) }))
}

fn object<T: DeserializeOwned>(event: &Event<'_>) -> Result<T, Reason> {
    let raw: &RawValue = event.data.object;
    serde_json::from_str(raw.get()).map_err(|error| {
        // The parser's own words quote what it read.
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

fn id(reference: Option<&Reference>) -> Option<String> {
    reference.map(|reference| reference.id().to_owned())
}

fn address(address: object::Address) -> Address {
    let object::Address { line1, line2, postal_code, city, state, country } = address;
    Address { line1, line2, postal_code, city, state, country }
}

fn delivery(shipping: Option<&object::Shipping>) -> Option<Delivery> {
    let shipping = shipping?;
    Some(Delivery { name: filled(shipping.name.as_deref()), address: address(shipping.address.clone()?) })
}

fn tax_ids(ids: Option<Vec<object::TaxId>>) -> Vec<TaxId> {
    let known =
        |id: object::TaxId| Some(TaxId { kind: id.kind.unwrap_or_default(), value: filled(id.value.as_deref())? });
    ids.unwrap_or_default().into_iter().filter_map(known).collect()
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

    /// A quarter of a million brackets on half a megabyte of stack: whoever followed them all would not come back.
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
                Meaning::Nothing(reason) => assert!(!taken && reason.word == "wrong_mode", "{reason}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn ids_that_could_not_be_stored_are_refused() {
        for id in ["", "cs 1", "cs\\n1", &"c".repeat(256)] {
            let object = format!(r#"{{"id":"{id}","payment_status":"paid","amount_total":1,"currency":"eur"}}"#);
            assert!(matches!(meaning("checkout.session.completed", &object), Meaning::Unreadable(_)), "{id}");
        }
    }
}
