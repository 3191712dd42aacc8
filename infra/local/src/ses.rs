//! A stand-in for the two SES v2 operations that the functions use. SendEmail captures the mail and sends nothing;
//! GetAccount tells a quota.
//!
//! The AWS stand-in drops attachments, and tests need SES to fail in each of its ways. Delivery events of a mail are
//! sent afterwards over the [`Bus`].

mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mail_parser::{MessageParser, MimeHeaders};
use serde::Deserialize;
use serde_json::json;

use crate::clock::BundleClock;
use crate::event_bus::Bus;
use crate::faults::{Fault, Faults, lost_answer};
use crate::mail::{Attachment, Mail, Mailbox};

/// SES as the functions see it.
#[derive(Debug)]
pub struct Ses {
    /// Where captured mails go.
    pub mailbox: Arc<Mailbox>,
    /// The faults to inject.
    pub faults: Faults,
    /// Where delivery events go.
    pub bus: Bus,
    /// Mails that it takes in all: an account's daily quota.
    pub daily: AtomicUsize,
    /// The bundle's clock.
    pub clock: Arc<BundleClock>,
}

/// The daily quota of an account that left the sandbox.
pub const DAILY: usize = 50_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: Option<String>,
    destination: Option<Destination>,
    #[serde(default)]
    reply_to_addresses: Vec<String>,
    content: Content,
    #[serde(default)]
    email_tags: Vec<NameValue>,
    configuration_set_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Destination {
    to_addresses: Vec<String>,
    cc_addresses: Vec<String>,
    bcc_addresses: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Option<Simple>,
    raw: Option<RawMessage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawMessage {
    data: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Text,
    body: Parts,
    #[serde(default)]
    headers: Vec<NameValue>,
    #[serde(default)]
    attachments: Vec<File>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Parts {
    text: Text,
    html: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Text {
    data: String,
    charset: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameValue {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    file_name: String,
    raw_content: String,
    content_type: Option<String>,
}

impl Ses {
    /// `GET /v2/email/account`: the account's quota.
    pub fn account(&self) -> Response<Body> {
        let sent = self.mailbox.all().len();
        #[expect(clippy::cast_precision_loss, reason = "SES gives its quotas as floating-point numbers")]
        let daily = self.daily.load(Ordering::Relaxed) as f64;
        let quota = json!({"Max24HourSend": daily, "MaxSendRate": 14.0, "SentLast24Hours": sent});
        Json(json!({"SendQuota": quota, "SendingEnabled": true, "ProductionAccessEnabled": true})).into_response()
    }

    /// `POST /v2/email/outbound-emails`.
    pub async fn send(&self, body: Bytes) -> Response<Body> {
        let fault = self.faults.next().await;
        match fault {
            Some(Fault::Throttle) => {
                return error(
                    StatusCode::TOO_MANY_REQUESTS,
                    "TooManyRequestsException",
                    "Maximum sending rate exceeded.",
                );
            }
            Some(Fault::Fail) => {
                return error(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "InternalServiceErrorException",
                    "Something went wrong on request.",
                );
            }
            Some(Fault::Reject) => {
                return error(StatusCode::BAD_REQUEST, "MessageRejected", "Email address is not verified.");
            }
            _ => {}
        }
        let request = match serde_json::from_slice::<SendEmail>(&body) {
            Ok(request) => request,
            Err(problem) => return error(StatusCode::BAD_REQUEST, "BadRequestException", &problem.to_string()),
        };
        if let Err(problem) = rules::check(&request) {
            return error(StatusCode::BAD_REQUEST, "BadRequestException", &problem);
        }
        if self.mailbox.all().len() >= self.daily.load(Ordering::Relaxed) {
            return error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "Daily message quota exceeded.");
        }
        let id = message_id();
        let mail = match read(request, id.clone(), self.clock.now()) {
            Ok(mail) => mail,
            Err(problem) => return error(StatusCode::BAD_REQUEST, "BadRequestException", &problem),
        };
        if let Err(problem) = self.mailbox.keep(mail.clone()) {
            return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceErrorException", &format!("{problem:#}"));
        }
        self.bus.tell(&mail);
        if fault == Some(Fault::LoseAnswer) {
            return lost_answer();
        }
        Json(json!({"MessageId": id})).into_response()
    }
}

fn read(request: SendEmail, id: String, now: Timestamp) -> Result<Mail, String> {
    let mut mail = match (request.content.simple, request.content.raw) {
        (Some(simple), None) => from_simple(simple),
        (None, Some(raw)) => from_raw(&raw.data)?,
        _ => return Err("Content must be either Simple or Raw".to_owned()),
    };
    mail.id = id;
    mail.sent_at = now.to_string();
    mail.configuration_set = request.configuration_set_name;
    mail.tags = request.email_tags.into_iter().map(|tag| (tag.name, tag.value)).collect();
    if let Some(from) = request.from_email_address {
        // Mail programs show the decoded name.
        mail.from = readable(&from);
    }
    if let Some(destination) = request.destination {
        mail.to = destination.to_addresses.join(", ");
    }
    if !request.reply_to_addresses.is_empty() {
        mail.headers.insert("Reply-To".to_owned(), request.reply_to_addresses.join(", "));
    }
    if mail.from.is_empty() || mail.to.is_empty() {
        return Err("Missing sender or recipient".to_owned());
    }
    Ok(mail)
}

/// A sender as a mail program shows it.
fn readable(from: &str) -> String {
    let message = MessageParser::default().parse(format!("From: {from}\r\n\r\n").as_bytes()).map(|message| {
        let first = message.from().and_then(|list| list.first());
        first.map(|one| (one.name().map(str::to_owned), one.address().map(str::to_owned)))
    });
    match message.flatten() {
        Some((Some(name), Some(address))) => format!("{name} <{address}>"),
        _ => from.to_owned(),
    }
}

fn from_simple(simple: Simple) -> Mail {
    let attachments = simple.attachments.into_iter().map(|file| Attachment {
        filename: file.file_name,
        content_type: file.content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        base64: file.raw_content,
    });
    Mail {
        subject: simple.subject.data,
        text: simple.body.text.data,
        html: simple.body.html.data,
        headers: simple.headers.into_iter().map(|header| (header.name, header.value)).collect(),
        attachments: attachments.collect(),
        ..empty()
    }
}

fn from_raw(data: &str) -> Result<Mail, String> {
    let bytes = STANDARD.decode(data).map_err(|_| "Raw.Data is not base64".to_owned())?;
    let message = MessageParser::default().parse(&bytes).ok_or("Raw.Data is not a message")?;
    let addresses = |field: Option<&mail_parser::Address<'_>>| {
        field
            .map(|list| list.iter().filter_map(|one| one.address().map(str::to_owned)).collect::<Vec<_>>().join(", "))
            .unwrap_or_default()
    };
    let attachments = message.attachments().map(|part| Attachment {
        filename: part.attachment_name().unwrap_or("attachment").to_owned(),
        content_type: part.content_type().map_or_else(
            || "application/octet-stream".to_owned(),
            |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream")),
        ),
        base64: STANDARD.encode(part.contents()),
    });
    Ok(Mail {
        to: addresses(message.to()),
        from: addresses(message.from()),
        subject: message.subject().unwrap_or_default().to_owned(),
        text: message.body_text(0).unwrap_or_default().into_owned(),
        html: message.body_html(0).unwrap_or_default().into_owned(),
        headers: message.headers_raw().map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect(),
        attachments: attachments.collect(),
        ..empty()
    })
}

fn empty() -> Mail {
    Mail {
        id: String::new(),
        to: String::new(),
        from: String::new(),
        subject: String::new(),
        text: String::new(),
        html: String::new(),
        headers: BTreeMap::new(),
        attachments: Vec::new(),
        tags: BTreeMap::new(),
        configuration_set: None,
        sent_at: String::new(),
    }
}

/// The form of SES's own message ids.
fn message_id() -> String {
    format!("0108{:012x}-{}-000000", fastrand::u64(..) >> 16, crate::lambda::pool::request_id())
}

fn error(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    (status, [("x-amzn-errortype", kind.to_owned())], Json(json!({"message": message}))).into_response()
}
