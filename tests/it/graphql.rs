//! The GraphQL API over HTTP: authentication, authorisation by the schema, and a member's whole life cycle, with an
//! independent client and the emulator's own tokens.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use comptoir::testing::readme::says;
use comptoir_local::{clock, graphql::members::SignedIn};
use comptoir_tests::{
    Shop,
    graphql::{Listeners, Question, ask, asked_by, sign_in},
};
use serde_json::{Value, json};

use crate::tokens::{another_pool, key, part, rs256, token};

/// Posts a body as given; returns the status and the response.
async fn post(shop: &Shop, authorization: Option<&str>, body: String) -> Result<(u16, Value)> {
    let mut request = reqwest::Client::new().post(&shop.bundle.endpoints.graphql_url).body(body);
    request = request.header("content-type", "application/json");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let answer = request.send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

#[tokio::test]
async fn nobody_gets_in_without_a_token_of_the_pool_for_the_client_and_in_time() -> Result<()> {
    let shop = Shop::open("graphql-tokens").await?;
    let zoe = sign_in(&shop.bundle.endpoints, "zoe@example.org", &["freelancer"]).await?;
    let (header, claims) = (part(&zoe.access_token, 0)?, part(&zoe.access_token, 1)?);
    ensure!(claims["cognito:groups"] == json!(["freelancer"]) && claims["sub"] == json!(zoe.sub), "{claims}");
    let pool = claims["iss"].as_str().context("no issuer")?.rsplit('/').next().unwrap().to_owned();
    let (ours, theirs) = (key(&shop, &pool)?, key(&shop, &another_pool(&shop).await?)?);
    let with = |change: Value| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().extend(change.as_object().cloned().unwrap());
        claims
    };
    let signed = |change: Value| token(&header, &with(change), |message| rs256(&ours, message));
    let now = clock::now().as_second();
    let unsigned = |algorithm: &str| token(&json!({"alg": algorithm, "kid": header["kid"]}), &claims, |_| Vec::new());
    let promoted = {
        let own = zoe.access_token.split('.').collect::<Vec<_>>();
        let body = URL_SAFE_NO_PAD.encode(with(json!({"cognito:groups": ["admin"]})).to_string());
        format!("{}.{body}.{}", own[0], own[2])
    };
    let stranger = json!({"iss": "https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_stranger"});
    let cases = [
        ("none", None),
        ("empty", Some(String::new())),
        ("nonsense", Some("Bearer a.b.c".to_owned())),
        ("unsigned", Some(unsigned("none"))),
        ("RS256 without a signature", Some(unsigned("RS256"))),
        ("a shared secret", Some(unsigned("HS256"))),
        ("another key under our key's name", Some(token(&header, &claims, |message| rs256(&theirs, message)))),
        ("a key of no name", Some(token(&json!({"alg": "RS256"}), &claims, |message| rs256(&ours, message)))),
        ("a key of an unknown name", {
            let header = json!({"alg": "RS256", "kid": "unknown"});
            Some(token(&header, &claims, |message| rs256(&theirs, message)))
        }),
        ("claims changed under a true signature", Some(promoted)),
        ("expired", Some(signed(json!({"exp": now - 1})))),
        ("no expiry", Some(signed(json!({"exp": null})))),
        ("another issuer", Some(signed(stranger))),
        ("another client", Some(signed(json!({"client_id": "another"})))),
        ("an ID token for another client", Some(signed(json!({"token_use": "id", "aud": "another"})))),
        ("a refresh token", Some(signed(json!({"token_use": "refresh"})))),
        ("of nobody", Some(signed(json!({"sub": ""})))),
    ];
    says(cases.len(), "kinds of wrong token");
    for (name, given) in &cases {
        let (status, answer) = post(&shop, given.as_deref(), json!({"query": "{ me { id } }"}).to_string()).await?;
        ensure!(status == 401, "{name}: {status} {answer}");
        ensure!(answer["errors"][0]["errorType"] == "UnauthorizedException", "{name}: {answer}");
        ensure!(answer.get("data").is_none(), "{name}: {answer}");
    }
    nobody_listens(&shop, &zoe, &cases).await?;
    let unsent = Question { token: unsigned("none"), query: "{ me { id } }".to_owned(), ..Question::default() };
    let refused = ask(&shop.bundle.endpoints, &[unsent]).await?;
    ensure!(refused[0]["errors"][0]["errorType"] == "UnauthorizedException", "{refused:?}");
    for (name, given) in [
        ("an access token", zoe.access_token.clone()),
        ("an ID token", zoe.id_token.clone()),
        ("with a word before it", format!("Bearer {}", zoe.id_token)),
        ("signed here, to show that the others fail for their reason", signed(json!({"exp": now + 60}))),
    ] {
        let (status, answer) = post(&shop, Some(&given), json!({"query": "{ __typename }"}).to_string()).await?;
        ensure!(status == 200 && answer == json!({"data": {"__typename": "Query"}}), "{name}: {status} {answer}");
    }
    shop.bundle.stop().await;
    Ok(())
}

