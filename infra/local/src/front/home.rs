//! `home_url`: a page for people, and the state it shows.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, header};
use axum::response::{Html, IntoResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Front, Shared, broken};
use crate::mail::Mail;

const PAGE: &str = include_str!("../home/index.html");
const STYLE: &str = include_str!("../home/style.css");
const SCRIPT: &str = include_str!("../home/script.js");
const GRAPHQL_PAGE: &str = include_str!("../home/graphql.html");
const GRAPHQL_STYLE: &str = include_str!("../home/graphql.css");
const GRAPHQL_SCRIPT: &str = include_str!("../home/graphql.js");

/// The page as one file, with its initial data inlined.
pub async fn page(State(front): Shared) -> Response<Body> {
    let state = read(&front).await.map_or_else(|_| "null".to_owned(), |state| state.to_string());
    let page = PAGE.replace("/* style.css */", STYLE).replace("/* script.js */", SCRIPT);
    // A customer's name may be "</script>".
    html(page.replace("/* state.json */", &state.replace('<', "\\u003c")), SCRIPT)
}

/// The page that queries the GraphQL API: also one file, loading nothing from elsewhere.
pub async fn graphql() -> Response<Body> {
    let page = GRAPHQL_PAGE.replace("/* style.css */", STYLE).replace("/* graphql.css */", GRAPHQL_STYLE);
    html(page.replace("/* graphql.js */", GRAPHQL_SCRIPT), GRAPHQL_SCRIPT)
}

/// A page that runs this script and no other, and speaks to its own origin alone. Styles are free: a mail brings its own,
/// and the frame that shows it inherits the policy.
fn html(page: String, script: &str) -> Response<Body> {
    let script = STANDARD.encode(Sha256::digest(script));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{script}'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

/// The data of the page.
pub async fn state(State(front): Shared) -> Response<Body> {
    match read(&front).await {
        Ok(state) => Json(state).into_response(),
        Err(error) => broken(&error),
    }
}

async fn read(front: &Front) -> anyhow::Result<Value> {
    let items = front.books.items().await?;
    let of = |kind: &str| {
        items.iter().filter(|item| item.get("kind").and_then(Value::as_str) == Some(kind)).collect::<Vec<_>>()
    };
    let mails: Vec<Value> = front.ses.mailbox.all().iter().map(envelope).collect();
    Ok(json!({
        "stage": front.stage,
        "payments": of("PAYMENT"),
        "invoices": of("INVOICE"),
        "queued": of("MAIL"),
        "mails": mails,
        "slack": front.slack.all(),
        "parked": front.books.parked(&items).await?,
    }))
}

/// The mail list's data; the page fetches a whole mail when the user opens it.
fn envelope(mail: &Mail) -> Value {
    json!({"id": mail.id, "to": mail.to, "subject": mail.subject, "sent_at": mail.sent_at})
}
