use comptoir::{
    clock::FixedClock,
    memory::InMemoryStore,
    settings::cache::{Cached, SETTINGS_KEPT},
};
use comptoir_plans::{
    access::{Access, State},
    catalogue::PlansDocument,
    memory::{InMemoryAccess, SmallStripe},
    person::{Current, Person, PersonId},
    store::Grant,
    stored,
};
use serde_json::Value;

use super::*;

const PLANS: &str = include_str!("../../../../infra/plans.toml");

struct OneKey;

impl Keys for OneKey {
    async fn know(&self, key: &str) -> Result<bool, ServiceError> {
        Ok(key == "right")
    }
}

/// Zoé's token is good; nobody else's is.
struct OneMember;

const ZOE: &str = "e30.em9l.AAAA";

impl Members for OneMember {
    async fn address(&self, token: &str) -> Result<Option<String>, ServiceError> {
        Ok((token == ZOE).then(|| "zoe@example.org".to_owned()))
    }
}

type Shop = Api<InMemoryAccess, SmallStripe, &'static InMemoryStore, OneKey, OneMember, FixedClock>;

async fn shop() -> Shop {
    shop_of(Box::leak(Box::default())).await
}

async fn shop_of(settings: &'static InMemoryStore) -> Shop {
    let now = "2026-11-27T10:00:00Z".parse().unwrap();
    stored::save(settings, &PlansDocument::from_toml(PLANS).unwrap(), (None, "owner".to_owned()), now).await.unwrap();
    Api {
        store: InMemoryAccess::default(),
        billing: SmallStripe::default(),
        keys: OneKey,
        members: OneMember,
        plans: Cached::new(settings, SETTINGS_KEPT),
        clock: FixedClock(now),
        development: false,
    }
}

async fn ask(shop: &Shop, key: &str, route: &str, body: Value) -> (u16, Value) {
    let request = json!({
        "routeKey": route,
        "headers": {"authorization": format!("Bearer {key}")},
        "queryStringParameters": if route.starts_with("GET") { body.clone() } else { json!({}) },
        "body": body.to_string(),
    });
    let answer = shop.handle(serde_json::from_value(request).unwrap(), "r").await;
    (answer.status_code, serde_json::from_str(&answer.body).unwrap())
}

