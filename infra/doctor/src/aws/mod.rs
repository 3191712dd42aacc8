//! The AWS account, queried over HTTPS with signed requests (IAM User Guide, "AWS Signature Version 4 for API
//! requests").

mod account;
mod answers;

use std::time::{Duration, SystemTime};

pub use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use comptoir::clock::{Clock, SystemClock};
use comptoir_edge::https::{Https, Request, Response};

use crate::facts::{Asked, Unasked};

const PATIENCE: Duration = Duration::from_secs(10);
const LARGEST: usize = 4 * 1024 * 1024;
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// An account in one region.
#[derive(Debug)]
pub struct AwsAccount {
    region: String,
    credentials: Credentials,
    /// An override of every service's address.
    endpoint: Option<String>,
    https: Https,
}

/// One request to a service.
struct AwsRequest<'a> {
    /// The first part of its host name.
    host: &'a str,
    /// The service name for signing.
    service: &'a str,
    method: &'static str,
    path: &'a str,
    content_type: &'a str,
    /// `X-Amz-Target`, for services that need one.
    target: Option<&'a str>,
    body: &'a str,
    /// The operation's name in error messages.
    what: &'a str,
}

fn form(parameters: &[(&str, &str)], version: &str) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(parameters).append_pair("Version", version).finish()
}

impl AwsAccount {
    /// The account of these credentials; `endpoint`, if given, overrides every service's address.
    pub fn new(region: String, credentials: Credentials, endpoint: Option<String>) -> Self {
        Self { region, credentials, endpoint, https: Https::default() }
    }

    fn address(&self, host: &str) -> String {
        let suffix = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        match &self.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://{host}.{}.{suffix}", self.region),
        }
    }

    /// An answer of a service that speaks XML.
    async fn query(&self, host: &str, version: &str, parameters: &[(&str, &str)]) -> Asked<String> {
        let action = parameters.first().map(|(_, action)| *action).unwrap_or_default();
        let body = form(parameters, version);
        let what = format!("{host} {action}");
        let request = AwsRequest {
            host,
            service: host,
            method: "POST",
            path: "/",
            content_type: FORM,
            target: None,
            body: &body,
            what: &what,
        };
        self.ask(&request).await
    }

    async fn get(&self, host: &str, service: &str, path: &str) -> Asked<String> {
        let (content_type, target, body) = ("application/json", None, "");
        self.ask(&AwsRequest { host, service, method: "GET", path, content_type, target, body, what: host }).await
    }

    async fn ask(&self, request: &AwsRequest<'_>) -> Asked<String> {
        let silent = || Unasked::Silent { what: request.what.to_owned() };
        let url = format!("{}{}", self.address(request.host), request.path);
        let mut headers = vec![("content-type".to_owned(), request.content_type.to_owned())];
        headers.extend(request.target.map(|target| ("x-amz-target".to_owned(), target.to_owned())));
        let signed = self.signature(request, &url, &headers).map_err(|_| silent())?;
        headers.extend(signed);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let wanted = Request {
            method: request.method,
            url: &url,
            headers: &headers,
            body: request.body,
            patience: PATIENCE,
            largest: LARGEST,
        };
        let Response { status, body, .. } = self.https.ask(&wanted).await.map_err(|_| silent())?;
        let body = String::from_utf8(body.map_err(|_| silent())?).unwrap_or_default();
        match status {
            200..=299 => Ok(body),
            _ => Err(Unasked::Refused { what: request.what.to_owned(), status, code: answers::code(&body) }),
        }
    }

    fn signature(
        &self,
        request: &AwsRequest<'_>,
        url: &str,
        headers: &[(String, String)],
    ) -> Result<Vec<(String, String)>, Box<dyn std::error::Error>> {
        let identity = Identity::from(self.credentials.clone());
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(request.service)
            .time(SystemTime::from(SystemClock.now()))
            .settings(SigningSettings::default())
            .build()?;
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let signable =
            SignableRequest::new(request.method, url, headers, SignableBody::Bytes(request.body.as_bytes()))?;
        let instructions = sign(signable, &params.into())?.into_parts().0;
        Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
