//! The parameters of a request: a form whose names nest in brackets, `items[0][price]=price_1`.

use serde_json::{Map, Value, json};
use serde_qs::Config;

use super::refusal::Refusal;

/// Stripe's parameters nest five deep.
const DEEPEST: usize = 8;

/// The parameters: objects, arrays and texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form(Value);

impl Form {
    /// Reads a body or a query.
    ///
    /// # Errors
    /// When it is no form.
    pub fn read(text: &[u8]) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Ok(Self(json!({})));
        }
        let read =
            Config::new().max_depth(DEEPEST).use_form_encoding(true).deserialize_bytes::<Map<String, Value>>(text);
        read.map(|fields| Self(Value::Object(fields)))
            .map_err(|problem| Refusal::parameter("", "", format!("Invalid request body: {problem}")))
    }

    /// The parameters as JSON.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Parameters given as JSON.
    pub fn of(value: Value) -> Self {
        Self(value)
    }

    /// Refuses every parameter that Stripe does not know here.
    ///
    /// # Errors
    /// Naming the first of them.
    pub fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let unknown = |name: &&String| !known.contains(&name.as_str()) && *name != "expand";
        match self.0.as_object().into_iter().flat_map(Map::keys).find(unknown) {
            None => Ok(()),
            Some(name) => {
                Err(Refusal::parameter(name, "parameter_unknown", format!("Received unknown parameter: {name}")))
            }
        }
    }

    /// Whether a parameter is given, also as an empty text.
    pub fn has(&self, path: &str) -> bool {
        self.0.pointer(path).is_some()
    }

    /// A text that is not empty.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn required(&self, path: &str) -> Result<&str, Refusal> {
        self.text(path).ok_or_else(|| Refusal::missing(&name(path)))
    }

    /// A whole number.
    ///
    /// # Errors
    /// When it is none.
    pub fn number(&self, path: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(path) else { return Ok(None) };
        let wrong =
            |_| Refusal::parameter(&name(path), "parameter_invalid_integer", format!("Invalid integer: {text}"));
        text.parse().map(Some).map_err(wrong)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn boolean(&self, path: &str) -> Result<Option<bool>, Refusal> {
        match self.text(path) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(Refusal::parameter(&name(path), "", format!("Invalid boolean: {other}"))),
        }
    }

    /// One of these words.
    ///
    /// # Errors
    /// When it is another.
    pub fn choice(&self, path: &str, words: &[&str]) -> Result<Option<&str>, Refusal> {
        match self.text(path) {
            Some(word) if !words.contains(&word) => {
                let (name, words) = (name(path), words.join(", "));
                Err(Refusal::parameter(&name, "", format!("Invalid {name}: must be one of {words}")))
            }
            word => Ok(word),
        }
    }

    /// The entries of a list, in order.
    pub fn entries(&self, path: &str) -> Vec<Self> {
        match self.0.pointer(path) {
            Some(Value::Array(entries)) => entries.iter().cloned().map(Self).collect(),
            Some(Value::Object(entries)) => {
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by_key(|(place, _)| place.parse::<usize>().unwrap_or(usize::MAX));
                entries.into_iter().map(|(_, entry)| Self(entry.clone())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// `metadata` with these changes: an empty value removes a key, an empty whole removes all.
    pub fn metadata(&self, path: &str, before: &Value) -> Value {
        let mut metadata = before.as_object().cloned().unwrap_or_default();
        match self.0.pointer(path) {
            Some(Value::Object(changes)) => {
                for (key, value) in changes {
                    if value.as_str() == Some("") {
                        metadata.remove(key);
                    } else {
                        metadata.insert(key.clone(), value.clone());
                    }
                }
            }
            Some(Value::String(text)) if text.is_empty() => metadata.clear(),
            _ => {}
        }
        Value::Object(metadata)
    }

    /// The texts among these parameters, each for the field of its name; an empty one makes the field null.
    pub fn texts(&self, names: &[&str]) -> Value {
        let given = |name: &&str| {
            let text = self.0.get(*name)?.as_str()?;
            Some(((*name).to_owned(), if text.is_empty() { Value::Null } else { json!(text) }))
        };
        Value::Object(names.iter().filter_map(given).collect())
    }
}

/// `/items/0/price` as Stripe writes it: `items[0][price]`.
fn name(path: &str) -> String {
    let mut parts = path.trim_start_matches('/').split('/');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| format!("{name}[{part}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_nest_with_plain_and_encoded_brackets() {
        let plain =
            Form::read(b"items[0][price]=price_1&items[1][price]=price_2&metadata[a b]=c&expand[]=x.y").unwrap();
        let encoded =
            "items%5B0%5D%5Bprice%5D=price_1&items%5B1%5D%5Bprice%5D=price_2&metadata%5Ba+b%5D=c&expand%5B%5D=x.y";
        assert_eq!(Form::read(encoded.as_bytes()).unwrap(), plain);
        assert_eq!(
            plain.value(),
            &json!({"items": [{"price": "price_1"}, {"price": "price_2"}], "metadata": {"a b": "c"}, "expand": ["x.y"]})
        );
        let prices: Vec<_> =
            plain.entries("/items").iter().map(|item| item.text("/price").unwrap().to_owned()).collect();
        assert_eq!(prices, ["price_1", "price_2"]);
        assert_eq!(Form::read(b"").unwrap().value(), &json!({}));
        let lone = Form::read(b"email=zo%C3%A9%2Ba@example.org&cancel_at_period_end=true&name=").unwrap();
        assert_eq!(
            (lone.text("/email"), lone.boolean("/cancel_at_period_end")),
            (Some("zoé+a@example.org"), Ok(Some(true)))
        );
        assert!(lone.has("/name") && lone.text("/name").is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let form = Form::read(b"a=1&items[0][quantity]=x&items[0][b]=maybe").unwrap();
        assert_eq!(form.only(&["a"]).unwrap_err().error["param"], "items");
        assert_eq!(form.number("/items/0/quantity").unwrap_err().error["param"], "items[0][quantity]");
        assert_eq!(form.boolean("/items/0/b").unwrap_err().error["message"], "Invalid boolean: maybe");
        assert_eq!(form.required("/customer").unwrap_err().error["code"], "parameter_missing");
        assert!(form.choice("/a", &["2"]).is_err() && form.choice("/a", &["1"]).is_ok());
    }

    #[test]
    fn metadata_are_merged() {
        let form = Form::read(b"metadata[a]=&metadata[b]=2").unwrap();
        assert_eq!(form.metadata("/metadata", &json!({"a": "1", "c": "3"})), json!({"b": "2", "c": "3"}));
        let none = Form::read(b"metadata=").unwrap();
        assert_eq!(none.metadata("/metadata", &json!({"a": "1"})), json!({}));
    }
}
