//! `home_url`: a page for people, and the state it shows.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::response::{Html, IntoResponse};
use serde_json::{Value, json};

use super::{Shared, broken};

const PAGE: &str = include_str!("../home/index.html");
const STYLE: &str = include_str!("../home/style.css");
const SCRIPT: &str = include_str!("../home/script.js");

/// The page, in one piece: nothing else is fetched but the state.
pub async fn page() -> Response<Body> {
    Html(PAGE.replace("/* style.css */", STYLE).replace("/* script.js */", SCRIPT)).into_response()
}

/// What the page shows.
pub async fn state(State(front): Shared) -> Response<Body> {
    let (items, parked) = match tokio::try_join!(front.books.items(), front.books.parked()) {
        Ok(read) => read,
        Err(error) => return broken(&error),
    };
    let of = |kind: &str| {
        items.iter().filter(|item| item.get("kind").and_then(Value::as_str) == Some(kind)).cloned().collect::<Vec<_>>()
    };
    let mails: Vec<Value> = front.ses.mailbox.all().into_iter().map(|mail| json!(mail)).map(without_files).collect();
    Json(json!({
        "stage": front.stage,
        "payments": of("PAYMENT"),
        "invoices": of("INVOICE"),
        "queued": of("MAIL"),
        "mails": mails,
        "parked": parked,
    }))
    .into_response()
}

/// The page names the attachments; their bytes are in the archive.
fn without_files(mut mail: Value) -> Value {
    for attachment in mail.get_mut("attachments").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(fields) = attachment.as_object_mut() {
            fields.remove("base64");
        }
    }
    mail
}
