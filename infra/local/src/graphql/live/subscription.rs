//! One subscription: whether it is authorised, which events match it, and the message for each.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use apollo_compiler::Schema;
use serde_json::{Map, Value};

use super::Event;
use crate::graphql::Api;
use crate::graphql::identity::{self, Identity};
use crate::graphql::resolvers::Source;
use crate::graphql::run::{Answer, Answers, Question, Way, run};

/// An accepted subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    question: Question,
    identity: Identity,
    mutations: Vec<String>,
    filter: Map<String, Value>,
}

impl Subscription {
    /// Accepts a subscriber, or returns the errors.
    ///
    /// # Errors
    /// In AppSync's format: the document is no subscription of the schema, or its directives deny this subscriber.
    pub async fn begin(api: &Api, question: Question, identity: Identity) -> Result<Self, Value> {
        let begun = Begun { api, found: Mutex::default() };
        let answer = run(&api.schema, api.limits, &question, Way::Socket, &identity, &BTreeMap::new(), &begun).await;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        if let Some(errors) = answer.get("errors") {
            return Err(errors.clone());
        }
        let (mutations, filter) = begun.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Self { question, identity, mutations, filter })
    }

    /// Whether this event matches.
    pub fn hears(&self, event: &Event) -> bool {
        let passes = |(name, wanted): (&String, &Value)| event.fields.get(name) == Some(wanted);
        self.mutations.contains(&event.mutation) && self.filter.iter().all(passes)
    }

    /// The message for it, `{"data", "errors"}` as JSON.
    pub async fn told(&self, api: &Api, event: &Event) -> String {
        let told = Value::Object(event.fields.clone());
        run(&api.schema, api.limits, &self.question, Way::Socket, &self.identity, &BTreeMap::new(), &Told(told)).await
    }
}

/// Resolves the subscribed field with null, and determines its filter.
struct Begun<'a> {
    api: &'a Api,
    found: Mutex<(Vec<String>, Map<String, Value>)>,
}

impl Answers for Begun<'_> {
    fn answer<'a>(&'a self, parent: &'a str, field: &'a str, event: Value) -> Answer<'a> {
        Box::pin(async move {
            let mutations = mutations(&self.api.schema, parent, field);
            let source = self.api.behind.sources.get(&(parent.to_owned(), field.to_owned()));
            let filter = filter(source, &event);
            *self.found.lock().unwrap_or_else(PoisonError::into_inner) = (mutations, filter);
            Ok(Value::Null)
        })
    }
}

/// Resolves it with the event.
struct Told(Value);

impl Answers for Told {
    fn answer<'a>(&'a self, _: &'a str, _: &'a str, _: Value) -> Answer<'a> {
        Box::pin(async move { Ok(self.0.clone()) })
    }
}

/// The mutations in `@aws_subscribe`.
fn mutations(schema: &Schema, parent: &str, field: &str) -> Vec<String> {
    let definition = schema.type_field(parent, field).ok();
    let directive = definition.and_then(|definition| definition.directives.get("aws_subscribe"));
    let list = directive.and_then(|directive| directive.specified_argument_by_name("mutations"));
    list.into_iter().flat_map(|list| identity::named(list)).map(str::to_owned).collect()
}

/// The filter: the given arguments; and, where `infra/resolvers/subscribe.js` is the field's resolver,
/// that resolver's filter, which is emulated here.
fn filter(source: Option<&Source>, event: &Value) -> Map<String, Value> {
    let arguments = event.get("arguments").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut filter: Map<String, Value> = arguments.into_iter().filter(|(_, given)| !given.is_null()).collect();
    if source == Some(&Source::Subscribe) {
        let groups = event.pointer("/identity/groups").and_then(Value::as_array).into_iter().flatten();
        let of_the_team = groups.filter_map(Value::as_str).any(|group| matches!(group, "team" | "admin"));
        filter.insert("forTeam".to_owned(), Value::Bool(of_the_team));
    }
    filter
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graphql::schema;

    #[test]
    fn the_filter_is_the_one_of_subscribe_js() {
        let event = |groups: Value, arguments: Value| json!({"identity": {"groups": groups}, "arguments": arguments});
        let filtered = |groups: Value, arguments: Value| {
            Value::Object(filter(Some(&Source::Subscribe), &event(groups, arguments)))
        };
        assert_eq!(filtered(json!(["freelancer"]), json!({})), json!({"forTeam": false}));
        assert_eq!(filtered(Value::Null, json!({"id": null})), json!({"forTeam": false}));
        assert_eq!(filtered(json!(["freelancer", "team"]), json!({"id": "p1"})), json!({"forTeam": true, "id": "p1"}));
        assert_eq!(filtered(json!(["admin"]), json!({"id": ""})), json!({"forTeam": true, "id": ""}));
        assert_eq!(filtered(json!(["Team", "admins"]), json!({})), json!({"forTeam": false}));
        assert_eq!(Value::Object(filter(None, &event(json!([]), json!({"id": "p1"})))), json!({"id": "p1"}));
    }

    #[test]
    fn an_event_is_heard_where_mutation_and_filter_fit() {
        let schema = schema::read(include_str!("../../../../schema.graphql")).unwrap();
        let mutations = mutations(&schema, "Subscription", "onProfileChanged");
        assert_eq!(mutations, ["publishProfileChange"]);
        let object = |value: Value| value.as_object().cloned().unwrap();
        let identity = Identity::Program { role: String::new(), may: Vec::new() };
        let filter = object(json!({"forTeam": false, "id": "p1"}));
        let subscription = Subscription { question: Question::default(), identity, mutations, filter };
        let hears = |mutation: &str, fields: Value| {
            subscription.hears(&Event { mutation: mutation.to_owned(), fields: object(fields) })
        };
        assert!(hears("publishProfileChange", json!({"id": "p1", "forTeam": false, "version": 2})));
        assert!(!hears("publishProfileChange", json!({"id": "p1", "forTeam": true})));
        assert!(!hears("publishProfileChange", json!({"id": "p2", "forTeam": false})));
        assert!(!hears("publishProfileChange", json!({"id": "p1"})), "what was not asked for is not known");
        assert!(!hears("updateProfile", json!({"id": "p1", "forTeam": false})));
    }
}
