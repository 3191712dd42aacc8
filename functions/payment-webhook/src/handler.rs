//! A request becomes an answer: verify the raw bytes, read the event, let the domain receive it, say what happened.

use comptoir::{
    aws::secrets::SecretStore,
    clock::Clock,
    https::Https,
    lambda::telemetry::count,
    outcome::{Outcome, Reason},
    payment::{PaymentLog, Received},
    receive,
    seller::Seller,
    stripe::{
        classify::{self, LONGEST_BODY},
        signature::{self, Forged},
    },
};

use crate::{
    http::{Request, Response},
    stripe_api::StripeApi,
};

const SERVICE: &str = "payment-webhook";

/// Everything a request needs.
#[derive(Debug)]
pub struct Webhook<P, C> {
    /// Where payments are recorded.
    pub payments: P,
    /// Webhook secrets and the API key.
    pub secrets: SecretStore,
    /// Who sells.
    pub seller: Seller,
    /// Time.
    pub clock: C,
    /// Whether this stack takes live events.
    pub livemode: bool,
    /// Another address than api.stripe.com.
    pub stripe_url: Option<String>,
    /// How Stripe is asked.
    pub https: Https,
}

impl<P: PaymentLog, C: Clock> Webhook<P, C> {
    /// Answers one request.
    pub async fn handle(&self, request: Request, request_id: &str) -> Response {
        let Some(body) = request.bytes() else {
            return refuse(request_id, &Reason::new("body_not_base64", "the body is flagged as base64 and is not"));
        };
        if body.len() > LONGEST_BODY {
            tracing::warn!(request_id, bytes = body.len(), "body too large");
            return Response::new(413, "rejected", Some("body_too_large"));
        }
        match self.verified(&request, &body).await {
            Ok(Ok(())) => self.receive(&body, request_id).await,
            Ok(Err(forged)) => {
                count(SERVICE, "SignatureRejected", 1);
                refuse(request_id, &forged.reason())
            }
            Err(failure) => failed(request_id, None, &failure.to_string()),
        }
    }

    /// Checks the signature; one that fits no secret is checked again against secrets read afresh, which may have changed.
    async fn verified(
        &self,
        request: &Request,
        body: &[u8],
    ) -> Result<Result<(), Forged>, comptoir::outcome::ServiceError> {
        let header = request.header("stripe-signature");
        let now = self.clock.now();
        match signature::verify(header, body, &self.secrets.current().await?.webhook, now) {
            Err(Forged::Mismatch) => Ok(signature::verify(header, body, &self.secrets.renewed().await?.webhook, now)),
            known => Ok(known),
        }
    }

    async fn receive(&self, body: &[u8], request_id: &str) -> Response {
        let Ok(text) = std::str::from_utf8(body) else {
            return refuse(request_id, &Reason::new("not_utf8", "the body is not UTF-8 text"));
        };
        let event = match classify::read(body) {
            Ok(event) => event,
            Err(reason) => return refuse(request_id, &reason),
        };
        let api_key = match self.secrets.current().await {
            Ok(secrets) => secrets.api_key,
            Err(failure) => return failed(request_id, Some(&event.id), &failure.to_string()),
        };
        let stripe = StripeApi::new(api_key, self.stripe_url.as_deref(), &self.https);
        let now = self.clock.now();
        match receive::receive(&event, text, self.livemode, &self.seller, &self.payments, &stripe, now).await {
            Ok(received) => {
                report(&received, request_id, &event.id);
                answer(&received)
            }
            Err(failure) => failed(request_id, Some(&event.id), &failure.to_string()),
        }
    }
}

/// What Stripe hears: 200 for everything that is dealt with, so that it stops sending.
fn answer(received: &Received) -> Response {
    let (result, reason) = match received {
        Received::Recorded { .. } | Received::Refunded { .. } => ("recorded", None),
        Received::Before { .. } => ("recorded_before", None),
        Received::Ignored(reason) => ("ignored", Some(reason.word.as_str())),
        Received::Parked(reason) => ("parked", Some(reason.word.as_str())),
    };
    match received.outcome() {
        Outcome::Done | Outcome::AlreadyDone => Response::new(200, result, reason),
        Outcome::Reject(reason) => Response::new(400, "rejected", Some(&reason.word)),
        Outcome::Retry(reason) => Response::new(500, "retry", Some(&reason.word)),
    }
}

fn report(received: &Received, request_id: &str, event: &str) {
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
        Received::Before { sale } => tracing::info!(request_id, event, payment = sale, "recorded before"),
        Received::Ignored(reason) => {
            tracing::info!(request_id, event, reason = reason.word, "ignored: {}", reason.text)
        }
        Received::Parked(reason) => {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, event, reason = reason.word, "parked: {}", reason.text);
        }
    }
}

fn refuse(request_id: &str, reason: &Reason) -> Response {
    tracing::warn!(request_id, reason = reason.word, "rejected: {}", reason.text);
    Response::new(400, "rejected", Some(&reason.word))
}

fn failed(request_id: &str, event: Option<&str>, detail: &str) -> Response {
    tracing::error!(request_id, event, "to be delivered again: {detail}");
    Response::new(500, "retry", Some("unavailable"))
}
