//! The HTTP client for Stripe's Rust bindings, over the HTTPS stack that the function already has.
//!
//! The bindings' own client parses an error into every type that Stripe has, a third of the deployed binary, to get a
//! status code; and it would be a second HTTP stack beside the SDK's.

use std::{borrow::Cow, fmt::Display, str};

use comptoir::outcome::ServiceError;
use comptoir_edge::https::{HttpError, Https, Request};
use stripe_client_core::{
    CustomizedStripeRequest, RequestStrategy, SharedConfigBuilder, StripeClient, StripeClientErr, StripeMethod,
};
use tokio::time::Instant;

const API: &str = "https://api.stripe.com/";
const USER_AGENT: &str = concat!("Comptoir/", env!("CARGO_PKG_VERSION"));

/// The name of this capability in errors.
pub const WHAT: &str = "Stripe's API";

/// Largest response in bytes: a page of a hundred lines, each with a description of the 5,000 characters that Stripe
/// allows, and each character written as two escapes of six bytes.
const LARGEST: usize = 8 * 1024 * 1024;

/// Why there is no object. Contains no text from Stripe: it may repeat the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// A response of this status.
    #[error("it answered {0}")]
    Refused(u16),
    /// A parameter is wrong (400), with Stripe's code, as `resource_missing`, and the parameter's name.
    #[error("it answered 400 ({code}: {param})")]
    Parameter {
        /// Stripe's code; empty where it has none.
        code: String,
        /// The name, as `customer` or `line_items[0][price]`.
        param: String,
    },
    /// A charge was declined (402), with Stripe's code and the bank's.
    #[error("it answered 402 ({code})")]
    Declined {
        /// `card_declined` and others.
        code: String,
        /// `insufficient_funds` and others.
        decline_code: Option<String>,
        /// What Stripe advises: `do_not_try_again` and others.
        advice_code: Option<String>,
        /// What the card's network advises, in two digits.
        network_advice_code: Option<String>,
    },
    /// A failure of Stripe's own that it keeps under the idempotency key, and answered again.
    #[error("it answered {0} again, as it keeps it under the key")]
    FailureKept(u16),
    /// No response.
    #[error(transparent)]
    HttpError(#[from] HttpError),
    /// The time budget for calling Stripe is used up.
    #[error("no time is left to ask")]
    OutOfTime,
    /// The budget of this process is used up, or Stripe was away a moment ago.
    #[error("it is not asked now")]
    NotNow,
    /// An unexpected response.
    #[error("its answer cannot be read: {0}")]
    Unreadable(String),
}

impl Trouble {
    /// Classifies the failure: Stripe's own failures, rate limits and timeouts are transient
    /// (docs.stripe.com/error-low-level), rejections and unexpected responses are permanent.
    pub fn error(&self) -> ServiceError {
        let text = self.to_string();
        match self {
            Self::Refused(408 | 409 | 425 | 429 | 500..) | Self::OutOfTime | Self::NotNow => {
                ServiceError::transient(WHAT, text)
            }
            Self::HttpError(HttpError::Unconnected | HttpError::Silent | HttpError::TooLate) => {
                ServiceError::transient(WHAT, text)
            }
            Self::Refused(401) => ServiceError::permanent(
                WHAT,
                "stripe_key_refused",
                "it refuses the API key (401); store a restricted key that is in force, then replay",
            ),
            // Asking again changes nothing within a day.
            Self::Refused(_) | Self::Parameter { .. } | Self::Declined { .. } | Self::FailureKept(_) => {
                ServiceError::permanent(WHAT, "stripe_refused", text)
            }
            Self::HttpError(HttpError::Unsendable | HttpError::NotPublic) => ServiceError::permanent(
                WHAT,
                "stripe_refused",
                format!("{text}; check the stored API key, then replay"),
            ),
            Self::HttpError(HttpError::TooLong) | Self::Unreadable(_) => unreadable(&text),
        }
    }
}

