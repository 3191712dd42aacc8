//! The stand-in's lists: the placed objects, filtered by the query, a page at a time.

use std::collections::HashMap;

use serde_json::{Value, json};

/// The paths that return a list even if nothing was placed there.
const LISTS: [&str; 5] = ["checkout/sessions", "credit_notes", "events", "invoice_payments", "refunds"];

/// Entries of a page if the query does not say, and lines that an expanded list within it has.
const PAGE: usize = 10;

/// The list filters: the name in a query, and the path of the value in an entry.
const FILTERS: [(&str, &str); 6] = [
    ("charge", "/charge"),
    ("customer", "/customer"),
    ("invoice", "/invoice"),
    ("payment_intent", "/payment_intent"),
    ("payment%5Bpayment_intent%5D", "/payment/payment_intent"),
    ("subscription", "/subscription"),
];

/// Whether this path is that of a list.
pub fn is_list(path: &str) -> bool {
    LISTS.contains(&path)
}

/// An object as placed; for a list, the entries that match the query. An entry without the filtered field stays: the
/// test that placed the list included it on purpose.
pub fn filtered(object: &Value, query: &str) -> Value {
    let mut object = object.clone();
    if object.get("object").and_then(Value::as_str) == Some("list")
        && let Some(entries) = object.get_mut("data").and_then(Value::as_array_mut)
    {
        entries.retain(|entry| is_wanted(entry, query, true));
    }
    object
}

