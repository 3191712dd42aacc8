//! Events in any order result in the same documents; sales of other sellers result in none.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{complete, receive, receive_or_announce};
use crate::{
    announced::AnnouncedEvents,
    billing::{credit::credit, draft::draft, ledger::Credited},
    invoice::Invoice,
    memory::{InMemoryStore, at_once},
    numbering::InvoiceNumber,
    outcome::ServiceError,
    payment::{PaymentLog, Received, Recorded},
    reconcile::is_missing,
    seller::Seller,
    stripe::classify::read,
    testing::{STANDARD_TOML, stripe::Placed},
};

const NOW: Timestamp = Timestamp::constant(1_795_257_600, 0);

fn event(kind: &str, object: &Value) -> Value {
    json!({"id": format!("evt_{}", kind.replace('.', "_")), "type": kind, "created": 1_795_257_000, "data": {"object": object}})
}

fn deliver(event: &Value, books: &InMemoryStore, stripe: &Placed) -> Result<Received, ServiceError> {
    let body = event.to_string();
    at_once(receive(&read(body.as_bytes()).unwrap(), &body, false, false, books, stripe, NOW))
}

fn word(received: Result<Received, ServiceError>) -> String {
    match received.unwrap() {
        Received::Ignored(reason) => format!("ignored {}", reason.code),
        Received::Parked(reason) => format!("parked {}", reason.code),
        Received::ParkedBefore(reason) => format!("parked before {}", reason.code),
        Received::Recorded { sale, .. } => format!("recorded {sale}"),
        Received::Refunded { refund, .. } => format!("refunded {refund}"),
        Received::AlreadyRecorded { sale } => format!("before {sale}"),
        Received::Announced => "announced".to_owned(),
    }
}

/// Every permutation of `items`.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    (0..items.len())
        .flat_map(|first| {
            let mut rest = items.to_vec();
            let head = rest.remove(first);
            orders(&rest).into_iter().map(move |order| [vec![head.clone()], order].concat())
        })
        .collect()
}

fn line(id: &str, amount: i64, percent: u8) -> Value {
    json!({"id": id, "amount": amount, "description": id,
        "taxes": [{"amount": amount * i64::from(percent) / 100, "tax_behavior": "exclusive",
            "tax_rate_details": {"tax_rate": format!("txr_{percent}")}, "taxability_reason": "standard_rated"}]})
}

fn credited(line: &str, amount: i64, tax: i64) -> Value {
    json!({"amount": amount, "description": "Retour", "invoice_line_item": line,
        "taxes": [{"amount": tax, "tax_behavior": "exclusive"}]})
}

fn refund(id: &str, amount: i64) -> Value {
    json!({"id": id, "amount": amount, "currency": "eur", "status": "succeeded", "payment_intent": "pi_1", "charge": "ch_1",
        "created": 1_795_256_990, "balance_transaction": "txn_1"})
}

