//! The API over HTTP: `graphql_url`, and `token_url` for who has no token yet.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use super::Api;
use super::identity::Identity;
use super::members::Newcomer;
use super::run::{Question, run};
use super::told::Told;
use crate::front::Shared;

/// Most bytes of a request.
const LARGEST: usize = 1024 * 1024;

/// `POST graphql_url`.
pub async fn graphql(State(front): Shared, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    // Who asks comes first: nobody else's text is looked at.
    let identity = match identify(&front.graphql, &parts.headers).await {
        Ok(identity) => identity,
        Err(told) => return answer(StatusCode::UNAUTHORIZED, told.response().to_string()),
    };
    let Ok(body) = to_bytes(body, LARGEST).await else {
        let told = Told::new("RequestEntityTooLargeException", format!("A request has at most {LARGEST} bytes."));
        return answer(StatusCode::PAYLOAD_TOO_LARGE, told.response().to_string());
    };
    let question = match serde_json::from_slice::<Question>(&body) {
        Ok(question) => question,
        Err(wrong) => {
            let told =
                Told::new("MalformedHttpRequestException", format!("Request body is not a GraphQL request: {wrong}"));
            return answer(StatusCode::BAD_REQUEST, told.response().to_string());
        }
    };
    let headers = as_appsync_tells(&parts.headers);
    // The engine's work stays on one thread, and may take a while of it.
    let runtime = tokio::runtime::Handle::current();
    let answered = tokio::task::spawn_blocking(move || {
        let api = &front.graphql;
        runtime.block_on(run(&api.schema, api.limits, &question, &identity, &headers, &api.behind))
    });
    match answered.await {
        Ok(answered) => answer(StatusCode::OK, answered),
        Err(_) => {
            let told = Told::new("InternalFailure", "The request was interrupted; send it again.");
            answer(StatusCode::INTERNAL_SERVER_ERROR, told.response().to_string())
        }
    }
}

/// `OPTIONS graphql_url`: a page of another origin asks whether it may.
pub async fn preflight() -> Response<Body> {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, accept-language, x-amz-user-agent"),
    ];
    (StatusCode::NO_CONTENT, allowed).into_response()
}

async fn identify(api: &Api, headers: &HeaderMap) -> Result<Identity, Told> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let member = api.pool.member(authorization, crate::clock::now()).await?;
    Ok(Identity::Member(member))
}

/// Names in lower case, several values of one name joined.
fn as_appsync_tells(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let all = joined.entry(name.as_str().to_owned()).or_default();
        if !all.is_empty() {
            all.push(',');
        }
        all.push_str(&value);
    }
    joined
}

fn answer(status: StatusCode, body: String) -> Response<Body> {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        // AppSync's charset is said, and so is ours: an error repeats what somebody wrote.
        (header::CONTENT_TYPE, "application/json;charset=UTF-8"),
    ];
    (status, headers, body).into_response()
}

/// `POST token_url`.
pub async fn token(State(front): Shared, Json(newcomer): Json<Newcomer>) -> Response<Body> {
    match front.graphql.members.sign_in(&newcomer).await {
        Ok(signed_in) => Json(signed_in).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({"message": format!("{error:#}")}))).into_response(),
    }
}
