//! Asking others over HTTPS: one bounded request, and its answer as bytes. What is asked and what an answer means is the
//! business of whoever asks; AWS's services are asked by their own clients.

use std::{sync::OnceLock, time::Duration};

use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::HttpConnector,
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};

/// TLS on ring, which unlike aws-lc collects no jitter entropy at a cold start.
pub(crate) const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// Where another set of authorities than the system's is named, as in a company whose proxy reads along. The variable is
/// OpenSSL's.
#[cfg(feature = "aws")]
pub(crate) const OTHER_AUTHORITIES: &str = "SSL_CERT_FILE";

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// `GET`, `POST`.
    pub method: &'static str,
    /// Where.
    pub url: &'a str,
    /// Names and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; empty for none.
    pub body: &'a str,
    /// How long the whole answer may take.
    pub patience: Duration,
    /// Most bytes of an answer that are read.
    pub largest: usize,
}

/// An answer, of whatever status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// No HTTP that can be sent: a wrong address, or a header with a line break.
    #[error("the question cannot be sent")]
    Unsendable,
    /// No connection, or it broke.
    #[error("no answer")]
    Silent,
    /// It takes too long.
    #[error("no answer in time")]
    TooLate,
    /// The answer is longer than anyone needs.
    #[error("its answer is too long")]
    TooLong,
}

/// Whom one asks through. Made at once; what TLS needs is read at the first question, because a function that never asks
/// must not wait for it at its start.
#[derive(Debug, Default)]
pub struct Https {
    trusted: TlsContext,
    connector: OnceLock<Connector>,
}

impl Https {
    /// One that trusts these authorities alone, and not all that the system does.
    #[cfg(feature = "appsync")]
    pub(crate) fn trusting(trusted: TlsContext) -> Self {
        Self { trusted, connector: OnceLock::new() }
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(&self, question: &Question<'_>) -> Result<Answer, Unanswered> {
        let request = request(question).ok_or(Unanswered::Unsendable)?;
        let connect = || Connector::builder().tls_provider(TLS).tls_context(self.trusted.clone()).build();
        let connector = self.connector.get_or_init(connect);
        let answer = tokio::time::timeout(question.patience, answered(connector, request, question.largest)).await;
        answer.map_err(|_| Unanswered::TooLate)?
    }
}

fn request(question: &Question<'_>) -> Option<HttpRequest> {
    let mut request = HttpRequest::new(SdkBody::from(question.body));
    request.set_method(question.method).ok()?;
    request.set_uri(question.url).ok()?;
    for (name, value) in question.headers {
        request.headers_mut().try_insert((*name).to_owned(), (*value).to_owned()).ok()?;
    }
    Some(request)
}

async fn answered(connector: &Connector, request: HttpRequest, largest: usize) -> Result<Answer, Unanswered> {
    let answer: HttpResponse = connector.call(request).await.map_err(|_| Unanswered::Silent)?;
    let status = answer.status().as_u16();
    let mut body = ByteStream::new(answer.into_body());
    let mut read = Vec::new();
    while let Some(part) = body.next().await {
        read.extend_from_slice(&part.map_err(|_| Unanswered::Silent)?);
        if read.len() > largest {
            return Err(Unanswered::TooLong);
        }
    }
    Ok(Answer { status, body: read })
}
