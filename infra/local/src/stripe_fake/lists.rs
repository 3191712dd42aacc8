//! The stand-in's lists: the objects at a path, filtered by the query, a page at a time.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::object::{list, text};
use super::query::Query;
use super::world::below;

/// The paths that return a list even if nothing was placed there.
const LISTS: [&str; 17] = [
    "balance_transactions",
    "charges",
    "checkout/sessions",
    "credit_notes",
    "customers",
    "disputes",
    "entitlements/active_entitlements",
    "events",
    "invoice_payments",
    "invoices",
    "payment_intents",
    "payment_methods",
    "prices",
    "products",
    "refunds",
    "subscriptions",
    "tax_rates",
];

/// Entries of a page if the query does not say, and lines that an expanded list within it has.
pub const PAGE: usize = 10;

/// The list filters: the name in a query, and the path of the value in an entry.
const FILTERS: [(&str, &str); 15] = [
    ("active", "/active"),
    ("charge", "/charge"),
    ("collection_method", "/collection_method"),
    ("currency", "/currency"),
    ("customer", "/customer"),
    ("customer_details[email]", "/customer_details/email"),
    ("email", "/email"),
    ("invoice", "/invoice"),
    ("payment_intent", "/payment_intent"),
    ("payment[payment_intent]", "/payment/payment_intent"),
    ("product", "/product"),
    ("source", "/source"),
    ("type", "/type"),
    ("payout", "/payout"),
    ("subscription", "/subscription"),
];

/// Whether this path is that of a list.
pub fn is_list(path: &str) -> bool {
    LISTS.contains(&path)
}

/// An object as placed; for a list, the entries that match the query. An entry without the filtered field stays: the
/// test that placed the list included it on purpose.
pub fn filtered(object: &Value, query: &Query) -> Value {
    let mut object = object.clone();
    if object.get("object").and_then(Value::as_str) == Some("list")
        && let Some(entries) = object.get_mut("data").and_then(Value::as_array_mut)
    {
        entries.retain(|entry| is_wanted(entry, query, true));
    }
    object
}

/// A page of the objects placed one by one below `path`, newest first.
pub fn of(objects: &BTreeMap<String, Value>, path: &str, query: &Query) -> Value {
    let mut entries: Vec<&Value> = below(objects, path)
        .filter(|entry| entry.get("deleted").is_none())
        .filter(|entry| is_wanted(entry, query, false) && is_in_range(entry, query) && has_status(path, entry, query))
        .collect();
    entries.sort_by_cached_key(|entry| std::cmp::Reverse((entry.get("created").and_then(Value::as_i64), id(entry))));
    let lines = query.all("expand").any(|wanted| wanted == "data.line_items" || wanted.starts_with("data.line_items."));
    let mut page = page(&entries, path, query);
    if let (true, Some(data)) = (lines, page.get_mut("data").and_then(Value::as_array_mut)) {
        for entry in data {
            *entry = with_lines(objects, path, entry);
        }
    }
    page
}

/// A page of these entries, in their order.
pub fn page(entries: &[&Value], path: &str, query: &Query) -> Value {
    let place = |name: &str| {
        let wanted = query.one(name)?;
        entries.iter().position(|entry| id(entry).as_deref() == Some(wanted))
    };
    let limit = query.number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE).clamp(1, 100);
    let (begin, end) = match (place("starting_after"), place("ending_before")) {
        (_, Some(before)) => (before.saturating_sub(limit), before),
        (after, None) => (after.map_or(0, |after| after + 1), entries.len()),
    };
    let rest: Vec<&Value> = entries.iter().skip(begin).take(end.saturating_sub(begin)).copied().collect();
    let more = if query.one("ending_before").is_some() { begin > 0 } else { rest.len() > limit };
    let data: Vec<Value> = rest.into_iter().take(limit).cloned().collect();
    json!({"object": "list", "data": data, "has_more": more, "url": format!("/v1/{path}")})
}

fn id(entry: &Value) -> Option<String> {
    entry.get("id").and_then(Value::as_str).map(str::to_owned)
}

