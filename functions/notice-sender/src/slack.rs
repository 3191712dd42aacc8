//! The team's Slack channel: an incoming webhook (docs.slack.dev, "Sending messages using incoming webhooks").
//!
//! The webhook's URL is a secret: anyone who has it may write into the channel. It is read from the secret store,
//! called, and never logged or shown. Slack has no idempotency key, so a request is sent once, and its response decides
//! here whether a retry is allowed.

use std::time::Duration;

use comptoir::{
    mail::outbox::SendResult,
    outcome::{Reason, ServiceError},
    team::TeamRoom,
    timing::ROOM_SECONDS,
};
use comptoir_aws::secrets::TeamSecrets;
use comptoir_edge::https::{HttpError, Https, Request};
use serde_json::json;
use url::Url;

/// The only host of Slack's webhooks.
const HOST: &str = "hooks.slack.com";

/// Longest response that is read: Slack names an error in one word.
const LONGEST_ANSWER: usize = 1024;

/// The Slack channel that a webhook writes into.
#[derive(Debug)]
pub struct SlackRoom {
    secrets: TeamSecrets,
    https: Https,
    /// Called instead of Slack, with the webhook's path: the fake on one machine.
    instead: Option<String>,
}

impl SlackRoom {
    /// The channel whose webhook is in `secrets`; its calls go to `instead` if given.
    pub fn new(secrets: TeamSecrets, instead: Option<String>) -> Self {
        Self { secrets, https: Https::default(), instead }
    }
}

impl TeamRoom for SlackRoom {
    async fn is_open(&self) -> Result<bool, ServiceError> {
        Ok(self.secrets.slack().await?.is_some())
    }

    async fn say(&self, text: &str) -> SendResult {
        let webhook = match self.secrets.slack().await {
            Ok(Some(webhook)) => webhook,
            Ok(None) => return SendResult::Permanent(no_webhook()),
            Err(failure) if failure.is_permanent() => return SendResult::Permanent(failure.reason()),
            Err(failure) => return SendResult::Transient(failure.to_string()),
        };
        let posted = match address(&webhook, self.instead.as_deref()) {
            Ok(address) => self.post(&address, text).await,
            Err(reason) => SendResult::Permanent(reason),
        };
        // The owner may have replaced the webhook since it was read.
        match (&posted, self.secrets.renewed().await) {
            (SendResult::Permanent(_), Ok(Some(other))) if other != webhook => {
                SendResult::Transient("the webhook was replaced".to_owned())
            }
            _ => posted,
        }
    }
}

