//! `archive_url`: the list of documents, and each document's bytes.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;

use super::{Shared, broken};

/// `GET archive_url`.
pub async fn list(State(front): Shared) -> Response<Body> {
    match front.books.archived().await {
        Ok(documents) => Json(documents).into_response(),
        Err(error) => broken(&error),
    }
}

/// `GET archive_url/KEY`.
pub async fn object(State(front): Shared, Path(key): Path<String>) -> Response<Body> {
    match front.books.aws.object(&front.books.archive, &key).await {
        Ok(Some((bytes, kind))) => {
            ([("content-type", kind), ("content-disposition", "inline".to_owned())], bytes).into_response()
        }
        Ok(None) => (StatusCode::NOT_FOUND, Json(json!({"message": format!("there is no {key} in the archive")})))
            .into_response(),
        Err(error) => broken(&error),
    }
}
