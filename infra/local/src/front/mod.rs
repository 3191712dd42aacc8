//! The one address of a bundle: Stripe's webhook, the stand-ins that the functions call, and the pages for people.
//!
//! Paths below `/_local`, `/_stripe`, `/_slack`, `/_app` and `/_ses` (and `/` itself) are the runner's, `/graphql` is
//! AppSync's; every other one is the HTTP API's.

mod archive;
pub mod books;
mod home;
pub mod http_api;
pub mod moved;
mod parked;
mod stripe;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Json, Path, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use crate::app_fake::{self, AppFake};
use crate::faults::{Fault, Faults};
use crate::graphql::{self, Api};
use crate::lambda::pool::Function;
use crate::request_filter::{Port, RequestFilter, filter};
use crate::runtime::AbortOnDrop;
use crate::ses::Ses;
use crate::sign_in_mails::SignInMails;
use crate::slack_fake::SlackFake;
use crate::stripe_fake::StripeFake;
use crate::whole::{self, read_whole};
use books::Books;
use http_api::HttpApi;
use moved::Moved;

/// Everything behind the front.
#[derive(Debug)]
pub struct Front {
    /// The HTTP API of the template.
    pub api: HttpApi,
    /// SES.
    pub ses: Arc<Ses>,
    /// Stripe.
    pub stripe: Arc<StripeFake>,
    /// The clock, and what falls due when it is moved.
    pub moved: Moved,
    /// Slack.
    pub slack: Arc<SlackFake>,
    /// The seller's app.
    pub app: Arc<AppFake>,
    /// What Cognito mails.
    pub sign_in_mails: Arc<SignInMails>,
    /// AppSync.
    pub graphql: Arc<Api>,
    /// Tables, archive and queue.
    pub books: Books,
    /// The functions that a schedule or a person invokes, by package: here a person does.
    pub by_hand: BTreeMap<String, Arc<Function>>,
    /// `dev` or `prod`.
    pub stage: String,
}

pub(crate) type Shared = State<Arc<Front>>;

/// Serves until the guard is dropped.
///
/// # Errors
/// When the system does not say which port it is.
pub fn serve(listener: TcpListener, front: Arc<Front>) -> std::io::Result<AbortOnDrop<()>> {
    let rules = RequestFilter::of(&listener, Port::Front)?;
    let router = Router::new()
        .route("/", get(home::page))
        .route("/_local/state", get(home::state))
        .route("/_local/mailbox", get(mailbox))
        .route("/_local/mailbox/{id}", get(one_mail))
        .route("/_local/sign-in-mails", get(sign_in_mails))
        .route("/_local/archive", get(archive::list))
        .route("/_local/archive/{*key}", get(archive::object))
        .route("/_local/parked", get(parked::list))
        .route("/_local/graphql", get(home::graphql))
        .route("/_local/functions/{name}", post(run_function))
        .route("/_local/faults/{stand_in}", post(order_faults).delete(clear_faults))
        .route("/_local/clock", get(moved::tell).post(moved::advance))
        .merge(stripe::router())
        .route("/_slack/{*path}", post(post_to_slack))
        .route("/_local/slack", get(slack))
        .route(app_fake::DOOR, post(tell_app))
        .route("/_app/webhooks", get(told_to_app).post(fail_app))
        .route("/_ses/v2/email/outbound-emails", post(send_email))
        .route("/_ses/v2/email/account", get(ses_account))
        .merge(graphql::router(front.graphql.clone()))
        .fallback(http_api::invoke)
        .layer(DefaultBodyLimit::max(whole::LARGEST))
        .layer(from_fn_with_state(rules, filter))
        .layer(from_fn(read_whole))
        .with_state(front);
    let listener = listener.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    Ok(AbortOnDrop(tokio::spawn(async move {
        axum::serve(listener, router).await.ok();
    })))
}

async fn mailbox(State(front): Shared) -> Response<Body> {
    Json(front.ses.mailbox.all()).into_response()
}

async fn one_mail(State(front): Shared, Path(id): Path<String>) -> Response<Body> {
    match front.ses.mailbox.all().into_iter().find(|mail| mail.id == id) {
        Some(mail) => Json(mail).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({"message": format!("there is no mail {id}")}))).into_response(),
    }
}

async fn sign_in_mails(State(front): Shared) -> Response<Body> {
    Json(front.sign_in_mails.all()).into_response()
}

async fn post_to_slack(State(front): Shared, Path(path): Path<String>, body: Bytes) -> Response<Body> {
    front.slack.post(&path, &body).await
}

async fn slack(State(front): Shared) -> Response<Body> {
    Json(front.slack.all()).into_response()
}

async fn tell_app(State(front): Shared, headers: HeaderMap, body: Bytes) -> Response<Body> {
    front.app.take(&headers, &body).await
}

async fn told_to_app(State(front): Shared) -> Response<Body> {
    Json(front.app.all()).into_response()
}

async fn fail_app(State(front): Shared, Json(order): Json<app_fake::Failure>) -> Response<Body> {
    front.app.fail(order);
    StatusCode::NO_CONTENT.into_response()
}

async fn send_email(State(front): Shared, body: Bytes) -> Response<Body> {
    front.ses.send(body).await
}

async fn ses_account(State(front): Shared) -> Response<Body> {
    front.ses.account()
}

/// `POST /_local/functions/sweep {"older_than_seconds": 0}`: what a schedule does on AWS.
async fn run_function(State(front): Shared, Path(name): Path<String>, body: Bytes) -> Response<Body> {
    let Some(function) = front.by_hand.get(&name).cloned() else {
        let text = format!("neither a schedule nor a person invokes {name}");
        return (StatusCode::NOT_FOUND, Json(json!({"message": text}))).into_response();
    };
    let body = if body.is_empty() { Bytes::from_static(b"{}") } else { body };
    match function.invoke(body).await {
        Ok(answer) => ([("content-type", "application/json")], answer).into_response(),
        Err(failure) => {
            (StatusCode::BAD_GATEWAY, Json(json!({"message": format!("{name} failed, {failure}")}))).into_response()
        }
    }
}

#[derive(Debug, Deserialize)]
struct Order {
    fault: Fault,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

/// `POST /_local/faults/ses {"fault": "throttle", "times": 3}`.
async fn order_faults(State(front): Shared, Path(stand_in): Path<String>, Json(order): Json<Order>) -> Response<Body> {
    let Some(faults) = faults(&front, &stand_in) else { return unknown_stand_in() };
    faults.order(order.fault, order.times);
    StatusCode::NO_CONTENT.into_response()
}

async fn clear_faults(State(front): Shared, Path(stand_in): Path<String>) -> Response<Body> {
    let Some(faults) = faults(&front, &stand_in) else { return unknown_stand_in() };
    faults.clear();
    StatusCode::NO_CONTENT.into_response()
}

fn faults<'a>(front: &'a Front, stand_in: &str) -> Option<&'a Faults> {
    match stand_in {
        "ses" => Some(&front.ses.faults),
        "stripe" => Some(&front.stripe.faults),
        "graphql" => Some(&front.graphql.faults),
        "slack" => Some(&front.slack.faults),
        _ => None,
    }
}

fn unknown_stand_in() -> Response<Body> {
    (StatusCode::NOT_FOUND, Json(json!({"message": "faults can be ordered for ses, slack, stripe and graphql"})))
        .into_response()
}

/// A failure of the runner itself, for the caller.
fn broken(error: &anyhow::Error) -> Response<Body> {
    (StatusCode::BAD_GATEWAY, Json(json!({"message": format!("{error:#}")}))).into_response()
}
