//! Lambda's event filters: the part of EventBridge's patterns that streams use.
//!
//! A pattern names fields; each lists the values it accepts. An unknown operator is an error when the bundle starts,
//! so that no record is silently dropped.

use anyhow::{Context, bail};
use serde_json::Value;

/// One filter of an event source mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Vec<(String, Rule)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// The field is an object that matches a nested pattern.
    Nested(Filter),
    /// The field is one of these.
    OneOf(Vec<Test>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exactly(Value),
    Exists(bool),
    Prefix(String),
    Suffix(String),
    AnythingBut(Vec<Value>),
}

impl Filter {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is not JSON, or uses what the runner does not support.
    pub fn parse(pattern: &str) -> anyhow::Result<Self> {
        let pattern = serde_json::from_str(pattern).with_context(|| format!("the filter {pattern} is not JSON"))?;
        Self::read(&pattern)
    }

    /// The same from a parsed pattern.
    ///
    /// # Errors
    /// When it uses what the runner does not support.
    pub fn read(pattern: &Value) -> anyhow::Result<Self> {
        let fields = pattern.as_object().with_context(|| format!("a filter must be an object, not {pattern}"))?;
        let rules = fields.iter().map(|(name, rule)| Ok((name.clone(), read_rule(name, rule)?)));
        Ok(Self(rules.collect::<anyhow::Result<_>>()?))
    }

    /// Whether a record passes: every named field has an accepted value.
    pub fn matches(&self, record: &Value) -> bool {
        self.0.iter().all(|(name, rule)| {
            let field = record.get(name);
            match rule {
                // A missing parent is an object without fields: `exists: false` below it still holds.
                Rule::Nested(filter) => filter.matches(field.unwrap_or(&Value::Null)),
                Rule::OneOf(tests) => tests.iter().any(|test| test.holds(field)),
            }
        })
    }
}

/// Whether a record passes one of the filters, or there is none.
pub fn any(filters: &[Filter], record: &Value) -> bool {
    filters.is_empty() || filters.iter().any(|filter| filter.matches(record))
}

impl Test {
    fn holds(&self, field: Option<&Value>) -> bool {
        let text = field.and_then(Value::as_str);
        match self {
            Self::Exactly(expected) => field == Some(expected),
            Self::Exists(expected) => field.is_some() == *expected,
            Self::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix)),
            Self::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix)),
            Self::AnythingBut(refused) => field.is_some_and(|field| !refused.contains(field)),
        }
    }
}

fn read_rule(name: &str, rule: &Value) -> anyhow::Result<Rule> {
    match rule {
        Value::Object(_) => Ok(Rule::Nested(Filter::read(rule)?)),
        Value::Array(tests) => Ok(Rule::OneOf(tests.iter().map(read_test).collect::<Result<_, _>>()?)),
        _ => bail!("the filter on {name} must list what it accepts, as in [{rule}]"),
    }
}

fn read_test(test: &Value) -> anyhow::Result<Test> {
    let Some(object) = test.as_object() else {
        return Ok(Test::Exactly(test.clone()));
    };
    let mut operators = object.iter();
    let (Some((operator, argument)), None) = (operators.next(), operators.next()) else {
        bail!("{test} must be one operator");
    };
    Ok(match (operator.as_str(), argument) {
        ("exists", Value::Bool(expected)) => Test::Exists(*expected),
        ("prefix", Value::String(prefix)) => Test::Prefix(prefix.clone()),
        ("suffix", Value::String(suffix)) => Test::Suffix(suffix.clone()),
        ("anything-but", Value::Array(refused)) => Test::AnythingBut(refused.clone()),
        ("anything-but", Value::String(_) | Value::Number(_)) => Test::AnythingBut(vec![argument.clone()]),
        _ => bail!("the local runner does not know the filter {test}: teach it in infra/local/src/stream/filter.rs"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(pattern: Value, record: Value) -> bool {
        Filter::parse(&pattern.to_string()).unwrap().matches(&record)
    }

    #[test]
    fn a_new_payment_passes_and_a_changed_one_does_not() {
        let pattern = json!({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["PAYMENT"]}}}});
        let record =
            |name: &str, kind: &str| json!({"eventName": name, "dynamodb": {"NewImage": {"kind": {"S": kind}}}});
        assert!(passes(pattern.clone(), record("INSERT", "PAYMENT")));
        assert!(!passes(pattern.clone(), record("MODIFY", "PAYMENT")));
        assert!(!passes(pattern.clone(), record("INSERT", "INVOICE")));
        assert!(!passes(pattern, json!({"eventName": "INSERT"})));
    }

    #[test]
    fn a_record_put_back_passes_once_its_mark_is_gone() {
        let pattern = json!({"dynamodb": {"OldImage": {"parked_at": {"S": [{"exists": true}]}}, "NewImage": {"parked_at": {"S": [{"exists": false}]}}}});
        let image = |parked: bool| if parked { json!({"parked_at": {"S": "2026"}}) } else { json!({}) };
        let record = |old: bool, new: bool| json!({"dynamodb": {"OldImage": image(old), "NewImage": image(new)}});
        assert!(passes(pattern.clone(), record(true, false)));
        assert!(!passes(pattern.clone(), record(true, true)));
        assert!(!passes(pattern.clone(), record(false, false)));
        assert!(!passes(pattern, record(false, true)));
    }

    #[test]
    fn operators() {
        assert!(passes(json!({"a": [{"prefix": "inv"}, 3]}), json!({"a": "invoice"})));
        assert!(passes(json!({"a": [{"prefix": "inv"}, 3]}), json!({"a": 3})));
        assert!(passes(json!({"a": [{"suffix": ".pdf"}]}), json!({"a": "x.pdf"})));
        assert!(!passes(json!({"a": [{"anything-but": ["x"]}]}), json!({"a": "x"})));
        assert!(passes(json!({"a": [{"anything-but": "x"}]}), json!({"a": "y"})));
        assert!(!passes(json!({"a": [{"anything-but": "x"}]}), json!({})));
        assert!(passes(json!({"a": [null]}), json!({"a": null})));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(Filter::parse("{\"a\": [{\"numeric\": [\">\", 1]}]}").is_err());
        assert!(Filter::parse("{\"a\": \"x\"}").is_err());
        assert!(Filter::parse("no").is_err());
    }

    #[test]
    fn one_filter_of_several_is_enough() {
        let filters = [Filter::parse("{\"a\":[1]}").unwrap(), Filter::parse("{\"b\":[1]}").unwrap()];
        assert!(any(&filters, &json!({"b": 1})) && !any(&filters, &json!({"c": 1})) && any(&[], &json!({})));
    }
}
