use serde_json::{Value, json};

use super::*;
use crate::{
    memory::at_once,
    stripe::{
        classify::{classify, read},
        meaning::Meaning,
    },
    testing::stripe::Placed,
};

fn completed(kind: &str, object: &Value, stripe: &Placed) -> Completed {
    let body = json!({"id": "evt_1", "type": kind, "created": 1_795_257_000, "data": {"object": object}}).to_string();
    match classify(&read(body.as_bytes()).unwrap(), false) {
        Meaning::Sale(announced) => at_once(complete(*announced, stripe)).unwrap(),
        Meaning::NotOurs(seller) => Completed::NotOurs(seller),
        other => panic!("{other:?}"),
    }
}

fn sale(kind: &str, object: &Value, stripe: &Placed) -> Sale {
    match completed(kind, object, stripe) {
        Completed::Whole(sale) | Completed::Summed(sale) => sale,
        other => panic!("{other:?}"),
    }
}

fn invoice(rest: Value) -> Value {
    let mut invoice = json!({
        "id": "in_1", "currency": "eur", "total": 1900, "amount_paid": 1900, "customer": "cus_1",
        "customer_name": "Léa Fontaine", "customer_email": "lea@example.org",
        "customer_address": {"line1": "12 rue des Lilas", "city": "Paris", "country": "FR"},
        "billing_reason": "subscription_cycle", "automatic_tax": {"enabled": false},
        "payments": {"data": [], "has_more": false},
        "lines": {"data": [{"id": "il_1", "amount": 1900, "description": "Pro"}], "has_more": false},
    });
    for (key, value) in rest.as_object().unwrap() {
        invoice[key] = value.clone();
    }
    invoice
}

fn nameless(rest: Value) -> Value {
    let mut invoice = invoice(json!({"customer_name": null, "customer_address": null}));
    for (key, value) in rest.as_object().unwrap() {
        invoice[key] = value.clone();
    }
    invoice
}

fn subscribed() -> Value {
    json!({"subscription_details": {"subscription": "sub_1"}})
}

fn page(rest: Value) -> Value {
    let mut session = json!({
        "id": "cs_1", "mode": "subscription", "subscription": "sub_1", "customer": "cus_1", "invoice": "in_1", "locale": "fr",
        "customer_details": {"name": "Léa Fontaine", "email": "lea@example.org",
            "address": {"line1": "12 rue des Lilas", "city": "Paris", "country": "FR"}},
    });
    for (key, value) in rest.as_object().unwrap() {
        session[key] = value.clone();
    }
    session
}

#[test]
fn nothing_is_asked_where_the_invoice_tells_all() {
    let stripe = Placed::with(&[]);
    let sale = sale("invoice.paid", &invoice(json!({})), &stripe);
    assert_eq!((sale.customer.name.as_deref(), stripe.asked()), (Some("Léa Fontaine"), vec![]));
}

