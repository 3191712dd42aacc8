//! AppSync's real-time endpoint (AppSync Developer Guide, "Building a real-time WebSocket client"): `graphql-ws` as
//! AppSync speaks it. A client authenticates in the address or in a subprotocol name, and again for each subscription.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, interval_at, timeout};

use super::super::Api;
use super::Event;
use super::subscription::Subscription;
use crate::graphql::http::identify;
use crate::graphql::identity::Identity;
use crate::graphql::programs::Signed;
use crate::graphql::run::Question;
use crate::graphql::told::Told;

const SUBPROTOCOL: &str = "graphql-ws";
/// Prefix of the subprotocol that carries the same as the query parameter `header`.
const HEADER: &str = "header-";

/// Most bytes of a message.
const LARGEST: usize = 256 * 1024;
/// Subscriptions of one connection (AppSync's quota).
const SUBSCRIPTIONS: usize = 100;
/// Most bytes of an operation's id.
const LONGEST_ID: usize = 128;
/// Timeout for a connection's first message, and for each write to it.
const PATIENCE: Duration = Duration::from_secs(15);
/// Keep-alive interval; a client that receives none for [`SILENCE`] reconnects.
const SIGN_OF_LIFE: Duration = Duration::from_secs(60);
const SILENCE: Duration = Duration::from_secs(300);
/// After this a connection ends, and the client connects again (AppSync's quota).
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// `GET graphql_url`, upgraded.
pub async fn connect(
    State(api): State<Arc<Api>>,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response<Body> {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let offered: Vec<&str> = offered.flat_map(|list| list.split(',')).map(str::trim).collect();
    if !offered.contains(&SUBPROTOCOL) {
        return (StatusCode::BAD_REQUEST, "connect with the subprotocol graphql-ws").into_response();
    }
    let Some(place) = api.behind.hub.place() else {
        return (StatusCode::TOO_MANY_REQUESTS, "too many connections; close some").into_response();
    };
    let carried = query.get("header").map(String::as_str);
    let carried = carried.or_else(|| offered.iter().find_map(|name| name.strip_prefix(HEADER)));
    let identity = match carried.and_then(decoded) {
        Some(authorization) => who(&api, &authorization, &format!("{}/connect", uri.path()), b"{}").await,
        None => Err(Told::new("UnauthorizedException", "Required headers are missing.")),
    };
    upgrade.protocols([SUBPROTOCOL]).max_message_size(LARGEST).max_frame_size(LARGEST).on_upgrade(|socket| async move {
        let connection = Connection { api, socket, subscriptions: BTreeMap::new(), _place: place };
        // The outcome does not matter: the client reconnects if it wants to.
        timeout(LIFETIME, connection.serve(identity)).await.ok();
    })
}

/// Either alphabet of base64, padded or not: clients differ.
fn decoded(carried: &str) -> Option<Map<String, Value>> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if carried.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    serde_json::from_slice(&GeneralPurpose::new(alphabet, lenient).decode(carried).ok()?).ok()
}

/// Authenticates by a header object, as for a POST to `path` with this body, which is never sent.
async fn who(api: &Api, told: &Map<String, Value>, path: &str, body: &[u8]) -> Result<Identity, Told> {
    let text = |(name, value): (&String, &Value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned()));
    let headers: BTreeMap<String, String> = told.iter().filter_map(text).collect();
    identify(api, &Signed { method: "POST", path, headers: &headers, body }).await
}

/// A message from the client.
#[derive(Debug, Deserialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    payload: Option<Value>,
}

/// The client disconnected, or must be disconnected.
struct Gone;

struct Connection {
    api: Arc<Api>,
    socket: WebSocket,
    subscriptions: BTreeMap<String, Subscription>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(mut self, identity: Result<Identity, Told>) -> Result<(), Gone> {
        let mut events = self.api.behind.hub.listen();
        // Authentication errors are answered at the client's first message.
        let mut first = timeout(PATIENCE, self.hear()).await.map_err(|_| Gone)??;
        if let Err(told) = identity {
            let error = json!({"errorType": told.error_type, "message": told.message, "errorCode": 401});
            self.say(&json!({"type": "connection_error", "payload": {"errors": [error]}})).await?;
            self.socket.send(Message::Close(None)).await.map_err(|_| Gone)?;
            return Err(Gone);
        }
        let mut signs = interval_at(Instant::now() + SIGN_OF_LIFE, SIGN_OF_LIFE);
        loop {
            if let Some(said) = first.take() {
                self.answer(&said).await?;
            }
            tokio::select! {
                said = self.hear() => first = said?,
                event = events.recv() => match event {
                    Ok(event) => self.tell(&event).await?,
                    // Events were lost: the client must reconnect and query the current state.
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return Err(Gone),
                },
                _ = signs.tick() => self.say(&json!({"type": "ka"})).await?,
            }
        }
    }

