//! The post office on SES v2. One request, never repeated by the SDK: SES has no idempotency key, so whether a failed
//! request may be tried again is decided here, by what is known of it.

use std::time::Duration;

use crate::{
    https::never_connected,
    mail::{
        self,
        outbox::{Enclosure, Letter, PostOffice, Posted},
    },
    outcome::Reason,
    timing::{CONNECT_SECONDS, POST_SECONDS},
};
use aws_sdk_sesv2::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_email::SendEmailError,
    primitives::Blob,
    types::{
        Attachment, AttachmentContentTransferEncoding, Body, Content, Destination, EmailContent, Message,
        MessageHeader, MessageTag,
    },
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};

/// SES with a configuration set.
#[derive(Debug, Clone)]
pub struct SesPostOffice {
    client: Client,
    configuration_set: String,
}

impl SesPostOffice {
    /// Sends through `configuration_set`, which publishes what becomes of each mail.
    pub fn new(config: &aws_types::SdkConfig, configuration_set: String) -> Self {
        let patience = Duration::from_secs(POST_SECONDS);
        // Every bound anew: one that is left out is inherited from the other services' configuration.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
            .operation_attempt_timeout(patience)
            .operation_timeout(patience)
            .build();
        let mut once =
            aws_sdk_sesv2::config::Builder::from(config).retry_config(RetryConfig::disabled()).timeout_config(timeouts);
        // The bundle on one machine captures mails itself.
        if let Some(url) = crate::config::optional("AWS_ENDPOINT_URL_SESV2") {
            once.set_endpoint_url(Some(url));
        }
        Self { client: Client::from_conf(once.build()), configuration_set }
    }
}

fn content(letter: &Letter) -> Result<EmailContent, aws_sdk_sesv2::error::BuildError> {
    let part = |data: &str| Content::builder().data(data).charset("UTF-8").build();
    let body = Body::builder().html(part(&letter.html)?).text(part(&letter.text)?).build();
    let attached = |enclosure: &Enclosure| {
        Attachment::builder()
            .file_name(&enclosure.filename)
            .content_type("application/pdf")
            .content_transfer_encoding(AttachmentContentTransferEncoding::Base64)
            .raw_content(Blob::new(enclosure.pdf.clone()))
            .build()
    };
    let attachments = letter.enclosure.as_ref().map(attached).transpose()?.map(|attachment| vec![attachment]);
    let header = MessageHeader::builder().name("X-Comptoir-Mail").value(&letter.id.0).build()?;
    let message = Message::builder().subject(part(&letter.subject)?).body(body).headers(header);
    let message = message.set_attachments(attachments).build();
    Ok(EmailContent::builder().simple(message).build())
}

impl PostOffice for SesPostOffice {
    async fn post(&self, letter: &Letter) -> Posted {
        let built = content(letter)
            .and_then(|content| Ok((content, MessageTag::builder().name(mail::TAG).value(letter.id.tag()).build()?)));
        let (content, tag) = match built {
            Ok(built) => built,
            Err(error) => return Posted::Refused(Reason::new("mail_incomplete", error.to_string())),
        };
        let sent = self
            .client
            .send_email()
            .from_email_address(&letter.from)
            .set_reply_to_addresses(letter.reply_to.clone().map(|address| vec![address]))
            .destination(Destination::builder().to_addresses(&letter.to).build())
            .content(content)
            .configuration_set_name(&self.configuration_set)
            .email_tags(tag)
            .send()
            .await;
        match sent {
            Ok(sent) => Posted::Accepted(sent.message_id.unwrap_or_default()),
            Err(error) => verdict(&error),
        }
    }
}

/// What a failed request means for the mail.
fn verdict(error: &SdkError<SendEmailError>) -> Posted {
    match error {
        SdkError::ServiceError(service) => answered(service.err(), service.raw().status().as_u16()),
        SdkError::ConstructionFailure(_) => Posted::NotNow("the request could not be made".to_owned()),
        SdkError::DispatchFailure(failure) if failure.as_connector_error().is_some_and(|e| never_connected(e)) => {
            Posted::NotNow("no connection to the mail service".to_owned())
        }
        _ => Posted::Unclear("the mail service's answer was lost".to_owned()),
    }
}

fn answered(error: &SendEmailError, status: u16) -> Posted {
    let code = error.code().unwrap_or("unnamed error").to_owned();
    // A gateway between us and SES gave up; SES itself may have accepted.
    if matches!(status, 502 | 504) {
        return Posted::Unclear(code);
    }
    if status == 429 || status >= 500 || error.is_too_many_requests_exception() || error.is_limit_exceeded_exception() {
        return Posted::NotNow(code);
    }
    let fix = match error {
        SendEmailError::MailFromDomainNotVerifiedException(_) => "verify the sender's domain in SES, then replay",
        SendEmailError::MessageRejected(_) => {
            "verify mail.from in SES, or leave the SES sandbox if the recipient is not verified, then replay"
        }
        SendEmailError::AccountSuspendedException(_) | SendEmailError::SendingPausedException(_) => {
            "SES stopped sending for this account; resolve it in the SES console, then replay"
        }
        SendEmailError::NotFoundException(_) => {
            "the SES configuration set is missing; deploy the stack again, then replay"
        }
        _ => "see the SES console for the cause, then replay",
    };
    Posted::Refused(Reason::new("mail_refused", format!("{code}: {fix}")))
}
