//! Reads and writes the fields of JSON objects.

use serde_json::{Map, Value};

/// The text at a JSON pointer; empty if there is none.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The text at a JSON pointer, unless it is missing or empty.
pub fn some<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    Some(text(object, pointer)).filter(|text| !text.is_empty())
}

/// The id at a JSON pointer, also where the object stands in its place.
pub fn id<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    let found = object.pointer(pointer)?;
    found.as_str().or_else(|| found.get("id")?.as_str()).filter(|id| !id.is_empty())
}

/// The whole number at a JSON pointer; 0 if there is none.
pub fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// Whether the value at a JSON pointer is true.
pub fn is(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// The entries at a JSON pointer.
pub fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Sets a field.
pub fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Sets these fields; returns the values they had, of those that changed.
pub fn merge(object: &mut Value, fields: &Value) -> Map<String, Value> {
    let mut before = Map::new();
    let (Some(object), Some(fields)) = (object.as_object_mut(), fields.as_object()) else { return before };
    for (name, value) in fields {
        let old = object.insert(name.clone(), value.clone()).unwrap_or(Value::Null);
        if old != *value {
            before.insert(name.clone(), old);
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_merge_changed_is_told() {
        let mut object = json!({"a": 1, "b": "x"});
        let before = merge(&mut object, &json!({"a": 1, "b": "y", "c": null}));
        assert_eq!(Value::Object(before), json!({"b": "x"}));
        assert_eq!(object, json!({"a": 1, "b": "y", "c": null}));
    }

    #[test]
    fn an_id_is_found_where_the_object_stands() {
        let object = json!({"a": "x_1", "b": {"id": "x_2"}, "c": null});
        assert_eq!((id(&object, "/a"), id(&object, "/b"), id(&object, "/c")), (Some("x_1"), Some("x_2"), None));
    }
}