/// An invoice at two rates: two lines are credited in two refunds and a balance credit, and lines of the note are
/// beyond the first page.
#[test]
fn any_order_of_events_credits_the_same_lines_at_the_same_rates() {
    let invoice = json!({
        "id": "in_1", "currency": "eur", "total": 23_000, "amount_paid": 23_000, "customer": "cus_1", "payment_intent": "pi_1",
        "customer_name": "Zoé", "customer_email": "zoe@example.org", "total_taxes": [{"amount": 3000}],
        "customer_address": {"line1": "1 rue", "city": "Paris", "postal_code": "75011", "country": "FR"},
        "lines": {"data": [line("il_a", 10_000, 20), line("il_b", 10_000, 10)], "has_more": false},
    });
    let lines = [credited("il_a", 1000, 200), credited("il_b", 2000, 200)];
    let note = |lines: &[Value], has_more: bool| {
        json!({"id": "cn_1", "invoice": "in_1", "total": 3400, "currency": "eur", "type": "post_payment", "status": "issued",
            "created": 1_795_256_991, "customer_balance_transaction": "cbtxn_1",
            "refunds": [{"refund": "re_1", "amount_refunded": 1200}, {"refund": "re_2", "amount_refunded": 1000}],
            "lines": {"data": lines, "has_more": has_more}})
    };
    let first_page = note(&lines[..1], true);
    let stripe = Placed::with(&[
        ("credit_notes", json!([first_page])),
        ("credit_notes/cn_1/lines", json!(lines)),
        ("tax_rates/txr_20", json!({"percentage": 20.0, "country": "FR"})),
        ("tax_rates/txr_10", json!({"percentage": 10.0, "country": "FR"})),
    ]);
    let charge = json!({"id": "ch_1", "refunds": {"data": [refund("re_2", 1000), refund("re_1", 1200)]}});
    let events = [
        event("refund.created", &refund("re_1", 1200)),
        event("refund.updated", &refund("re_2", 1000)),
        event("charge.refunded", &charge),
        event("credit_note.created", &first_page),
    ];
    let seller =
        Seller::from_toml(&STANDARD_TOML.replace("\"standard\"", "\"stripe_tax\"").replace("rate = \"20\"", ""));
    let seller = seller.unwrap();
    let mut documents = Vec::new();
    for order in orders(&events) {
        let books = InMemoryStore::default();
        assert_eq!(word(deliver(&event("invoice.paid", &invoice), &books, &stripe)), "recorded in_1");
        for event in &order {
            deliver(event, &books, &stripe).unwrap();
        }
        let mut refunds = books.refunds();
        refunds.iter_mut().for_each(|refund| refund.event.clear());
        let day = jiff::civil::date(2026, 11, 22);
        let draft = draft(&books.sales()[0], &seller, day).unwrap();
        let original = Invoice::new(InvoiceNumber("2026-11-0001".into()), day, draft);
        let mut before = Credited::default();
        let mut drafts = Vec::new();
        for refund in &refunds {
            let credit = credit(refund, &original, &before, &seller, day).unwrap();
            before = credit.credited.clone();
            drafts.push(credit.draft);
        }
        documents.push((refunds, drafts));
    }
    let (refunds, drafts) = &documents[0];
    assert_eq!(
        refunds.iter().map(|refund| (refund.key.0.as_str(), refund.amount)).collect::<Vec<_>>(),
        [("cn_1", 1200), ("re_1", 1200), ("re_2", 1000)]
    );
    for refund in refunds {
        assert_eq!(refund.lines.iter().map(|line| line.amount).sum::<i64>(), refund.amount, "{refund:?}");
    }
    let tax: i64 = drafts.iter().map(|draft| draft.totals.tax).sum();
    assert_eq!(tax, 400, "the tax of the lines credited, not of the whole invoice");
    assert!(documents.iter().all(|document| document == &documents[0]));
}

#[test]
fn without_a_note_or_a_key_a_refund_is_of_the_whole() {
    let invoice =
        json!({"id": "in_1", "currency": "eur", "total": 1000, "payment_intent": "pi_1", "customer_name": "Zoé"});
    for stripe in [Placed::with(&[]), Placed::mute()] {
        let books = InMemoryStore::default();
        deliver(&event("invoice.paid", &invoice), &books, &stripe).unwrap();
        let received = deliver(&event("refund.created", &refund("re_1", 400)), &books, &stripe);
        assert_eq!(word(received), "refunded re_1");
        assert!(books.refunds()[0].lines.is_empty());
    }
}

fn session(rest: Value) -> Value {
    let mut session = json!({"id": "cs_1", "mode": "payment", "payment_status": "paid", "amount_total": 10_000,
        "currency": "eur", "payment_intent": "pi_1", "locale": "fr",
        "customer_details": {"name": "Zoé", "email": "zoe@example.org", "address": {"line1": "1 rue", "country": "FR"}}});
    for (key, value) in rest.as_object().unwrap() {
        session[key] = value.clone();
    }
    session
}

