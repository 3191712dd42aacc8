//! The stand-in's lists: the placed objects, filtered by the query.

use std::collections::HashMap;

use serde_json::{Value, json};

/// The paths that return a list even if nothing was placed there.
const LISTS: [&str; 4] = ["checkout/sessions", "credit_notes", "invoice_payments", "refunds"];

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

/// The list of the objects placed one by one below `path`, newest first.
pub fn of(objects: &HashMap<String, Value>, path: &str, query: &str) -> Value {
    let below = |place: &str| place.strip_prefix(path)?.strip_prefix('/').map(|id| !id.contains('/'));
    let mut entries: Vec<&Value> = objects
        .iter()
        .filter(|(place, entry)| below(place) == Some(true) && is_wanted(entry, query, false))
        .map(|(_, entry)| entry)
        .collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.get("created").and_then(Value::as_i64)));
    json!({"object": "list", "data": entries, "has_more": false, "url": format!("/v1/{path}")})
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
}
