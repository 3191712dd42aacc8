//! SES delivery events for accepted mails.
//!
//! The recipient address selects the outcome, as in SES's mailbox simulator (docs.aws.amazon.com/ses, "Using the
//! mailbox simulator").

use serde_json::{Value, json};

use crate::aws::{ACCOUNT, REGION};
use crate::lambda::pool::request_id;
use crate::mail::Mail;

/// The events of a mail, by its recipient.
pub(crate) fn events(mail: &Mail) -> Vec<Value> {
    let to = mail.to.to_lowercase();
    let scene = to.strip_suffix("@simulator.amazonses.com").unwrap_or_default();
    // Told as soon as it is accepted.
    let now = mail.sent_at.clone();
    let recipients = json!([{"emailAddress": mail.to}]);
    let bounce = |kind: &str, sub_type: &str| {
        let bounce =
            json!({"bounceType": kind, "bounceSubType": sub_type, "bouncedRecipients": recipients, "timestamp": now});
        ("Email Bounced", "Bounce", "bounce", bounce)
    };
    let delivered = || ("Email Delivered", "Delivery", "delivery", json!({"timestamp": now, "recipients": [mail.to]}));
    let mut told = vec![("Email Sent", "Send", "send", json!({}))];
    match scene {
        "bounce" => told.push(bounce("Permanent", "General")),
        "suppressionlist" => told.push(bounce("Permanent", "Suppressed")),
        "ooto" => told.extend([delivered(), bounce("Transient", "General")]),
        "complaint" => {
            let complaint = json!({
                "complainedRecipients": recipients, "timestamp": now,
                "complaintFeedbackType": "abuse", "complaintSubType": null,
            });
            told.extend([delivered(), ("Email Complaint Received", "Complaint", "complaint", complaint)]);
        }
        // Not one of the simulator's addresses: there, a mail with a virus attachment is rejected.
        "reject" => told.push(("Email Rejected", "Reject", "reject", json!({"reason": "Bad content"}))),
        _ => told.push(delivered()),
    }
    told.into_iter().map(|(kind, name, part, body)| event(mail, kind, name, part, body)).collect()
}

fn event(mail: &Mail, kind: &str, name: &str, part: &str, body: Value) -> Value {
    let mut tags: serde_json::Map<String, Value> =
        mail.tags.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    if let Some(set) = &mail.configuration_set {
        tags.insert("ses:configuration-set".to_owned(), json!([set]));
    }
    let mut detail = json!({
        "eventType": name,
        "mail": {
            "timestamp": mail.sent_at, "source": mail.from, "messageId": mail.id,
            "destination": mail.to.split(", ").collect::<Vec<_>>(), "headersTruncated": false, "tags": tags,
        },
    });
    if let Some(detail) = detail.as_object_mut() {
        detail.insert(part.to_owned(), body);
    }
    json!({
        "version": "0", "id": request_id(), "detail-type": kind, "source": "aws.ses", "account": ACCOUNT,
        "time": mail.sent_at, "region": REGION, "resources": [], "detail": detail,
    })
}
