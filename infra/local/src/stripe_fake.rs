//! A stand-in for api.stripe.com that holds state: what is placed in it, and what its own paths make, change and let happen.
//!
//! The rules are in modules without a clock or a network ([`world`], [`subscriptions`], [`life`]); this one answers
//! requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use comptoir::stripe::signature::sign;
use serde_json::{Value, json};

use crate::clock::BundleClock;
use crate::faults::{Fault, Faults, lost_answer};

mod bill;
mod calendar;
mod calls;
pub mod catalog;
mod closing;
mod collect;
mod coupons;
mod customers;
mod delivery;
pub mod doors;
mod expand;
mod form;
mod idempotency;
mod invoices;
mod items;
mod life;
mod limit;
mod lists;
mod methods;
mod object;
mod outcome;
pub mod pages;
mod payments;
mod portal;
mod proration;
mod query;
mod reads;
mod refunds;
mod refusal;
mod routes;
mod sessions;
mod shape;
mod standing;
mod subscriptions;
#[cfg(test)]
mod tests;
mod world;

use calls::{Call, Kind, Log};
use delivery::{Parcel, Queue};
use form::Form;
use idempotency::{Keys, Known};
use limit::Limit;
use query::Query;
use refusal::Refusal;
use world::{Cause, World};

/// Where the webhook is, and what signs its events.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its address.
    pub url: String,
    /// The secret.
    pub secret: String,
}

/// Stripe as the functions see it.
#[derive(Debug, Default)]
pub struct StripeFake {
    world: Mutex<World>,
    keys: Mutex<Keys>,
    log: Mutex<Log>,
    limit: Mutex<Limit>,
    queue: Queue,
    clock: Arc<BundleClock>,
    /// The fault plan.
    pub faults: Faults,
}

/// A request as it came in.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `POST` or `DELETE`.
    pub method: String,
    /// The path below `/v1/`.
    pub path: String,
    /// The query, as it stands in the address.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What a request leads to.
struct Answered {
    status: u16,
    body: Value,
    replayed: bool,
    request: String,
}

impl StripeFake {
    /// A stand-in that answers so many reads a second of each endpoint (without a limit if `None`), goes by this clock, and
    /// has its pages for customers at this address.
    pub fn new(per_second: Option<usize>, clock: Arc<BundleClock>, pages: String) -> Self {
        let mut world = World::new(clock.now().as_second(), pages);
        catalog::stock(&mut world);
        Self { world: Mutex::new(world), limit: Mutex::new(Limit::new(per_second)), clock, ..Self::default() }
    }

    /// How often each endpoint was asked, also in vain: `checkout/sessions`, `checkout/sessions/{id}/line_items`.
    pub fn reads(&self) -> BTreeMap<String, u64> {
        locked(&self.limit).reads()
    }

    /// `PUT /_fake/v1/...`: sets what `GET /v1/...` returns from now on. A list is placed as a whole, or built from the
    /// objects placed below its path; either way it is filtered by the query.
    pub fn put(&self, path: &str, body: &Bytes) -> Response<Body> {
        match serde_json::from_slice::<Value>(body) {
            Ok(object) => {
                self.store(path, object);
                StatusCode::NO_CONTENT.into_response()
            }
            Err(problem) => respond(&Err(Refusal::state("", format!("the body is not JSON: {problem}"))), "req_local"),
        }
    }

    /// Stores an object under its path, such as `checkout/sessions/cs_1`.
    pub fn store(&self, path: &str, object: Value) {
        locked(&self.world).objects.insert(path.trim_matches('/').to_owned(), object);
    }

    /// A request to `/v1/...`.
    pub async fn call(&self, request: Request) -> Response<Body> {
        let path = request.path.trim_matches('/').to_owned();
        let reads = request.method == "GET";
        let key = request.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
        let key = key.filter(|key| !key.is_empty()).map(str::to_owned);
        let form = Form::read(if reads { request.query.as_bytes() } else { &request.body });
        let mut call = Call {
            n: 0,
            at: self.clock.now().to_string(),
            method: request.method.clone(),
            path: format!("/v1/{path}"),
            idempotency_key: key.clone(),
            form: form.as_ref().map_or(Value::Null, |form| form.value().clone()),
            status: None,
            replayed: false,
            fault: None,
        };
        let answered = self.answer(&request, &path, key, form, &mut call).await;
        if let Some(answered) = &answered {
            call.status = Some(answered.status);
            call.replayed = answered.replayed;
        }
        let lost = call.fault == Some(Kind::LoseAnswer);
        locked(&self.log).add(call);
        match answered {
            Some(answered) if !lost => answered.respond(),
            _ => lost_answer(),
        }
    }

