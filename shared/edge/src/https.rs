//! An HTTPS client: one bounded request, its response as bytes. The caller builds the request and interprets the
//! response; AWS services have clients of their own.

use std::{error::Error, net::IpAddr, sync::OnceLock, time::Duration};

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use tokio::time::{Instant, timeout_at};

use comptoir::timing::CONNECT_SECONDS;

use crate::egress::{NotPublic, PublicNames, is_public};

/// TLS on ring, which unlike aws-lc collects no jitter entropy at a cold start.
pub const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// Names a file of trusted authorities other than the system's, as behind a corporate proxy that inspects TLS. The
/// variable is OpenSSL's.
pub const OTHER_AUTHORITIES: &str = "SSL_CERT_FILE";

/// A request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST`.
    pub method: &'static str,
    /// The URL.
    pub url: &'a str,
    /// Names and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; empty for none.
    pub body: &'a str,
    /// Timeout for the whole response.
    pub patience: Duration,
    /// Largest response that is read, in bytes.
    pub largest: usize,
}

/// A response, of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The `Retry-After` header, if present.
    pub retry_after: Option<String>,
    /// The `Date` header: the server's time.
    pub date: Option<String>,
    /// Whether it is the response to an earlier request with the same idempotency key, as Stripe marks it.
    pub replayed: bool,
    /// The body, or why it is incomplete.
    pub body: Result<Vec<u8>, HttpError>,
}

/// Why there is no response. After [`NotPublic`](Self::NotPublic), [`Unsendable`](Self::Unsendable) and [`Unconnected`](Self::Unconnected) the server
/// did not receive the request; after the others it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The address is not public, and the client asks public ones alone.
    #[error("its address is not public")]
    NotPublic,
    /// Not a valid HTTP request: a wrong address, or a header with a line break.
    #[error("the wanted cannot be sent")]
    Unsendable,
    /// No connection could be made.
    #[error("no answer")]
    Unconnected,
    /// The connection broke.
    #[error("no answer")]
    Silent,
    /// Timeout.
    #[error("no answer in time")]
    TooLate,
    /// The response exceeds the size limit.
    #[error("its answer is too long")]
    TooLong,
}

/// The client. Cheap to create: TLS roots are read at the first request, so that a function that never sends one does
/// not wait for them at its start.
#[derive(Debug, Default)]
pub struct Https {
    trusted: TlsContext,
    public_alone: bool,
    connector: OnceLock<Connector>,
}

impl Https {
    /// A client that trusts only these authorities, and not the system's.
    pub fn trusting(trusted: TlsContext) -> Self {
        Self { trusted, ..Self::default() }
    }

    /// A client for addresses that somebody else chose: it connects to public ones alone.
    pub fn public_alone() -> Self {
        Self { public_alone: true, ..Self::default() }
    }

    /// Sends the request once.
    ///
    /// # Errors
    /// Why there is no response.
    pub async fn ask(&self, wanted: &Request<'_>) -> Result<Response, HttpError> {
        let request = request(wanted).ok_or(HttpError::Unsendable)?;
        // A number is not resolved.
        if self.public_alone && number(request.uri()).is_some_and(|address| !is_public(address)) {
            return Err(HttpError::NotPublic);
        }
        let connector = self.connector.get_or_init(|| self.connector());
        let end = Instant::now() + wanted.patience;
        let answer = timeout_at(end, connector.call(request)).await.map_err(|_| HttpError::TooLate)?;
        let answer = answer.map_err(|error| match () {
            () if caused_by::<NotPublic>(&error, |_| true) => HttpError::NotPublic,
            () if never_connected(&error) => HttpError::Unconnected,
            () => HttpError::Silent,
        })?;
        let header = |name: &str| answer.headers().get(name).map(str::to_owned);
        let (status, retry_after, date) = (answer.status().as_u16(), header("retry-after"), header("date"));
        let replayed = header("idempotent-replayed").as_deref() == Some("true");
        let body = timeout_at(end, body(answer, wanted.largest)).await.unwrap_or(Err(HttpError::TooLate));
        Ok(Response { status, retry_after, date, replayed, body })
    }

    fn connector(&self) -> Connector {
        let connect = Duration::from_secs(CONNECT_SECONDS);
        let builder = Connector::builder()
            .connector_settings(HttpConnectorSettings::builder().connect_timeout(connect).build())
            .sleep_impl(TokioSleep::new())
            // A function is frozen between requests, and a connection does not outlive that.
            .pool_max_idle_per_host(0);
        let builder = builder.tls_provider(TLS).tls_context(self.trusted.clone());
        if self.public_alone { builder.build_with_resolver(PublicNames) } else { builder.build() }
    }
}

