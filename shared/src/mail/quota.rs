//! The quota of the mail service, and which part of it notices may use: documents never wait behind notices.

use std::future::Future;

use crate::outcome::ServiceError;

/// The part of a day's quota that is kept for documents, in percent. Notices are sent while less than the rest of the
/// quota was used in the last 24 hours, whatever used it.
pub const KEPT_FOR_DOCUMENTS_PERCENT: u64 = 50;

/// What the mail service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailQuota {
    /// Mails in 24 hours; `None` if there is no limit.
    pub daily: Option<u64>,
    /// Mails sent in the last 24 hours.
    pub sent: u64,
    /// Mails a second, in thousandths.
    pub millis_per_second: u64,
}

impl MailQuota {
    /// Mails that may be woken for the next `seconds`: what fits into the day's rest and, at half the rate, into that time.
    /// New mails need the other half.
    pub fn mails_left(&self, seconds: u64) -> u64 {
        let by_rate = self.millis_per_second.saturating_mul(seconds) / 2_000;
        self.daily.map_or(by_rate, |daily| by_rate.min(daily.saturating_sub(self.sent)))
    }

    /// Notices that may be sent now; `None` if there is no limit.
    pub fn notices_left(&self) -> Option<u64> {
        let share = self.daily?.saturating_mul(100 - KEPT_FOR_DOCUMENTS_PERCENT) / 100;
        Some(share.saturating_sub(self.sent))
    }
}

/// Reads the quota.
pub trait QuotaReader: Send + Sync {
    /// The quota as it is now.
    fn quota(&self) -> impl Future<Output = Result<MailQuota, ServiceError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::MailQuota;

    fn quota(daily: Option<u64>, sent: u64, millis_per_second: u64) -> MailQuota {
        MailQuota { daily, sent, millis_per_second }
    }

    #[test]
    fn the_sweep_is_slower_than_the_mail_service() {
        assert_eq!(quota(Some(50_000), 0, 14_000).mails_left(900), 6_300);
        assert_eq!(quota(Some(200), 150, 1_000).mails_left(900), 50, "a sandbox");
        assert_eq!(quota(Some(200), 250, 1_000).mails_left(900), 0);
        assert_eq!(quota(None, 9_000, 14_000).mails_left(900), 6_300, "no daily quota");
    }

    #[test]
    fn notices_leave_half_of_the_day_to_documents() {
        assert_eq!(quota(Some(100), 0, 1_000).notices_left(), Some(50));
        assert_eq!(quota(Some(100), 49, 1_000).notices_left(), Some(1));
        for sent in [50, 99, 100, 250] {
            assert_eq!(quota(Some(100), sent, 1_000).notices_left(), Some(0), "{sent}");
        }
        assert_eq!(quota(None, 9_000, 14_000).notices_left(), None, "no daily quota");
        assert_eq!(quota(Some(u64::MAX), 0, 1_000).mails_left(900), 450, "no overflow");
    }
}