#[test]
fn the_session_tells_who_bought_however_it_is_found() {
    let by_intent = json!({"data": [{"status": "paid", "amount_paid": 1900,
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"}}]});
    for (found_by, rest, told) in [
        ("subscription", json!({"parent": subscribed()}), page(json!({"invoice": null}))),
        ("old shape", json!({"subscription": "sub_1"}), page(json!({"invoice": null}))),
        ("intent", json!({"payments": by_intent}), page(json!({"payment_intent": "pi_1", "subscription": null}))),
        ("customer", json!({}), page(json!({"subscription": null}))),
    ] {
        let stripe = Placed::with(&[("checkout/sessions", json!([told]))]);
        let mut rest = rest;
        rest["billing_reason"] = json!("subscription_create");
        let sale = sale("invoice.paid", &nameless(rest), &stripe);
        assert_eq!(sale.customer.name.as_deref(), Some("Léa Fontaine"), "{found_by}");
        assert_eq!(sale.customer.address.unwrap().line1.as_deref(), Some("12 rue des Lilas"), "{found_by}");
        assert_eq!(sale.customer.language.as_deref(), Some("fr"), "{found_by}");
    }
}

#[test]
fn a_session_of_the_same_customer_for_something_else_tells_nothing() {
    let other = page(json!({"invoice": "in_other", "subscription": "sub_other"}));
    let stripe = Placed::with(&[("checkout/sessions", json!([other]))]);
    let sale = sale("invoice.paid", &nameless(json!({"billing_reason": "manual"})), &stripe);
    assert_eq!((sale.customer.name, sale.customer.address), (None, None));
}

#[test]
fn of_a_renewal_the_customer_of_today_tells_before_the_page_of_then() {
    let moved =
        json!({"name": "Léa Martin", "email": "lea@example.org", "address": {"line1": "3 quai", "country": "BE"}});
    let stripe =
        Placed::with(&[("checkout/sessions", json!([page(json!({"invoice": null}))])), ("customers/cus_1", moved)]);
    let renewal = sale("invoice.paid", &nameless(json!({"parent": subscribed()})), &stripe);
    assert_eq!(renewal.customer.name.as_deref(), Some("Léa Martin"));
    assert_eq!(renewal.customer.address.unwrap().country.as_deref(), Some("BE"));
    let first = json!({"parent": subscribed(), "billing_reason": "subscription_create"});
    assert_eq!(sale("invoice.paid", &nameless(first), &stripe).customer.name.as_deref(), Some("Léa Fontaine"));
}

#[test]
fn the_payment_method_tells_last() {
    let details = json!({"name": "L Fontaine", "email": null, "address": {"country": "FR", "postal_code": "75011"}});
    let paid = json!({"data": [{"status": "paid", "amount_paid": 1900,
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"}}]});
    let of_charge = json!({"id": "pi_1", "latest_charge": {"id": "ch_1", "billing_details": details, "balance_transaction": "txn_1"}});
    let of_method = json!({"id": "pi_1", "latest_charge": "ch_1", "payment_method": "pm_1"});
    let method = json!({"id": "pm_1", "billing_details": details});
    for (object, placed) in [
        (nameless(json!({"payments": paid})), vec![("payment_intents/pi_1", of_charge)]),
        (
            nameless(json!({"payments": paid})),
            vec![("payment_intents/pi_1", of_method), ("payment_methods/pm_1", method.clone())],
        ),
        (nameless(json!({"default_payment_method": "pm_1"})), vec![("payment_methods/pm_1", method)]),
    ] {
        let sale = sale("invoice.paid", &object, &Placed::with(&placed));
        assert_eq!(sale.customer.name.as_deref(), Some("L Fontaine"));
        assert_eq!(sale.customer.address.unwrap().postal_code.as_deref(), Some("75011"));
        assert_eq!(sale.customer.email.as_deref(), Some("lea@example.org"), "the invoice's own");
    }
}

#[test]
fn without_a_key_a_sale_is_taken_as_it_is() {
    let mut object = nameless(json!({"parent": subscribed(), "automatic_tax": null}));
    object.as_object_mut().unwrap().remove("payments");
    let sale = sale("invoice.paid", &object, &Placed::mute());
    assert_eq!((sale.customer.name, sale.received, sale.lines.len()), (None, None, 1));
}

#[test]
fn how_an_invoice_was_paid_is_asked_where_its_event_does_not_tell() {
    let mut object = invoice(json!({}));
    object.as_object_mut().unwrap().remove("payments");
    let record =
        json!({"invoice": "in_1", "status": "paid", "amount_paid": 700, "payment": {"type": "payment_record"}});
    let intent = json!({"invoice": "in_1", "status": "paid", "amount_paid": 1200,
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"}});
    let mut now = object.clone();
    now["amount_paid_off_stripe"] = json!(700);
    now["payments"] = json!({"data": [record, intent], "has_more": false});
    let listed = Placed::with(&[("invoice_payments", json!([record, intent]))]);
    for stripe in [Placed::with(&[("invoices/in_1", now)]), listed] {
        let sale = sale("invoice.paid", &object, &stripe);
        assert_eq!((sale.received, sale.payment_intent.as_deref()), (Some(1200), Some("pi_1")));
    }
    let sale = sale("invoice.paid", &object, &Placed::with(&[("invoice_payments", json!([record]))]));
    assert_eq!(sale.received, Some(1200), "what is not known to be paid elsewhere");
}

#[test]
fn a_subscription_under_managed_payments_is_links() {
    let managed = json!({"id": "sub_1", "managed_payments": {"enabled": true}});
    let asked = json!({"parent": subscribed(), "automatic_tax": {"enabled": true, "liability": null}});
    let of = |object: &Value, placed: &[(&str, Value)]| match completed("invoice.paid", object, &Placed::with(placed)) {
        Completed::NotOurs(seller) => Some(seller),
        Completed::Whole(_) => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(of(&invoice(asked.clone()), &[("subscriptions/sub_1", managed)]), Some(OtherSeller::Link));
    let own = json!({"id": "sub_1", "managed_payments": null});
    assert_eq!(of(&invoice(asked.clone()), &[("subscriptions/sub_1", own)]), None);
    let told = json!({"automatic_tax": {"enabled": true, "liability": {"type": "stripe"}}});
    assert_eq!(of(&invoice(told), &[]), Some(OtherSeller::Link));
    let page = page(json!({"managed_payments": {"enabled": true}}));
    assert_eq!(of(&nameless(asked), &[("checkout/sessions", json!([page]))]), Some(OtherSeller::Link));
}

#[test]
fn a_purchase_order_that_was_typed_on_a_page_is_found() {
    let fields = json!([{"key": "po", "label": {"custom": "N° de commande"}, "text": {"value": "BC-9"}}]);
    let typed = page(json!({"custom_fields": fields}));
    let stripe = Placed::with(&[("checkout/sessions", json!([typed]))]);
    let first = invoice(json!({"billing_reason": "subscription_create", "parent": subscribed()}));
    assert_eq!(sale("invoice.paid", &first, &stripe).purchase_order.as_deref(), Some("BC-9"));
    let own = invoice(json!({"custom_fields": [{"name": "PO number", "value": "4711"}]}));
    assert_eq!(sale("invoice.paid", &own, &stripe).purchase_order.as_deref(), Some("4711"));
}

#[test]
fn a_session_without_a_name_asks_for_the_customer() {
    let session = json!({"id": "cs_1", "payment_status": "paid", "amount_total": 100, "currency": "eur", "customer": "cus_1",
        "customer_details": {"email": "lea@example.org", "name": null, "address": {"country": "FR"}}});
    let stripe = Placed::with(&[("customers/cus_1", json!({"name": "Léa", "email": null, "address": null}))]);
    let sale = sale("checkout.session.completed", &session, &stripe);
    assert_eq!(sale.customer.name.as_deref(), Some("Léa"));
    assert_eq!(stripe.asked(), ["checkout/sessions/cs_1/line_items", "customers/cus_1"]);
}
