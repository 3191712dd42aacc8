//! What only the stand-in has: the log, outcomes, the manner of events, faults, and a customer who pays.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::calls::Order;
use super::outcome::Outcome;
use super::refusal::Refusal;
use super::sessions::{self, Customer};
use super::world::Habits;
use super::{StripeFake, delivery, life, locked};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    outcome: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Completion {
    session: String,
    email: Option<String>,
    name: Option<String>,
    number: Option<String>,
    outcome: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    retries: Option<Vec<i64>>,
    at_the_end: Option<String>,
}

impl StripeFake {
    /// `GET /_fake/calls`.
    pub fn calls(&self) -> Response<Body> {
        Json(locked(&self.log).all()).into_response()
    }

    /// `POST /_fake/faults {method, path_prefix, kind, times}`.
    pub fn order_fault(&self, body: &Bytes) -> Response<Body> {
        match read::<Order>(body) {
            Ok(order) => {
                locked(&self.log).order(order);
                StatusCode::NO_CONTENT.into_response()
            }
            Err(wrong) => *wrong,
        }
    }

    /// `DELETE /_fake/faults`.
    pub fn clear_faults(&self) -> Response<Body> {
        locked(&self.log).clear();
        StatusCode::NO_CONTENT.into_response()
    }

    /// `PUT /_fake/payment_methods/{pm} {outcome}`.
    pub fn set_outcome(&self, method: &str, body: &Bytes) -> Response<Body> {
        let given = match read::<Given>(body) {
            Ok(given) => given,
            Err(wrong) => return *wrong,
        };
        let Some(outcome) = Outcome::read(&given.outcome) else { return unknown_outcome(&given.outcome) };
        locked(&self.world).outcomes.insert(method.to_owned(), outcome);
        StatusCode::NO_CONTENT.into_response()
    }

    /// `POST /_fake/events {hold, shuffle, duplicate}`: what is not named stays as it is.
    pub fn change_delivery(&self, body: &Bytes) -> Response<Body> {
        match read::<delivery::Change>(body) {
            Ok(change) => {
                let (manner, waiting) = self.queue.change(change);
                let told = json!({"hold": manner.hold, "shuffle": manner.shuffle, "duplicate": manner.duplicate, "waiting": waiting});
                Json(told).into_response()
            }
            Err(wrong) => *wrong,
        }
    }

    /// `PUT /_fake/settings {retries, at_the_end}`: what the owner set at Stripe.
    pub fn set_habits(&self, body: &Bytes) -> Response<Body> {
        let owner = match read::<Owner>(body) {
            Ok(owner) => owner,
            Err(wrong) => return *wrong,
        };
        let known = |word: &String| matches!(word.as_str(), "canceled" | "unpaid" | "past_due");
        if owner.at_the_end.as_ref().is_some_and(|word| !known(word)) {
            return wrong("at_the_end", "at_the_end is canceled, unpaid or past_due");
        }
        if owner.retries.as_ref().is_some_and(|days| days.iter().any(|days| !(1..=60).contains(days))) {
            return wrong("retries", "retries are days between tries, from 1 to 60");
        }
        let mut world = locked(&self.world);
        let Habits { retries, at_the_end } = world.habits.clone();
        world.habits =
            Habits { retries: owner.retries.unwrap_or(retries), at_the_end: owner.at_the_end.unwrap_or(at_the_end) };
        StatusCode::NO_CONTENT.into_response()
    }

    /// `POST /_fake/complete {session}`: the customer pays at Checkout.
    pub fn complete(&self, body: &Bytes) -> Response<Body> {
        let given = match read::<Completion>(body) {
            Ok(given) => given,
            Err(wrong) => return *wrong,
        };
        let outcome = match given.outcome.as_deref() {
            None => None,
            Some(text) => match Outcome::read(text) {
                None => return unknown_outcome(text),
                outcome => outcome,
            },
        };
        let customer = Customer {
            email: given.email.as_deref(),
            name: given.name.as_deref(),
            number: given.number.as_deref(),
            outcome,
        };
        super::respond(&self.completed(&given.session, &customer), "req_local")
    }

    /// The customer pays; the session afterwards, with `declined` if nothing was paid.
    pub(super) fn completed(&self, session: &str, customer: &Customer<'_>) -> Result<Value, Refusal> {
        let now = self.clock.now().as_second();
        let mut world = locked(&self.world);
        life::pass(&mut world, now);
        let session = sessions::complete(&mut world, session, customer);
        life::pass(&mut world, now);
        self.hand_over(&mut world);
        session
    }
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Box<Response<Body>>> {
    let value: Value = serde_json::from_slice(body).map_err(|problem| {
        Box::new(
            (StatusCode::BAD_REQUEST, Json(json!({"error": "bad_json", "message": problem.to_string()})))
                .into_response(),
        )
    })?;
    serde_json::from_value(value).map_err(|problem| Box::new(wrong("", &problem.to_string())))
}

fn unknown_outcome(text: &str) -> Response<Body> {
    let words = "an outcome is succeed, decline:<decline_code>, requires_action, processing_then_fail or processing_then_succeed";
    wrong("outcome", &format!("{text} is none: {words}"))
}

fn wrong(field: &str, message: &str) -> Response<Body> {
    let mut body = json!({"error": "bad_request", "message": message});
    if !field.is_empty() {
        super::object::set(&mut body, "field", field);
    }
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}
