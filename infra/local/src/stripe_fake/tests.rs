//! Subscriptions from beginning to end without a network, and every object held against the fields that Stripe publishes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::calendar::{DAY, HOUR};
use super::form::Form;
use super::object::{id, list, number, text};
use super::outcome::Outcome;
use super::query::Query;
use super::refusal::Refusal;
use super::sessions::Customer;
use super::world::World;
use super::{catalog, life, reads, routes, sessions};

const START: i64 = 1_795_000_000;

fn world() -> World {
    let mut world = World::new(START, "http://127.0.0.1/_stripe".to_owned());
    catalog::stock(&mut world);
    world
}

fn change(world: &mut World, method: &str, path: &str, form: &str) -> Result<Value, Refusal> {
    routes::change(world, method, path, &Form::read(form.as_bytes()).unwrap())
}

fn post(world: &mut World, path: &str, form: &str) -> Value {
    change(world, "POST", path, form).unwrap_or_else(|refusal| panic!("{path}: {refusal:?}"))
}

fn get(world: &World, path: &str, query: &str) -> Value {
    reads::read(world, path, &Query::read(query)).unwrap_or_else(|refusal| panic!("{path}: {refusal:?}"))
}

/// A customer whose invoices are charged to a card of this number.
fn customer(world: &mut World, number: &str) -> (String, String) {
    let customer = post(world, "customers", "email=zoe%40example.org");
    let customer = text(&customer, "/id").to_owned();
    let method = card(world, &customer, number);
    post(world, &format!("customers/{customer}"), &format!("invoice_settings[default_payment_method]={method}"));
    (customer, method)
}

fn card(world: &mut World, customer: &str, number: &str) -> String {
    let method = post(world, "payment_methods", &format!("type=card&card[number]={number}"));
    let method = text(&method, "/id").to_owned();
    post(world, &format!("payment_methods/{method}/attach"), &format!("customer={customer}"));
    method
}

fn subscribe(world: &mut World, customer: &str, more: &str) -> Value {
    post(world, "subscriptions", &format!("customer={customer}&items[0][price]=price_comptoir_solo{more}"))
}

fn status(world: &World, subscription: &Value) -> String {
    text(world.get(text(subscription, "/id")).unwrap(), "/status").to_owned()
}

fn pass(world: &mut World, seconds: i64) {
    let until = world.now + seconds;
    life::pass(world, until);
}

/// The newest invoice of a subscription.
fn newest(world: &World, subscription: &Value) -> Value {
    let known = world.get(text(subscription, "/id")).unwrap();
    world.get(id(known, "/latest_invoice").unwrap()).unwrap().clone()
}

fn told(world: &World) -> Vec<&str> {
    world.told.iter().map(|event| text(event, "/type")).collect()
}

/// To the end of the current period, and an hour further, when its invoice is charged.
fn renew(world: &mut World, subscription: &Value) {
    let known = world.get(text(subscription, "/id")).unwrap();
    let end = number(known, "/items/data/0/current_period_end");
    life::pass(world, end + HOUR);
}

#[test]
fn what_is_paid_is_renewed_month_after_month() {
    let mut world = world();
    let (customer, _) = customer(&mut world, "4242424242424242");
    let subscription = subscribe(&mut world, &customer, "");
    assert_eq!(status(&world, &subscription), "active");
    for _ in 0..13 {
        renew(&mut world, &subscription);
        let invoice = newest(&world, &subscription);
        assert_eq!((text(&invoice, "/status"), text(&invoice, "/billing_reason")), ("paid", "subscription_cycle"));
    }
    let all = get(&world, "invoices", &format!("subscription={}&status=paid&limit=100", text(&subscription, "/id")));
    assert_eq!(list(&all, "/data").len(), 14);
    assert_eq!(told(&world).into_iter().filter(|kind| *kind == "invoice.paid").count(), 14);
}

