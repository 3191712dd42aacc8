//! An event of SES becomes a step of its mail: read it, let the domain note it, log and count what came of it.

use comptoir::{
    clock::Clock,
    lambda::telemetry::count,
    mail::delivery::{
        Deliveries, Fate, Noted, Report, Stage,
        event::{self, SesEvent},
        follow,
    },
    outcome::{Reason, ServiceError},
};
use serde::Deserialize;
use serde_json::Value;

const SERVICE: &str = "mail-events";

/// Everything an event needs.
#[derive(Debug)]
pub struct Keeper<D, C> {
    /// Where mails are kept.
    pub deliveries: D,
    /// The configuration set our mails are sent with.
    pub configuration_set: String,
    /// Time.
    pub clock: C,
}

/// What came of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handled {
    /// It is not ours, or cannot be read.
    Ignored(Reason),
    /// A mail of ours was looked for.
    Noted(Noted),
}

impl<D: Deliveries, C: Clock> Keeper<D, C> {
    /// Notes one event. What is not ours, or cannot be read, is logged and done with: trying again would not change it.
    ///
    /// # Errors
    /// When the outbox fails. Lambda tries again and hands the event to the on-failure queue in the end; noting it twice
    /// changes nothing.
    pub async fn handle(&self, event: Value, request_id: &str) -> Result<Handled, ServiceError> {
        // The reason never quotes the event, which holds addresses.
        let read = SesEvent::deserialize(event)
            .map_err(|_| Reason::new("event_unreadable", "it is not an event of SES about a mail"))
            .and_then(|event| event::read(&event, &self.configuration_set));
        let report = match read {
            Ok(report) => report,
            Err(reason) => {
                tracing::warn!(request_id, reason = reason.word, "event ignored: {}", reason.text);
                return Ok(Handled::Ignored(reason));
            }
        };
        let noted = follow(&report, &self.deliveries, self.clock.now()).await.inspect_err(|error| {
            tracing::error!(request_id, mail = report.mail.0, "not noted: {error}");
        })?;
        tell(&report, noted, request_id);
        Ok(Handled::Noted(noted))
    }
}

fn tell(report: &Report, noted: Noted, request_id: &str) {
    let (mail, message_id) = (&report.mail.0, &report.message_id);
    // Not a state of the mail, because it may arrive yet; but nobody would look for it otherwise.
    if let (Fate::Hindered(hindrance), Noted::Moved(_) | Noted::Stays(_)) = (&report.fate, noted) {
        count(SERVICE, "MailHindered", 1);
        tracing::warn!(request_id, mail, message_id, hindrance, "mail hindered on its way");
    }
    match noted {
        Noted::Moved(stage) => {
            match stage {
                Stage::Delivered => count(SERVICE, "MailDelivered", 1),
                Stage::Bounced | Stage::Rejected => count(SERVICE, "MailCameBack", 1),
                Stage::Complained => count(SERVICE, "MailComplained", 1),
                _ => {}
            }
            match report.fate.parks() {
                Some(reason) => {
                    count(SERVICE, "Parked", 1);
                    tracing::error!(request_id, mail, message_id, reason = reason.word, "parked: {}", reason.text);
                }
                None => tracing::info!(request_id, mail, message_id, stage = stage.word(), "mail moved on"),
            }
        }
        Noted::Stays(stage) => {
            tracing::info!(request_id, mail, message_id, stage = stage.word(), "event changes nothing");
        }
        Noted::Absent => {
            tracing::warn!(request_id, mail, message_id, reason = "unknown_mail", "event ignored: no such mail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use comptoir::{clock::FixedClock, mail::MailId, memory::Books};
    use serde_json::json;

    fn keeper() -> Keeper<Books, FixedClock> {
        Keeper {
            deliveries: Books::default(),
            configuration_set: "comptoir-dev".to_owned(),
            clock: FixedClock("2026-11-21T10:00:00Z".parse().unwrap()),
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_or_is_not_ours_is_done_with() {
        let tag = MailId("invoice/2026-11-0001".to_owned()).tag();
        let event = |set: &str| {
            json!({"source": "aws.ses", "detail": {
                "eventType": "Delivery",
                "mail": {"messageId": "m", "destination": ["a@b.fr"], "tags": {"ses:configuration-set": [set], "mail": [tag]}},
            }})
        };
        let mut untagged = event("comptoir-dev");
        untagged["detail"]["mail"]["tags"].as_object_mut().unwrap().remove("mail");
        let mut other = event("comptoir-dev");
        other["detail"]["eventType"] = json!("Open");
        for (event, word) in [
            (json!({}), "event_unreadable"),
            (json!([1]), "event_unreadable"),
            (json!({"detail": {"eventType": "Send"}}), "event_unreadable"),
            (event("other"), "foreign_mail"),
            (untagged, "untagged_mail"),
            (other, "event_of_no_concern"),
        ] {
            match keeper().handle(event.clone(), "r").await {
                Ok(Handled::Ignored(reason)) => assert_eq!(reason.word, word, "{event}"),
                handled => panic!("{event}: {handled:?}"),
            }
        }
        // Read and looked for: there is no such mail.
        let handled = keeper().handle(event("comptoir-dev"), "r").await;
        assert_eq!(handled, Ok(Handled::Noted(Noted::Absent)));
    }
}
