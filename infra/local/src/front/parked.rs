//! `parked_url`: the parked records.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::response::IntoResponse;

use super::{Shared, broken};

/// `GET parked_url`.
pub async fn list(State(front): Shared) -> Response<Body> {
    let parked = match front.books.items().await {
        Ok(items) => front.books.parked(&items).await,
        Err(error) => Err(error),
    };
    match parked {
        Ok(parked) => Json(parked).into_response(),
        Err(error) => broken(&error),
    }
}