/// None of these tokens opens a connection, and none subscribes over a connection opened with a valid one.
async fn nobody_listens(shop: &Shop, zoe: &SignedIn, cases: &[(&str, Option<String>)]) -> Result<()> {
    let with = |token: &Option<String>| match token {
        Some(token) => json!({"host": "localhost", "Authorization": token}),
        None => json!({"host": "localhost"}),
    };
    let start = |token: &Option<String>| {
        let data = json!({"query": "subscription { onProfileChanged { id } }"}).to_string();
        json!({"id": "1", "type": "start", "payload": {"data": data, "extensions": {"authorization": with(token)}}})
    };
    let init = json!({"type": "connection_init"});
    let right = Some(zoe.access_token.clone());
    let mut subscribers = Vec::new();
    for (name, token) in cases {
        let frames = json!([init, start(token)]);
        subscribers.push(json!({"name": format!("{name}, connecting"), "header": with(token), "frames": frames}));
        subscribers.push(json!({"name": format!("{name}, starting"), "header": with(&right), "frames": frames}));
    }
    subscribers.push(json!({"name": "in the protocol", "header": with(&right), "in_protocol": true, "frames": [init, start(&right)]}));
    let listeners = Listeners::begin(&shop.bundle.endpoints, &subscribers).await?;
    for (name, _) in cases {
        for (end, kind) in [("connecting", "connection_error"), ("starting", "error")] {
            let who = format!("{name}, {end}");
            shop.wait_for(&who, async |_: &Shop| {
                let said = listeners.said(&who, "message");
                Ok(said.iter().any(|message| message["type"] == kind).then_some(()))
            })
            .await?;
            let said = listeners.said(&who, "message");
            let error = said.iter().find(|message| message["type"] == kind).unwrap();
            ensure!(error["payload"]["errors"][0]["errorType"] == "UnauthorizedException", "{who}: {error}");
            let told = |message: &Value| matches!(message["type"].as_str(), Some("start_ack" | "data"));
            ensure!(!said.iter().any(told), "{who}: {said:?}");
        }
    }
    shop.wait_for("the right token", async |_: &Shop| {
        let said = listeners.said("in the protocol", "message");
        Ok(said.iter().any(|message| message["type"] == "start_ack").then_some(()))
    })
    .await
}

/// Requests to the API by one caller.
fn questions(who: &SignedIn, all: &[(&str, Value)]) -> Vec<Question> {
    all.iter().map(|(query, variables)| asked_by(who, query, variables.clone())).collect()
}