#[test]
fn a_first_payment_that_fails_leaves_an_incomplete_one_that_expires_after_23_hours() {
    let mut world = world();
    let (customer, method) = customer(&mut world, "4000000000009995");
    let subscription = subscribe(&mut world, &customer, "");
    assert_eq!(status(&world, &subscription), "incomplete");
    pass(&mut world, 23 * HOUR - 1);
    assert_eq!(status(&world, &subscription), "incomplete");
    pass(&mut world, 1);
    assert_eq!(status(&world, &subscription), "incomplete_expired");
    assert_eq!(text(&newest(&world, &subscription), "/status"), "void");
    let refused = change(
        &mut world,
        "POST",
        "subscriptions",
        &format!("customer={customer}&items[0][price]=price_comptoir_solo&payment_behavior=error_if_incomplete"),
    );
    assert_eq!(refused.unwrap_err().status, 402);
    assert_eq!(list(&get(&world, "subscriptions", "status=all"), "/data").len(), 1, "nothing is left of it");
    let late = subscribe(&mut world, &customer, "&payment_behavior=default_incomplete");
    world.outcomes.insert(method, Outcome::Succeed);
    let path = format!("invoices/{}/pay", text(&newest(&world, &late), "/id"));
    post(&mut world, &path, "");
    assert_eq!(status(&world, &late), "active");
}

#[test]
fn stripe_tries_again_on_its_own_days_and_then_does_what_the_owner_set() {
    for (at_the_end, paid_later) in [("canceled", "canceled"), ("unpaid", "active"), ("past_due", "active")] {
        let mut world = world();
        world.habits.at_the_end = at_the_end.to_owned();
        let (customer, method) = customer(&mut world, "4242424242424242");
        let other = card(&mut world, &customer, "5555555555554444");
        let subscription = subscribe(&mut world, &customer, "");
        world.outcomes.insert(method.clone(), Outcome::Decline("generic_decline".to_owned()));
        renew(&mut world, &subscription);
        for tries in 1..=4 {
            let invoice = newest(&world, &subscription);
            assert_eq!(number(&invoice, "/attempt_count"), tries);
            let expected = if tries < 4 { "past_due" } else { at_the_end };
            assert_eq!(status(&world, &subscription), expected);
            // A try of the seller's own changes neither the count nor the schedule.
            let path = format!("invoices/{}/pay", text(&invoice, "/id"));
            let refused = change(&mut world, "POST", &path, &format!("payment_method={method}")).unwrap_err();
            assert_eq!((refused.status, &refused.error["code"]), (402, &json!("card_declined")));
            assert_eq!(newest(&world, &subscription)["next_payment_attempt"], invoice["next_payment_attempt"]);
            if let Some(next) = invoice["next_payment_attempt"].as_i64() {
                life::pass(&mut world, next);
            }
        }
        let invoice = text(&newest(&world, &subscription), "/id").to_owned();
        post(&mut world, &format!("invoices/{invoice}/pay"), &format!("payment_method={other}"));
        assert_eq!(status(&world, &subscription), paid_later, "{at_the_end}");
    }
}

#[test]
fn a_short_trial_is_announced_at_once_and_every_trial_ends_active() {
    let mut world = world();
    let (customer, method) = customer(&mut world, "4242424242424242");
    subscribe(&mut world, &customer, "&trial_period_days=2");
    assert!(told(&world).contains(&"customer.subscription.trial_will_end"));
    let (customer, other) = self::customer(&mut world, "4242424242424242");
    let long = subscribe(&mut world, &customer, "&trial_period_days=14");
    assert_eq!((text(&newest(&world, &long), "/status"), number(&newest(&world, &long), "/total")), ("paid", 0));
    world.outcomes.insert(other, Outcome::Decline("lost_card".to_owned()));
    world.told.clear();
    pass(&mut world, 14 * DAY);
    assert_eq!(told(&world).into_iter().filter(|kind| *kind == "customer.subscription.trial_will_end").count(), 1);
    assert_eq!(status(&world, &long), "active");
    pass(&mut world, HOUR);
    assert_eq!(status(&world, &long), "past_due");
    assert_eq!(world.outcome(&method), Outcome::Succeed);
    let (customer, _) = self::customer(&mut world, "4242424242424242");
    let without = post(&mut world, "customers", "email=b%40example.org");
    let form = format!(
        "customer={}&items[0][price]=price_comptoir_essai&trial_period_days=5&trial_settings[end_behavior][missing_payment_method]=pause",
        text(&without, "/id")
    );
    let paused = post(&mut world, "subscriptions", &form);
    let ended = subscribe(&mut world, &customer, "&trial_period_days=5&cancel_at_period_end=true");
    pass(&mut world, 5 * DAY);
    assert_eq!((status(&world, &paused).as_str(), status(&world, &ended).as_str()), ("paused", "canceled"));
}

