//! The wire between the functions and AWS: a proxy that counts each call by function and operation, and injects the
//! faults that a test orders, up to killing the function during a call.
//!
//! It is outside of the functions, so the tested code is the deployed code. A function's calls arrive below its name,
//! `/<function>/aws/...` and `/<function>/ses/...`, and go on to the stand-ins unchanged; what DynamoDB would reject is
//! rejected here ([`limits`]), and what the function's role does not allow is denied ([`roles`]).

pub mod limits;
mod meter;
mod operation;
mod roles;
mod tables;
pub mod units;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::any;
use axum::serve::ListenerExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::aws::Aws;
use crate::faults::lost_answer;
use crate::lambda::pool::Function;
use crate::request_filter::{Port, RequestFilter, filter};
use crate::runtime::AbortOnDrop;
use crate::whole::{LARGEST, read_whole};
use meter::Meter;
pub use meter::Touched;
pub use roles::Roles;
use tables::Tables;

/// Status, headers and body.
type Refusal = (StatusCode, HeaderMap, Bytes);

/// The fault injected into a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// The function is killed before the call takes effect.
    KillBefore,
    /// The call takes effect, and the function is killed before it receives the answer.
    KillAfter,
    /// The call takes effect, and the connection breaks before the answer.
    LoseAnswer,
    /// Throttled: nothing happened.
    Throttle,
    /// An internal error: nothing happened.
    Fail,
    /// Another transaction holds an item of this one: nothing happened. The stand-in for AWS never answers this.
    Conflict,
}

/// The faults that fit any call.
pub const CUTS: [Cut; 5] = [Cut::KillBefore, Cut::KillAfter, Cut::LoseAnswer, Cut::Throttle, Cut::Fail];

/// One call of a function, such as `PutObject`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The function's package.
    pub function: String,
    /// The operation.
    pub operation: String,
    /// Bytes of the answer's body; 0 if there was no answer.
    pub sent: usize,
    /// Bytes of the answer's body; 0 if there was none.
    pub received: usize,
    /// The DynamoDB units billed for it, item by item; `None` for other services, or when metering is off.
    pub touched: Option<Vec<Touched>>,
}

/// An ordered fault.
#[derive(Clone, Debug)]
pub struct Order {
    /// The calling function.
    pub function: String,
    /// The operation; all operations if not given.
    pub operation: Option<String>,
    /// How many matching calls pass first.
    pub after: usize,
    /// How many calls it applies to.
    pub times: usize,
    /// The fault.
    pub cut: Cut,
}

/// The running wire.
#[derive(Debug)]
pub struct Wire {
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    line: Arc<Line>,
    _server: AbortOnDrop<()>,
}

#[derive(Debug)]
struct Line {
    aws: Aws,
    upstream: BTreeMap<&'static str, String>,
    http: reqwest::Client,
    functions: OnceLock<BTreeMap<String, Arc<Function>>>,
    roles: OnceLock<Roles>,
    meter: OnceLock<Meter>,
    tables: Tables,
    state: Mutex<Traffic>,
}

#[derive(Debug, Default)]
struct Traffic {
    calls: Vec<Call>,
    orders: Vec<Order>,
    happened: BTreeSet<(String, String, Cut)>,
    denied: Vec<String>,
    delay: Duration,
}