/// A session with its first lines, as Stripe expands them.
fn with_lines(objects: &BTreeMap<String, Value>, path: &str, session: &Value) -> Value {
    let mut session = session.clone();
    let placed = objects.get(&format!("{path}/{}/line_items", text(&session, "/id")));
    if let (Some(lines), Some(fields)) = (placed.and_then(first_lines), session.as_object_mut()) {
        fields.insert("line_items".to_owned(), lines);
    }
    session
}

/// The first entries of a list, as Stripe has it within an object.
pub fn first_lines(list: &Value) -> Option<Value> {
    let mut lines = list.get("data")?.as_array()?.clone();
    let more = lines.len() > PAGE;
    lines.truncate(PAGE);
    Some(json!({"object": "list", "data": lines, "has_more": more}))
}

/// Whether an entry was made when the query says, is of a type that it names, and was delivered as it says.
fn is_in_range(entry: &Value, query: &Query) -> bool {
    let created = entry.get("created").and_then(Value::as_i64).unwrap_or_default();
    let mut types = query.all("types").peekable();
    let kind = entry.get("type").and_then(Value::as_str);
    let pending = entry.get("pending_webhooks").and_then(Value::as_i64).unwrap_or_default() > 0;
    query.number("created[gte]").is_none_or(|from| created >= from)
        && query.number("created[gt]").is_none_or(|from| created > from)
        && query.number("created[lte]").is_none_or(|to| created <= to)
        && query.number("created[lt]").is_none_or(|to| created < to)
        && query.number("created").is_none_or(|at| created == at)
        && (types.peek().is_none() || types.any(|wanted| kind == Some(wanted)))
        && query.one("delivery_success").is_none_or(|delivered| (delivered == "true") != pending)
        && query
            .one("price")
            .is_none_or(|price| list(entry, "/items/data").iter().any(|item| text(item, "/price/id") == price))
}

/// Whether an entry has the status that the query asks for. Subscriptions that ended are listed for those who ask.
fn has_status(path: &str, entry: &Value, query: &Query) -> bool {
    let Some(known) = entry.get("status").and_then(Value::as_str) else { return true };
    match (path, query.one("status")) {
        ("subscriptions", None) => known != "canceled",
        ("subscriptions", Some("all")) | (_, None) => true,
        ("subscriptions", Some("ended")) => matches!(known, "canceled" | "incomplete_expired"),
        (_, Some(wanted)) => known == wanted,
    }
}

