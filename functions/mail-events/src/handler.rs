//! Applies an SES delivery event to its mail: reads it, lets the domain record it, logs and counts the outcome.

use comptoir::{
    clock::Clock,
    mail::delivery::{
        Deliveries, DeliveryEvent, Report, Stage, Transition,
        event::{self, SesEvent},
        follow,
    },
    outcome::{Reason, ServiceError},
};
use comptoir_edge::telemetry::count;
use serde::Deserialize;
use serde_json::Value;

const SERVICE: &str = "mail-events";

/// The dependencies of an event.
#[derive(Debug)]
pub struct MailEventsHandler<D, C> {
    /// The outbox.
    pub deliveries: D,
    /// The configuration set our mails are sent with.
    pub configuration_set: String,
    /// The clock.
    pub clock: C,
}

/// The outcome of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handled {
    /// It is not ours, or cannot be read.
    Ignored(Reason),
    /// It names a mail of ours.
    Transition(Transition),
}

impl<D: Deliveries, C: Clock> MailEventsHandler<D, C> {
    /// Records one event. One that is not ours, or is unreadable, is logged and dropped: a retry would not change it.
    ///
    /// # Errors
    /// When the outbox fails. Lambda retries and finally sends the event to the on-failure queue; recording it twice is
    /// idempotent.
    pub async fn handle(&self, event: Value, request_id: &str) -> Result<Handled, ServiceError> {
        // The reason never quotes the event, which contains addresses.
        let read = SesEvent::deserialize(event)
            .map_err(|_| Reason::new("event_unreadable", "it is not an event of SES about a mail"))
            .and_then(|event| event::read(&event, &self.configuration_set));
        let report = match read {
            Ok(report) => report,
            Err(reason) => {
                tracing::warn!(request_id, reason = reason.code, "event ignored: {}", reason.message);
                return Ok(Handled::Ignored(reason));
            }
        };
        let noted = follow(&report, &self.deliveries, self.clock.now()).await.inspect_err(|error| {
            tracing::error!(request_id, mail = report.mail.0, "not noted: {error}");
        })?;
        tell(&report, noted, request_id);
        Ok(Handled::Transition(noted))
    }
}

