//! The pages for customers: Checkout, the portal, and an invoice to pay or confirm. Plain forms, without scripts.

use std::sync::OnceLock;

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect};
use minijinja::{AutoEscape, Environment};
use serde_json::{Value, json};

mod words;

use super::bill;
use super::form::Form;
use super::life;
use super::object::{id, is, list, merge, number, some, text};
use super::refusal::Refusal;
use super::routes;
use super::sessions::Customer;
use super::standing;
use super::world::World;
use super::{StripeFake, locked};
use words::{CODES, amount, language, word};

const TEMPLATE: &str = include_str!("pages/page.html");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
const CARD: &str = "4242 4242 4242 4242";

/// What a customer asks for.
#[derive(Debug)]
pub struct Visit {
    /// `pay`, `portal`, `invoice` or `authenticate`.
    pub page: String,
    /// The object's id.
    pub id: String,
    /// The header `Accept-Language`.
    pub accepted: String,
}

impl StripeFake {
    /// `GET /{page}/{id}`.
    pub fn page(&self, visit: &Visit) -> Response<Body> {
        let mut world = locked(&self.world);
        life::pass(&mut world, self.clock.now().as_second());
        self.hand_over(&mut world);
        show(&world, visit, &json!({}))
    }

    /// `POST /{page}/{id}`: a button was pressed.
    pub fn press(&self, visit: &Visit, body: &Bytes) -> Response<Body> {
        let Ok(form) = Form::read(body) else { return StatusCode::BAD_REQUEST.into_response() };
        let act = form.text("/act").unwrap_or_default();
        let done = match visit.page.as_str() {
            "pay" => self.pay(&visit.id, act, &form),
            _ => {
                let mut world = locked(&self.world);
                let now = self.clock.now().as_second();
                life::pass(&mut world, now);
                let done = match visit.page.as_str() {
                    "portal" => portal(&mut world, &visit.id, act, &form),
                    "invoice" => settle(&mut world, &visit.id, &form),
                    _ => routes::authenticate(&mut world, &visit.id, act == "confirm").map(|()| None),
                };
                life::pass(&mut world, now);
                self.hand_over(&mut world);
                done
            }
        };
        let world = locked(&self.world);
        match done {
            Ok(Some(to)) => Redirect::to(&to).into_response(),
            Ok(None) => show(&world, visit, &json!({"done": true})),
            Err(refusal) => show(&world, visit, &json!({"bad": text(&refusal.error, "/message")})),
        }
    }

    fn pay(&self, session: &str, act: &str, form: &Form) -> Result<Option<String>, Refusal> {
        let known = locked(&self.world).named(session, "checkout.session", "session")?;
        if act == "cancel" {
            return Ok(some(&known, "/cancel_url").map(str::to_owned));
        }
        let number = form.text("/number").unwrap_or(CARD).replace([' ', '-'], "");
        let outcome = (act == "decline").then(|| super::outcome::Outcome::Decline("generic_decline".to_owned()));
        let customer = Customer { email: form.text("/email"), name: None, number: Some(&number), outcome };
        let complete = self.completed(session, &customer)?;
        match some(&complete, "/declined") {
            Some(words) => Err(Refusal::card("card_declined", words)),
            None => Ok(some(&complete, "/success_url").map(|url| url.replace("{CHECKOUT_SESSION_ID}", session))),
        }
    }
}

/// What a customer does in the portal; where it leads then.
fn portal(world: &mut World, session: &str, act: &str, form: &Form) -> Result<Option<String>, Refusal> {
    let known = world.named(session, "billing_portal.session", "session")?;
    let customer = text(&known, "/customer").to_owned();
    let own = form.text("/of").unwrap_or_default();
    let is_theirs = world.get(own).is_some_and(|found| id(found, "/customer") == Some(&customer));
    let mut change = |method: &str, path: &str, form: Value| routes::change(world, method, path, &Form::of(form));
    match act {
        "stop" | "resume" if is_theirs => {
            change(
                "POST",
                &format!("subscriptions/{own}"),
                json!({"cancel_at_period_end": (act == "stop").to_string()}),
            )?;
        }
        "stop_now" if is_theirs => drop(change("DELETE", &format!("subscriptions/{own}"), json!({}))?),
        "card" => {
            let number = form.text("/number").unwrap_or(CARD);
            let method = change("POST", "payment_methods", json!({"type": "card", "card": {"number": number}}))?;
            let method = text(&method, "/id").to_owned();
            change("POST", &format!("payment_methods/{method}/attach"), json!({"customer": customer}))?;
            let default = json!({"invoice_settings": {"default_payment_method": method}});
            change("POST", &format!("customers/{customer}"), default)?;
            let own = |found: &&Value| {
                id(found, "/customer") == Some(&customer)
                    && id(found, "/default_payment_method").is_some()
                    && standing::is_live(found)
            };
            let theirs: Vec<_> =
                world.each("subscriptions").filter(own).map(|found| text(found, "/id").to_owned()).collect();
            for subscription in theirs {
                world.update(
                    &subscription,
                    &json!({"default_payment_method": method}),
                    "customer.subscription.updated",
                );
            }
        }
        _ => return Err(Refusal::state("", "Nothing of this customer's is meant.")),
    }
    let flow = known.get("flow").is_some_and(Value::is_object);
    Ok(some(&known, "/return_url").filter(|_| flow).map(str::to_owned))
}

