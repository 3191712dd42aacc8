//! The API over HTTP: `graphql_url`, and `token_url` to get a token.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use super::Api;
use super::identity::Identity;
use super::members::Newcomer;
use super::programs::{Programs, Signed};
use super::run::{Question, Way, run};
use super::told::Told;
use crate::faults::{Fault, lost_answer};

/// Most bytes of a request.
const LARGEST: usize = 1024 * 1024;

/// `POST graphql_url`.
pub(super) async fn graphql(State(api): State<Arc<Api>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let headers = as_appsync_tells(&parts.headers);
    let too_large = || {
        let told = Told::new("RequestEntityTooLargeException", format!("A request has at most {LARGEST} bytes."));
        answer(StatusCode::PAYLOAD_TOO_LARGE, told.response().to_string())
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    // Authentication comes first: unauthenticated bodies are not parsed. A signature covers the body, so that is read.
    let (identity, body) = if Programs::claims(headers.get("authorization")) {
        let Ok(body) = to_bytes(body, LARGEST).await else { return too_large() };
        let signed = Signed { method: parts.method.as_str(), path, headers: &headers, body: &body };
        match identify(&api, &signed).await {
            Ok(identity) => (identity, body),
            Err(told) => return answer(StatusCode::FORBIDDEN, told.response().to_string()),
        }
    } else {
        let signed = Signed { method: parts.method.as_str(), path, headers: &headers, body: &[] };
        match identify(&api, &signed).await {
            Ok(identity) => {
                let Ok(body) = to_bytes(body, LARGEST).await else { return too_large() };
                (identity, body)
            }
            Err(told) => return answer(StatusCode::UNAUTHORIZED, told.response().to_string()),
        }
    };
    let fault = match identity {
        Identity::Program { .. } => api.faults.next().await,
        Identity::Member(_) => None,
    };
    let answered = match fault {
        Some(Fault::Throttle) => {
            let told = Told::new("ThrottlingException", "Rate exceeded.");
            answer(StatusCode::TOO_MANY_REQUESTS, told.response().to_string())
        }
        Some(Fault::Fail) => {
            let told = Told::new("InternalFailure", "The service does not answer for now.");
            answer(StatusCode::INTERNAL_SERVER_ERROR, told.response().to_string())
        }
        Some(Fault::Reject) => {
            let told = Told::new("AccessDeniedException", "You are not authorized to make this call.");
            answer(StatusCode::FORBIDDEN, told.response().to_string())
        }
        Some(Fault::LoseAnswer | Fault::Delay(_)) | None => ask(api, identity, headers, &body).await,
    };
    if fault == Some(Fault::LoseAnswer) { lost_answer() } else { answered }
}

async fn ask(api: Arc<Api>, identity: Identity, headers: BTreeMap<String, String>, body: &[u8]) -> Response<Body> {
    let question = match serde_json::from_slice::<Question>(body) {
        Ok(question) => question,
        Err(wrong) => {
            let told =
                Told::new("MalformedHttpRequestException", format!("Request body is not a GraphQL request: {wrong}"));
            return answer(StatusCode::BAD_REQUEST, told.response().to_string());
        }
    };
    // The engine's work stays on one thread and may block it for a while.
    let runtime = tokio::runtime::Handle::current();
    let answered = tokio::task::spawn_blocking(move || {
        runtime.block_on(run(&api.schema, api.limits, &question, Way::Http, &identity, &headers, &api.behind))
    });
    match answered.await {
        Ok(answered) => answer(StatusCode::OK, answered),
        Err(_) => {
            let told = Told::new("InternalFailure", "The request was interrupted; send it again.");
            answer(StatusCode::INTERNAL_SERVER_ERROR, told.response().to_string())
        }
    }
}

/// `OPTIONS graphql_url`: the CORS preflight of another origin.
pub(super) async fn preflight() -> Response<Body> {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, accept-language, x-amz-user-agent"),
    ];
    (StatusCode::NO_CONTENT, allowed).into_response()
}

/// The caller: a member by token, or a program by signature.
///
/// # Errors
/// Why authentication fails.
pub(super) async fn identify(api: &Api, request: &Signed<'_>) -> Result<Identity, Told> {
    let authorization = request.headers.get("authorization");
    if Programs::claims(authorization) {
        return api.programs.signer(request, api.clock.now());
    }
    // The user pool is the stand-in for AWS's, which has the machine's time.
    api.pool.member(authorization.map(String::as_str), crate::clock::now()).await.map(Identity::Member)
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
        // As in AppSync, the charset is explicit: an error may repeat the caller's text.
        (header::CONTENT_TYPE, "application/json;charset=UTF-8"),
    ];
    (status, headers, body).into_response()
}

/// `POST token_url`.
pub(super) async fn token(State(api): State<Arc<Api>>, Json(newcomer): Json<Newcomer>) -> Response<Body> {
    match api.members.sign_in(&newcomer).await {
        Ok(signed_in) => Json(signed_in).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({"message": format!("{error:#}")}))).into_response(),
    }
}