/// A page of the objects placed one by one below `path`, newest first.
pub fn of(objects: &HashMap<String, Value>, path: &str, query: &str) -> Value {
    let below = |place: &str| place.strip_prefix(path)?.strip_prefix('/').map(|id| !id.contains('/'));
    let mut entries: Vec<&Value> = objects
        .iter()
        .filter(|(place, entry)| {
            below(place) == Some(true) && is_wanted(entry, query, false) && is_in_range(entry, query)
        })
        .map(|(_, entry)| entry)
        .collect();
    let id = |entry: &Value| entry.get("id").and_then(Value::as_str).map(str::to_owned);
    entries.sort_by_cached_key(|entry| std::cmp::Reverse((entry.get("created").and_then(Value::as_i64), id(entry))));
    let after = asked(query, "starting_after")
        .and_then(|after| entries.iter().position(|entry| id(entry).as_deref() == Some(after)));
    let rest = entries.split_off(after.map_or(0, |after| after + 1));
    let limit = asked(query, "limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE).clamp(1, 100);
    let page = rest.iter().take(limit).map(|entry| match asked(query, "expand%5B%5D") {
        Some("data.line_items") => with_lines(objects, path, entry),
        _ => (*entry).clone(),
    });
    let page: Vec<Value> = page.collect();
    json!({"object": "list", "data": page, "has_more": rest.len() > limit, "url": format!("/v1/{path}")})
}

/// The first value of a parameter.
fn asked<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// A session with its first lines, as Stripe expands them.
fn with_lines(objects: &HashMap<String, Value>, path: &str, session: &Value) -> Value {
    let mut session = session.clone();
    let id = session.get("id").and_then(Value::as_str).unwrap_or_default();
    let placed = objects.get(&format!("{path}/{id}/line_items")).and_then(|list| list.get("data")?.as_array().cloned());
    if let (Some(mut lines), Some(fields)) = (placed, session.as_object_mut()) {
        let more = lines.len() > PAGE;
        lines.truncate(PAGE);
        fields.insert("line_items".to_owned(), json!({"object": "list", "data": lines, "has_more": more}));
    }
    session
}

/// Whether an entry was made when the query says, is of a type that it names, and was delivered as it says.
fn is_in_range(entry: &Value, query: &str) -> bool {
    let number = |name: &str| asked(query, name).and_then(|value| value.parse::<i64>().ok());
    let created = entry.get("created").and_then(Value::as_i64).unwrap_or_default();
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let mut types = query.split('&').filter_map(|pair| pair.strip_prefix("types%5B%5D=")).peekable();
    let pending = entry.get("pending_webhooks").and_then(Value::as_i64).unwrap_or_default() > 0;
    number("created%5Bgte%5D").is_none_or(|from| created >= from)
        && number("created%5Blte%5D").is_none_or(|to| created <= to)
        && asked(query, "status").is_none_or(|status| text("status").is_none_or(|known| known == status))
        && (types.peek().is_none() || types.any(|kind| text("type") == Some(kind)))
        && asked(query, "delivery_success").is_none_or(|delivered| (delivered == "true") != pending)
}

fn is_wanted(entry: &Value, query: &str, without: bool) -> bool {
    let asked = query.split('&').filter_map(|pair| pair.split_once('='));
    asked
        .filter_map(|(key, value)| FILTERS.iter().find(|(name, _)| *name == key).map(|(_, place)| (*place, value)))
        .all(|(place, value)| match entry.pointer(place) {
            Some(Value::String(id)) => id == value,
            Some(Value::Object(object)) => object.get("id").and_then(Value::as_str) == Some(value),
            Some(_) => false,
            None => without,
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
        let session = |id: &str, intent: Value| json!({"id": id, "payment_intent": intent});
        let whole = json!({"object": "list", "data": [
            session("cs_1", json!("pi_1")), session("cs_2", json!({"id": "pi_1"})), session("cs_3", Value::Null), {"id": "cs_4"}]});
        assert_eq!(ids(&filtered(&whole, "limit=1&payment_intent=pi_1")), ["cs_1", "cs_2", "cs_4"]);
        assert_eq!(ids(&filtered(&whole, "")).len(), 4);
        let mut objects = HashMap::new();
        objects.insert("checkout/sessions/cs_1".to_owned(), session("cs_1", json!("pi_1")));
        objects.insert("checkout/sessions/cs_1/line_items".to_owned(), json!({"data": []}));
        objects.insert("checkout/sessions/cs_4".to_owned(), json!({"id": "cs_4"}));
        assert_eq!(ids(&of(&objects, "checkout/sessions", "payment_intent=pi_1")), ["cs_1"]);
        assert!(ids(&of(&objects, "checkout/sessions", "payment_intent=pi_2")).is_empty());
        let payment = json!({"object": "list", "data": [{"id": "inpay_1", "invoice": "in_1", "payment": {"payment_intent": "pi_1"}}]});
        let asked = "payment%5Btype%5D=payment_intent&payment%5Bpayment_intent%5D=pi_2&limit=1";
        assert!(ids(&filtered(&payment, asked)).is_empty());
        assert!(is_list("refunds") && !is_list("invoices"));
    }

    #[test]
    fn a_list_comes_in_pages_with_the_first_lines_and_within_its_limits() {
        let mut objects = HashMap::new();
        for n in 1..=25 {
            let path = format!("checkout/sessions/cs_{n:02}");
            let lines: Vec<Value> = (0..n).map(|line| json!({"id": line})).collect();
            objects.insert(format!("{path}/line_items"), json!({"object": "list", "data": lines}));
            objects.insert(path, json!({"id": format!("cs_{n:02}"), "created": n, "status": "complete"}));
        }
        let page = |query: &str| of(&objects, "checkout/sessions", query);
        assert_eq!(ids(&page("")).len(), 10);
        let first = page("limit=3&status=complete&created%5Bgte%5D=5&created%5Blte%5D=20&expand%5B%5D=data.line_items");
        assert_eq!((ids(&first), &first["has_more"]), (vec!["cs_20", "cs_19", "cs_18"], &json!(true)));
        let lines = &first["data"][0]["line_items"];
        assert_eq!((lines["data"].as_array().unwrap().len(), &lines["has_more"]), (10, &json!(true)));
        let last = page("limit=100&created%5Blte%5D=20&starting_after=cs_18");
        assert_eq!((ids(&last).len(), &last["has_more"]), (17, &json!(false)));
        let mut events = HashMap::new();
        for (id, kind, pending) in [("evt_1", "a.b", 1), ("evt_2", "a.b", 0), ("evt_3", "c.d", 1), ("evt_4", "e.f", 1)]
        {
            let event = json!({"id": id, "type": kind, "pending_webhooks": pending, "created": 1});
            events.insert(format!("events/{id}"), event);
        }
        let query = "types%5B%5D=a.b&types%5B%5D=c.d&delivery_success=false";
        assert_eq!(ids(&of(&events, "events", query)), ["evt_3", "evt_1"]);
    }
}