fn tell(report: &Report, noted: Transition, request_id: &str) {
    let (mail, message_id) = (&report.mail.0, &report.message_id);
    // Not a state of the mail, because it may still arrive; logged because it would go unnoticed otherwise.
    if let (DeliveryEvent::Deferred(hindrance), Transition::Moved(_) | Transition::Stays(_)) = (&report.happened, noted)
    {
        count(SERVICE, "MailHindered", 1);
        tracing::warn!(request_id, mail, message_id, hindrance, "mail hindered on its way");
    }
    match noted {
        Transition::Moved(stage) => {
            match stage {
                Stage::Delivered => count(SERVICE, "MailDelivered", 1),
                Stage::Bounced | Stage::Rejected => count(SERVICE, "MailCameBack", 1),
                Stage::Complained => count(SERVICE, "MailComplained", 1),
                _ => {}
            }
            match report.happened.parks() {
                Some(reason) => {
                    count(SERVICE, "Parked", 1);
                    tracing::error!(request_id, mail, message_id, reason = reason.code, "parked: {}", reason.message);
                }
                None => tracing::info!(request_id, mail, message_id, stage = stage.word(), "mail moved on"),
            }
        }
        Transition::Stays(stage) => {
            tracing::info!(request_id, mail, message_id, stage = stage.word(), "event changes nothing");
        }
        Transition::Absent => {
            tracing::warn!(request_id, mail, message_id, reason = "unknown_mail", "event ignored: no such mail");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use comptoir::{
        clock::FixedClock,
        mail::{
            MailId,
            delivery::{AddressHash, Cause},
        },
        timing::{ONE_EVENT_SECONDS, OPERATION_SECONDS},
    };
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_257_000, 0);

    /// Records its calls; each takes as long as it may.
    #[derive(Default)]
    struct Outbox {
        away: bool,
        reports: Mutex<Vec<Report>>,
        suppressed: Mutex<Vec<(AddressHash, Cause)>>,
        seconds: Mutex<u64>,
    }

    impl Deliveries for &Outbox {
        async fn note(&self, report: &Report, _: Timestamp) -> Result<Transition, ServiceError> {
            if self.away {
                return Err(ServiceError::transient("the outbox", "away"));
            }
            // What hinders a mail is a separate write.
            let writes = if matches!(report.happened, DeliveryEvent::Deferred(_)) { 2 } else { 1 };
            *self.seconds.lock().unwrap() += writes * OPERATION_SECONDS;
            self.reports.lock().unwrap().push(report.clone());
            Ok(Transition::Moved(report.happened.stage()))
        }

        async fn suppress(&self, address: &AddressHash, cause: Cause, _: Timestamp) -> Result<(), ServiceError> {
            *self.seconds.lock().unwrap() += OPERATION_SECONDS;
            self.suppressed.lock().unwrap().push((address.clone(), cause));
            Ok(())
        }

        async fn suppressed(&self, _: &AddressHash) -> Result<Option<Cause>, ServiceError> {
            Ok(None)
        }
    }

    async fn handled(outbox: &Outbox, event: Value) -> Result<Handled, ServiceError> {
        let configuration_set = "comptoir-dev".to_owned();
        MailEventsHandler { deliveries: outbox, configuration_set, clock: FixedClock(NOW) }.handle(event, "r").await
    }

    fn id() -> MailId {
        MailId("invoice/2026-11-0001".to_owned())
    }

    fn event(set: &str, detail: &Value) -> Value {
        let tags = json!({"ses:configuration-set": [set], "mail": [id().tag()]});
        let mut event = json!({"source": "aws.ses", "detail": {
            "mail": {"messageId": "m", "destination": ["zoe@example.org"], "tags": tags},
        }});
        for (name, value) in detail.as_object().unwrap() {
            event["detail"][name] = value.clone();
        }
        event
    }

    #[tokio::test]
    async fn what_cannot_be_read_or_is_not_ours_changes_nothing_and_comes_once() {
        let outbox = Outbox::default();
        let delivery = json!({"eventType": "Delivery"});
        let mut untagged = event("comptoir-dev", &delivery);
        untagged["detail"]["mail"]["tags"].as_object_mut().unwrap().remove("mail");
        for (stranger, word) in [
            (json!({}), "event_unreadable"),
            (json!([1]), "event_unreadable"),
            (json!({"detail": {"eventType": "Send"}}), "event_unreadable"),
            (event("other", &delivery), "foreign_mail"),
            (untagged, "untagged_mail"),
            (event("comptoir-dev", &json!({"eventType": "Open"})), "event_of_no_concern"),
        ] {
            match handled(&outbox, stranger.clone()).await {
                Ok(Handled::Ignored(reason)) => assert_eq!(reason.code, word, "{stranger}"),
                handled => panic!("{stranger}: {handled:?}"),
            }
        }
        assert!(outbox.reports.lock().unwrap().is_empty() && outbox.suppressed.lock().unwrap().is_empty());
        let noted = handled(&outbox, event("comptoir-dev", &delivery)).await;
        assert_eq!(noted, Ok(Handled::Transition(Transition::Moved(Stage::Delivered))));
        let expected =
            Report { mail: id(), message_id: "m".to_owned(), happened: DeliveryEvent::Delivered, suppress: None };
        assert_eq!(*outbox.reports.lock().unwrap(), [expected]);
    }

    #[tokio::test]
    async fn an_event_is_noted_in_time_and_comes_again_where_the_outbox_is_away() {
        for detail in [
            json!({"eventType": "Bounce", "bounce": {"bounceType": "Permanent", "bounceSubType": "General"}}),
            json!({"eventType": "Bounce", "bounce": {"bounceType": "Transient", "bounceSubType": "General"}}),
            json!({"eventType": "Complaint", "complaint": {"complaintFeedbackType": "abuse"}}),
            json!({"eventType": "DeliveryDelay", "deliveryDelay": {"delayType": "MailboxFull"}}),
            json!({"eventType": "Send"}),
        ] {
            let outbox = Outbox::default();
            handled(&outbox, event("comptoir-dev", &detail)).await.unwrap();
            assert_eq!(outbox.reports.lock().unwrap().len(), 1, "{detail}");
            assert!(*outbox.seconds.lock().unwrap() <= ONE_EVENT_SECONDS, "{detail}");
            let suppressed = outbox.suppressed.lock().unwrap().len();
            let left_alone = detail["eventType"] == "Complaint" || detail["bounce"]["bounceType"] == "Permanent";
            assert_eq!(suppressed, usize::from(left_alone), "{detail}");
            let away = Outbox { away: true, ..Outbox::default() };
            assert!(handled(&away, event("comptoir-dev", &detail)).await.is_err());
        }
    }
}