impl Wire {
    /// Starts listening; calls go on to these addresses.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(aws: Aws, ses: String) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base = format!("http://{}", listener.local_addr()?);
        let rules = RequestFilter::of(&listener, Port::Aws)?;
        let line = Arc::new(Line {
            tables: Tables::new(aws.clone()),
            upstream: BTreeMap::from([("aws", aws.endpoint.clone()), ("ses", ses)]),
            aws,
            http: reqwest::Client::new(),
            functions: OnceLock::new(),
            roles: OnceLock::new(),
            meter: OnceLock::new(),
            state: Mutex::default(),
        });
        let router = Router::new()
            .route("/{function}/{service}", any(carry))
            .route("/{function}/{service}/", any(carry))
            .route("/{function}/{service}/{*path}", any(carry))
            .layer(DefaultBodyLimit::max(LARGEST))
            .layer(from_fn_with_state(rules, filter))
            .layer(from_fn(read_whole))
            .with_state(line.clone());
        let listener = listener.tap_io(|stream| {
            stream.set_nodelay(true).ok();
        });
        let server = AbortOnDrop(tokio::spawn(async move {
            axum::serve(listener, router).await.ok();
        }));
        Ok(Self { base, line, _server: server })
    }

    /// Where `function` finds a service, `aws` or `ses`. With a trailing slash: the S3 client appends the bucket
    /// directly.
    pub fn address(&self, function: &str, service: &str) -> String {
        format!("{}/{function}/{service}/", self.base)
    }

    /// Registers the functions that can be killed, and what their roles allow; set once.
    pub fn connect(&self, functions: BTreeMap<String, Arc<Function>>, roles: Roles) {
        self.line.functions.set(functions).ok();
        self.line.roles.set(roles).ok();
    }

    /// Orders a fault for calls from now on.
    pub fn order(&self, order: Order) {
        self.line.state().orders.push(order);
    }

    /// Whether every ordered fault has happened.
    pub fn is_done(&self) -> bool {
        self.line.state().orders.is_empty()
    }

    /// Cancels the ordered faults that have not happened.
    pub fn clear(&self) {
        self.line.state().orders.clear();
    }

    /// Adds this latency to each call from now on, as over a network.
    pub fn slow_down(&self, delay: Duration) {
        self.line.state().delay = delay;
    }

    /// From now on each call to DynamoDB is recorded with the units it would be billed. Its items are read before
    /// and after it, which takes time.
    pub fn meter(&self) {
        self.line.meter.get_or_init(|| Meter::new(self.line.aws.clone()));
    }

    /// Every call so far, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.line.state().calls.clone()
    }

    /// What roles did not allow.
    pub fn denied(&self) -> Vec<String> {
        self.line.state().denied.clone()
    }

    /// The faults that happened, by operation and function.
    pub fn happened(&self) -> BTreeSet<(String, String, Cut)> {
        self.line.state().happened.clone()
    }
}

impl Line {
    fn state(&self) -> MutexGuard<'_, Traffic> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call; returns its index and the fault ordered for it.
    fn register(&self, call: Call) -> (usize, Option<Cut>, Duration) {
        let mut traffic = self.state();
        let fits = |order: &Order| {
            order.function == call.function && order.operation.as_ref().is_none_or(|wanted| *wanted == call.operation)
        };
        let place = traffic.orders.iter().position(fits);
        let mut cut = None;
        if let Some((place, order)) = place.and_then(|place| Some((place, traffic.orders.get_mut(place)?))) {
            if order.after > 0 {
                order.after -= 1;
            } else {
                cut = Some(order.cut);
                order.times = order.times.saturating_sub(1);
                if order.times == 0 {
                    traffic.orders.remove(place);
                }
            }
        }
        if let Some(cut) = cut {
            traffic.happened.insert((call.function.clone(), call.operation.clone(), cut));
        }
        traffic.calls.push(call);
        (traffic.calls.len() - 1, cut, traffic.delay)
    }

    fn kill(&self, function: &str) {
        if let Some(function) = self.functions.get().and_then(|functions| functions.get(function)) {
            function.kill();
        }
    }