#[tokio::test]
async fn the_schema_is_told_and_enforced() -> Result<()> {
    let shop = Shop::open("graphql-schema").await?;
    let endpoints = &shop.bundle.endpoints;
    let zoe = sign_in(endpoints, "zoe@example.org", &["freelancer"]).await?;
    let tim = sign_in(endpoints, "tim@example.org", &["team"]).await?;
    let eve = sign_in(endpoints, "eve@example.org", &[]).await?;
    let again = sign_in(endpoints, "zoe@example.org", &["team", "admin"]).await?;
    ensure!(again.sub == zoe.sub, "one address is one member");
    let groups = part(&again.id_token, 1)?["cognito:groups"].clone();
    ensure!(groups == json!(["team", "admin"]), "and is in the groups last asked for: {groups}");

    let checked = |query: &str| Question { check: true, ..asked_by(&zoe, query, json!({})) };
    let told = ask(endpoints, &[checked("{ __typename }"), checked("{ me { nothing } }")]).await?;
    let schema = told[0]["schema"].as_str().context("no schema was told")?;
    ensure!(schema.contains("3 to 30 letters") && schema.contains("scalar AWSDateTime"), "{schema}");
    ensure!(told[1]["refused_by_client"].as_str().is_some_and(|why| why.contains("nothing")), "{told:?}");

    let deep = format!("{{ __schema {{ types {{ {} name {} }} }} }}", "ofType {".repeat(40), "}".repeat(40));
    let change = "mutation { publishProfileChange(change: {id: 1, version: 1, fields: [], forTeam: false}) { id } }";
    let upload =
        "mutation { requestUpload(kind: CV, contentType: \"application/pdf\", size: 1, sha256: \"x\") { id } }";
    let update = "mutation($i: UpdateProfileInput!) { updateProfile(id: 1, expectedVersion: 1, input: $i) { id } }";
    let cases = [
        (&zoe, "{ nothing }", json!({}), "ValidationError", "nothing"),
        (&zoe, "{ me { secret } }", json!({}), "ValidationError", "secret"),
        (&zoe, update, json!({"i": {"sub": "eve"}}), "ValidationError", "sub"),
        (&zoe, update, json!({}), "ValidationError", "i"),
        (&zoe, update, json!({"i": {"bio": 7}}), "ValidationError", ""),
        (&zoe, "{ searchProfiles(limit: \"ten\") { cursor } }", json!({}), "ValidationError", ""),
        (&zoe, deep.as_str(), json!({}), "", ""),
        (&zoe, "{ profileHistory(id: 1) { cursor } }", json!({}), "Unauthorized", "profileHistory on type Query"),
        (&tim, "{ profileHistory(id: 1) { cursor } }", json!({}), "Unauthorized", "profileHistory on type Query"),
        (&tim, upload, json!({}), "Unauthorized", "requestUpload on type Mutation"),
        (&eve, "{ searchProfiles { cursor } }", json!({}), "Unauthorized", "searchProfiles on type Query"),
        (&eve, "{ profile(id: 1) { id } }", json!({}), "Unauthorized", "profile on type Query"),
        (&again, change, json!({}), "Unauthorized", "publishProfileChange on type Mutation"),
        (&zoe, "subscription { onProfileChanged { id } }", json!({}), "UnsupportedOperation", "websocket"),
    ];
    let asked: Vec<Question> =
        cases.iter().map(|(who, query, variables, ..)| asked_by(who, query, variables.clone())).collect();
    for ((_, query, _, error_type, word), told) in cases.iter().zip(ask(endpoints, &asked).await?) {
        let error = &told["errors"][0];
        ensure!(error["errorType"].as_str().is_some_and(|kind| kind.contains(error_type)), "{query}: {told}");
        ensure!(error["message"].as_str().is_some_and(|message| message.contains(word)), "{query}: {told}");
        let nothing = told["data"].as_object().is_none_or(|data| data.values().all(Value::is_null));
        ensure!(nothing, "{query}: {told}");
    }

    let authorization = Some(zoe.access_token.as_str());
    for (name, body, status, error_type) in [
        ("not JSON", "{".to_owned(), 400, "MalformedHttpRequestException"),
        ("no query", "{}".to_owned(), 400, "MalformedHttpRequestException"),
        ("a list", "[{\"query\": \"{ me { id } }\"}]".to_owned(), 400, "MalformedHttpRequestException"),
        ("deep JSON", format!("{}{}", "[".repeat(90_000), "]".repeat(90_000)), 400, "MalformedHttpRequestException"),
        ("over 1 MB", format!("{{\"query\": \"{}\"}}", " ".repeat(1 << 20)), 413, "RequestEntityTooLargeException"),
    ] {
        let (got, answer) = post(&shop, authorization, body).await?;
        ensure!(got == status && answer["errors"][0]["errorType"] == error_type, "{name}: {got} {answer}");
    }
    let (status, answer) = post(&shop, authorization, json!({"query": "{ me { id }"}).to_string()).await?;
    ensure!(status == 200 && answer["errors"][0]["errorType"] == "ValidationError", "{status} {answer}");
    let (status, answer) = post(&shop, None, "x".repeat(2 << 20)).await?;
    ensure!(status == 401, "nobody's body is looked at: {status} {answer}");
    shop.bundle.stop().await;
    Ok(())
}

const CREATE: &str = "mutation Create($input: CreateProfileInput!) { createProfile(input: $input) { ...Whole } }
    fragment Whole on Profile { id handle firstName email skills { ...Known } location { country } version }
    fragment Known on Skill { name level years }";

fn input(handle: &str) -> Value {
    json!({
        "handle": handle, "firstName": "Zoé", "lastName": "Lefèvre", "email": format!("{handle}@example.org"),
        "phone": "06 12 34 56 78", "location": {"city": "Lyon", "country": "FR"}, "languages": ["fr"],
        "skills": [{"name": "Illustration", "level": "EXPERT", "years": 12}, {"name": "Rust"}],
    })
}