#[test]
fn an_invoice_need_not_be_paid_by_card() {
    for (how, form, expected) in
        [("void", "", "void"), ("mark_uncollectible", "", "uncollectible"), ("pay", "paid_out_of_band=true", "paid")]
    {
        let mut world = world();
        let (customer, method) = customer(&mut world, "4242424242424242");
        let subscription = subscribe(&mut world, &customer, "");
        world.outcomes.insert(method, Outcome::Decline("generic_decline".to_owned()));
        renew(&mut world, &subscription);
        let invoice = text(&newest(&world, &subscription), "/id").to_owned();
        let done = post(&mut world, &format!("invoices/{invoice}/{how}"), form);
        assert_eq!((text(&done, "/status"), status(&world, &subscription).as_str()), (expected, "active"), "{how}");
        pass(&mut world, 20 * DAY);
        assert_eq!(text(world.get(&invoice).unwrap(), "/status"), expected, "{how}: nothing tries it again");
    }
    let mut world = world();
    let (customer, method) = customer(&mut world, "4242424242424242");
    let subscription = subscribe(&mut world, &customer, "");
    world.outcomes.insert(method, Outcome::Decline("generic_decline".to_owned()));
    renew(&mut world, &subscription);
    let invoice = text(&newest(&world, &subscription), "/id").to_owned();
    post(&mut world, "credit_notes", &format!("invoice={invoice}&amount=900"));
    assert_eq!(
        (text(world.get(&invoice).unwrap(), "/status"), status(&world, &subscription).as_str()),
        ("paid", "active")
    );
}

#[test]
fn a_card_that_asks_leads_to_a_page_and_a_debit_takes_days() {
    let mut world = world();
    let (customer, method) = customer(&mut world, "4242424242424242");
    let subscription = subscribe(&mut world, &customer, "");
    world.outcomes.insert(method, Outcome::RequiresAction);
    renew(&mut world, &subscription);
    let invoice = text(&newest(&world, &subscription), "/id").to_owned();
    assert!(told(&world).contains(&"invoice.payment_action_required"));
    let refused = change(&mut world, "POST", &format!("invoices/{invoice}/pay"), "").unwrap_err();
    assert_eq!((refused.status, &refused.error["code"]), (402, &json!("invoice_payment_intent_requires_action")));
    let intent = text(&refused.error, "/payment_intent/id").to_owned();
    assert_eq!(text(&refused.error, "/payment_intent/status"), "requires_action");
    routes::authenticate(&mut world, &intent, true).unwrap();
    assert_eq!(
        (text(world.get(&invoice).unwrap(), "/status"), status(&world, &subscription).as_str()),
        ("paid", "active")
    );
    for (iban, expected) in [("FR1420041010050500013M02606", "paid"), ("AT861904300235473202", "open")] {
        let method = post(&mut world, "payment_methods", &format!("type=sepa_debit&sepa_debit[iban]={iban}"));
        let method = text(&method, "/id").to_owned();
        post(&mut world, &format!("payment_methods/{method}/attach"), &format!("customer={customer}"));
        let paying = subscribe(&mut world, &customer, &format!("&default_payment_method={method}"));
        let invoice = newest(&world, &paying);
        assert_eq!(
            (text(&invoice, "/status"), status(&world, &paying).as_str()),
            ("open", "active"),
            "the bank is asked"
        );
        let again = change(&mut world, "POST", &format!("invoices/{}/pay", text(&invoice, "/id")), "");
        assert_eq!(again.unwrap_err().status, 400, "not twice");
        pass(&mut world, 5 * DAY);
        assert_eq!(text(&newest(&world, &paying), "/status"), expected);
    }
}