#[tokio::test]
async fn without_the_key_every_door_answers_the_same() {
    let shop = shop().await;
    let mut answers = Vec::new();
    for route in ["POST /checkout", "POST /portal", "GET /access", "POST /tokens/use", "GET /other"] {
        for key in ["", "wrong", "right ", "e30.ZXZl.AAAA"] {
            let (status, body) = ask(&shop, key, route, json!({})).await;
            if key.trim() != "right" {
                assert_eq!(status, 401, "{route} {key:?}");
                answers.push(body.to_string());
            }
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[tokio::test]
async fn a_page_is_opened_and_bad_fields_are_named() {
    let shop = shop().await;
    let wish = |field: &str, value: Value| {
        let mut wish = json!({
            "price": "price_comptoir_solo", "email": "zoe@example.org", "success_url": "https://example.org/merci",
            "cancel_url": "https://example.org/", "idempotency_key": "k1",
        });
        wish[field] = value;
        wish
    };
    for (field, value, status, error) in [
        ("price", json!("price_other"), 422, "unknown_price"),
        ("price", json!(7), 422, "wrong_type"),
        ("email", json!("zoe"), 422, "bad_email"),
        ("success_url", json!("https://evil.example/"), 422, "origin_not_allowed"),
        ("cancel_url", Value::Null, 422, "missing_field"),
        ("idempotency_key", json!("a b"), 422, "bad_id"),
        ("coupon", json!("x"), 422, "unknown_field"),
    ] {
        let (told, body) = ask(&shop, "right", "POST /checkout", wish(field, value)).await;
        assert_eq!((told, body["error"].as_str(), body["field"].as_str()), (status, Some(error), Some(field)));
    }
    let (status, page) = ask(&shop, "right", "POST /checkout", wish("price", json!("price_comptoir_solo"))).await;
    assert_eq!((status, page["session"].as_str().unwrap()), (201, "cs_1"));
    let (status, other) = ask(&shop, "right", "POST /checkout", wish("price", json!("price_comptoir_studio"))).await;
    assert_eq!((status, other["error"].as_str()), (409, Some("idempotency_key_reused")));
}

#[tokio::test]
async fn what_somebody_has_is_one_answer_for_everybody() {
    let shop = shop().await;
    let nobody = json!({
        "plan": null, "plan_name": null, "features": [], "state": "none", "until": null, "tokens_left": 0,
    });
    assert_eq!(ask(&shop, "right", "GET /access", json!({"email": "zoe@example.org"})).await, (200, nobody));
    assert_eq!(ask(&shop, "right", "GET /access", json!({"email": "zoe"})).await.1["error"], "bad_email");
    assert_eq!(ask(&shop, "right", "GET /access", json!({"email": " zoe shop@example.org"})).await.0, 200);
    assert_eq!(ask(&shop, "right", "GET /access", json!({})).await.1["field"], "email");
    let id = PersonId::of("zoe@example.org").unwrap();
    let until = Some("2026-12-27T10:00:00Z".parse().unwrap());
    let access = Access { plan: Some("studio".to_owned()), state: State::Active, until };
    shop.store.save_person(&id, &Person { access, ..Person::new("zoe@example.org") }, 0).await.unwrap();
    let grant = Grant { invoice: "in_1", id: &id, version: 1, before: 0, after: 3 };
    shop.store.grant(&grant, shop.clock.now()).await.unwrap();
    let has = json!({
        "plan": "studio", "plan_name": "Studio", "features": ["courses", "recordings"], "state": "active",
        "until": "2026-12-27T10:00:00Z", "tokens_left": 3,
    });
    assert_eq!(ask(&shop, "right", "GET /access", json!({"email": "ZOE@example.org"})).await, (200, has));
    let use_of = |amount: u64| json!({"email": "zoe@example.org", "amount": amount, "id": "u1"});
    assert_eq!(ask(&shop, "right", "POST /tokens/use", use_of(2)).await, (200, json!({"tokens_left": 1})));
    let again = ask(&shop, "right", "POST /tokens/use", use_of(2)).await;
    assert_eq!(again, (200, json!({"tokens_left": 1, "repeated": true})));
    assert_eq!(ask(&shop, "right", "POST /tokens/use", use_of(1)).await.1["error"], "use_id_reused");
    let more = json!({"email": "zoe@example.org", "amount": 2, "id": "u2"});
    let (status, body) = ask(&shop, "right", "POST /tokens/use", more).await;
    assert_eq!((status, &body["error"], &body["tokens_left"]), (402, &json!("not_enough_tokens"), &json!(1)));
}

#[tokio::test]
async fn plans_that_were_saved_a_moment_ago_are_known() {
    let settings: &'static InMemoryStore = Box::leak(Box::default());
    let shop = shop_of(settings).await;
    let wish = |key: &str, price: &str, site: &str| {
        json!({
            "price": price, "email": "zoe@example.org", "success_url": format!("https://{site}/merci"),
            "cancel_url": "https://example.org/", "idempotency_key": key,
        })
    };
    for (price, site) in [("price_new", "example.org"), ("price_comptoir_solo", "new.example")] {
        assert_eq!(ask(&shop, "right", "POST /checkout", wish("k1", price, site)).await.0, 422);
    }
    let plans = PLANS.replace("\"price_comptoir_solo\"", "\"price_comptoir_solo\", \"price_new\"");
    let plans = plans.replace("\"https://example.org\"", "\"https://example.org\", \"https://new.example\"");
    let document = PlansDocument::from_toml(&plans).unwrap();
    stored::save(settings, &document, (None, "owner".to_owned()), shop.clock.now()).await.unwrap();
    for (key, price, site) in [("k1", "price_new", "example.org"), ("k2", "price_comptoir_solo", "new.example")] {
        assert_eq!(ask(&shop, "right", "POST /checkout", wish(key, price, site)).await.0, 201);
    }
}

#[tokio::test]
async fn a_customer_of_another_form_is_named() {
    let shop = shop().await;
    for bad in ["cus/../x", "", "cus-1", &"c".repeat(5000)] {
        let body = json!({"customer": bad, "return_url": "https://example.org/"});
        let (status, told) = ask(&shop, "right", "POST /portal", body).await;
        assert_eq!((status, &told["error"], &told["field"]), (422, &json!("bad_id"), &json!("customer")), "{bad}");
    }
}

#[tokio::test]
async fn a_member_asks_for_themselves_alone() {
    let shop = shop().await;
    for (name, customer) in [("zoe", "cus_1"), ("ada", "cus_2")] {
        let email = format!("{name}@example.org");
        let id = PersonId::of(&email).unwrap();
        let access = Access { plan: Some("solo".to_owned()), state: State::Active, until: None };
        let (subscription, created) = (format!("sub_{name}"), shop.clock.now());
        let current = Some(Current { subscription, created, over: false, begun_only: false });
        let person = Person { access, current, customer: Some(customer.to_owned()), ..Person::new(&email) };
        shop.store.save_person(&id, &person, 0).await.unwrap();
        let grant = Grant { invoice: customer, id: &id, version: 1, before: 0, after: 3 };
        shop.store.grant(&grant, shop.clock.now()).await.unwrap();
    }
    let page = |more: Value| {
        let mut page = json!({
            "price": "price_comptoir_solo", "success_url": "https://example.org/", "cancel_url": "https://example.org/",
            "idempotency_key": "k1",
        });
        page.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        page
    };
    let to = |more: Value| {
        let mut portal = json!({"return_url": "https://example.org/"});
        portal.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        portal
    };
    let uses = |more: Value| {
        let mut uses = json!({"amount": 1, "id": "u1"});
        uses.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        uses
    };
    for own in
        [json!({}), json!({"email": null}), json!({"email": "zoe@example.org"}), json!({"email": " ZOE@Example.org"})]
    {
        if !own["email"].is_null() || own == json!({}) {
            let (status, has) = ask(&shop, ZOE, "GET /access", own.clone()).await;
            assert_eq!((status, &has["plan"]), (200, &json!("solo")), "{own}");
        }
        assert_eq!(ask(&shop, ZOE, "POST /portal", to(own.clone())).await.0, 201, "{own}");
        let (status, used) = ask(&shop, ZOE, "POST /tokens/use", uses(own.clone())).await;
        assert_eq!((status, &used["tokens_left"]), (200, &json!(2)), "{own}");
        let (status, told) = ask(&shop, ZOE, "POST /checkout", page(own.clone())).await;
        assert_eq!((status, &told["error"]), (409, &json!("already_subscribed")), "{own}");
    }
    let asked = shop.billing.faults.calls();
    for other in ["ada@example.org", "nobody@example.org", "zoe@example.org.evil.example", "zoe", ""] {
        for (route, body) in [
            ("GET /access", json!({"email": other})),
            ("POST /portal", to(json!({"email": other}))),
            ("POST /tokens/use", uses(json!({"email": other}))),
            ("POST /checkout", page(json!({"email": other}))),
        ] {
            let (status, told) = ask(&shop, ZOE, route, body).await;
            assert_eq!(
                (status, &told["error"], &told["field"]),
                (403, &json!("not_yours"), &json!("email")),
                "{route} {other}"
            );
        }
    }
    assert_eq!(ask(&shop, ZOE, "POST /portal", to(json!({"customer": "cus_1"}))).await.0, 201);
    for other in ["cus_2", "cus_3"] {
        let (status, told) = ask(&shop, ZOE, "POST /portal", to(json!({"customer": other}))).await;
        assert_eq!((status, &told["field"]), (403, &json!("customer")), "{other}");
    }
    let both = to(json!({"customer": "cus_1", "email": "zoe@example.org"}));
    assert_eq!(ask(&shop, ZOE, "POST /portal", both).await.1["error"], "contradiction");
    assert_eq!(shop.billing.faults.calls(), asked + 1, "Stripe was asked for one portal alone");
    assert_eq!(ask(&shop, "right", "GET /access", json!({"email": "ada@example.org"})).await.1["tokens_left"], 3);
}