/// A customer pays an invoice with a card of theirs.
fn settle(world: &mut World, invoice: &str, form: &Form) -> Result<Option<String>, Refusal> {
    let known = world.named(invoice, "invoice", "id")?;
    let number = form.text("/number").unwrap_or(CARD);
    let mut change = |path: &str, form: Value| routes::change(world, "POST", path, &Form::of(form));
    let method = change("payment_methods", json!({"type": "card", "card": {"number": number}}))?;
    let method = text(&method, "/id").to_owned();
    change(&format!("payment_methods/{method}/attach"), json!({"customer": text(&known, "/customer")}))?;
    change(&format!("invoices/{invoice}/pay"), json!({"payment_method": method, "off_session": "false"}))?;
    Ok(None)
}

fn show(world: &World, visit: &Visit, extra: &Value) -> Response<Body> {
    let page = match visit.page.as_str() {
        "pay" => checkout_page(world, visit),
        "portal" => portal_page(world, visit),
        "invoice" => invoice_page(world, visit),
        "authenticate" => confirm_page(world, visit),
        _ => None,
    };
    let spoken = language("", &visit.accepted);
    let (status, spoken, mut page) = match page {
        Some((spoken, page)) => (StatusCode::OK, spoken, page),
        None => (StatusCode::NOT_FOUND, spoken, json!({"title": word("unknown", spoken)})),
    };
    let words =
        json!({"total": word("total", spoken), "back": word("back", spoken), "stand_in": word("stand_in", spoken)});
    merge(&mut page, &json!({"lang": CODES.get(spoken), "words": words, "bad": extra.get("bad")}));
    if is(extra, "/done") && page.get("said").is_none() {
        merge(&mut page, &json!({"said": word("done", spoken)}));
    }
    match render(&page) {
        Ok(text) => (status, [(header::CONTENT_SECURITY_POLICY, POLICY)], Html(text)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn render(page: &Value) -> Result<String, minijinja::Error> {
    static ENGINE: OnceLock<Environment<'static>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| {
        let mut engine = Environment::new();
        engine.set_auto_escape_callback(|_| AutoEscape::Html);
        engine
    });
    engine.render_str(TEMPLATE, minijinja::value::Serde(page))
}

fn checkout_page(world: &World, visit: &Visit) -> Option<(usize, Value)> {
    let session = world.get(&visit.id)?;
    let spoken = language(text(session, "/locale"), &visit.accepted);
    let (title, currency) = (word("checkout", spoken), text(session, "/currency"));
    let lines = world.objects.get(&format!("checkout/sessions/{}/line_items", visit.id)).cloned().unwrap_or_default();
    let trial = world.wishes.get(&visit.id).is_some_and(|wish| wish.get("trial_period_days").is_some());
    let lines: Vec<Value> = list(&lines, "/data")
        .iter()
        .map(|line| {
            let suffix = if trial { format!(" ({})", word("trial", spoken)) } else { String::new() };
            json!({"what": format!("{} × {}{suffix}", number(line, "/quantity"), text(line, "/description")), "amount": amount(number(line, "/amount_total"), currency, spoken)})
        })
        .collect();
    let total = amount(number(session, "/amount_total"), currency, spoken);
    let page = match text(session, "/status") {
        "open" => {
            let mut fields = Vec::new();
            let known = some(session, "/customer_email").or_else(|| some(session, "/customer_details/email"));
            if let Some(known) = known {
                return Some((
                    spoken,
                    json!({"title": title, "lines": lines, "total": total, "said": known, "forms": [pay_form(spoken, fields)]}),
                ));
            }
            fields.push(json!({"label": word("email", spoken), "name": "email", "type": "email", "value": ""}));
            json!({"title": title, "lines": lines, "total": total, "forms": [pay_form(spoken, fields)]})
        }
        "complete" => {
            json!({"title": title, "said": word("complete", spoken), "back": some(session, "/success_url").map(|url| url.replace("{CHECKOUT_SESSION_ID}", &visit.id))})
        }
        _ => {
            json!({"title": title, "bad": word("expired", spoken), "said": word("expired", spoken), "back": session.get("cancel_url")})
        }
    };
    Some((spoken, page))
}

fn pay_form(spoken: usize, mut fields: Vec<Value>) -> Value {
    fields.push(json!({"label": word("number", spoken), "name": "number", "type": "text", "value": CARD}));
    let buttons = ["pay", "decline", "cancel"]
        .map(|act| json!({"act": act, "label": word(act, spoken), "free": act == "cancel"}));
    json!({"fields": fields, "buttons": buttons})
}

fn portal_page(world: &World, visit: &Visit) -> Option<(usize, Value)> {
    let session = world.get(&visit.id)?;
    let customer = world.get(text(session, "/customer"))?;
    let own = list(customer, "/preferred_locales").first().and_then(Value::as_str).unwrap_or_default();
    let spoken = language(some(session, "/locale").unwrap_or(own), &visit.accepted);
    let flow = text(session, "/flow/type");
    let mut forms = Vec::new();
    let theirs = |found: &&Value| id(found, "/customer") == Some(text(customer, "/id")) && standing::is_live(found);
    let subscriptions: Vec<&Value> = world.all("subscriptions").into_iter().filter(theirs).collect();
    if flow != "payment_method_update" {
        forms.extend(subscriptions.iter().map(|found| subscription_form(world, found, spoken)));
        if subscriptions.is_empty() {
            forms.push(json!({"title": word("subscription", spoken), "text": word("nothing", spoken)}));
        }
    }
    if !flow.starts_with("subscription_") {
        let card = super::methods::default_of(world, text(customer, "/id"), subscriptions.first().copied());
        let card = card.map(|card| format!("{} •••• {}", text(&card, "/card/brand"), text(&card, "/card/last4")));
        let field = json!({"label": word("number", spoken), "name": "number", "type": "text", "value": CARD});
        let button = json!({"act": "card", "label": word("change_card", spoken)});
        forms.push(json!({"title": word("card", spoken), "text": card, "fields": [field], "buttons": [button]}));
    }
    Some((spoken, json!({"title": word("portal", spoken), "forms": forms, "back": session.get("return_url")})))
}

fn subscription_form(world: &World, subscription: &Value, spoken: usize) -> Value {
    let names = list(subscription, "/items/data").iter().map(|item| {
        let product = id(item, "/price/product").and_then(|product| world.get(product));
        product.map_or_else(|| text(item, "/price/id").to_owned(), |product| text(product, "/name").to_owned())
    });
    let day = |at: i64| {
        jiff::Timestamp::from_second(at).map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d").to_string())
    };
    let (_, end) = super::items::period_of(subscription);
    let stops = is(subscription, "/cancel_at_period_end");
    let when = format!("{} {}", word(if stops { "ends" } else { "until" }, spoken), day(end));
    let acts: &[&str] = if stops { &["resume"] } else { &["stop", "stop_now"] };
    let buttons: Vec<Value> = acts.iter().map(|act| json!({"act": act, "label": word(act, spoken)})).collect();
    let names: Vec<String> = names.collect();
    json!({"title": names.join(", "), "text": when, "of": text(subscription, "/id"), "buttons": buttons})
}

fn invoice_page(world: &World, visit: &Visit) -> Option<(usize, Value)> {
    let invoice = world.get(&visit.id)?;
    let customer = world.get(text(invoice, "/customer")).cloned().unwrap_or_default();
    let spoken = language(
        list(&customer, "/preferred_locales").first().and_then(Value::as_str).unwrap_or_default(),
        &visit.accepted,
    );
    let title = format!("{} {}", word("invoice", spoken), text(invoice, "/number"));
    let currency = text(invoice, "/currency");
    let lines: Vec<Value> = list(invoice, "/lines/data")
        .iter()
        .map(|line| json!({"what": text(line, "/description"), "amount": amount(number(line, "/amount"), currency, spoken)}))
        .collect();
    let total = amount(number(invoice, "/amount_due"), currency, spoken);
    let mut page = json!({"title": title, "lines": lines, "total": total});
    match text(invoice, "/status") {
        "open" => {
            let intent = bill::payment_of(world, &visit.id).map(|(_, intent)| intent).unwrap_or_default();
            if world.get(&intent).is_some_and(|intent| text(intent, "/status") == "requires_action") {
                let link = format!("{}/authenticate/{intent}", world.pages);
                merge(&mut page, &json!({"said": word("confirm_title", spoken), "back": link}));
            }
            let field = json!({"label": word("number", spoken), "name": "number", "type": "text", "value": CARD});
            let button = json!({"act": "pay", "label": word("pay", spoken)});
            merge(&mut page, &json!({"forms": [{"fields": [field], "buttons": [button]}]}));
        }
        "paid" => drop(merge(&mut page, &json!({"said": word("paid", spoken)}))),
        _ => drop(merge(&mut page, &json!({"said": word("closed", spoken)}))),
    }
    Some((spoken, page))
}

fn confirm_page(world: &World, visit: &Visit) -> Option<(usize, Value)> {
    let intent = world.get(&visit.id)?;
    let spoken = language("", &visit.accepted);
    let title = word("confirm_title", spoken);
    if text(intent, "/status") != "requires_action" {
        return Some((spoken, json!({"title": title, "said": word("settled", spoken)})));
    }
    let buttons = ["confirm", "refuse"].map(|act| json!({"act": act, "label": word(act, spoken)}));
    let sum = amount(number(intent, "/amount"), text(intent, "/currency"), spoken);
    Some((spoken, json!({"title": title, "forms": [{"text": sum, "buttons": buttons}]})))
}