#[test]
fn a_change_in_the_middle_of_a_period_costs_its_part() {
    let mut world = world();
    let (customer, _) = customer(&mut world, "4242424242424242");
    let subscription = subscribe(&mut world, &customer, "");
    let sub = text(&subscription, "/id").to_owned();
    let item = text(&subscription, "/items/data/0/id").to_owned();
    let (begin, end) = (
        number(&subscription, "/items/data/0/current_period_start"),
        number(&subscription, "/items/data/0/current_period_end"),
    );
    life::pass(&mut world, begin + (end - begin) / 2);
    let form = format!("items[0][id]={item}&items[0][price]=price_comptoir_studio&proration_behavior=always_invoice");
    post(&mut world, &format!("subscriptions/{sub}"), &form);
    let invoice = newest(&world, &subscription);
    assert_eq!(
        (number(&invoice, "/total"), text(&invoice, "/billing_reason"), text(&invoice, "/status")),
        (1_000, "subscription_update", "paid")
    );
    post(
        &mut world,
        &format!("subscriptions/{sub}"),
        &format!("items[0][id]={item}&items[0][price]=price_comptoir_solo"),
    );
    renew(&mut world, &subscription);
    let invoice = newest(&world, &subscription);
    assert_eq!((number(&invoice, "/total"), list(&invoice, "/lines/data").len()), (-100, 3));
    assert_eq!((number(&invoice, "/amount_due"), text(&invoice, "/status")), (0, "paid"));
    post(&mut world, &format!("subscriptions/{sub}"), "pause_collection[behavior]=void&metadata[a]=b");
    renew(&mut world, &subscription);
    assert_eq!(text(&newest(&world, &subscription), "/status"), "void");
}

#[test]
fn a_session_lives_a_day_and_is_paid_once() {
    let mut world = world();
    let form = "mode=subscription&line_items[0][price]=price_comptoir_solo&customer_email=a%40example.org";
    let first = post(&mut world, "checkout/sessions", form);
    pass(&mut world, DAY);
    assert_eq!(text(world.get(text(&first, "/id")).unwrap(), "/status"), "expired");
    let session = text(&post(&mut world, "checkout/sessions", form), "/id").to_owned();
    let pay = |world: &mut World, outcome: &str| {
        sessions::complete(world, &session, &Customer { outcome: Outcome::read(outcome), ..Customer::default() })
    };
    let declined = pay(&mut world, "decline:generic_decline").unwrap();
    assert_eq!((text(&declined, "/status"), text(&declined, "/declined")), ("open", "Your card was declined."));
    assert!(list(&get(&world, "subscriptions", ""), "/data").is_empty());
    let done = pay(&mut world, "processing_then_succeed").unwrap();
    assert_eq!((text(&done, "/status"), text(&done, "/payment_status")), ("complete", "unpaid"));
    pass(&mut world, 5 * DAY);
    assert_eq!(text(world.get(&session).unwrap(), "/payment_status"), "paid");
    assert!(told(&world).contains(&"checkout.session.async_payment_succeeded"));
    assert!(pay(&mut world, "succeed").is_err());
    for (wrong, param) in [
        ("mode=subscription&line_items[0][price]=price_none", "line_items[0][price]"),
        ("mode=payment&line_items[0][price]=price_comptoir_solo", "line_items[0][price]"),
        ("mode=subscription", "line_items"),
        ("line_items[0][price]=price_comptoir_solo", "mode"),
        ("mode=subscription&line_items[0][price]=price_comptoir_solo&customer=cus_none", "customer"),
        ("mode=subscription&line_items[0][price]=price_comptoir_solo&expires_at=1", "expires_at"),
        ("mode=subscription&line_items[0][price]=price_comptoir_solo&colour=red", "colour"),
    ] {
        assert_eq!(
            change(&mut world, "POST", "checkout/sessions", wrong).unwrap_err().error["param"],
            param,
            "{wrong}"
        );
    }
}

