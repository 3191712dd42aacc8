//! The mail transport on SES v2. One request, never retried by the SDK: SES has no idempotency key, so `verdict`
//! decides whether a failed request may be retried, from what is known about it.
//!
//! Each mail opens its own connection. A function is frozen between two invocations, and the server may drop an idle
//! connection meanwhile: a request on it is reset or never answered, and it is then unknown whether SES took the mail.

mod verdict;

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::connect::{ses_endpoint, trusted};
use aws_sdk_sesv2::{
    Client,
    primitives::Blob,
    types::{
        Attachment, AttachmentContentTransferEncoding, Body, Content, Destination, EmailContent, Message,
        MessageHeader, MessageTag,
    },
};
use aws_smithy_http_client::Builder;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use comptoir::{
    mail::{
        self,
        outbox::{AttachedFile, MailTransport, OutgoingEmail, SendResult},
    },
    outcome::Reason,
    timing::{CONNECT_SECONDS, POST_SECONDS},
};
use comptoir_edge::https::TLS;
use verdict::verdict;

/// SES with a configuration set.
#[derive(Debug, Clone)]
pub struct SesTransport {
    client: Client,
    configuration_set: String,
}

impl SesTransport {
    /// Sends through `configuration_set`, which publishes the delivery events of each mail.
    pub fn new(config: &aws_types::SdkConfig, configuration_set: String) -> Self {
        Self::with_patience(config, configuration_set, Duration::from_secs(POST_SECONDS))
    }

    fn with_patience(config: &aws_types::SdkConfig, configuration_set: String, patience: Duration) -> Self {
        // Sets every timeout: one left out would be inherited from the configuration of the other services.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
            .operation_attempt_timeout(patience)
            .operation_timeout(patience)
            .build();
        let region = config.region().map(|region| region.as_ref()).unwrap_or_default();
        let fresh = Builder::new().pool_max_idle_per_host(0).tls_provider(TLS).tls_context(trusted(region));
        let mut once = aws_sdk_sesv2::config::Builder::from(config)
            .http_client(fresh.build_https())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(url) = ses_endpoint() {
            once.set_endpoint_url(Some(url));
        }
        Self { client: Client::from_conf(once.build()), configuration_set }
    }
}

fn content(letter: &OutgoingEmail) -> Result<EmailContent, aws_sdk_sesv2::error::BuildError> {
    let part = |data: &str| Content::builder().data(data).charset("UTF-8").build();
    let body = Body::builder().html(part(&letter.html)?).text(part(&letter.text)?).build();
    let attached = |enclosure: &AttachedFile| {
        Attachment::builder()
            .file_name(&enclosure.filename)
            .content_type("application/pdf")
            .content_transfer_encoding(AttachmentContentTransferEncoding::Base64)
            .raw_content(Blob::new(enclosure.pdf.clone()))
            .build()
    };
    let attachments = letter.enclosure.as_ref().map(attached).transpose()?.map(|attachment| vec![attachment]);
    let header = |(name, value): (&str, &str)| MessageHeader::builder().name(name).value(value).build();
    let headers = mail::headers(&letter.id).into_iter().map(header).collect::<Result<_, _>>()?;
    let message = Message::builder().subject(part(&letter.subject)?).body(body).set_headers(Some(headers));
    let message = message.set_attachments(attachments).build();
    Ok(EmailContent::builder().simple(message).build())
}

impl MailTransport for SesTransport {
    async fn post(&self, letter: &OutgoingEmail) -> SendResult {
        let built = content(letter)
            .and_then(|content| Ok((content, MessageTag::builder().name(mail::TAG).value(letter.id.tag()).build()?)));
        let (content, tag) = match built {
            Ok(built) => built,
            Err(error) => return SendResult::Permanent(Reason::new("mail_incomplete", error.to_string())),
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
            Ok(sent) => SendResult::Accepted(sent.message_id.unwrap_or_default()),
            Err(error) => verdict(&error),
        }
    }
}