    /// The next text message; `None` for anything else. Cancel-safe.
    async fn hear(&mut self) -> Result<Option<String>, Gone> {
        match self.socket.recv().await {
            Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => Ok(None),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Gone),
        }
    }

    async fn say(&mut self, message: &Value) -> Result<(), Gone> {
        let sent = timeout(PATIENCE, self.socket.send(Message::text(message.to_string()))).await;
        sent.map_err(|_| Gone)?.map_err(|_| Gone)
    }

    async fn answer(&mut self, said: &str) -> Result<(), Gone> {
        let Ok(said) = serde_json::from_str::<Said>(said) else {
            return self.refuse(None, &Told::new("BadRequestException", "A message is JSON with a type.")).await;
        };
        match said.kind.as_str() {
            "connection_init" => {
                let payload = json!({"connectionTimeoutMs": u64::try_from(SILENCE.as_millis()).unwrap_or(u64::MAX)});
                self.say(&json!({"type": "connection_ack", "payload": payload})).await?;
                self.say(&json!({"type": "ka"})).await
            }
            "start" => self.start(said).await,
            "stop" => self.stop(said.id).await,
            other => {
                let other: String = other.chars().take(LONGEST_ID).collect();
                let message = format!("{other} not supported through the realtime channel");
                self.refuse(said.id, &Told::new("UnsupportedOperation", message)).await
            }
        }
    }

    async fn start(&mut self, said: Said) -> Result<(), Gone> {
        let Some(id) = said.id.filter(|id| (1..=LONGEST_ID).contains(&id.len())) else {
            let message = format!("A start has an id of 1 to {LONGEST_ID} bytes.");
            return self.refuse(None, &Told::new("BadRequestException", message)).await;
        };
        if self.subscriptions.contains_key(&id) {
            let told = Told::new("DuplicatedOperationError", "This id is in use; stop it first, or choose another.");
            return self.refuse(Some(id), &told).await;
        }
        if self.subscriptions.len() >= SUBSCRIPTIONS {
            let message = format!("A connection has at most {SUBSCRIPTIONS} subscriptions.");
            return self.refuse(Some(id), &Told::new("MaxSubscriptionsReachedError", message)).await;
        }
        match begin(self.api.clone(), said.payload.unwrap_or_default()).await {
            Ok(subscription) => {
                self.subscriptions.insert(id.clone(), subscription);
                self.say(&json!({"type": "start_ack", "id": id})).await
            }
            Err(errors) => self.say(&json!({"type": "error", "id": id, "payload": {"errors": errors}})).await,
        }
    }

    async fn stop(&mut self, id: Option<String>) -> Result<(), Gone> {
        match id.as_ref().and_then(|id| self.subscriptions.remove(id)) {
            Some(_) => self.say(&json!({"type": "complete", "id": id})).await,
            None => {
                let told = Told::new("UnknownOperationError", "There is no subscription of this id.");
                self.refuse(id, &told).await
            }
        }
    }

    async fn tell(&mut self, event: &Arc<Event>) -> Result<(), Gone> {
        let hears = |(id, subscription): (&String, &Subscription)| {
            subscription.hears(event).then(|| (id.clone(), subscription.clone()))
        };
        let listeners: Vec<(String, Subscription)> = self.subscriptions.iter().filter_map(hears).collect();
        for (id, subscription) in listeners {
            let (api, event) = (self.api.clone(), event.clone());
            let told = engine(move || async move { subscription.told(&api, &event).await }).await;
            let payload: Value = told.and_then(|told| serde_json::from_str(&told).ok()).ok_or(Gone)?;
            self.say(&json!({"type": "data", "id": id, "payload": payload})).await?;
        }
        Ok(())
    }

    async fn refuse(&mut self, id: Option<String>, told: &Told) -> Result<(), Gone> {
        let errors = json!([{"errorType": told.error_type, "message": told.message}]);
        let mut message = json!({"type": "error", "payload": {"errors": errors}});
        if let (Some(fields), Some(id)) = (message.as_object_mut(), id.filter(|id| id.len() <= LONGEST_ID)) {
            fields.insert("id".to_owned(), json!(id));
        }
        self.say(&message).await
    }
}

async fn begin(api: Arc<Api>, payload: Value) -> Result<Subscription, Value> {
    let told = |told: Told| json!([{"errorType": told.error_type, "message": told.message}]);
    let data = payload.get("data").and_then(Value::as_str).unwrap_or_default();
    // Authentication comes first here too.
    let authorization = payload.pointer("/extensions/authorization").and_then(Value::as_object);
    let identity = match authorization {
        Some(authorization) => who(&api, authorization, "/graphql", data.as_bytes()).await,
        None => Err(Told::new("UnauthorizedException", "Required headers are missing.")),
    };
    let identity = identity.map_err(told)?;
    let question: Question = serde_json::from_str(data).map_err(|wrong| {
        told(Told::new("MalformedHttpRequestException", format!("data is not a GraphQL request: {wrong}")))
    })?;
    engine(move || async move { Subscription::begin(&api, question, identity).await })
        .await
        .ok_or_else(|| told(Told::new("InternalFailure", "The request was interrupted; send it again.")))?
}

/// The engine's work stays on one thread and may block it for a while.
async fn engine<T: Send + 'static, F: Future<Output = T>>(work: impl FnOnce() -> F + Send + 'static) -> Option<T> {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work())).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_in_either_base64() {
        let told = json!({"host": "h", "Authorization": "é?>"});
        let bytes = told.to_string();
        for engine in [
            base64::engine::general_purpose::STANDARD,
            base64::engine::general_purpose::STANDARD_NO_PAD,
            base64::engine::general_purpose::URL_SAFE,
            base64::engine::general_purpose::URL_SAFE_NO_PAD,
        ] {
            assert_eq!(decoded(&engine.encode(&bytes)).map(Value::Object), Some(told.clone()));
        }
        for wrong in ["", "é", "e30=e30=", "W10=", "bnVsbA"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}
