//! The mails that notices may still use of the day's quota, read anew each minute.

use std::sync::{Mutex, PoisonError};

use comptoir::{mail::quota::QuotaReader, outcome::ServiceError};
use jiff::{SignedDuration, Timestamp};

/// How long a quota that was read is used.
const KEPT: SignedDuration = SignedDuration::from_mins(1);

/// What is left of the part of the quota that is for notices.
#[derive(Debug)]
pub struct Budget<Q> {
    quota: Q,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    /// `None` if there is no limit.
    left: Option<u64>,
    read_at: Timestamp,
}

impl<Q: QuotaReader> Budget<Q> {
    /// The budget under this quota.
    pub fn new(quota: Q) -> Self {
        Self { quota, known: Mutex::default() }
    }

    /// Takes one mail from the budget. Returns false if nothing is left.
    ///
    /// # Errors
    /// The quota is not known: whether an invoice would lack this mail cannot be told, so it has to wait.
    pub async fn take(&self, now: Timestamp) -> Result<bool, ServiceError> {
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.filter(|known| now.duration_since(known.read_at) < KEPT);
        let Known { left, read_at } = match fresh {
            Some(known) => known,
            None => Known { left: self.quota.quota().await?.notices_left(), read_at: now },
        };
        let taken = left != Some(0);
        let left = left.map(|left| left.saturating_sub(1));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Known { left, read_at });
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use comptoir::mail::quota::MailQuota;

    use super::*;

    /// A quota of 100 a day, of which so much was used.
    struct Quota<'a>(&'a AtomicU64);

    impl QuotaReader for Quota<'_> {
        async fn quota(&self) -> Result<MailQuota, ServiceError> {
            match self.0.load(Ordering::Relaxed) {
                u64::MAX => Err(ServiceError::transient("the mail service", "no answer")),
                sent => Ok(MailQuota { daily: Some(100), sent, millis_per_second: 1_000 }),
            }
        }
    }

    #[tokio::test]
    async fn half_of_the_day_is_used_and_not_more_until_the_quota_is_read_again() {
        let sent = AtomicU64::new(48);
        let budget = Budget::new(Quota(&sent));
        let at = |seconds: i64| Timestamp::from_second(1_795_257_000 + seconds).unwrap();
        let mut taken = Vec::new();
        for second in 0..4 {
            taken.push(budget.take(at(second)).await.unwrap());
        }
        assert_eq!(taken, [true, true, false, false]);
        sent.store(10, Ordering::Relaxed);
        assert!(!budget.take(at(59)).await.unwrap(), "it is not asked for each mail");
        assert!(budget.take(at(60)).await.unwrap());
        sent.store(u64::MAX, Ordering::Relaxed);
        assert!(budget.take(at(90)).await.unwrap());
        assert!(budget.take(at(121)).await.is_err(), "a quota that is not known is not used");
        sent.store(100, Ordering::Relaxed);
        assert!(!budget.take(at(122)).await.unwrap());
    }
}
