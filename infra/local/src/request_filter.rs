//! Which requests a port of the bundle takes: those of programs on this machine and of the bundle's own pages, and none of a
//! page of another origin, under whatever name it reaches the port.
//!
//! A browser says where a request comes from in `Origin` and `Sec-Fetch-Site`, which no page can change; that loopback
//! ports are of one *site* does not count. A page whose own name was made to lead here (DNS rebinding) is known by
//! `Host`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use serde_json::json;
use tokio::net::TcpListener;

/// Paths that pages of any origin may ask, because each request carries a token of its own, as at AppSync.
const WITH_TOKEN: [&str; 2] = ["/graphql", "/graphql/realtime"];

/// Paths that take JSON alone, by their beginning: the runner's own, and those of APIs that speak nothing else.
const JSON_ALONE: [&str; 5] = ["/_local/", "/_ses/", "/_slack/", "/_app/", "/_stripe/_fake/"];

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Programs, and people in a browser: a link from elsewhere may lead to a page.
    Front,
    /// Functions that fetch their work.
    Runtime,
    /// Functions that call AWS, whose services have types of their own.
    Aws,
}

/// The rules of one port.
#[derive(Debug)]
pub struct RequestFilter {
    hosts: [String; 3],
    port: Port,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Host,
    Page,
    Type,
}

impl RequestFilter {
    /// The rules of the port that this listener has.
    ///
    /// # Errors
    /// Those of the system.
    pub fn of(listener: &TcpListener, port: Port) -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self::new(listener.local_addr()?.port(), port)))
    }

    fn new(number: u16, port: Port) -> Self {
        Self { hosts: ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{number}")), port }
    }

    fn judge(&self, parts: &Parts) -> Result<(), Refusal> {
        let host = single(&parts.headers, &header::HOST).map(str::to_ascii_lowercase).filter(|host| self.knows(host));
        let host = host.ok_or(Refusal::Host)?;
        if parts.uri.authority().is_some_and(|named| !self.knows(named.as_str())) {
            return Err(Refusal::Host);
        }
        let path = parts.uri.path();
        if !WITH_TOKEN.contains(&path) && !self.is_followed(parts) && !is_own(&parts.headers, &host) {
            return Err(Refusal::Page);
        }
        if has_body(&parts.headers) && !self.takes(path, &parts.headers) {
            return Err(Refusal::Type);
        }
        Ok(())
    }

    fn knows(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known == host)
    }

    /// A link that a person follows: the answer replaces the page that had it, and is read by nobody there.
    fn is_followed(&self, parts: &Parts) -> bool {
        let says = |name: &HeaderName, value: &str| single(&parts.headers, name) == Some(value);
        let navigates = says(&MODE, "navigate") && says(&DEST, "document");
        self.port == Port::Front
            && parts.method == Method::GET
            && navigates
            && !parts.headers.contains_key(header::ORIGIN)
    }

    /// A page may send plain text and forms anywhere without being asked; JSON it may not.
    fn takes(&self, path: &str, headers: &HeaderMap) -> bool {
        let kind = single(headers, &header::CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match (self.port, kind.as_str()) {
            (Port::Aws, _) | (_, "application/json") => true,
            (Port::Front, "application/x-www-form-urlencoded") => !JSON_ALONE.iter().any(|own| path.starts_with(own)),
            // The official runtime answers without a type.
            (Port::Runtime, "") => true,
            _ => false,
        }
    }
}

/// A program says neither; a page says both, and the port's own pages say the port's own origin.
fn is_own(headers: &HeaderMap, host: &str) -> bool {
    let own = !headers.contains_key(header::ORIGIN)
        || single(headers, &header::ORIGIN).is_some_and(|origin| origin.strip_prefix("http://") == Some(host));
    let near = !headers.contains_key(SITE) || matches!(single(headers, &SITE), Some("same-origin" | "none"));
    own && near
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    length || headers.contains_key(header::TRANSFER_ENCODING)
}

/// The value of a header that came once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The layer.
pub async fn filter(State(rules): State<Arc<RequestFilter>>, request: Request, next: Next) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut answer = match rules.judge(&parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refusal) => refusal.response(),
    };
    let headers = answer.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    answer
}

