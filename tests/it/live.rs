//! Subscriptions: a member changes their profile over HTTP, and subscribers receive it over a websocket, with an
//! independent client: each what it is authorised for, at least once, whatever happens to the publisher.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::config::Credentials;
use comptoir::clock::{Clock, FixedClock};
use comptoir_local::{
    aws::REGION,
    clock,
    faults::Fault,
    graphql::{
        members::SignedIn,
        programs::{Key, Signed},
    },
};
use comptoir_members::profile::{
    Field, ProfileId,
    publish::{Announcement, Subscribers},
};
use comptoir_members_aws::subscribers::AppSyncSubscribers;
use comptoir_tests::{
    Shop,
    graphql::{Listeners, ask, asked_by, sign_in, subscriber},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

const FUNCTION: &str = "profile-publisher";
const LISTEN: &str = "subscription($id: ID) { onProfileChanged(id: $id) { id version fields } }";
const CREATE: &str = "mutation($input: CreateProfileInput!) { createProfile(input: $input) { id version } }";
const UPDATE: &str = "mutation($id: ID!, $expectedVersion: Int!, $input: UpdateProfileInput!) {
    updateProfile(id: $id, expectedVersion: $expectedVersion, input: $input) { version } }";
const DELETE: &str = "mutation($id: ID!) { deleteProfile(id: $id) { id } }";

/// One request by a member; returns the field's value.
async fn value(shop: &Shop, who: &SignedIn, query: &str, variables: Value) -> Result<Value> {
    let mut told = ask(&shop.bundle.endpoints, &[asked_by(who, query, variables)]).await?;
    ensure!(told[0].get("errors").is_none(), "{told:?}");
    let data = told[0]["data"].as_object_mut().context("no data")?;
    data.values_mut().next().map(Value::take).context("no field")
}

async fn update(shop: &Shop, who: &SignedIn, id: &Value, version: u32, input: Value) -> Result<()> {
    let told = value(shop, who, UPDATE, json!({"id": id, "expectedVersion": version, "input": input})).await?;
    ensure!(told["version"] == version + 1, "{told}");
    Ok(())
}

/// A member with a blank profile; returns it with the profile's id.
async fn newcomer(shop: &Shop, name: &str) -> Result<(SignedIn, Value)> {
    let member = sign_in(&shop.bundle.endpoints, &format!("{name}@example.org"), &["freelancer"]).await?;
    let id = value(shop, &member, "{ me { id } }", json!({})).await?["id"].clone();
    Ok((member, id))
}

async fn create(shop: &Shop, who: &SignedIn, handle: &str) -> Result<()> {
    let input = json!({
        "handle": handle, "firstName": "Zoé", "lastName": "Lefèvre", "email": format!("{handle}@example.org"),
        "phone": "06 12 34 56 78",
    });
    ensure!(value(shop, who, CREATE, json!({"input": input})).await?["version"] == 2);
    Ok(())
}

/// Starts these subscribers, and waits until all are subscribed.
async fn listening(shop: &Shop, subscribers: &[Value]) -> Result<Listeners> {
    let listeners = Listeners::begin(&shop.bundle.endpoints, subscribers).await?;
    for one in subscribers {
        let name = one["name"].as_str().unwrap();
        shop.wait_for(&format!("{name} to listen"), async |_: &Shop| {
            Ok((!listeners.said(name, "ready").is_empty()).then_some(()))
        })
        .await?;
    }
    Ok(listeners)
}

/// Versions and fields that one subscriber received, in order.
fn heard(listeners: &Listeners, name: &str) -> Vec<(u64, Vec<String>)> {
    let of = |told: &Value| {
        let change = &told["onProfileChanged"];
        let fields = change["fields"].as_array().into_iter().flatten().filter_map(Value::as_str);
        (change["version"].as_u64().unwrap_or_default(), fields.map(str::to_owned).collect())
    };
    listeners.said(name, "data").iter().map(of).collect()
}

