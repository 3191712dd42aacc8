//! Handles a webhook request: verifies the raw bytes, parses the event, lets the domain process it, answers.

use std::time::Duration;

use comptoir::{
    announced::AnnouncedEvents,
    clock::Clock,
    outcome::{Outcome, Reason, ServiceError},
    payment::{PaymentLog, Received},
    receive,
    reconcile::ReconciliationLog,
    settings::{SettingsReader, cache::CachedSettings},
    stripe::{
        classify::{self, LONGEST_BODY},
        signature::{Forged, SignatureHeader},
    },
    sweep::OpenWork,
    timing::{ANSWER_SECONDS, OPERATION_SECONDS, STRIPE_SECONDS, STRIPE_TOTAL_SECONDS},
};
use comptoir_aws::secrets::SecretStore;
use comptoir_edge::{https::Https, telemetry::count};
use comptoir_plans::{
    store::{KnownSubscriptions, Wakes},
    wake::{ABOUT_RECOVERY, ABOUT_SUBSCRIPTIONS},
};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::{
    access::Access,
    gate::{Asking, Gate},
    http::{Reply, Request, Response, Task},
    stripe_api::{Stripe, StripeApi},
};

/// The name of this function in metrics.
pub const SERVICE: &str = "payment-webhook";

/// Time budget for calling Stripe for one request.
const STRIPE_TOTAL: Duration = Duration::from_secs(STRIPE_TOTAL_SECONDS);

/// Time reserved for recording.
const RECORD: Duration = Duration::from_secs(OPERATION_SECONDS);

/// Time reserved for the response itself.
const ANSWER: Duration = Duration::from_secs(ANSWER_SECONDS);

/// The dependencies of a request.
#[derive(Debug)]
pub struct Webhook<P, W, S, A, C> {
    /// The payment log.
    pub payments: P,
    /// The open work beside it.
    pub open_work: W,
    /// What is remembered of asking Stripe.
    pub asking: Asking,
    /// Webhook secrets and the API key.
    pub secrets: SecretStore,
    /// The owner's settings.
    pub settings: CachedSettings<S>,
    /// Plans and subscriptions.
    pub access: Access<A, S>,
    /// The clock.
    pub clock: C,
    /// Whether this stack takes live events.
    pub livemode: bool,
    /// Stripe's event source, if events come over EventBridge too.
    pub event_source: Option<String>,
    /// A base URL other than api.stripe.com.
    pub stripe_url: Option<String>,
    /// The HTTPS client for Stripe.
    pub https: Https,
}

/// One invocation.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// Its request id.
    pub id: &'a str,
    /// The function's ARN, which names the account.
    pub arn: &'a str,
    /// When it ends.
    pub deadline: Timestamp,
}

impl<
    P: PaymentLog + AnnouncedEvents + ReconciliationLog,
    W: OpenWork,
    S: SettingsReader,
    A: Wakes + KnownSubscriptions,
    C: Clock,
> Webhook<P, W, S, A, C>
{
    /// Answers a request, receives an event of the bus, or does a task.
    ///
    /// # Errors
    /// When a task fails, which is begun anew the next time; or an event of the bus, which Lambda hands over again.
    pub async fn handle(&self, mut request: Request, called: Called<'_>) -> Result<Reply, ServiceError> {
        let Called { id: request_id, deadline, .. } = called;
        if let Some(detail) = request.detail.take() {
            return self.take_over(&request, &detail, called).await.map(Reply::Response);
        }
        let done = match request.task {
            None => Ok(Reply::Response(self.respond(request, request_id, deadline).await)),
            Some(Task::Reconcile) => {
                Box::pin(self.reconcile(request.days, request_id, deadline)).await.map(Reply::Completed)
            }
            Some(Task::Complete) => Box::pin(self.complete(request_id, deadline)).await.map(Reply::Completed),
        };
        // What passes is done by the next run; what does not would fail at each of them, unseen.
        done.inspect_err(|error| {
            count(SERVICE, "Parked", usize::from(error.is_permanent()));
            tracing::error!(request_id, "not done: {error}");
        })
    }

    async fn respond(&self, request: Request, request_id: &str, deadline: Timestamp) -> Response {
        let end = self.end(deadline);
        // A cut-off leaves nothing half done: a sale is recorded in one transaction, and Stripe delivers again.
        match timeout_at(end, self.answer(request, request_id, end)).await {
            Ok(response) => response,
            Err(_) => failed(request_id, None, "the time of this invocation is over"),
        }
    }

    /// When an answer must be ready.
    pub(crate) fn end(&self, deadline: Timestamp) -> Instant {
        let left = Duration::try_from(deadline.duration_since(self.clock.now())).unwrap_or_default();
        Instant::now() + left.saturating_sub(ANSWER)
    }

    async fn answer(&self, request: Request, request_id: &str, end: Instant) -> Response {
        let Some(body) = request.bytes() else {
            return refuse(request_id, &Reason::new("body_not_base64", "the body is flagged as base64 and is not"));
        };
        if body.len() > LONGEST_BODY {
            tracing::warn!(request_id, bytes = body.len(), "body too large");
            return Response::new(413, "rejected", Some("body_too_large"));
        }
        match self.verified(&request, &body).await {
            Ok(Ok(())) => self.receive(&body, request_id, end).await,
            Ok(Err(forged)) => {
                count(SERVICE, "SignatureRejected", 1);
                refuse(request_id, &forged.reason())
            }
            Err(error) => failed(request_id, None, &error.to_string()),
        }
    }

    /// Verifies the signature; one that matches no secret is checked again with secrets that are new, after a rotation.
    async fn verified(&self, request: &Request, body: &[u8]) -> Result<Result<(), Forged>, ServiceError> {
        let header = match SignatureHeader::read(request.header("stripe-signature"), self.clock.now()) {
            Ok(header) => header,
            Err(forged) => return Ok(Err(forged)),
        };
        let known = self.secrets.current().await?.webhook;
        if header.verify(body, &known).is_ok() {
            return Ok(Ok(()));
        }
        Ok(header.verify_renewed(body, &known, &self.secrets.renewed().await?.webhook))
    }

    /// Whether the exchange rate of a sale matters. Until settings are saved, a sale is recorded with everything that any
    /// seller may need.
    pub(crate) async fn charges_vat(&self, now: Timestamp) -> bool {
        self.settings.get(now).await.map_or(true, |settings| settings.charges_vat())
    }

    /// Receives a genuine event, however it came.
    pub(crate) async fn receive(&self, body: &[u8], request_id: &str, end: Instant) -> Response {
        let Ok(text) = std::str::from_utf8(body) else {
            return refuse(request_id, &Reason::new("not_utf8", "the body is not UTF-8 text"));
        };
        let event = match classify::read(body) {
            Ok(event) => event,
            Err(reason) => return refuse(request_id, &reason),
        };
        let now = self.clock.now();
        match self.access.wake(&event, self.livemode, now).await {
            Ok(woken) if woken && only_wakes(&event.kind) => {
                tracing::info!(request_id, event = event.id, kind = event.kind, "work woken");
                return Response::new(200, "woken", None);
            }
            Ok(_) => {}
            Err(failure) => return failed(request_id, Some(&event.id), &failure.to_string()),
        }
        let api_key = match self.secrets.current().await {
            Ok(secrets) => secrets.api_key,
            Err(failure) => return failed(request_id, Some(&event.id), &failure.to_string()),
        };
        // Calls to Stripe leave enough time to record the result.
        let until = (Instant::now() + STRIPE_TOTAL).min(end.checked_sub(RECORD).unwrap_or(end));
        let stripe = Stripe {
            url: self.stripe_url.as_deref(),
            https: &self.https,
            until,
            patience: Duration::from_secs(STRIPE_SECONDS),
        };
        let stripe = StripeApi::new(api_key, &self.secrets, stripe, Gate::within_budget(&self.asking));
        let charges_vat = self.charges_vat(now).await;
        match receive::receive_or_announce(&event, text, self.livemode, charges_vat, &self.payments, &stripe, now).await
        {
            Ok(received) => {
                report(&received, request_id, &event.id);
                answer(&received)
            }
            Err(failure) => failed(request_id, Some(&event.id), &failure.to_string()),
        }
    }
}