fn is_wanted(entry: &Value, query: &Query, without: bool) -> bool {
    FILTERS.iter().filter_map(|(name, place)| Some((*place, query.one(name)?))).all(|(place, value)| {
        // An invoice says it where its parent is.
        let parent = (place == "/subscription").then(|| entry.pointer("/parent/subscription_details/subscription"));
        match entry.pointer(place).or(parent.flatten()) {
            Some(Value::String(id)) => id == value,
            Some(Value::Bool(flag)) => flag.to_string() == value,
            Some(Value::Object(object)) => object.get("id").and_then(Value::as_str) == Some(value),
            Some(_) => false,
            None => without,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(list: &Value) -> Vec<&str> {
        list["data"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_list_is_what_was_placed_and_asked_for() {
        let filtered = |object: &Value, query: &str| filtered(object, &Query::read(query));
        let of = |objects: &BTreeMap<String, Value>, path: &str, query: &str| of(objects, path, &Query::read(query));
        let session = |id: &str, intent: Value| json!({"id": id, "payment_intent": intent});
        let whole = json!({"object": "list", "data": [
            session("cs_1", json!("pi_1")), session("cs_2", json!({"id": "pi_1"})), session("cs_3", Value::Null), {"id": "cs_4"}]});
        assert_eq!(ids(&filtered(&whole, "limit=1&payment_intent=pi_1")), ["cs_1", "cs_2", "cs_4"]);
        assert_eq!(ids(&filtered(&whole, "")).len(), 4);
        let mut objects = BTreeMap::new();
        objects.insert("checkout/sessions/cs_1".to_owned(), session("cs_1", json!("pi_1")));
        objects.insert("checkout/sessions/cs_1/line_items".to_owned(), json!({"data": []}));
        objects.insert("checkout/sessions/cs_4".to_owned(), json!({"id": "cs_4"}));
        assert_eq!(ids(&of(&objects, "checkout/sessions", "payment_intent=pi_1")), ["cs_1"]);
        assert!(ids(&of(&objects, "checkout/sessions", "payment_intent=pi_2")).is_empty());
        let payment = json!({"object": "list", "data": [{"id": "inpay_1", "invoice": "in_1", "payment": {"payment_intent": "pi_1"}}]});
        let asked = "payment%5Btype%5D=payment_intent&payment%5Bpayment_intent%5D=pi_2&limit=1";
        assert!(ids(&filtered(&payment, asked)).is_empty());
        assert!(is_list("refunds") && is_list("invoices") && !is_list("invoices/in_1"));
    }

    #[test]
    fn a_list_comes_in_pages_with_the_first_lines_and_within_its_limits() {
        let mut objects = BTreeMap::new();
        for n in 1..=25 {
            let path = format!("checkout/sessions/cs_{n:02}");
            let lines: Vec<Value> = (0..n).map(|line| json!({"id": line})).collect();
            objects.insert(format!("{path}/line_items"), json!({"object": "list", "data": lines}));
            objects.insert(path, json!({"id": format!("cs_{n:02}"), "created": n, "status": "complete"}));
        }
        let page = |query: &str| of(&objects, "checkout/sessions", &Query::read(query));
        assert_eq!(ids(&page("")).len(), 10);
        let first = page("limit=3&status=complete&created%5Bgte%5D=5&created%5Blte%5D=20&expand%5B%5D=data.line_items");
        assert_eq!((ids(&first), &first["has_more"]), (vec!["cs_20", "cs_19", "cs_18"], &json!(true)));
        let lines = &first["data"][0]["line_items"];
        assert_eq!((lines["data"].as_array().unwrap().len(), &lines["has_more"]), (10, &json!(true)));
        let last = page("limit=100&created%5Blte%5D=20&starting_after=cs_18");
        assert_eq!((ids(&last).len(), &last["has_more"]), (17, &json!(false)));
        let before = page("limit=2&ending_before=cs_20");
        assert_eq!((ids(&before), &before["has_more"]), (vec!["cs_22", "cs_21"], &json!(true)));
        let mut events = BTreeMap::new();
        for (id, kind, pending) in [("evt_1", "a.b", 1), ("evt_2", "a.b", 0), ("evt_3", "c.d", 1), ("evt_4", "e.f", 1)]
        {
            let event = json!({"id": id, "type": kind, "pending_webhooks": pending, "created": 1});
            events.insert(format!("events/{id}"), event);
        }
        let query = "types%5B%5D=a.b&types%5B%5D=c.d&delivery_success=false";
        assert_eq!(ids(&of(&events, "events", &Query::read(query))), ["evt_3", "evt_1"]);
    }

    #[test]
    fn subscriptions_that_ended_are_listed_for_those_who_ask() {
        let mut objects = BTreeMap::new();
        for (id, status) in [("sub_1", "active"), ("sub_2", "canceled"), ("sub_3", "incomplete_expired")] {
            let items = json!({"data": [{"price": {"id": format!("price_{status}")}}]});
            objects.insert(
                format!("subscriptions/{id}"),
                json!({"id": id, "status": status, "customer": "cus_1", "items": items}),
            );
        }
        let ids_of = |query: &str| {
            ids(&of(&objects, "subscriptions", &Query::read(query))).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(ids_of("customer=cus_1"), ["sub_3", "sub_1"]);
        assert_eq!(ids_of("status=all").len(), 3);
        assert_eq!(ids_of("status=ended"), ["sub_3", "sub_2"]);
        assert_eq!(ids_of("price=price_active"), ["sub_1"]);
    }
}
