//! The stand-in for Stripe behind the front: its public paths, its own doors, and its pages.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};

use super::{Front, Shared, moved};
use crate::stripe_fake::Request;
use crate::stripe_fake::pages::Visit;

/// The routes.
pub fn router() -> Router<Arc<Front>> {
    let public = get(call).post(call).delete(call);
    Router::new()
        .route("/_stripe/v1/{*path}", public.clone())
        .route("/v1/{*path}", public)
        .route("/_stripe/_fake/v1/{*path}", put(place))
        .route("/_stripe/_fake/calls", get(async |State(front): Shared| front.stripe.calls()))
        .route("/_stripe/_fake/clock", get(moved::tell).post(moved::advance))
        .route(
            "/_stripe/_fake/faults",
            post(async |State(front): Shared, body: Bytes| front.stripe.order_fault(&body))
                .delete(async |State(front): Shared| front.stripe.clear_faults()),
        )
        .route(
            "/_stripe/_fake/payment_methods/{id}",
            put(async |State(front): Shared, Path(id): Path<String>, body: Bytes| front.stripe.set_outcome(&id, &body)),
        )
        .route(
            "/_stripe/_fake/events",
            post(async |State(front): Shared, body: Bytes| front.stripe.change_delivery(&body)),
        )
        .route("/_stripe/{page}/{id}", get(page).post(press))
        .route("/_stripe/_fake/settings", put(async |State(front): Shared, body: Bytes| front.stripe.set_habits(&body)))
        .route("/_stripe/_fake/complete", post(async |State(front): Shared, body: Bytes| front.stripe.complete(&body)))
}

async fn call(
    State(front): Shared,
    method: Method,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let query = query.unwrap_or_default();
    let request = Request { method: method.to_string(), path, query, headers, body };
    let stripe = front.stripe.clone();
    // In a task of its own: Stripe goes on when its caller is gone.
    match tokio::spawn(async move { stripe.call(request).await }).await {
        Ok(answer) => answer,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn place(State(front): Shared, Path(path): Path<String>, body: Bytes) -> Response<Body> {
    front.stripe.put(&path, &body)
}

async fn page(State(front): Shared, Path((page, id)): Path<(String, String)>, headers: HeaderMap) -> Response<Body> {
    front.stripe.page(&visit(page, id, &headers))
}

async fn press(
    State(front): Shared,
    Path((page, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    front.stripe.press(&visit(page, id, &headers), &body)
}

fn visit(page: String, id: String, headers: &HeaderMap) -> Visit {
    let accepted = headers.get("accept-language").and_then(|value| value.to_str().ok()).unwrap_or_default();
    Visit { page, id, accepted: accepted.to_owned() }
}