/// Whether events of this type do nothing but wake.
fn only_wakes(kind: &str) -> bool {
    ABOUT_SUBSCRIPTIONS.contains(&kind) || ABOUT_RECOVERY.contains(&kind)
}

/// The response to Stripe: 200 for every event that is settled, so that Stripe stops retrying.
fn answer(received: &Received) -> Response {
    let (result, reason) = match received {
        Received::Recorded { .. } | Received::Refunded { .. } => ("recorded", None),
        Received::AlreadyRecorded { .. } => ("recorded_before", None),
        Received::Announced => ("announced", None),
        Received::Ignored(reason) => ("ignored", Some(reason.code.as_str())),
        Received::Parked(reason) => ("parked", Some(reason.code.as_str())),
        Received::ParkedBefore(reason) => ("parked_before", Some(reason.code.as_str())),
    };
    match received.outcome() {
        Outcome::Done | Outcome::AlreadyDone => Response::new(200, result, reason),
        Outcome::Reject(reason) => Response::new(400, "rejected", Some(&reason.code)),
        Outcome::Retry(reason) => Response::new(500, "retry", Some(&reason.code)),
    }
}

/// Logs and counts what became of an event.
pub fn report(received: &Received, request_id: &str, event: &str) {
    match received {
        Received::Recorded { sale, summed } => {
            count(SERVICE, "PaymentRecorded", 1);
            tracing::info!(request_id, event, payment = sale, "payment recorded");
            if *summed {
                tracing::warn!(
                    request_id,
                    event,
                    payment = sale,
                    "Stripe lists no items; one line stands for the total"
                );
            }
        }
        Received::Refunded { refund, sale } => {
            count(SERVICE, "RefundRecorded", 1);
            tracing::info!(request_id, event, payment = sale, refund, "refund recorded");
        }
        Received::AlreadyRecorded { sale } => tracing::info!(request_id, event, payment = sale, "recorded before"),
        Received::Announced => {
            count(SERVICE, "Announced", 1);
            tracing::info!(request_id, event, "announced, and completed later");
        }
        Received::Ignored(reason) => {
            tracing::info!(request_id, event, reason = reason.code, "ignored: {}", reason.message)
        }
        Received::ParkedBefore(reason) => {
            tracing::info!(request_id, event, reason = reason.code, "parked before: {}", reason.message);
        }
        Received::Parked(reason) => {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, event, reason = reason.code, "parked: {}", reason.message);
        }
    }
}

/// The response to what is not from Stripe.
pub fn refuse(request_id: &str, reason: &Reason) -> Response {
    tracing::warn!(request_id, reason = reason.code, "rejected: {}", reason.message);
    Response::new(400, "rejected", Some(&reason.code))
}

/// The response after which Stripe delivers again.
pub fn failed(request_id: &str, event: Option<&str>, detail: &str) -> Response {
    tracing::error!(request_id, event, "to be delivered again: {detail}");
    Response::new(500, "retry", Some("unavailable"))
}