fn request(wanted: &Request<'_>) -> Option<HttpRequest> {
    let mut request = HttpRequest::new(SdkBody::from(wanted.body));
    request.set_method(wanted.method).ok()?;
    request.set_uri(wanted.url).ok()?;
    for (name, value) in wanted.headers {
        request.headers_mut().try_insert((*name).to_owned(), (*value).to_owned()).ok()?;
    }
    Some(request)
}

/// The host of an address, if it is a number.
fn number(uri: &str) -> Option<IpAddr> {
    let authority = uri.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0.parse().ok().map(IpAddr::V6),
        None => host.split(':').next()?.parse().ok().map(IpAddr::V4),
    }
}

async fn body(answer: HttpResponse, largest: usize) -> Result<Vec<u8>, HttpError> {
    let mut body = ByteStream::new(answer.into_body());
    let mut read = Vec::new();
    while let Some(part) = body.next().await {
        read.extend_from_slice(&part.map_err(|_| HttpError::Silent)?);
        if read.len() > largest {
            return Err(HttpError::TooLong);
        }
    }
    Ok(read)
}

/// Whether the request cannot have reached the service: the connection itself failed.
pub fn never_connected(error: &(dyn Error + 'static)) -> bool {
    caused_by(error, hyper_util::client::legacy::Error::is_connect)
}

/// Whether an error of this kind is among the causes.
fn caused_by<E: Error + 'static>(error: &(dyn Error + 'static), is: impl Fn(&E) -> bool) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if current.downcast_ref::<E>().is_some_and(&is) {
            return true;
        }
        cause = current.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    /// Sends a request to a server that reads it and answers with this.
    async fn asked(says: &'static [u8], largest: usize) -> Result<Response, HttpError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let other = thread::spawn(move || {
            let mut caller = listener.accept().unwrap().0;
            let heard = caller.read(&mut [0; 4096]).unwrap();
            caller.write_all(says).unwrap();
            heard
        });
        let answer = ask(&url, largest).await;
        assert!(other.join().unwrap() > 0);
        answer
    }

    async fn ask(url: &str, largest: usize) -> Result<Response, HttpError> {
        let patience = Duration::from_secs(5);
        Https::default().ask(&Request { method: "POST", url, headers: &[], body: "?", patience, largest }).await
    }

    #[tokio::test]
    async fn nobody_there_is_told_from_somebody_who_may_have_heard() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(ask(&format!("http://{nobody}/"), 9).await, Err(HttpError::Unconnected));
        assert_eq!(asked(b"", 9).await, Err(HttpError::Silent));
        assert_eq!(ask("no address", 9).await, Err(HttpError::Unsendable));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let spelt = ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]"];
        for (scheme, host) in ["http", "https"].into_iter().flat_map(|scheme| spelt.map(|host| (scheme, host))) {
            let url = format!("{scheme}://{host}:{port}/");
            let patience = Duration::from_secs(5);
            let wanted = Request { method: "POST", url: &url, headers: &[], body: "?", patience, largest: 9 };
            let asked = Https::public_alone().ask(&wanted).await;
            // TLS refuses some spellings as a name before they are looked up.
            let named = asked == Err(HttpError::Unconnected) && scheme == "https";
            assert!(asked == Err(HttpError::NotPublic) || named, "{url}: {asked:?}");
        }
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "nobody connected");
    }

    #[tokio::test]
    async fn a_status_stands_though_the_body_does_not() {
        let date = "Thu, 26 Nov 2026 17:00:00 GMT";
        let told = |body| {
            let (retry_after, date) = (Some("7".to_owned()), Some(date.to_owned()));
            Ok(Response { status: 429, retry_after, date, replayed: false, body })
        };
        let head =
            "HTTP/1.1 429 Slow\r\ndate: Thu, 26 Nov 2026 17:00:00 GMT\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\n";
        let says = |body: &str| -> &'static [u8] { format!("{head}{body}").leak().as_bytes() };
        assert_eq!(asked(says("wait"), 4).await, told(Ok(b"wait".to_vec())));
        assert_eq!(asked(says("wait"), 3).await, told(Err(HttpError::TooLong)));
        assert_eq!(asked(says("wa"), 4).await, told(Err(HttpError::Silent)));
    }
}
