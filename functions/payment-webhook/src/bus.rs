//! Receives an event that EventBridge hands over, in the same way as one that the webhook has verified. An event that comes
//! through both doors is one event: its id and its sale are idempotency keys.

use comptoir::{
    announced::AnnouncedEvents,
    clock::Clock,
    outcome::ServiceError,
    payment::PaymentLog,
    reconcile::ReconciliationLog,
    settings::SettingsReader,
    stripe::partner::{self, Envelope},
    sweep::OpenWork,
};
use comptoir_edge::telemetry::count;
use comptoir_plans::store::{KnownSubscriptions, Wakes};
use serde_json::value::RawValue;
use tokio::time::timeout_at;

use crate::{
    handler::{Called, SERVICE, Webhook, failed, refuse},
    http::{Request, Response},
};

impl<
    P: PaymentLog + AnnouncedEvents + ReconciliationLog,
    W: OpenWork,
    S: SettingsReader,
    A: Wakes + KnownSubscriptions,
    C: Clock,
> Webhook<P, W, S, A, C>
{
    /// Receives `detail`, Stripe's event. One that is refused raises the alarm at once, because nobody but a wrong rule hands it
    /// over; and is not retried, because a retry would not change it.
    ///
    /// # Errors
    /// When it cannot be received now; Lambda hands it over again, and then leaves it in the on-failure queue.
    pub(crate) async fn take_over(
        &self,
        request: &Request,
        detail: &RawValue,
        called: Called<'_>,
    ) -> Result<Response, ServiceError> {
        let envelope = Envelope { source: &request.source, account: &request.account };
        let response = match partner::check(envelope, self.event_source.as_deref(), account(called.arn)) {
            Err(reason) => refuse(called.id, &reason),
            Ok(()) => {
                let end = self.end(called.deadline);
                match timeout_at(end, self.receive(detail.get().as_bytes(), called.id, end)).await {
                    Ok(response) => response,
                    Err(_) => failed(called.id, None, "the time of this invocation is over"),
                }
            }
        };
        match response.status_code {
            500.. => return Err(ServiceError::transient("an event of the bus", "not received yet")),
            400.. => count(SERVICE, "Parked", 1),
            _ => {}
        }
        Ok(response)
    }
}

/// The account in an ARN, `arn:aws:lambda:eu-west-3:123456789012:function:...`; empty where there is none.
fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_knows_its_account() {
        assert_eq!(account("arn:aws:lambda:eu-west-3:123456789012:function:comptoir-dev-x:1"), "123456789012");
        assert_eq!(account("comptoir-dev-x"), "");
    }

    #[test]
    fn what_the_bus_hands_over_is_read_as_it_came() {
        let event = r#"{"version":"0","id":"x","detail-type":"invoice.paid","source":"aws.partner/stripe.com/ed_1",
            "account":"123456789012","time":"2026-11-27T10:00:00Z","region":"eu-west-3","resources":[],
            "detail":{"id":"evt_1", "n":1e400}}"#;
        let request: Request = serde_json::from_str(event).unwrap();
        assert_eq!(request.detail.unwrap().get(), r#"{"id":"evt_1", "n":1e400}"#);
        assert_eq!(
            (request.source.as_str(), request.account.as_str()),
            ("aws.partner/stripe.com/ed_1", "123456789012")
        );
        // Whatever is posted stays inside of `body`.
        let posted = r#"{"version":"2.0","headers":{},"body":"{\"detail\":{},\"task\":\"complete\"}"}"#;
        let request: Request = serde_json::from_str(posted).unwrap();
        assert!(request.detail.is_none() && request.task.is_none());
    }
}