#[test]
fn checkout_keeps_of_a_customer_what_the_seller_asked_for() {
    let mut world = world();
    let form = "mode=subscription&line_items[0][price]=price_comptoir_essai&subscription_data[trial_period_days]=14&payment_method_collection=if_required";
    let session = post(&mut world, "checkout/sessions", form);
    let done = sessions::complete(&mut world, text(&session, "/id"), &Customer::default()).unwrap();
    assert_eq!(text(&done, "/payment_status"), "no_payment_required");
    assert!(list(&get(&world, "payment_methods", ""), "/data").is_empty(), "no card was asked for");
    pass(&mut world, 14 * DAY + HOUR);
    assert_eq!(text(world.get(text(&done, "/subscription")).unwrap(), "/status"), "past_due");
    let known = post(&mut world, "customers", "email=b%40example.org");
    let price = "mode=payment&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=500&line_items[0][price_data][product_data][name]=Livre";
    for (more, customers) in [
        (String::new(), 2),
        ("&customer_creation=always".to_owned(), 3),
        (format!("&customer={}&customer_update[name]=auto", text(&known, "/id")), 3),
    ] {
        let session = post(&mut world, "checkout/sessions", &format!("{price}{more}"));
        let done = sessions::complete(
            &mut world,
            text(&session, "/id"),
            &Customer { name: Some("Zoé"), ..Customer::default() },
        )
        .unwrap();
        assert_eq!((text(&done, "/payment_status"), text(&done, "/customer_details/name")), ("paid", "Zoé"), "{more}");
        assert_eq!(list(&get(&world, "customers", ""), "/data").len(), customers, "{more}");
    }
}

#[test]
fn a_coupon_of_all_makes_an_invoice_of_nothing_that_is_paid() {
    let mut world = world();
    post(&mut world, "coupons", "id=GRATIS&percent_off=100&duration=once");
    let form = "mode=subscription&line_items[0][price]=price_comptoir_solo&discounts[0][coupon]=GRATIS";
    let session = post(&mut world, "checkout/sessions", form);
    let done = sessions::complete(&mut world, text(&session, "/id"), &Customer::default()).unwrap();
    let subscription = world.get(text(&done, "/subscription")).unwrap().clone();
    let first = newest(&world, &subscription);
    assert_eq!((text(&first, "/status"), number(&first, "/subtotal"), number(&first, "/total")), ("paid", 900, 0));
    assert_eq!(
        (status(&world, &subscription).as_str(), text(&done, "/payment_status")),
        ("active", "no_payment_required")
    );
    renew(&mut world, &subscription);
    assert_eq!(number(&newest(&world, &subscription), "/total"), 900);
    let unknown = change(&mut world, "POST", "subscriptions", "customer=cus_none&items[0][price]=price_comptoir_solo");
    assert_eq!(unknown.unwrap_err().status, 400, "a parameter names it");
    assert_eq!(
        change(&mut world, "POST", "customers/cus_none", "name=a").unwrap_err().status,
        404,
        "the path names it"
    );
}

#[test]
fn a_customer_that_is_deleted_takes_the_subscriptions_along() {
    let mut world = world();
    let (customer, method) = customer(&mut world, "4242424242424242");
    let subscription = subscribe(&mut world, &customer, "");
    change(&mut world, "DELETE", &format!("customers/{customer}"), "").unwrap();
    assert_eq!(status(&world, &subscription), "canceled");
    assert_eq!(
        get(&world, &format!("customers/{customer}"), ""),
        json!({"id": customer, "object": "customer", "deleted": true})
    );
    assert!(list(&get(&world, "customers", "email=zoe%40example.org"), "/data").is_empty());
    let form = format!("customer={customer}&items[0][price]=price_comptoir_solo&default_payment_method={method}");
    assert_eq!(change(&mut world, "POST", "subscriptions", &form).unwrap_err().error["code"], "resource_missing");
}