    /// The answer to a request that the role of `function` does not allow.
    fn denied(
        &self,
        function: &str,
        headers: &HeaderMap,
        (method, path): (&Method, &str),
        operation: &str,
        body: &Bytes,
    ) -> Option<Refusal> {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let accesses = match target {
            Some(target) if target.starts_with("DynamoDB_") => {
                roles::of_dynamodb(operation, &serde_json::from_slice(body).ok()?)
            }
            Some(target) if target.starts_with("AWSCognitoIdentityProviderService.") => {
                // A pool that tests name and nobody has is judged by the stand-in: there is none.
                let asked = roles::of_cognito(operation, &serde_json::from_slice(body).ok()?);
                asked
                    .into_iter()
                    .filter(|asked| self.roles.get().is_some_and(|roles| roles.knows(&asked.name)))
                    .collect()
            }
            Some(_) => return None,
            None if operation::is_keys(path) => return None,
            None => roles::of_s3(method, path).into_iter().collect(),
        };
        let told = self.roles.get()?.denied(function, &accesses)?;
        self.state().denied.push(told.clone());
        let mut headers = HeaderMap::new();
        let (status, content, body) = match target {
            Some(_) => {
                let error = json!({"__type": "com.amazon.coral.service#AccessDeniedException", "message": told});
                (StatusCode::BAD_REQUEST, "application/x-amz-json-1.0", error.to_string())
            }
            None => {
                let error =
                    format!("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>{told}</Message></Error>");
                (StatusCode::FORBIDDEN, "application/xml", error)
            }
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
        Some((status, headers, Bytes::from(body)))
    }

    /// The answer to a request that DynamoDB would reject.
    async fn refused(&self, headers: &HeaderMap, operation: &str, body: &Bytes) -> Option<Refusal> {
        headers.get("x-amz-target")?.to_str().ok()?.strip_prefix("DynamoDB_")?;
        let request: Value = serde_json::from_slice(body).ok()?;
        let mut known = HashMap::new();
        for name in limits::tables(operation, &request) {
            // A missing table is left to the stand-in to reject.
            if let Ok(table) = self.tables.named(&name).await {
                known.insert(name, table);
            }
        }
        let told = limits::check(operation, &request, body.len(), &known).err()?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
        let error = json!({"__type": "com.amazon.coral.validate#ValidationException", "message": told});
        Some((StatusCode::BAD_REQUEST, headers, Bytes::from(error.to_string())))
    }

    async fn forward(
        &self,
        method: Method,
        url: String,
        headers: HeaderMap,
        body: Bytes,
    ) -> reqwest::Result<(StatusCode, HeaderMap, Bytes)> {
        let answer = self.http.request(method, url).headers(headers).body(body).send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok((status, headers, answer.bytes().await?))
    }
}

async fn carry(
    State(line): State<Arc<Line>>,
    Path(path): Path<BTreeMap<String, String>>,
    request: Request,
) -> Response<Body> {
    let part = |name: &str| path.get(name).cloned().unwrap_or_default();
    let (function, service) = (part("function"), part("service"));
    let Some(upstream) = line.upstream.get(service.as_str()) else {
        return (StatusCode::NOT_FOUND, "no such service").into_response();
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    // The original path, with its escapes: S3 keys and their signatures depend on it.
    let asked = parts.uri.path_and_query().map_or("/", |asked| asked.as_str());
    let rest = asked.strip_prefix(&format!("/{function}/{service}")).unwrap_or(asked);
    let rest = format!("/{}", rest.trim_start_matches('/'));
    let operation = operation::of(&service, &parts.method, &rest, &parts.headers);
    let call =
        Call { function: function.clone(), operation: operation.clone(), sent: body.len(), received: 0, touched: None };
    let (place, cut, delay) = line.register(call);
    tokio::time::sleep(delay).await;
    match cut {
        Some(Cut::KillBefore) => {
            line.kill(&function);
            return lost_answer();
        }
        Some(Cut::Throttle) => return operation::throttled(&service, &operation),
        Some(Cut::Fail) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, json!({"__type": "InternalServerError"}).to_string())
                .into_response();
        }
        Some(Cut::Conflict) => return operation::conflicting(&operation),
        Some(Cut::KillAfter | Cut::LoseAnswer) | None => {}
    }
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let url = format!("{upstream}{rest}");
    let denied = match service.as_str() {
        "aws" => line.denied(&function, &headers, (&parts.method, &rest), &operation, &body),
        _ => None,
    };
    let refused = match denied {
        Some(denied) => Some(denied),
        None => line.refused(&headers, &operation, &body).await,
    };
    let reading = match line.meter.get().filter(|_| refused.is_none()) {
        // A failed lookup leaves the call without units, which the report of the units shows.
        Some(meter) if service == "aws" => meter.before(&operation, &body).await.ok().flatten(),
        _ => None,
    };
    let answer = match refused {
        Some(refusal) => Ok(refusal),
        None => line.forward(parts.method, url, headers, body).await,
    };
    if let (Some(meter), Some(reading), Ok((status, ..))) = (line.meter.get(), reading, &answer) {
        let touched = meter.after(reading, status.is_success()).await.ok();
        if let Some(call) = line.state().calls.get_mut(place) {
            call.touched = touched;
        }
    }
    if cut == Some(Cut::KillAfter) {
        line.kill(&function);
    }
    let (Ok((status, headers, body)), None) = (answer, cut) else { return lost_answer() };
    if let Some(call) = line.state().calls.get_mut(place) {
        call.received = body.len();
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    for (name, value) in &headers {
        // The server sets its own framing headers.
        if *name != header::TRANSFER_ENCODING && *name != header::CONTENT_LENGTH && *name != header::CONNECTION {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response
}