#[tokio::test]
async fn a_member_comes_changes_and_leaves() -> Result<()> {
    let shop = Shop::open("graphql-life").await?;
    let endpoints = &shop.bundle.endpoints;
    let zoe = sign_in(endpoints, "zoe@example.org", &["freelancer"]).await?;
    let ana = sign_in(endpoints, "ana@example.org", &["freelancer"]).await?;
    let boss = sign_in(endpoints, "boss@example.org", &["admin"]).await?;

    let blank = ask(endpoints, &questions(&zoe, &[("{ me { id email handle version } }", json!({}))])).await?;
    ensure!(blank[0]["data"]["me"]["email"] == "zoe@example.org", "signing up makes a blank profile: {blank:?}");
    ensure!(blank[0]["data"]["me"]["handle"].is_null(), "{blank:?}");

    let made = ask(endpoints, &questions(&zoe, &[(CREATE, json!({"input": input("zoe")}))])).await?;
    let profile = &made[0]["data"]["createProfile"];
    ensure!(profile["handle"] == "zoe" && profile["skills"][0]["level"] == "EXPERT", "{made:?}");
    let (id, version) = (profile["id"].clone(), profile["version"].clone());

    let wrong = json!({
        "handle": "аdmin", "firstName": "", "lastName": "L", "email": "zoe@", "phone": "12", "location": {"country": "XX"},
        "links": [{"kind": "GITHUB", "url": "javascript:alert(1)"}],
        "skills": [{"name": "Rust", "years": 1}, {"name": "RUST", "years": 2}],
    });
    let long = {
        let mut input = input("ana");
        input["bio"] = json!("x".repeat(900_000));
        input
    };
    let told = ask(endpoints, &questions(&ana, &[(CREATE, json!({"input": wrong})), (CREATE, json!({"input": long}))]))
        .await?;
    let error = &told[0]["errors"][0];
    let codes = error["errorInfo"]["violations"].as_array().context("no violations")?;
    ensure!(
        error["errorType"] == "Invalid" && codes.len() >= 7 && error["path"] == json!(["createProfile"]),
        "{told:?}"
    );
    ensure!(
        told[1]["errors"][0]["errorType"] == "Invalid",
        "{}",
        told[1].to_string().chars().take(300).collect::<String>()
    );

    let update = "mutation($id: ID!, $expectedVersion: Int!, $input: UpdateProfileInput!) {
        updateProfile(id: $id, expectedVersion: $expectedVersion, input: $input) { headline phone version } }";
    let to =
        |headline: &str| json!({"id": id, "expectedVersion": version, "input": {"headline": headline, "phone": null}});
    let told = ask(endpoints, &questions(&zoe, &[(update, to("Illustratrice")), (update, to("Peintre"))])).await?;
    ensure!(told[0]["data"]["updateProfile"]["headline"] == "Illustratrice", "{told:?}");
    ensure!(told[0]["data"]["updateProfile"]["phone"].is_null(), "null clears: {told:?}");
    let error = &told[1]["errors"][0];
    ensure!(error["errorType"] == "Conflict" && error["errorInfo"]["fields"] == json!(["headline"]), "{told:?}");

    let of_others = ask(endpoints, &questions(&ana, &[
        (update, to("Mine")),
        ("mutation($id: ID!) { deleteProfile(id: $id) { id } }", json!({"id": id})),
        ("query($id: ID!) { profile(id: $id) { handle email phone } }", json!({"id": id})),
        ("{ profileByHandle(handle: \"ZOE\") { id } searchProfiles(skill: \"rust\") { items { id } cursor } }", json!({})),
    ]))
    .await?;
    ensure!(
        of_others[0]["errors"][0]["errorType"] == "Denied" && of_others[1]["errors"][0]["errorType"] == "Denied",
        "{of_others:?}"
    );
    let seen = &of_others[2]["data"]["profile"];
    ensure!(seen["handle"] == "zoe" && seen["email"].is_null() && seen["phone"].is_null(), "{of_others:?}");
    ensure!(of_others[3]["data"]["profileByHandle"]["id"] == id, "{of_others:?}");
    ensure!(of_others[3]["data"]["searchProfiles"]["items"][0]["id"] == id, "{of_others:?}");

    let history = "query($id: ID!) { profileHistory(id: $id) { items { version by changes { field from to } } } }";
    let told = ask(endpoints, &questions(&boss, &[(history, json!({"id": id}))])).await?;
    let by = format!("member/{}", zoe.sub);
    ensure!(told[0]["data"]["profileHistory"]["items"][0]["by"] == json!(by), "{told:?}");

    let gone = ask(
        endpoints,
        &questions(
            &zoe,
            &[
                ("{ exportMyData }", json!({})),
                ("mutation($id: ID!) { deleteProfile(id: $id) { id } }", json!({"id": id})),
                ("{ me { id } }", json!({})),
            ],
        ),
    )
    .await?;
    let export: Value = serde_json::from_str(gone[0]["data"]["exportMyData"].as_str().context("no export")?)?;
    ensure!(export["profile"]["handle"] == "zoe" && gone[1]["data"]["deleteProfile"]["id"] == id, "{gone:?}");
    ensure!(gone[2] == json!({"data": {"me": null}}), "{gone:?}");
    shop.bundle.stop().await;
    Ok(())
}
