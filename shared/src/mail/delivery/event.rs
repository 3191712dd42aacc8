//! SES delivery events as EventBridge delivers them, read tolerantly: only the fields we need (docs.aws.amazon.com/ses,
//! "Contents of event data"; the `detail` is that object).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{AddressHash, Cause, DeliveryEvent, Report};
use crate::{
    mail::{MailId, TAG},
    outcome::Reason,
};

/// The tag that SES adds to every event: the configuration set that the mail was sent with.
const SET_TAG: &str = "ses:configuration-set";

/// Longest SES name that is kept or logged: these names are short, and a longer value is not one.
const LONGEST_WORD: usize = 64;

/// The event.
#[derive(Debug, Deserialize)]
pub struct SesEvent {
    /// The SES event.
    pub detail: Detail,
}

/// The SES event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    #[serde(default)]
    event_type: String,
    mail: Sent,
    #[serde(default)]
    bounce: Bounce,
    #[serde(default)]
    complaint: Complaint,
    #[serde(default)]
    reject: Reject,
    #[serde(default)]
    delivery_delay: DeliveryDelay,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    message_id: String,
    #[serde(default)]
    destination: Vec<String>,
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Bounce {
    bounce_type: String,
    bounce_sub_type: String,
    bounced_recipients: Vec<Recipient>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Complaint {
    complained_recipients: Vec<Recipient>,
    complaint_feedback_type: Option<String>,
    complaint_sub_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reject {
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DeliveryDelay {
    delay_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    #[serde(default)]
    email_address: String,
}

/// What the event says about a mail that was sent with `configuration_set`.
///
/// # Errors
/// When it does not concern us, with the reason: another stack's mail (two stacks in an account share the bus, and both
/// number their invoices from one), a mail without our tag, or an event type that changes nothing.
pub fn read(event: &SesEvent, configuration_set: &str) -> Result<Report, Reason> {
    let detail = &event.detail;
    let tag = |name: &str| detail.mail.tags.get(name).and_then(|values| values.first()).map(String::as_str);
    if tag(SET_TAG) != Some(configuration_set) {
        return Err(Reason::new("foreign_mail", "it was sent with another configuration set"));
    }
    let Some(mail) = tag(TAG).and_then(MailId::of_tag) else {
        return Err(Reason::new("untagged_mail", "it carries no mail's id as its tag"));
    };
    let (happened, cause) = happened(detail)?;
    // Suppress the address that we wrote to: a server may report the address it forwarded to instead.
    let reported = match cause {
        Some(Cause::Complaint) => &detail.complaint.complained_recipients,
        _ => &detail.bounce.bounced_recipients,
    };
    let address = match detail.mail.destination.as_slice() {
        [only] => Some(only),
        _ => reported.first().map(|recipient| &recipient.email_address),
    };
    let address = address.filter(|address| !address.is_empty());
    let suppress = cause.and_then(|cause| Some((AddressHash::of(address?), cause)));
    Ok(Report { mail, message_id: detail.mail.message_id.clone(), happened, suppress })
}

fn happened(detail: &Detail) -> Result<(DeliveryEvent, Option<Cause>), Reason> {
    match detail.event_type.as_str() {
        "Send" => Ok((DeliveryEvent::Sent, None)),
        "Delivery" => Ok((DeliveryEvent::Delivered, None)),
        "DeliveryDelay" => {
            Ok((DeliveryEvent::Deferred(format!("delay/{}", word(&detail.delivery_delay.delay_type))), None))
        }
        "Bounce" => Ok(bounce(&detail.bounce)),
        "Complaint" => Ok(complaint(&detail.complaint)),
        "Reject" => Ok((DeliveryEvent::Rejected(rejected(&detail.reject.reason)), None)),
        "Rendering Failure" => Ok((DeliveryEvent::Rejected(rejected("rendering failed")), None)),
        other => Err(Reason::new("event_of_no_concern", format!("{} changes nothing", word(other)))),
    }
}

/// Only a permanent bounce is final. A transient one may be an out-of-office reply, whose mailbox has the mail; an
/// undetermined one says nothing.
fn bounce(bounce: &Bounce) -> (DeliveryEvent, Option<Cause>) {
    let sub_type = word(&bounce.bounce_sub_type);
    if bounce.bounce_type != "Permanent" {
        return (DeliveryEvent::Deferred(format!("bounce/{}/{sub_type}", word(&bounce.bounce_type))), None);
    }
    let reason = match sub_type.as_str() {
        "Suppressed" | "OnAccountSuppressionList" => suppressed(&sub_type),
        _ => Reason::new(
            "mail_bounced",
            format!(
                "the recipient's server refuses the address for good ({sub_type}); replay if it works again, \
                 else ask for the right one; an invoice you send by hand from the archive"
            ),
        ),
    };
    (DeliveryEvent::Bounced(reason), Some(Cause::Bounce))
}

/// A complaint is about a mail that arrived, with two exceptions: SES may report one instead of sending, because of an
/// earlier mail, and a recipient may report that a mail is *not* spam.
fn complaint(complaint: &Complaint) -> (DeliveryEvent, Option<Cause>) {
    if let Some(sub_type @ "OnAccountSuppressionList") = complaint.complaint_sub_type.as_deref() {
        return (DeliveryEvent::Bounced(suppressed(sub_type)), Some(Cause::Complaint));
    }
    match complaint.complaint_feedback_type.as_deref() {
        Some("not-spam") => (DeliveryEvent::Delivered, None),
        _ => (DeliveryEvent::Complained, Some(Cause::Complaint)),
    }
}

fn suppressed(sub_type: &str) -> Reason {
    let text = format!(
        "SES did not try, because the address is on its suppression list ({sub_type}); take it off there if it is right, \
         then replay; an invoice you may also send by hand from the archive"
    );
    Reason::new("mail_suppressed", text)
}

fn rejected(why: &str) -> Reason {
    let text = format!(
        "SES took the mail and then refused to send it ({}); look at its attachment in the archive if it has one, then \
         replay, or send an invoice by hand",
        word(why)
    );
    Reason::new("mail_rejected", text)
}

/// An SES name that may be kept and logged: letters and spaces only, so that it cannot contain an address.
fn word(value: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == ' ' || *c == '_' || *c == '-';
    let word: String = value.chars().filter(plain).take(LONGEST_WORD).collect();
    if word.is_empty() { "unnamed".to_owned() } else { word }
}