    /// What is answered; `None` if the connection breaks before anything happened.
    async fn answer(
        &self,
        request: &Request,
        path: &str,
        key: Option<String>,
        form: Result<Form, Refusal>,
        call: &mut Call,
    ) -> Option<Answered> {
        let id = format!("req_{}", crate::checkout::id("", 14));
        let authorization =
            request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !is_authorized(authorization) {
            return Some(Answered::of(Err(Refusal::unauthorized("You did not provide an API key.")), id));
        }
        let form = match form {
            Ok(form) => form,
            Err(refusal) => return Some(Answered::of(Err(refusal), id)),
        };
        let reads = request.method == "GET";
        let granted = !reads || locked(&self.limit).read(path, Instant::now());
        let key = key.filter(|_| request.method == "POST");
        let order = locked(&self.log).fault(&request.method, path);
        call.fault = order.as_ref().map(|order| order.kind);
        if call.fault == Some(Kind::FailBefore) {
            return None;
        }
        if let Some(key) = &key {
            let asked = format!("{} {path} {}", request.method, form.value());
            match locked(&self.keys).begin(key, &asked, self.clock.now().as_second()) {
                Ok(Known::New) => {}
                Ok(Known::Answer(status, body)) => return Some(Answered { status, body, replayed: true, request: id }),
                Err(refusal) => return Some(Answered::of(Err(refusal), id)),
            }
        }
        let result = match (call.fault, self.trouble(granted, call).await) {
            (Some(Kind::Stored500), _) => Err(Refusal::failure()),
            (Some(Kind::RateLimit), _) => Err(Refusal::throttled()),
            (_, Some(refusal)) => Err(refusal),
            (kind, None) => {
                if kind == Some(Kind::Slow) {
                    let late = order.map_or(0, |order| order.milliseconds);
                    tokio::time::sleep(Duration::from_millis(late)).await;
                }
                self.execute(request, path, &form, Cause { request: Some(id.clone()), key: key.clone() })
            }
        };
        let kept = !result.as_ref().is_err_and(|refusal| refusal.unstarted);
        let answered = Answered::of(result, id);
        if let Some(key) = &key {
            locked(&self.keys).end(key, kept.then(|| (answered.status, answered.body.clone())));
        }
        Some(answered)
    }

    /// The next fault of the plan, as an answer.
    async fn trouble(&self, granted: bool, call: &mut Call) -> Option<Refusal> {
        match self.faults.next().await {
            Some(Fault::Throttle) => Some(Refusal::throttled()),
            Some(Fault::Fail) => Some(Refusal { unstarted: true, ..Refusal::failure() }),
            Some(Fault::Reject) => Some(Refusal::unauthorized("Invalid API Key provided.")),
            Some(Fault::LoseAnswer) => {
                call.fault = Some(Kind::LoseAnswer);
                None
            }
            Some(Fault::Delay(_)) | None => (!granted).then(Refusal::throttled),
        }
    }

    fn execute(&self, request: &Request, path: &str, form: &Form, cause: Cause) -> Result<Value, Refusal> {
        let now = self.clock.now().as_second();
        let mut world = locked(&self.world);
        life::pass(&mut world, now);
        if request.method == "GET" {
            let answer = reads::read(&world, path, &Query::read(&request.query));
            self.hand_over(&mut world);
            return answer;
        }
        world.cause = cause;
        let answer = routes::change(&mut world, &request.method, path, form);
        world.cause = Cause::default();
        life::pass(&mut world, now);
        self.hand_over(&mut world);
        answer
    }

    /// Lets happen what is due by now.
    pub fn tick(&self) {
        let mut world = locked(&self.world);
        life::pass(&mut world, self.clock.now().as_second());
        self.hand_over(&mut world);
    }

    /// Lets time pass until dropped.
    pub async fn live(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.tick();
        }
    }

    /// Waits until what happened so far was handed to the webhook, or is held.
    pub async fn handed_over(&self, patience: Duration) {
        self.queue.idle(patience).await;
    }

    fn hand_over(&self, world: &mut World) {
        if !world.told.is_empty() {
            self.queue.add(world.told.drain(..));
        }
    }

    /// Delivers events until dropped.
    pub async fn deliver(self: Arc<Self>, webhook: Webhook) {
        let http = reqwest::Client::new();
        loop {
            let mut parcels = self.queue.next().await.into_iter().peekable();
            while parcels.peek().is_some() {
                let mut posting = tokio::task::JoinSet::new();
                for parcel in parcels.by_ref().take(delivery::AT_ONCE) {
                    let (stripe, http, webhook) = (self.clone(), http.clone(), webhook.clone());
                    posting.spawn(async move { stripe.post(&http, &webhook, parcel).await });
                }
                while posting.join_next().await.is_some() {}
            }
        }
    }

    async fn post(self: Arc<Self>, http: &reqwest::Client, webhook: &Webhook, parcel: Parcel) {
        let body = parcel.event.to_string();
        let request = http
            .post(&webhook.url)
            .header("stripe-signature", sign(body.as_bytes(), &webhook.secret, self.clock.now()))
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)");
        let taken = request.body(body).send().await.is_ok_and(|answer| answer.status().is_success());
        self.queue.done();
        if taken {
            let path = format!("events/{}", object::text(&parcel.event, "/id"));
            if let Some(event) = locked(&self.world).objects.get_mut(&path) {
                object::set(event, "pending_webhooks", 0);
            }
        } else if let Some(pause) = delivery::PAUSES.get(parcel.tries) {
            let pause = Duration::from_secs(*pause);
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                self.queue.again(Parcel { tries: parcel.tries + 1, ..parcel });
            });
        }
    }
}

impl Answered {
    fn of(result: Result<Value, Refusal>, request: String) -> Self {
        let (status, body) = match result {
            Ok(body) => (200, body),
            Err(refusal) => (refusal.status, json!({"error": refusal.error})),
        };
        Self { status, body, replayed: false, request }
    }

    fn respond(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [("request-id", self.request.as_str())], Json(self.body)).into_response();
        if self.replayed {
            response.headers_mut().insert("idempotent-replayed", axum::http::HeaderValue::from_static("true"));
        }
        response
    }
}

fn respond(result: &Result<Value, Refusal>, request: &str) -> Response<Body> {
    Answered::of(result.clone(), request.to_owned()).respond()
}

/// A key, as a bearer token or as the name of HTTP's basic authentication.
fn is_authorized(authorization: &str) -> bool {
    let key = authorization.strip_prefix("Bearer ").or_else(|| authorization.strip_prefix("Basic "));
    key.is_some_and(|key| !key.trim().is_empty())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