#[derive(Deserialize)]
struct Fields {
    required: Vec<String>,
    optional: Vec<String>,
}

#[derive(Deserialize)]
struct Published {
    objects: BTreeMap<String, Fields>,
}

/// Every object within a value that says what it is.
fn within<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            if fields.get("object").is_some_and(Value::is_string) {
                found.push(value);
            }
            fields.values().for_each(|field| within(field, found));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| within(entry, found)),
        _ => {}
    }
}

#[test]
fn every_object_has_the_fields_that_stripe_publishes_and_no_others() {
    let mut world = world();
    let (customer, method) = customer(&mut world, "4242424242424242");
    post(&mut world, "coupons", "id=HALF&percent_off=50");
    let subscription = subscribe(&mut world, &customer, "&trial_period_days=14&discounts[0][coupon]=HALF");
    renew(&mut world, &subscription);
    let paid = subscribe(&mut world, &customer, "");
    let intent = get(&world, &format!("invoices/{}", text(&newest(&world, &paid), "/id")), "expand[]=payments");
    let intent = text(&intent, "/payments/data/0/payment/payment_intent").to_owned();
    post(&mut world, "refunds", &format!("payment_intent={intent}&amount=100"));
    let form = format!("invoice={}&amount=100", text(&newest(&world, &paid), "/id"));
    post(&mut world, "credit_notes", &form);
    post(&mut world, "billing_portal/sessions", &format!("customer={customer}&return_url=https://example.org"));
    post(&mut world, "tax_rates", "display_name=TVA&inclusive=true&percentage=20");
    world.outcomes.insert(method, Outcome::Decline("generic_decline".to_owned()));
    renew(&mut world, &paid);
    let session = post(
        &mut world,
        "checkout/sessions",
        "mode=subscription&line_items[0][price]=price_comptoir_studio&customer_email=a%40example.org",
    );
    sessions::complete(&mut world, text(&session, "/id"), &Customer::default()).unwrap();
    let price = post(&mut world, "prices", "currency=eur&unit_amount=500&product_data[name]=Livre");
    let form = format!(
        "mode=payment&line_items[0][price]={}&line_items[0][quantity]=2&customer_email=a%40example.org",
        text(&price, "/id")
    );
    let session = post(&mut world, "checkout/sessions", &form);
    sessions::complete(&mut world, text(&session, "/id"), &Customer::default()).unwrap();
    let published: Published = serde_json::from_str(include_str!("../../../../tests/shapes/stand_in.json")).unwrap();
    let mut found = Vec::new();
    world.objects.values().for_each(|object| within(object, &mut found));
    let mut wrong = Vec::new();
    let mut seen = BTreeMap::<&str, usize>::new();
    for object in found {
        let kind = text(object, "/object");
        let Some(fields) = published.objects.get(kind) else {
            assert!(kind == "list", "Stripe's {kind} is not in tests/shapes/stand_in.json: name it in renew.py");
            continue;
        };
        *seen.entry(kind).or_default() += 1;
        let has = object.as_object().unwrap();
        wrong.extend(
            fields.required.iter().filter(|name| !has.contains_key(*name)).map(|name| format!("{kind} lacks {name}")),
        );
        let known = |name: &String| fields.required.contains(name) || fields.optional.contains(name);
        wrong.extend(
            has.keys().filter(|name| !known(name)).map(|name| format!("{kind} has {name}, which Stripe has not")),
        );
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let unseen: Vec<_> = published.objects.keys().filter(|kind| !seen.contains_key(kind.as_str())).collect();
    assert!(unseen.is_empty(), "made none of {unseen:?}");
}