fn intent(rest: Value) -> Value {
    let mut intent = json!({"id": "pi_1", "object": "payment_intent", "status": "succeeded", "capture_method": "manual",
        "amount": 10_000, "amount_received": 10_000, "currency": "eur", "latest_charge": "ch_1"});
    for (key, value) in rest.as_object().unwrap() {
        intent[key] = value.clone();
    }
    intent
}

#[test]
fn what_is_captured_later_is_sold_once_and_as_far_as_it_was_captured() {
    let agreed = session(json!({"payment_status": "unpaid"}));
    let items = json!([{"id": "li_1", "description": "Stage", "quantity": 2, "amount_total": 10_000}]);
    let known = [("checkout/sessions", json!([agreed])), ("checkout/sessions/cs_1/line_items", items)];
    for (received, description) in [(10_000, "Stage"), (6050, "Stage (encaissé 60,50 sur 100,00 EUR autorisés)")] {
        let stripe = Placed::with(&known);
        let succeeded = event("payment_intent.succeeded", &intent(json!({"amount_received": received})));
        let completed = event("checkout.session.completed", &agreed);
        for order in orders(&[&completed, &succeeded, &succeeded]) {
            let books = InMemoryStore::default();
            for event in order {
                deliver(event, &books, &stripe).unwrap();
            }
            let [sale] = &books.sales()[..] else { panic!("{:?}", books.sales()) };
            assert_eq!((sale.key.0.as_str(), sale.total, sale.lines[0].total), ("cs_1", received, received));
            assert_eq!(sale.lines[0].description, description);
        }
    }
}

#[test]
fn a_payment_that_succeeds_is_no_second_sale() {
    let ordinary = event("payment_intent.succeeded", &intent(json!({"capture_method": "automatic"})));
    let stripe = Placed::with(&[("checkout/sessions", json!([session(json!({}))]))]);
    let books = InMemoryStore::default();
    assert_eq!(word(deliver(&ordinary, &books, &stripe)), "ignored announced_otherwise");
    assert!(stripe.asked().is_empty(), "an ordinary payment costs no question");
    let later = event("payment_intent.succeeded", &intent(json!({})));
    assert_eq!(word(deliver(&later, &books, &Placed::with(&[]))), "ignored no_session");
    assert_eq!(word(deliver(&later, &books, &Placed::mute())), "parked capture_unknown");
    let hold = event("payment_intent.amount_capturable_updated", &intent(json!({"status": "requires_capture"})));
    assert_eq!(word(deliver(&hold, &books, &stripe)), "ignored type_unused");
    for (rest, expected) in [
        (json!({"invoice": "in_1"}), "ignored billed_by_stripe_invoice"),
        (json!({"mode": "subscription"}), "ignored billed_by_stripe_invoice"),
        (json!({"mode": "setup"}), "ignored no_sale"),
    ] {
        let stripe = Placed::with(&[("checkout/sessions", json!([session(rest)]))]);
        assert_eq!(word(deliver(&later, &books, &stripe)), expected);
    }
    assert!(books.sales().is_empty());
}

#[test]
fn what_was_authorized_and_not_captured_is_no_refund() {
    let mut release = refund("re_0", 4000);
    release["balance_transaction"] = Value::Null;
    let partly = intent(json!({"amount_received": 6000}));
    let stripe = Placed::with(&[
        ("checkout/sessions", json!([session(json!({"payment_status": "unpaid"}))])),
        ("payment_intents/pi_1", partly),
        ("refunds", json!([refund("re_1", 4000), release])),
    ]);
    let books = InMemoryStore::default();
    let released = event("refund.created", &release);
    assert_eq!(word(deliver(&released, &books, &stripe)), "ignored authorization_released", "before its sale");
    deliver(&event("payment_intent.succeeded", &intent(json!({"amount_received": 6000}))), &books, &stripe).unwrap();
    assert_eq!(word(deliver(&released, &books, &stripe)), "ignored authorization_released");
    assert_eq!(word(deliver(&event("refund.created", &refund("re_1", 4000)), &books, &stripe)), "refunded re_1");
    let mut expired = refund("re_2", 100);
    expired["reason"] = json!("expired_uncaptured_charge");
    assert_eq!(word(deliver(&event("refund.created", &expired), &books, &stripe)), "ignored authorization_expired");
}

