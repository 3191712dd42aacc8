//! How many mails SES takes: its daily quota and its rate.

use aws_sdk_sesv2::{Client, error::ProvideErrorMetadata};

use comptoir::{
    outcome::ServiceError,
    sweep::{MailQuota, STALE_SECONDS},
};

/// The quota of the account.
#[derive(Debug, Clone)]
pub struct SesQuota(pub Client);

impl MailQuota for SesQuota {
    async fn mails_left(&self) -> Result<u64, ServiceError> {
        let account = self.0.get_account().send().await.map_err(|error| {
            let code = error.code().unwrap_or("no answer").to_owned();
            ServiceError::transient("the mail service", code)
        })?;
        let quota = account.send_quota();
        Ok(left(
            quota.map_or(0.0, |quota| quota.max24_hour_send()),
            quota.map_or(0.0, |quota| quota.sent_last24_hours()),
            quota.map_or(0.0, |quota| quota.max_send_rate()),
        ))
    }
}

/// The mails that fit into the day's rest and, at half the rate, into the time until the next sweep: new mails need the
/// other half. A daily quota of -1 is none (SES API v2 reference, `SendQuota`).
#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "SES gives its quotas as floating-point numbers"
)]
fn left(daily: f64, sent: f64, rate: f64) -> u64 {
    let by_rate = rate * STALE_SECONDS as f64 / 2.0;
    let by_day = if daily < 0.0 { by_rate } else { daily - sent };
    by_rate.min(by_day).max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::left;

    #[test]
    fn the_sweep_is_slower_than_the_mail_service() {
        assert_eq!(left(50_000.0, 0.0, 14.0), 6_300);
        assert_eq!(left(200.0, 150.0, 1.0), 50, "a sandbox");
        assert_eq!(left(200.0, 250.0, 1.0), 0);
        assert_eq!(left(-1.0, 9_000.0, 14.0), 6_300, "no daily quota");
    }
}
