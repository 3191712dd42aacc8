//! `parked_url`: what waits for a person.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::response::IntoResponse;

use super::{Shared, broken};

/// `GET parked_url`.
pub async fn list(State(front): Shared) -> Response<Body> {
    match front.books.parked().await {
        Ok(parked) => Json(parked).into_response(),
        Err(error) => broken(&error),
    }
}