/// Waits until a subscriber received this version.
async fn hears(shop: &Shop, listeners: &Listeners, name: &str, version: u64) -> Result<()> {
    let what = format!("{name} to hear of version {version}");
    let done = async |_: &Shop| Ok(heard(listeners, name).iter().any(|(known, _)| *known == version).then_some(()));
    shop.wait_for(&what, done).await.with_context(|| format!("{:?}", listeners.all()))
}

fn told(version: u64, fields: &[&str]) -> (u64, Vec<String>) {
    (version, fields.iter().map(|field| (*field).to_owned()).collect())
}

#[tokio::test]
async fn whoever_subscribed_hears_once_what_they_may_hear() -> Result<()> {
    let shop = Shop::open("live").await?;
    let endpoints = &shop.bundle.endpoints;
    let (zoe, id) = newcomer(&shop, "zoe").await?;
    let (ana, _) = newcomer(&shop, "ana").await?;
    let tim = sign_in(endpoints, "tim@example.org", &["team"]).await?;
    let boss = sign_in(endpoints, "boss@example.org", &["admin"]).await?;
    let few =
        "subscription { changed: onProfileChanged { ...Few } } fragment Few on ProfileChange { of: id __typename }";
    let listeners = listening(
        &shop,
        &[
            subscriber("tim", &tim, LISTEN, json!({})),
            subscriber("boss", &boss, LISTEN, json!({"id": null})),
            subscriber("zoe", &zoe, LISTEN, json!({"id": id})),
            subscriber("ana", &ana, LISTEN, json!({})),
            subscriber("ana of another", &ana, LISTEN, json!({"id": "another"})),
            subscriber("few", &ana, few, json!({})),
        ],
    )
    .await?;
    create(&shop, &zoe, "zoe").await?;
    update(&shop, &zoe, &id, 2, json!({"headline": "Illustratrice"})).await?;
    update(&shop, &zoe, &id, 3, json!({"phone": "06 98 76 54 32"})).await?;
    update(&shop, &zoe, &id, 4, json!({"bio": "Longtemps.", "phone": null})).await?;
    value(&shop, &zoe, DELETE, json!({"id": id})).await?;
    for name in ["tim", "boss", "zoe", "ana"] {
        hears(&shop, &listeners, name, 6).await?;
    }
    let all = [
        told(2, &["handle", "firstName", "lastName", "email", "phone"]),
        told(3, &["headline"]),
        told(4, &["phone"]),
        told(5, &["phone", "bio"]),
        told(6, &[]),
    ];
    let public =
        [told(2, &["handle", "firstName", "lastName"]), told(3, &["headline"]), told(5, &["bio"]), told(6, &[])];
    for name in ["tim", "boss"] {
        ensure!(heard(&listeners, name) == all, "{name}: {:?}", heard(&listeners, name));
    }
    for name in ["zoe", "ana"] {
        ensure!(heard(&listeners, name) == public, "{name}: {:?}", heard(&listeners, name));
    }
    ensure!(heard(&listeners, "ana of another").is_empty());
    let few = listeners.said("few", "data");
    ensure!(few.len() == 4 && few[0] == json!({"changed": {"of": id, "__typename": "ProfileChange"}}), "{few:?}");
    let log = std::fs::read_to_string(shop.bundle.function(FUNCTION).unwrap().log())?;
    ensure!(log.contains("change published"), "{log}");
    for word in ["zoe@", "Lefèvre", "+336", "Illustratrice", "Longtemps", "headline"] {
        ensure!(!log.contains(word), "the log tells {word}");
    }
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn whatever_happens_to_the_publisher_every_change_is_told() -> Result<()> {
    let shop = Shop::open("live-faults").await?;
    let (zoe, id) = newcomer(&shop, "zoe").await?;
    let tim = sign_in(&shop.bundle.endpoints, "tim@example.org", &["team"]).await?;
    let listeners =
        listening(&shop, &[subscriber("tim", &tim, LISTEN, json!({})), subscriber("zoe", &zoe, LISTEN, json!({}))])
            .await?;
    create(&shop, &zoe, "zoe").await?;
    hears(&shop, &listeners, "tim", 2).await?;
    let faults = shop.bundle.api_faults();
    let mut version = 2;
    for fault in [Fault::Throttle, Fault::Fail, Fault::Reject, Fault::LoseAnswer] {
        // The first of the two calls of a change, then the second.
        for before in 0..2 {
            faults.order(Fault::Delay(0), before);
            faults.order(fault, 2);
            update(&shop, &zoe, &id, version, json!({"headline": format!("{fault:?} {before}")})).await?;
            version += 1;
            for name in ["tim", "zoe"] {
                hears(&shop, &listeners, name, version.into()).await?;
            }
            faults.clear();
        }
    }
    for before in 0..2 {
        faults.order(Fault::Delay(0), before);
        faults.order(Fault::Delay(60_000), 1);
        let function = shop.bundle.function(FUNCTION).unwrap();
        let invoked = function.invocations();
        update(&shop, &zoe, &id, version, json!({"headline": format!("killed {before}")})).await?;
        version += 1;
        shop.wait_for("the publisher to be at it", async |shop: &Shop| {
            Ok((shop.bundle.function(FUNCTION).unwrap().invocations() > invoked).then_some(()))
        })
        .await?;
        if before == 1 {
            hears(&shop, &listeners, "zoe", version.into()).await?;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        function.kill();
        for name in ["tim", "zoe"] {
            hears(&shop, &listeners, name, version.into()).await?;
        }
    }
    // A malformed record blocks nothing.
    let table = shop.bundle.aws().resources("comptoir-dev").await?["ProfilesTable"].clone();
    let item = json!({"pk": {"S": "PROFILE#poison"}, "sk": {"S": "PROFILE"}, "data": {"S": "zoe@example.org"}});
    shop.bundle.aws().dynamodb("PutItem", &json!({"TableName": table, "Item": item})).await?;
    update(&shop, &zoe, &id, version, json!({"headline": "after the poison"})).await?;
    version += 1;
    for name in ["tim", "zoe"] {
        hears(&shop, &listeners, name, version.into()).await?;
    }
    let log = std::fs::read_to_string(shop.bundle.function(FUNCTION).unwrap().log())?;
    ensure!(
        log.contains("given up: the stream refused: the item's data cannot be read") && log.contains("\"Parked\":1"),
        "{log}"
    );
    ensure!(!log.contains("zoe@"), "{log}");
    // AWS is down for a while, and its streams are empty afterwards.
    shop.bundle.pause_streams();
    update(&shop, &zoe, &id, version, json!({"headline": "before the outage"})).await?;
    version += 1;
    shop.bundle.stop_aws().await;
    shop.bundle.resume_aws().await?;
    shop.bundle.resume_streams();
    for name in ["tim", "zoe"] {
        hears(&shop, &listeners, name, version.into()).await?;
        let versions: BTreeMap<u64, usize> =
            heard(&listeners, name).iter().fold(BTreeMap::new(), |mut seen, (one, _)| {
                *seen.entry(*one).or_default() += 1;
                seen
            });
        ensure!(versions.keys().copied().eq(2..=u64::from(version)), "{name}: {versions:?}");
    }
    shop.bundle.stop().await;
    Ok(())
}

/// The API as called by a program with this key.
fn publisher<C: Clock>(shop: &Shop, key: &Key, clock: C) -> Result<AppSyncSubscribers<C>> {
    let credentials = Credentials::new(&key.id, &key.secret, None, None, "test");
    let settings = comptoir_aws::settings(REGION, credentials).build();
    Ok(AppSyncSubscribers::new(&settings, shop.bundle.endpoints.graphql_url.clone(), clock)?)
}

/// One request of a program that signs with this key; returns the status and the response.
async fn signed(shop: &Shop, key: &Key, query: &str) -> Result<(u16, Value)> {
    let url = &shop.bundle.endpoints.graphql_url;
    let host = url.split('/').nth(2).unwrap();
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = BTreeMap::from([text("host", host), text("content-type", "application/json")]);
    let body = json!({ "query": query }).to_string();
    let request = Signed { method: "POST", path: "/graphql", headers: &headers, body: body.as_bytes() };
    let mut post = reqwest::Client::new().post(url);
    for (name, value) in key.sign(&request, clock::now())? {
        post = post.header(name, value);
    }
    let answer = post.body(body).send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

#[tokio::test]
async fn only_who_signs_as_the_publisher_publishes() -> Result<()> {
    let programs = "reports:profileByHandle idle:me";
    let shop = Shop::open_with("live-iam", |options| options.profile_programs = programs.to_owned()).await?;
    let (zoe, _) = newcomer(&shop, "zoe").await?;
    let listeners = listening(&shop, &[subscriber("zoe", &zoe, LISTEN, json!({}))]).await?;
    let key = |role: &str| shop.bundle.programs().key(role).unwrap().clone();
    let right = key("ProfilePublisherRole");
    let now = FixedClock(clock::now());
    let change = |version: u32| Announcement {
        id: ProfileId("p1".to_owned()),
        version,
        fields: vec![Field::Bio],
        for_team: false,
    };
    let forged = Key { secret: right.secret.chars().rev().collect(), ..right.clone() };
    let unknown = Key { id: "unknown".to_owned(), ..right.clone() };
    for (what, key, word) in [
        ("another secret", &forged, "403, InvalidSignatureException"),
        ("no secret", &Key { secret: String::new(), ..right.clone() }, "403, InvalidSignatureException"),
        ("an unknown key", &unknown, "403, UnrecognizedClientException"),
        (
            "the key that all of AWS takes here",
            &Key { id: shop.bundle.aws().key.clone(), secret: "test".into() },
            "403, Unrecog",
        ),
        ("another program", &key("reports"), "Unauthorized"),
    ] {
        let wrong = publisher(&shop, key, now)?.tell(&change(1)).await.unwrap_err().to_string();
        ensure!(wrong.contains(word), "{what}: {wrong}");
    }
    for seconds in [-400, 400] {
        let then = FixedClock(now.0 + SignedDuration::from_secs(seconds));
        let wrong = publisher(&shop, &right, then)?.tell(&change(1)).await.unwrap_err().to_string();
        ensure!(wrong.contains("InvalidSignatureException"), "{seconds}: {wrong}");
    }
    publisher(&shop, &right, now)?.tell(&change(7)).await?;
    hears(&shop, &listeners, "zoe", 7).await?;
    ensure!(heard(&listeners, "zoe") == [told(7, &["bio"])], "{:?}", heard(&listeners, "zoe"));

    // The owner's program: the schema, its role and the function each authorise.
    create(&shop, &zoe, "zoe").await?;
    let by_handle = "{ profileByHandle(handle: \"zoe\") { handle email } }";
    let (status, answer) = signed(&shop, &key("reports"), by_handle).await?;
    ensure!(status == 200 && answer["data"]["profileByHandle"] == json!({"handle": "zoe", "email": null}), "{answer}");
    for (role, query) in
        [("reports", "{ searchProfiles { cursor } }"), ("idle", "{ me { id } }"), ("ProfilePublisherRole", by_handle)]
    {
        let (_, answer) = signed(&shop, &key(role), query).await?;
        ensure!(answer["errors"][0]["errorType"] == "Unauthorized", "{role}: {answer}");
    }
    shop.bundle.stop().await;
    Ok(())
}

fn frame(id: &str, token: &str, query: &str) -> Value {
    let data = json!({ "query": query }).to_string();
    let authorization = json!({"host": "localhost", "Authorization": token});
    json!({"id": id, "type": "start", "payload": {"data": data, "extensions": {"authorization": authorization}}})
}

#[tokio::test]
async fn the_protocol_is_appsyncs_and_bounded() -> Result<()> {
    let shop = Shop::open("live-protocol").await?;
    let endpoints = &shop.bundle.endpoints;
    let zoe = sign_in(endpoints, "zoe@example.org", &["freelancer"]).await?;
    let eve = sign_in(endpoints, "eve@example.org", &[]).await?;
    let (own, token) = (json!({"host": "localhost", "Authorization": zoe.id_token}), zoe.access_token.as_str());
    let start = |id: &str, query: &str| frame(id, token, query);
    let good = "subscription { onProfileChanged { id } }";
    let init = json!({"type": "connection_init"});
    let mut many = vec![init.clone()];
    many.extend((0..=100).map(|n| start(&format!("s{n}"), good)));
    let talk = json!([
        init,
        start("a", good),
        start("a", good),
        {"id": "a", "type": "stop"},
        {"id": "a", "type": "stop"},
        start("b", "{ me { id } }"),
        start("c", "subscription { nothing }"),
        start("d", "subscription { onProfileChanged(id: [1]) { id } }"),
        {"id": "e", "type": "start", "payload": {"data": {"query": good}, "extensions": own}},
        frame("f", &eve.access_token, good),
        {"id": "g", "type": "dance"},
        "no JSON",
        {"type": "start"},
        start(&"x".repeat(200), good),
    ]);
    let listeners = Listeners::begin(
        endpoints,
        &[
            json!({"name": "talk", "header": own, "frames": talk}),
            json!({"name": "many", "header": own, "frames": many}),
            json!({"name": "long", "header": own, "frames": [init, "x".repeat(300_000)]}),
            json!({"name": "no protocol", "header": own, "protocols": [], "frames": []}),
            json!({"name": "another protocol", "header": own, "protocols": ["graphql-transport-ws"], "frames": []}),
            json!({"name": "eve", "token": eve.access_token, "query": LISTEN}),
            json!({"name": "expired", "token": "a.b.c", "query": LISTEN}),
        ],
    )
    .await?;
    let messages = |name: &str| listeners.said(name, "message");
    shop.wait_for("everything to be answered", async |_: &Shop| {
        Ok((messages("talk").len() == 15 && messages("many").len() == 103).then_some(()))
    })
    .await
    .with_context(|| format!("{:?}", messages("talk")))?;
    let talk = messages("talk");
    ensure!(talk[0] == json!({"type": "connection_ack", "payload": {"connectionTimeoutMs": 300_000}}), "{talk:?}");
    ensure!(talk[1] == json!({"type": "ka"}) && talk[2] == json!({"type": "start_ack", "id": "a"}), "{talk:?}");
    ensure!(talk[4] == json!({"type": "complete", "id": "a"}), "{talk:?}");
    for (index, id, word) in [
        (3, "a", "DuplicatedOperationError"),
        (5, "a", "UnknownOperationError"),
        (6, "b", "UnsupportedOperation"),
        (7, "c", "ValidationError"),
        (8, "d", "ValidationError"),
        (9, "e", "UnauthorizedException"),
        (10, "f", "Unauthorized"),
        (11, "g", "UnsupportedOperation"),
        (12, "", "BadRequestException"),
        (13, "", "BadRequestException"),
        (14, "", "BadRequestException"),
    ] {
        let (message, error) = (&talk[index], &talk[index]["payload"]["errors"][0]["errorType"]);
        ensure!(message["type"] == "error" && error == word, "{index}: {message}");
        ensure!(message["id"].as_str().unwrap_or_default() == id, "{index}: {message}");
    }
    let many = messages("many");
    ensure!(many.iter().filter(|message| message["type"] == "start_ack").count() == 100);
    ensure!(many[102]["payload"]["errors"][0]["errorType"] == "MaxSubscriptionsReachedError", "{}", many[102]);
    shop.wait_for("the others to be turned away", async |_: &Shop| {
        let ends = [
            ("long", "closed"),
            ("no protocol", "status"),
            ("another protocol", "status"),
            ("eve", "error"),
            ("expired", "refused"),
        ];
        Ok(ends.iter().all(|(name, what)| !listeners.said(name, what).is_empty()).then_some(()))
    })
    .await
    .with_context(|| {
        format!("{:?}", listeners.all().iter().filter(|line| line["who"] != "many").collect::<Vec<_>>())
    })?;
    ensure!(listeners.said("no protocol", "status") == [400] && listeners.said("another protocol", "status") == [400]);
    let eve = listeners.said("eve", "error")[0].to_string();
    ensure!(eve.contains("Not Authorized to access onProfileChanged on type Subscription"), "{eve}");
    let expired = listeners.said("expired", "refused")[0].to_string();
    ensure!(expired.contains("UnauthorizedException"), "{expired}");
    shop.bundle.stop().await;
    Ok(())
}
