//! The seller's app, called over HTTPS: one signed request, by the Standard Webhooks specification.
//!
//! Its address is its owner's, and so is whatever answers there: public addresses alone are connected to, redirects are not
//! followed, and little of an answer is read.

use std::time::Duration;

use comptoir::{
    app::{
        AppMessage,
        delivery::{App, Told, failed, verdict},
        signature::SigningKeys,
    },
    clock::Clock,
    outcome::Reason,
    timing::APP_SECONDS,
};
use comptoir_aws::secrets::AppSecrets;
use comptoir_edge::https::{HttpError, Https, Request};
use url::{Host, Url};

/// Most of an answer that is read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Where alone the stand-in for an app is.
const THIS_MACHINE: &str = "http://127.0.0.1:";

/// The app.
#[derive(Debug)]
pub struct HttpApp<C> {
    secrets: AppSecrets,
    https: Https,
    /// As the owner wrote it; `None` if nothing is told any more.
    address: Option<String>,
    clock: C,
}

impl<C: Clock> HttpApp<C> {
    /// The app at `address`, or the stand-in on one machine, which is called `instead`.
    pub fn new(secrets: AppSecrets, address: Option<String>, instead: Option<String>, clock: C) -> Self {
        match instead.filter(|instead| instead.starts_with(THIS_MACHINE)) {
            Some(instead) => Self { secrets, https: Https::default(), address: Some(instead), clock },
            None => {
                let address = address.map(|address| read(&address).unwrap_or_default());
                Self { secrets, https: Https::public_alone(), address, clock }
            }
        }
    }

    async fn keys(&self) -> Result<SigningKeys, Told> {
        match self.secrets.current().await {
            Ok(Some(stored)) => SigningKeys::read(&stored).map_err(Told::Unready),
            Ok(None) => Err(Told::Unready(Reason::new(
                "app_secret_missing",
                "an address of the app is given, and no secret is stored as app-webhook-secrets; store one",
            ))),
            Err(error) => Err(failed("app_secret_unread", error.to_string())),
        }
    }
}

impl<C: Clock> App for HttpApp<C> {
    async fn tell(&self, message: &AppMessage) -> Told {
        let address = match self.address.as_deref() {
            Some("") => return Told::Refused(malformed()),
            Some(address) => address,
            None => {
                let text =
                    "the app has no address any more (parameter AppWebhookUrl); give one, then replay what was parked";
                return Told::Unready(Reason::new("app_unconfigured", text));
            }
        };
        let keys = match self.keys().await {
            Ok(keys) => keys,
            Err(told) => return told,
        };
        let seconds = self.clock.now().as_second();
        let (timestamp, signature) = (seconds.to_string(), keys.sign(&message.id, seconds, &message.body));
        let wanted = Request {
            method: "POST",
            url: address,
            headers: &[
                ("content-type", "application/json"),
                ("user-agent", "Comptoir"),
                ("webhook-id", &message.id),
                ("webhook-timestamp", &timestamp),
                ("webhook-signature", &signature),
            ],
            body: &message.body,
            patience: Duration::from_secs(APP_SECONDS),
            largest: LONGEST_ANSWER,
        };
        match self.https.ask(&wanted).await {
            // The status alone counts, whatever became of the body.
            Ok(answer) => verdict(answer.status, answer.retry_after.as_deref()),
            Err(HttpError::NotPublic) => Told::Refused(Reason::new(
                "app_address_private",
                "the name in AppWebhookUrl leads to an address that is not public, which is never called; give another name, \
                 then replay",
            )),
            Err(HttpError::Unsendable) => Told::Refused(malformed()),
            Err(HttpError::Unconnected) => {
                failed("app_unreachable", "no connection to the app: look at its name, its certificate and port 443")
            }
            Err(HttpError::Silent | HttpError::TooLate | HttpError::TooLong) => {
                failed("app_silent", format!("the app gave no answer within {APP_SECONDS} s"))
            }
        }
    }
}

/// The address to call: https, a name, port 443, and nobody's password.
fn read(written: &str) -> Option<String> {
    let url = Url::parse(written).ok()?;
    let named = matches!(url.host(), Some(Host::Domain(name)) if name.contains('.'));
    let plain =
        url.username().is_empty() && url.password().is_none() && url.port().is_none() && url.fragment().is_none();
    (url.scheme() == "https" && named && plain).then(|| url.into())
}

fn malformed() -> Reason {
    let text = "AppWebhookUrl is not an address such as https://app.example.org/webhooks: https, a name and no number, no port, \
                no user, no #; correct it, deploy, then replay";
    Reason::new("app_address_malformed", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_over_https_on_its_own_port_is_called() {
        for (written, called) in [
            ("https://app.example.org/hooks", Some("https://app.example.org/hooks")),
            ("https://APP.example.org", Some("https://app.example.org/")),
            ("https://app.example.org:443/h?k=v", Some("https://app.example.org/h?k=v")),
            ("https://bücher.example/h", Some("https://xn--bcher-kva.example/h")),
            ("http://app.example.org/hooks", None),
            ("https://app.example.org:8443/hooks", None),
            ("https://app.example.org:80/", None),
            ("https://user@app.example.org/", None),
            ("https://user:secret@app.example.org/", None),
            ("https://app.example.org/#x", None),
            ("https://localhost/", None),
            ("https://127.0.0.1/", None),
            ("https://127.1/", None),
            ("https://2130706433/", None),
            ("https://0x7f000001/", None),
            ("https://0177.0.0.1/", None),
            ("https://017700000001/", None),
            ("https://127。0。0。1/", None),
            ("https://①②⑦.0.0.1/", None),
            ("https://169.254.169.254/latest/meta-data", None),
            ("https://8.8.8.8/", None),
            ("https://[::1]/", None),
            ("https://[::ffff:169.254.169.254]/", None),
            ("https://[64:ff9b::7f00:1]/", None),
            ("https://[2606:4700:4700::1111]/", None),
            ("ftp://app.example.org/", None),
            ("file:///etc/passwd", None),
            ("javascript:alert(1)", None),
            ("app.example.org/hooks", None),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(read(written).as_deref(), called, "{written}");
        }
    }
}
