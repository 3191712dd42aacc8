//! Reading tables for people and tests, and turning DynamoDB's typed values into plain JSON.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Aws;

/// The target prefix of DynamoDB's operations.
const API: &str = "DynamoDB_20120810";

impl Aws {
    /// One DynamoDB operation.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn dynamodb(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        self.json("dynamodb", &format!("{API}.{operation}"), input).await
    }

    /// A write on a condition; returns whether it held.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn dynamodb_if(&self, operation: &str, input: &Value) -> anyhow::Result<bool> {
        match self.dynamodb(operation, input).await {
            Ok(_) => Ok(true),
            // A cancelled transaction names it without "Exception".
            Err(error) if error.to_string().contains("ConditionalCheckFailed") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Every item of a table, in DynamoDB's typed form.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn scan(&self, table: &str) -> anyhow::Result<Vec<Value>> {
        let (mut items, mut from) = (Vec::new(), None);
        loop {
            let page = self.scan_page(table, from.as_ref()).await?;
            items.extend(page.0);
            from = page.1;
            if from.is_none() {
                return Ok(items);
            }
        }
    }

    /// A page of a table, read consistently, and the key after which the next one begins.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn scan_page(&self, table: &str, from: Option<&Value>) -> anyhow::Result<(Vec<Value>, Option<Value>)> {
        let mut input = json!({"TableName": table, "ConsistentRead": true});
        if let (Some(from), Some(input)) = (from, input.as_object_mut()) {
            input.insert("ExclusiveStartKey".to_owned(), from.clone());
        }
        let mut page = self.dynamodb("Scan", &input).await?;
        let items = match page.get_mut("Items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        Ok((items, page.get_mut("LastEvaluatedKey").map(Value::take).filter(|key| !key.is_null())))
    }
}

/// An item as plain JSON, its `data` attribute (the domain value as JSON text) opened up.
pub fn plain_item(item: &Value) -> Value {
    let fields = item.as_object().into_iter().flatten();
    let fields = fields.map(|(name, value)| (name.clone(), opened(name, plain(value))));
    Value::Object(fields.collect())
}

/// A table's items as plain JSON. Values that are too large for their record are put together from their parts, which are
/// items of their own and not listed.
pub fn plain_items(items: &[Value]) -> Vec<Value> {
    let is_part = |item: &&Value| text(item, "kind") == Some("PART");
    let place = |part| Some((text(part, "pk")?, text(part, "sk")?));
    let parts: HashMap<(&str, &str), &str> =
        items.iter().filter(is_part).filter_map(|part| Some((place(part)?, text(part, "text")?))).collect();
    let whole = |item: &Value| {
        let mut plain = plain_item(item);
        for name in ["data", "body"] {
            if let (Some(value), Some(fields)) = (joined(item, name, &parts), plain.as_object_mut()) {
                fields.insert(name.to_owned(), opened(name, Value::String(value)));
            }
        }
        plain
    };
    items.iter().filter(|item| !is_part(item)).map(whole).collect()
}

fn joined(item: &Value, name: &str, parts: &HashMap<(&str, &str), &str>) -> Option<String> {
    let hash = text(item, &format!("{name}_sha256"))?;
    let count: usize = item.get(format!("{name}_parts"))?.get("N")?.as_str()?.parse().ok()?;
    let key = format!("PART#{hash}");
    (0..count).map(|place| parts.get(&(key.as_str(), format!("{place:04}").as_str())).copied()).collect()
}

fn opened(name: &str, value: Value) -> Value {
    match (name, value.as_str()) {
        ("data", Some(text)) => serde_json::from_str(text).unwrap_or(value),
        _ => value,
    }
}

/// A string attribute of an item in typed form.
pub fn text<'a>(item: &'a Value, name: &str) -> Option<&'a str> {
    item.get(name)?.get("S")?.as_str()
}

fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|typed| typed.iter().next()) else {
        return value.clone();
    };
    match (kind.as_str(), inner) {
        ("N", Value::String(number)) => serde_json::from_str(number).unwrap_or_else(|_| inner.clone()),
        ("M", Value::Object(map)) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), plain(value))).collect::<Map<_, _>>())
        }
        ("L", Value::Array(list)) => Value::Array(list.iter().map(plain).collect()),
        ("SS", Value::Array(texts)) => Value::Array(texts.clone()),
        ("NULL", _) => Value::Null,
        ("B", Value::String(bytes)) => match STANDARD.decode(bytes).map(String::from_utf8) {
            Ok(Ok(text)) => Value::String(text),
            _ => inner.clone(),
        },
        _ => inner.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_becomes_plain_json_with_its_data_opened() {
        let item = json!({"pk": {"S": "PAYMENT#1"}, "n": {"N": "12"}, "data": {"S": "{\"total\":4900}"}, "m": {"M": {"a": {"L": [{"BOOL": true}]}}}});
        assert_eq!(plain_item(&item), json!({"pk": "PAYMENT#1", "n": 12, "data": {"total": 4900}, "m": {"a": [true]}}));
    }

    #[test]
    fn a_large_value_is_put_together_from_its_parts() {
        let record = json!({"pk": {"S": "PAYMENT#1"}, "data_sha256": {"S": "ab"}, "data_parts": {"N": "2"}});
        let part = |place: u8, text: &str| json!({"pk": {"S": "PART#ab"}, "sk": {"S": format!("{place:04}")}, "kind": {"S": "PART"}, "text": {"S": text}});
        let [plain] = &plain_items(&[part(1, "4900}"), record, part(0, "{\"total\":")])[..] else {
            panic!("parts are listed")
        };
        assert_eq!(plain["data"], json!({"total": 4900}));
    }
}
