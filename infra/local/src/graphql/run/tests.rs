//! The engine tested against AppSync's behaviour, with made-up answers.

use std::sync::Mutex;

use super::*;
use crate::graphql::identity::Member;

/// Resolves each field with a preset value, and records the events.
#[derive(Default)]
struct Fake {
    answers: BTreeMap<&'static str, Result<Value, Told>>,
    events: Mutex<Vec<Value>>,
}

impl Answers for Fake {
    fn answer<'a>(&'a self, _: &'a str, field: &'a str, event: Value) -> Answer<'a> {
        Box::pin(async move {
            self.events.lock().unwrap().push(event);
            self.answers.get(field).cloned().unwrap_or(Ok(Value::Null))
        })
    }
}

fn answering(answers: impl IntoIterator<Item = (&'static str, Result<Value, Told>)>) -> Fake {
    Fake { answers: answers.into_iter().collect(), events: Mutex::default() }
}

fn freelancer() -> Identity {
    let claims = json!({"sub": "zoe", "cognito:groups": ["freelancer"]});
    Identity::Member(Member { claims: claims.as_object().cloned().unwrap() })
}

async fn ask(fake: &Fake, query: &str, variables: Value) -> Value {
    let schema = schema::read(include_str!("../../../../schema.graphql")).unwrap();
    let question =
        Question { query: query.to_owned(), variables: variables.as_object().cloned(), operation_name: None };
    let headers = BTreeMap::from([("accept-language".to_owned(), "en".to_owned())]);
    let limits = Limits { depth: 4, fields: 3 };
    serde_json::from_str(&run(&schema, limits, &question, Way::Http, &freelancer(), &headers, fake).await).unwrap()
}

fn profile() -> Value {
    json!({
        "id": "p1", "handle": "zoe", "skills": [{"name": "Rust", "level": "EXPERT", "years": 7}], "links": [],
        "languages": ["fr"], "version": 3, "createdAt": "2026-11-21T10:00:00Z", "updatedAt": "2026-11-21T10:00:00.5Z",
        "unknown": "what the schema does not have is not shown",
    })
}

#[tokio::test]
async fn fragments_aliases_and_variables_are_answered() {
    let fake = answering([("profile", Ok(profile()))]);
    let query = "query One($id: ID!, $skills: Boolean!) { it: profile(id: $id) { ...Short __typename } }
        fragment Short on Profile { id name: handle version skills @include(if: $skills) { name level } }";
    let answer = ask(&fake, query, json!({"id": "p1", "skills": true})).await;
    let expected = json!({"id": "p1", "name": "zoe", "version": 3, "skills": [{"name": "Rust", "level": "EXPERT"}], "__typename": "Profile"});
    assert_eq!(answer, json!({"data": {"it": expected}}));
    let event = fake.events.lock().unwrap()[0].clone();
    assert_eq!(event["arguments"], json!({"id": "p1"}));
    assert_eq!((&event["info"]["fieldName"], &event["info"]["parentTypeName"]), (&json!("profile"), &json!("Query")));
    assert_eq!(event["info"]["variables"], json!({"id": "p1", "skills": true}));
    assert_eq!(
        event["info"]["selectionSetList"],
        json!(["id", "name", "version", "skills", "skills/name", "skills/level", "__typename"])
    );
    let text = event["info"]["selectionSetGraphQL"].as_str().unwrap();
    assert_eq!(text, "{\n  id\n  name: handle\n  version\n  skills {\n    name\n    level\n  }\n  __typename\n}");
    assert_eq!(event["identity"]["groups"], json!(["freelancer"]));
    assert_eq!(event["request"]["headers"]["accept-language"], "en");
    assert!(event["source"].is_null() && event["prev"].is_null() && event["stash"] == json!({}));
}

#[tokio::test]
async fn what_is_answered_is_in_the_order_it_was_asked_for() {
    let schema = schema::read(include_str!("../../../../schema.graphql")).unwrap();
    let question = Question { query: "{ me { version id handle } }".to_owned(), ..Question::default() };
    let fake = answering([("me", Ok(profile()))]);
    let answer = run(&schema, Limits::default(), &question, Way::Http, &freelancer(), &BTreeMap::new(), &fake).await;
    assert_eq!(answer, r#"{"data":{"me":{"version":3,"id":"p1","handle":"zoe"}}}"#);
}

#[tokio::test]
async fn absent_null_and_set_stay_three_things() {
    let fake = Fake::default();
    let query =
        "mutation($input: UpdateProfileInput!) { updateProfile(id: \"p\", expectedVersion: 1, input: $input) { id } }";
    let input = json!({"headline": null, "bio": "new", "skills": [{"name": "Rust"}]});
    ask(&fake, query, json!({ "input": input })).await;
    assert_eq!(fake.events.lock().unwrap()[0]["arguments"]["input"], input);
}

#[tokio::test]
async fn an_error_has_its_type_its_info_and_its_place() {
    let told = Told {
        error_type: "Conflict".into(),
        message: "Somebody changed the same fields".into(),
        info: json!({"fields": ["bio"]}),
    };
    let fake = answering([("updateProfile", Err(told)), ("me", Ok(profile()))]);
    let query = "mutation { a: updateProfile(id: \"p\", expectedVersion: 1, input: {}) { id } }";
    let answer = ask(&fake, query, json!({})).await;
    assert_eq!(answer["data"], json!({"a": null}));
    let error = &answer["errors"][0];
    assert_eq!(
        (&error["errorType"], &error["message"]),
        (&json!("Conflict"), &json!("Somebody changed the same fields"))
    );
    assert_eq!((&error["errorInfo"], &error["path"]), (&json!({"fields": ["bio"]}), &json!(["a"])));
    assert_eq!((&error["data"], &error["locations"][0]["line"]), (&Value::Null, &json!(1)));
}

#[tokio::test]
async fn what_the_schema_does_not_allow_reaches_no_function() {
    let fake = answering([("me", Ok(profile()))]);
    let query = "{ me { id } profileHistory(id: \"p\") { cursor } }";
    let answer = ask(&fake, query, json!({})).await;
    // The history is not nullable, so the error propagates to the whole value.
    assert_eq!(answer["data"], Value::Null);
    let error = &answer["errors"][0];
    assert_eq!(error["errorType"], "Unauthorized");
    assert_eq!(error["message"], "Not Authorized to access profileHistory on type Query");
    let asked: Vec<Value> =
        fake.events.lock().unwrap().iter().map(|event| event["info"]["fieldName"].clone()).collect();
    assert_eq!(asked, ["me"]);
}

#[tokio::test]
async fn what_is_not_valid_reaches_no_function() {
    let fake = Fake::default();
    let deep = format!("{{ __schema {{ types {{ {} name {} }} }} }}", "ofType {".repeat(30), "}".repeat(30));
    let brackets = format!("{{ me {}", "{ me ".repeat(5_000));
    let wide = format!("{{ {} }}", (0..4).map(|n| format!("f{n}: me {{ id }} ")).collect::<String>());
    let many = format!("{{ me {{ {} }} }}", "id ".repeat(20_000));
    for (query, variables, message) in [
        ("{ nothing }", json!({}), "nothing"),
        ("{ me { secret } }", json!({}), "secret"),
        ("{ me }", json!({}), "me"),
        ("query($id: ID!) { profile(id: $id) { id } }", json!({}), "id"),
        ("query($id: ID!) { profile(id: $id) { id } }", json!({"id": null}), "id"),
        ("query($n: Int) { searchProfiles(limit: $n) { cursor } }", json!({"n": "ten"}), "n"),
        ("mutation($i: CreateProfileInput!) { createProfile(input: $i) { id } }", json!({"i": {"handle": 1}}), ""),
        (
            "mutation($i: UpdateProfileInput!) { updateProfile(id: 1, expectedVersion: 1, input: $i) { id } }",
            json!({"i": {"sub": "x"}}),
            "sub",
        ),
        ("query A { me { id } } query B { me { id } }", json!({}), "operation"),
        ("fragment A on Profile { ...B } fragment B on Profile { ...A } { me { ...A } }", json!({}), ""),
        ("", json!({}), ""),
        ("subscription { onProfileChanged { id } }", json!({}), "websocket"),
        (deep.as_str(), json!({}), ""),
        (brackets.as_str(), json!({}), ""),
        (many.as_str(), json!({}), ""),
        (wide.as_str(), json!({}), "ResolverCountLimitReached"),
    ] {
        let answer = ask(&fake, query, variables).await;
        let short: String = query.chars().take(80).collect();
        assert_eq!(answer["data"], Value::Null, "{short}: {answer}");
        let told = answer["errors"][0].to_string();
        assert!(told.contains(message), "{short}: {told}");
        assert!(answer["errors"][0]["errorType"].is_string(), "{short}: {told}");
    }
    assert!(fake.events.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_short_document_that_stands_for_a_huge_one_is_soon_done() {
    let fake = answering([("me", Ok(profile()))]);
    let bombs: String =
        (0..40).map(|n| format!("fragment F{n} on Profile {{ ...F{} ...F{} }} ", n + 1, n + 1)).collect();
    let query = format!("{{ me {{ ...F0 }} }} {bombs} fragment F40 on Profile {{ id }}");
    let answer = ask(&fake, &query, json!({})).await;
    assert_eq!(answer, json!({"data": {"me": {"id": "p1"}}}));
}

#[tokio::test]
async fn what_a_function_answers_is_held_against_the_schema() {
    let with = |field: &str, value: Value| {
        let mut profile = profile();
        profile[field] = value;
        answering([("me", Ok(profile))])
    };
    for (field, value, query) in [
        ("updatedAt", json!("yesterday"), "{ me { updatedAt } }"),
        ("version", json!("three"), "{ me { version } }"),
        ("skills", json!({"name": "Rust"}), "{ me { skills { name } } }"),
        ("skills", json!(null), "{ me { skills { name } } }"),
        ("skills", json!([{"name": "Rust", "level": "GOD"}]), "{ me { skills { level } } }"),
        ("location", json!("Lyon"), "{ me { location { city } } }"),
    ] {
        let answer = ask(&with(field, value), query, json!({})).await;
        assert!(answer["errors"][0]["path"][1] == field, "{query}: {answer}");
    }
    let export = answering([("exportMyData", Ok(json!({"owner": "zoe"})))]);
    let answer = ask(&export, "{ exportMyData }", json!({})).await;
    assert_eq!(answer, json!({"data": {"exportMyData": "{\"owner\":\"zoe\"}"}}));
}

#[tokio::test]
async fn the_schema_tells_of_itself() {
    let query = "{ __schema { directives { name } } __type(name: \"Profile\") { fields { name description } } }";
    let answer = ask(&Fake::default(), query, json!({})).await;
    assert!(answer.to_string().contains("3 to 30 letters") && answer.to_string().contains("aws_iam"));
}