impl SlackRoom {
    async fn post(&self, address: &str, text: &str) -> SendResult {
        let body = json!({ "text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false }).to_string();
        let wanted = Request {
            method: "POST",
            url: address,
            headers: &[("content-type", "application/json; charset=utf-8")],
            body: &body,
            patience: Duration::from_secs(ROOM_SECONDS),
            largest: LONGEST_ANSWER,
        };
        match self.https.ask(&wanted).await {
            Ok(answer) if answer.status == 200 => SendResult::Accepted("slack".to_owned()),
            // The status alone decides whether a retry is allowed; a truncated word is ignored.
            Ok(answer) => {
                let word = String::from_utf8_lossy(&answer.body.unwrap_or_default()).into_owned();
                verdict(answer.status, answer.retry_after.as_deref(), &word)
            }
            Err(HttpError::Unsendable | HttpError::NotPublic) => SendResult::Permanent(malformed()),
            Err(HttpError::Unconnected) => SendResult::Transient("no connection to Slack".to_owned()),
            Err(HttpError::Silent | HttpError::TooLate | HttpError::TooLong) => {
                SendResult::Ambiguous("Slack's answer was lost".to_owned())
            }
        }
    }
}

/// The URL to post to: the webhook's, if it is one of Slack's.
fn address(webhook: &str, instead: Option<&str>) -> Result<String, Reason> {
    let url = Url::parse(webhook).map_err(|_| malformed())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    let slacks = url.scheme() == "https" && url.host_str() == Some(HOST) && url.path().starts_with("/services/");
    if !(plain && slacks && url.query().is_none() && url.fragment().is_none()) {
        return Err(malformed());
    }
    Ok(match instead {
        Some(instead) => format!("{}{}", instead.trim_end_matches('/'), url.path()),
        None => url.into(),
    })
}

/// Classifies a response other than 200. Slack says of its own failures that some of the work may have been done
/// (docs.slack.dev, `chat.postMessage`, `internal_error` and `fatal_error`), and a gateway may have given up on a
/// request that Slack accepted: after a 5xx the outcome is unknown. A 4xx did nothing.
fn verdict(status: u16, wait: Option<&str>, word: &str) -> SendResult {
    let plain = |c: &char| c.is_ascii_lowercase() || *c == '_';
    let word: String = word.trim().chars().take_while(plain).take(40).collect();
    match status {
        429 => SendResult::Transient(format!("Slack asks for patience: {} s", seconds(wait))),
        300..=499 => SendResult::Permanent(refused(status, &word)),
        _ => SendResult::Ambiguous(format!("Slack answered {status} {word}")),
    }
}

fn seconds(wait: Option<&str>) -> u32 {
    wait.and_then(|wait| wait.trim().parse().ok()).unwrap_or(1)
}

fn refused(status: u16, word: &str) -> Reason {
    let fix = match word {
        "no_service" | "no_service_id" | "invalid_token" | "no_active_hooks" | "no_team" | "team_disabled" => {
            "the webhook was removed or is disabled; make a new one in Slack, store it as slack-webhook-url, then replay"
        }
        "channel_is_archived" | "channel_not_found" => {
            "its channel is gone; bring it back or make a webhook for another, store it as slack-webhook-url, then replay"
        }
        "action_prohibited" | "posting_to_general_channel_denied" | "user_not_found" => {
            "an admin of the Slack workspace forbids it; allow the webhook to post to its channel, then replay"
        }
        _ => "look at the webhook in Slack's settings, then replay",
    };
    Reason::new("slack_refused", format!("Slack answered {status} {word}: {fix}"))
}

fn no_webhook() -> Reason {
    Reason::new("slack_unconfigured", "no webhook is stored as slack-webhook-url any more; store one and replay")
}

fn malformed() -> Reason {
    let text = "what is stored as slack-webhook-url is not an address such as https://hooks.slack.com/services/T.../B.../...; \
                copy it from Slack, store it, then replay";
    Reason::new("slack_webhook_malformed", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_slack_are_called_and_none_is_told() {
        let good = "https://hooks.slack.com/services/T0/B0/secret";
        assert_eq!(address(good, None).unwrap(), good);
        assert_eq!(
            address(good, Some("http://127.0.0.1:1/_slack/")).unwrap(),
            "http://127.0.0.1:1/_slack/services/T0/B0/secret"
        );
        for bad in [
            "http://hooks.slack.com/services/T0/B0/secret",
            "https://hooks.slack.com.evil.example/services/T0/B0/secret",
            "https://hooks.slack.com@evil.example/services/T0/B0/secret",
            "https://x@hooks.slack.com/services/T0/B0/secret",
            "https://hooks.slack.com:8443/services/T0/B0/secret",
            "https://hooks.slack.com/services/../admin/secret",
            "https://hooks.slack.com/services/T0/B0/secret?x=1",
            "https://169.254.169.254/services/T0/B0/secret",
            "secret",
            "",
        ] {
            let reason = address(bad, None).unwrap_err();
            assert_eq!(reason.code, "slack_webhook_malformed", "{bad}");
            assert!(!reason.message.contains("secret"), "{}", reason.message);
        }
    }

    #[test]
    fn an_answer_says_whether_it_may_be_tried_again() {
        assert!(matches!(verdict(429, Some("30"), ""), SendResult::Transient(detail) if detail.contains("30 s")));
        for (status, word) in [(500, "rollup_error"), (502, ""), (503, "<html>"), (504, ""), (204, "")] {
            assert!(matches!(verdict(status, None, word), SendResult::Ambiguous(_)), "{status}");
        }
        for (status, word, fix) in [
            (404, "no_service", "make a new one"),
            (403, "invalid_token", "make a new one"),
            (410, "channel_is_archived", "another"),
            (403, "action_prohibited", "admin"),
            (400, "<script>", "settings"),
        ] {
            let SendResult::Permanent(reason) = verdict(status, None, word) else { panic!("{word}") };
            assert!(reason.message.contains(fix) && !reason.message.contains('<'), "{}", reason.message);
        }
    }
}