#[test]
fn others_sales_make_nothing_of_ours_and_tell_the_owner_once_a_month() {
    let managed = session(json!({"managed_payments": {"enabled": true}}));
    let books = InMemoryStore::default();
    let stripe = Placed::with(&[]);
    let mut connected = event("checkout.session.completed", &session(json!({})));
    connected["account"] = json!("acct_1");
    for (event, told) in [
        (&connected, "sold_by_connected_account"),
        (&event("checkout.session.completed", &managed), "sold_by_link"),
        (
            &event(
                "invoice.paid",
                &json!({"id": "in_1", "total": 1, "issuer": {"type": "account", "account": "acct_2"}}),
            ),
            "sold_by_other_account",
        ),
    ] {
        assert_eq!(word(deliver(event, &books, &stripe)), format!("parked {told}"));
        assert_eq!(word(deliver(event, &books, &stripe)), format!("ignored {told}"));
    }
    let mut refunded = event("refund.created", &refund("re_1", 1));
    refunded["account"] = json!("acct_3");
    assert_eq!(
        word(deliver(&refunded, &books, &stripe)),
        "ignored sold_by_connected_account",
        "the kind is told already"
    );
    assert!(
        books.parked_events().iter().all(|parked| parked.body.is_empty() && !parked.reason.message.contains("Zoé"))
    );
    assert_eq!((books.sales().len(), books.parked_events().len()), (0, 3));
}

#[test]
fn refunds_of_what_is_never_announced_do_not_wait_for_it() {
    let books = InMemoryStore::default();
    let refunded = event("refund.created", &refund("re_1", 100));
    let outside = Placed::with(&[("payment_intents/pi_1", intent(json!({"capture_method": "automatic"})))]);
    assert_eq!(word(deliver(&refunded, &books, &outside)), "parked sale_unknown");
    assert_eq!(word(deliver(&refunded, &books, &outside)), "parked before sale_unknown", "told once");
    for placed in [
        ("payment_intents/pi_1", intent(json!({"managed_payments": {"enabled": true}}))),
        ("checkout/sessions", json!([session(json!({"managed_payments": {"enabled": true}}))])),
    ] {
        let received = word(deliver(&refunded, &InMemoryStore::default(), &Placed::with(&[placed])));
        assert_eq!(received, "parked sold_by_link");
    }
    let coming = Placed::with(&[("checkout/sessions", json!([session(json!({}))]))]);
    assert!(
        !deliver(&refunded, &InMemoryStore::default(), &coming).unwrap_err().is_permanent(),
        "its sale is on its way"
    );
    assert!(deliver(&refunded, &InMemoryStore::default(), &Placed::mute()).is_err(), "nobody can be asked");
    let books = InMemoryStore::default();
    at_once(books.record(&crate::testing::sale(), NOW)).unwrap();
    assert_eq!(word(deliver(&refunded, &books, &outside)), "refunded re_1");
}

