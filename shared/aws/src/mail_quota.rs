//! How many mails SES takes: its daily quota and its rate.

use aws_sdk_sesv2::{Client, error::ProvideErrorMetadata};

use super::connect::ses_endpoint;
use comptoir::{
    mail::quota::{MailQuota, QuotaReader},
    outcome::ServiceError,
};

/// The quota of the account.
#[derive(Debug, Clone)]
pub struct SesQuota {
    client: Client,
}

impl SesQuota {
    /// Reads the quota of the account that the functions run in.
    pub fn new(config: &aws_types::SdkConfig) -> Self {
        let mut settings = aws_sdk_sesv2::config::Builder::from(config);
        if let Some(url) = ses_endpoint() {
            settings.set_endpoint_url(Some(url));
        }
        Self { client: Client::from_conf(settings.build()) }
    }
}

impl QuotaReader for SesQuota {
    async fn quota(&self) -> Result<MailQuota, ServiceError> {
        // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
        let account = Box::pin(self.client.get_account().send()).await.map_err(|error| {
            let code = error.code().unwrap_or("no answer").to_owned();
            ServiceError::transient("the mail service", code)
        })?;
        let quota = account.send_quota();
        Ok(read(
            quota.map_or(0.0, |quota| quota.max24_hour_send()),
            quota.map_or(0.0, |quota| quota.sent_last24_hours()),
            quota.map_or(0.0, |quota| quota.max_send_rate()),
        ))
    }
}

/// The quota in whole numbers. A daily quota of -1 is none (SES API v2 reference, `SendQuota`).
#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "SES gives its quotas as floating-point numbers"
)]
fn read(daily: f64, sent: f64, rate: f64) -> MailQuota {
    MailQuota {
        daily: (daily >= 0.0).then_some(daily as u64),
        sent: sent.max(0.0).ceil() as u64,
        millis_per_second: (rate.max(0.0) * 1_000.0) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::{MailQuota, read};

    #[test]
    fn a_quota_of_minus_one_is_none() {
        assert_eq!(read(50_000.0, 12.0, 14.5), MailQuota { daily: Some(50_000), sent: 12, millis_per_second: 14_500 });
        assert_eq!(read(-1.0, 9_000.0, 14.0), MailQuota { daily: None, sent: 9_000, millis_per_second: 14_000 });
        assert_eq!(read(0.0, 0.0, 0.0).daily, Some(0), "an account that may not send");
    }
}