impl Refusal {
    fn response(self) -> Response<Body> {
        let (status, message) = match self {
            Self::Host => (StatusCode::FORBIDDEN, "this port is 127.0.0.1 or localhost, and answers to no other name"),
            Self::Page => (StatusCode::FORBIDDEN, "pages of another origin have nothing to ask here"),
            Self::Type => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "send a body as application/json"),
        };
        (status, Json(json!({"message": message}))).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(rules: &RequestFilter, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<(), Refusal> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        rules.judge(&request.body(Body::empty()).unwrap().into_parts().0)
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:4100");
    const FULL: (&str, &str) = ("content-length", "2");
    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

    #[test]
    fn a_port_has_the_names_of_this_machine_alone() {
        let rules = RequestFilter::new(4100, Port::Front);
        let named = |host: &str| judged(&rules, "GET", "/", &[("host", host)]);
        for host in ["127.0.0.1:4100", "localhost:4100", "LocalHost:4100", "[::1]:4100"] {
            assert_eq!(named(host), Ok(()), "{host}");
        }
        for host in ["evil.example", "evil.example:4100", "127.0.0.1", "127.0.0.1:4101", "127.1:4100", "", "0:4100"] {
            assert_eq!(named(host), Err(Refusal::Host), "{host}");
        }
        assert_eq!(judged(&rules, "GET", "/", &[]), Err(Refusal::Host));
        assert_eq!(judged(&rules, "GET", "/", &[HERE, ("host", "evil.example")]), Err(Refusal::Host));
        assert_eq!(judged(&rules, "GET", "http://evil.example/", &[HERE]), Err(Refusal::Host));
    }

    #[test]
    fn a_page_of_another_origin_asks_for_nothing() {
        let (front, programs) = (RequestFilter::new(4100, Port::Front), RequestFilter::new(4100, Port::Runtime));
        for rules in [&front, &programs] {
            let from = |headers: &[(&str, &str)]| judged(rules, "GET", "/_local/state", &[&[HERE], headers].concat());
            assert_eq!(from(&[("origin", "http://127.0.0.1:4100"), ("sec-fetch-site", "same-origin")]), Ok(()));
            assert_eq!(from(&[("sec-fetch-site", "none")]), Ok(()));
            for origin in ["null", "http://evil.example", "http://127.0.0.1:4101", "https://127.0.0.1:4100", ""] {
                assert_eq!(from(&[("origin", origin)]), Err(Refusal::Page), "{origin}");
            }
            // Under another of the port's names a page is of another origin too.
            assert_eq!(from(&[("origin", "http://localhost:4100")]), Err(Refusal::Page));
            for site in ["cross-site", "same-site", ""] {
                assert_eq!(from(&[("sec-fetch-site", site)]), Err(Refusal::Page), "{site}");
            }
        }
        let link =
            [HERE, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert_eq!(judged(&front, "GET", "/", &link), Ok(()));
        assert_eq!(judged(&programs, "GET", "/", &link), Err(Refusal::Page));
        assert_eq!(judged(&front, "POST", "/", &link), Err(Refusal::Page));
        let framed =
            [HERE, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        assert_eq!(judged(&front, "GET", "/", &framed), Err(Refusal::Page));
        let elsewhere = [HERE, ("origin", "http://localhost:3000"), FULL, JSON];
        assert_eq!(judged(&front, "POST", "/graphql", &elsewhere), Ok(()), "it has its token, as at AppSync");
        assert_eq!(judged(&front, "POST", "/_local/token", &elsewhere), Err(Refusal::Page));
    }

    #[test]
    fn what_a_page_may_send_unasked_changes_nothing() {
        let rules = RequestFilter::new(4100, Port::Front);
        let posted = |path: &str, kind: &str| judged(&rules, "POST", path, &[HERE, FULL, ("content-type", kind)]);
        let form = "application/x-www-form-urlencoded";
        for path in
            ["/_ses/v2/email/outbound-emails", "/_slack/services/T/B/x", "/_local/faults/ses", "/_stripe/_fake/v1/x"]
        {
            assert_eq!(posted(path, "application/json"), Ok(()), "{path}");
            for kind in ["text/plain", "text/plain;charset=UTF-8", form, "multipart/form-data; boundary=x", ""] {
                assert_eq!(posted(path, kind), Err(Refusal::Type), "{path} {kind}");
            }
        }
        assert_eq!(posted("/_stripe/v1/refunds", form), Ok(()), "Stripe's own clients send forms");
        assert_eq!(posted("/_stripe/v1/refunds", "text/plain"), Err(Refusal::Type));
        assert_eq!(judged(&rules, "POST", "/_local/functions/sweep", &[HERE, ("content-length", "0")]), Ok(()));
        assert_eq!(judged(&rules, "POST", "/_slack/x", &[HERE, ("transfer-encoding", "chunked")]), Err(Refusal::Type));
        let runtime = "/key/f/0/2018-06-01/runtime/invocation/1/response";
        let programs = RequestFilter::new(4100, Port::Runtime);
        assert_eq!(judged(&programs, "POST", runtime, &[HERE, FULL]), Ok(()));
        for kind in ["text/plain", form, "multipart/form-data; boundary=x"] {
            let typed = [HERE, FULL, ("content-type", kind)];
            assert_eq!(judged(&programs, "POST", runtime, &typed), Err(Refusal::Type), "{kind}");
        }
    }
}