/// What the webhook makes of an event when questions are cut off, and what is made of it later.
#[test]
fn what_stripe_cannot_be_asked_about_is_stored_and_completed_as_if_it_had_been() {
    let sold = event("checkout.session.completed", &session(json!({}))).to_string();
    let read_event = read(sold.as_bytes()).unwrap();
    let items = json!([{"id": "li_1", "description": "Stage", "quantity": 1, "amount_total": 10_000}]);
    let placed = [("checkout/sessions/cs_1/line_items", items)];
    let (asked, cut) = (Placed::with(&placed), Placed::with(&placed).cut_off());
    let books = InMemoryStore::default();
    let announce = || at_once(receive_or_announce(&read_event, &sold, false, false, &books, &cut, NOW));
    assert_eq!((word(announce()), word(announce())), ("announced".to_owned(), "announced".to_owned()));
    assert!(books.sales().is_empty() && books.parked_events().is_empty());
    let stored = books.announced_events();
    assert_eq!(stored.iter().map(|event| event.body.as_str()).collect::<Vec<_>>(), [sold.as_str()], "once, as it came");
    let finish = |stripe: &Placed, at| at_once(complete(&stored[0], false, false, &books, stripe, at));
    assert!(!finish(&cut, NOW).unwrap_err().is_permanent(), "it stays open");
    assert_eq!(word(finish(&asked, NOW)), "recorded cs_1");
    assert!(books.announced_events().is_empty());
    assert_eq!(word(finish(&asked, NOW)), "before cs_1", "whoever held it still");
    let direct = InMemoryStore::default();
    deliver(&serde_json::from_str(&sold).unwrap(), &direct, &asked).unwrap();
    assert_eq!(books.sales(), direct.sales());
    assert_eq!(
        word(at_once(receive_or_announce(&read_event, &sold, false, false, &books, &asked, NOW))),
        "before cs_1"
    );
}

#[test]
fn only_what_is_cut_off_is_stored_and_nothing_is_tried_for_ever() {
    let cut = Placed::with(&[]).cut_off();
    let unused = event("customer.created", &json!({})).to_string();
    let unreadable = event("checkout.session.completed", &session(json!({"amount_total": "much"}))).to_string();
    let books = InMemoryStore::default();
    for (body, expected) in [(&unused, "ignored type_unused"), (&unreadable, "parked object_unreadable")] {
        let event = read(body.as_bytes()).unwrap();
        assert_eq!(word(at_once(receive_or_announce(&event, body, false, false, &books, &cut, NOW))), expected);
    }
    assert!(books.announced_events().is_empty());
    // An event that is weeks old is stored by the reconciliation, and has as long as any other.
    let mut sold = event("checkout.session.completed", &session(json!({})));
    sold["created"] = json!(NOW.as_second() - 20 * 24 * 3600);
    let sold = sold.to_string();
    let event = read(sold.as_bytes()).unwrap();
    assert_eq!(word(at_once(receive_or_announce(&event, &sold, false, false, &books, &cut, NOW))), "announced");
    let stored = at_once(books.announced(&event.id)).unwrap().unwrap();
    let after = |hours| NOW + jiff::SignedDuration::from_hours(hours);
    assert!(at_once(complete(&stored, false, false, &books, &cut, after(60))).is_err());
    let last = at_once(complete(&stored, false, false, &books, &cut, after(61)));
    assert_eq!(word(last), "parked still_unavailable");
    assert!(books.announced_events().is_empty(), "it waits for a person");
}

#[test]
fn an_event_that_leaves_no_record_is_missed_once() {
    let later = event("payment_intent.succeeded", &intent(json!({}))).to_string();
    let read_event = read(later.as_bytes()).unwrap();
    let books = InMemoryStore::default();
    let missing = || at_once(is_missing(&read_event, false, &books)).unwrap();
    assert!(missing());
    at_once(books.announce(&read_event.id, &later, NOW)).unwrap();
    let stored = at_once(books.announced(&read_event.id)).unwrap().unwrap();
    let completed = at_once(complete(&stored, false, false, &books, &Placed::with(&[]), NOW));
    assert_eq!(word(completed), "ignored no_session");
    assert!(!missing() && books.announced_events().is_empty(), "the next night does not find it again");
    assert_eq!(at_once(books.announce(&read_event.id, &later, NOW)).unwrap(), Recorded::New, "if it comes, it is read");
}