/// A response that no retry can make readable.
pub fn unreadable(detail: &str) -> ServiceError {
    ServiceError::permanent(WHAT, "stripe_unreadable", format!("{detail}; install a newer version, then replay"))
}

impl StripeClientErr for Trouble {
    fn deserialize_err(msg: impl Display) -> Self {
        Self::Unreadable(msg.to_string())
    }
}

/// Stripe, called with one of its keys.
#[derive(Debug)]
pub struct Client<'a> {
    config: SharedConfigBuilder,
    https: &'a Https,
    until: Instant,
}

impl<'a> Client<'a> {
    /// A client of this configuration that calls through `https`, not beyond `until`, and once per request: a failed
    /// request is repeated when Stripe delivers the event again.
    pub fn new(config: SharedConfigBuilder, https: &'a Https, until: Instant) -> Self {
        Self { config, https, until }
    }

    fn url(&self, path: &str, query: Option<&str>) -> String {
        let base = self.config.api_base.as_deref().unwrap_or(API).trim_end_matches('/');
        let query = query.map_or(Cow::Borrowed(""), |query| Cow::Owned(format!("?{query}")));
        format!("{base}/v1{path}{query}")
    }
}

impl StripeClient for Client<'_> {
    type Err = Trouble;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<bytes::Bytes, Trouble> {
        let (request, wanted) = request.into_pieces();
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Trouble::OutOfTime);
        }
        let secret = format!("Bearer {}", self.config.secret);
        let mut headers = vec![
            ("authorization", secret.as_str()),
            ("user-agent", USER_AGENT),
            ("stripe-version", self.config.stripe_version.as_str()),
        ];
        headers.extend(request.body.as_ref().map(|_| ("content-type", "application/x-www-form-urlencoded")));
        let key = wanted.request_strategy.as_ref().and_then(RequestStrategy::get_key);
        headers.extend(key.as_ref().map(|key| ("idempotency-key", key.as_str())));
        let wanted = Request {
            method: match request.method {
                StripeMethod::Get => "GET",
                StripeMethod::Post => "POST",
                StripeMethod::Delete => "DELETE",
            },
            url: &self.url(&request.path, request.query.as_deref()),
            headers: &headers,
            body: request.body.as_deref().unwrap_or_default(),
            patience: wanted.timeout.or(self.config.timeout).unwrap_or_default().min(left),
            largest: LARGEST,
        };
        let answer = self.https.ask(&wanted).await?;
        match answer.status {
            200..=299 => Ok(answer.body?.into()),
            500.. if answer.replayed => Err(Trouble::FailureKept(answer.status)),
            400 => Err(answer.body.ok().and_then(|body| wrong(&body)).unwrap_or(Trouble::Refused(400))),
            402 => Err(answer.body.ok().and_then(|body| declined(&body)).unwrap_or(Trouble::Refused(402))),
            status => Err(Trouble::Refused(status)),
        }
    }
}

/// The codes of a declined charge; its texts are left where they are.
fn declined(body: &[u8]) -> Option<Trouble> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let code = |name: &str| body.get("error")?.get(name)?.as_str().filter(|code| is_code(code)).map(str::to_owned);
    Some(Trouble::Declined {
        code: code("code")?,
        decline_code: code("decline_code"),
        advice_code: code("advice_code"),
        network_advice_code: code("network_advice_code"),
    })
}

/// The parameter that is wrong; what Stripe writes about it may repeat what was sent.
fn wrong(body: &[u8]) -> Option<Trouble> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let read = |name: &str| body.get("error")?.get(name)?.as_str();
    let param = read("param").filter(|param| is_code(&param.replace(['[', ']'], "_")))?;
    let code = read("code").filter(|code| is_code(code)).unwrap_or_default();
    Some(Trouble::Parameter { code: code.to_owned(), param: param.to_owned() })
}

/// A code is a word of Stripe's own, and nothing that a customer or a bank wrote.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_stripe_s_or_the_one_that_was_given() {
        let https = Https::default();
        let until = Instant::now();
        let client = Client::new(SharedConfigBuilder::new("rk_test_1"), &https, until);
        assert_eq!(client.url("/refunds", Some("limit=1")), "https://api.stripe.com/v1/refunds?limit=1");
        let config = SharedConfigBuilder::new("rk_test_1").url("http://127.0.0.1:9/_stripe");
        assert_eq!(Client::new(config, &https, until).url("/refunds", None), "http://127.0.0.1:9/_stripe/v1/refunds");
    }

    #[test]
    fn of_a_decline_its_codes_are_kept_and_no_text() {
        let told =
            br#"{"error":{"type":"card_error","code":"card_declined","decline_code":"lost_card","message":"rk_live",
                "advice_code":"do_not_try_again","network_advice_code":"03"}}"#;
        let decline = declined(told).unwrap();
        assert_eq!(
            decline,
            Trouble::Declined {
                code: "card_declined".to_owned(),
                decline_code: Some("lost_card".to_owned()),
                advice_code: Some("do_not_try_again".to_owned()),
                network_advice_code: Some("03".to_owned()),
            }
        );
        assert!(decline.error().is_permanent() && !decline.to_string().contains("rk_live"));
        for other in [&b"no JSON"[..], br#"{"error":{"code":"Zoe's card"}}"#, br#"{"error":{}}"#] {
            assert_eq!(declined(other), None);
        }
        assert!(Trouble::FailureKept(500).error().is_permanent());
    }

    #[test]
    fn of_a_wrong_parameter_its_name_is_kept_and_no_text() {
        let told = br#"{"error":{"type":"invalid_request_error","code":"resource_missing","param":"customer","message":"cus_1"}}"#;
        let wrong_one = Trouble::Parameter { code: "resource_missing".to_owned(), param: "customer".to_owned() };
        assert_eq!(wrong(told), Some(wrong_one.clone()));
        assert!(wrong_one.error().is_permanent() && !wrong_one.to_string().contains("cus_1"));
        let nameless = wrong(br#"{"error":{"param":"line_items[0][price]"}}"#);
        let expected = Trouble::Parameter { code: String::new(), param: "line_items[0][price]".to_owned() };
        assert_eq!(nameless, Some(expected));
        for other in [&b"no JSON"[..], br#"{"error":{"param":"Zoe's"}}"#, br#"{"error":{"code":"x"}}"#] {
            assert_eq!(wrong(other), None);
        }
    }

    #[test]
    fn only_what_passes_is_asked_again() {
        for trouble in [
            Trouble::Refused(429),
            Trouble::Refused(500),
            Trouble::Refused(503),
            Trouble::OutOfTime,
            Trouble::NotNow,
            Trouble::HttpError(HttpError::Silent),
            Trouble::HttpError(HttpError::TooLate),
        ] {
            assert!(!trouble.error().is_permanent(), "{trouble:?}");
        }
        for (trouble, code) in [
            (Trouble::Refused(401), "stripe_key_refused"),
            (Trouble::Refused(400), "stripe_refused"),
            (Trouble::HttpError(HttpError::Unsendable), "stripe_refused"),
            (Trouble::HttpError(HttpError::TooLong), "stripe_unreadable"),
            (Trouble::Unreadable("no JSON".to_owned()), "stripe_unreadable"),
        ] {
            assert_eq!(trouble.error().reason().code, code, "{trouble:?}");
        }
    }

    /// The requests and the webhook endpoint's events use the same API version.
    #[test]
    fn the_version_is_the_one_that_a_stack_is_checked_for() {
        let config = SharedConfigBuilder::new("rk_test_1");
        assert_eq!(config.stripe_version.as_str(), comptoir::stripe::wanted::API_VERSION);
    }
}
