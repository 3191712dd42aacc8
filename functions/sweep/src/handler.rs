//! Sweeps the tables one after the other: the schedule asks for what is a quarter of an hour old, a person may ask for
//! everything.

use comptoir::{
    clock::Clock,
    mail::quota::{MailQuota, QuotaReader},
    outcome::ServiceError,
    sweep::{IMPATIENT_SECONDS, OpenWork, STALE_SECONDS, Swept, sweep},
    timing::OPERATION_SECONDS,
};
use comptoir_edge::telemetry::count;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const SERVICE: &str = "sweep";

/// The quota that is taken where SES does not tell it: one mail a sweep, of which a day makes half of the smallest quota.
const WITHOUT_QUOTA: MailQuota = MailQuota { daily: Some(2), sent: 1, millis_per_second: 1_000 };

/// The request. A misspelt key is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// How old work is at least, in seconds; a quarter of an hour if not given. 0 wakes what rests, too.
    pub older_than_seconds: Option<u32>,
}

/// The result, for a person who invoked it by hand.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Records that their streams announce again.
    pub woken: u64,
    /// Mails left for the next sweep, because SES takes no more until then.
    pub left: u64,
    /// Whether time was up before the end; the next sweep goes on.
    pub unfinished: bool,
}

/// The dependencies of a sweep.
#[derive(Debug)]
pub struct Sweeper<W, Q, C> {
    /// The tables with open work, notices apart.
    pub tables: Vec<W>,
    /// The notices: swept last, within their own part of the quota.
    pub notices: W,
    /// How many mails may be sent.
    pub quota: Q,
    /// The clock.
    pub clock: C,
}

impl<W: OpenWork, Q: QuotaReader, C: Clock> Sweeper<W, Q, C> {
    /// Wakes what is open for too long, until shortly before `deadline`.
    ///
    /// # Errors
    /// When a store fails; the next sweep begins anew, and waking twice is harmless.
    pub async fn handle(
        &self,
        request: Request,
        request_id: &str,
        deadline: Timestamp,
    ) -> Result<Answer, ServiceError> {
        // A minute less than from sweep to sweep, or every other one would find that little is old enough.
        let older = request.older_than_seconds.map_or((STALE_SECONDS - 60).cast_signed(), i64::from);
        // Zero means everything: also what was woken often, and rests.
        let older = SignedDuration::from_secs(if older == 0 { -2 * IMPATIENT_SECONDS } else { older });
        let until = deadline.saturating_sub(SignedDuration::from_secs(2 * OPERATION_SECONDS.cast_signed()));
        let until = until.unwrap_or(deadline);
        let quota = self.quota.quota().await.unwrap_or_else(|error| {
            tracing::error!(request_id, "the quota of mails is not known, one is woken: {error}");
            WITHOUT_QUOTA
        });
        let mut mails = quota.mails_left(STALE_SECONDS);
        let mut answer = Answer::default();
        let mut failed = None;
        let of_notices = |left: u64| quota.notices_left().map_or(left, |notices| notices.min(left));
        let tables = self.tables.iter().map(|table| (table, false)).chain([(&self.notices, true)]);
        for (table, notices) in tables {
            mails = if notices { of_notices(mails) } else { mails };
            match sweep(table, &mut mails, &self.clock, older, until).await {
                Ok(swept) => {
                    report(&swept, request_id);
                    answer.woken += swept.woken;
                    answer.left += swept.left;
                    answer.unfinished |= swept.unfinished;
                }
                // The other tables are swept all the same.
                Err(error) => {
                    tracing::error!(request_id, "not swept: {error}");
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(answer), Err)
    }
}

fn report(swept: &Swept, request_id: &str) {
    let Swept { woken, settled, failed, left, stuck, unfinished } = swept;
    if woken + settled + failed + left > 0 {
        tracing::info!(request_id, woken, settled, failed, left, unfinished, "swept");
    }
    count(SERVICE, "Woken", usize::try_from(*woken).unwrap_or(usize::MAX));
    for open in stuck {
        count(SERVICE, "Parked", 1);
        tracing::error!(
            request_id,
            kind = open.kind,
            id = open.id,
            "stays open although it was woken for six hours, or nobody worked on it: see the log of the function that does"
        );
    }
}

#[cfg(test)]
mod tests {
    use comptoir::{
        clock::FixedClock,
        memory::InMemoryStore,
        payment::PaymentLog,
        sale::{Sale, SaleKey},
        sweep::PATIENT_WAKES,
        testing::sale,
    };

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_257_000, 0);

    struct Quota(Result<MailQuota, ServiceError>);

    impl QuotaReader for Quota {
        async fn quota(&self) -> Result<MailQuota, ServiceError> {
            self.0.clone()
        }
    }

    #[tokio::test]
    async fn the_schedule_wakes_what_is_old_and_a_person_everything() {
        let books = InMemoryStore::default();
        for (n, age) in [(1, 901), (2, 60)] {
            let sold = Sale { key: SaleKey(format!("cs_{n}")), event: format!("evt_{n}"), ..sale() };
            books.record(&sold, NOW - SignedDuration::from_secs(age)).await.unwrap();
        }
        let quota = Quota(Err(ServiceError::transient("the mail service", "no answer")));
        let sweeper = Sweeper { tables: vec![books], notices: InMemoryStore::default(), quota, clock: FixedClock(NOW) };
        let woken = async |request: &str| {
            let request = serde_json::from_str(request).unwrap();
            sweeper.handle(request, "r", Timestamp::MAX).await.unwrap().woken
        };
        assert_eq!(woken("{}").await, 1, "SES need not answer for that");
        assert_eq!(woken("{}").await, 0, "it was woken just now");
        assert_eq!(woken(r#"{"older_than_seconds": 0}"#).await, 2);
        for _ in 0..PATIENT_WAKES {
            woken(r#"{"older_than_seconds": 0}"#).await;
        }
        assert_eq!(woken(r#"{"older_than_seconds": 1}"#).await, 0, "woken so often, they rest for hours");
        assert_eq!(woken(r#"{"older_than_seconds": 0}"#).await, 2, "unless a person asks");
        assert!(serde_json::from_str::<Request>(r#"{"older_then_seconds": 0}"#).is_err());
    }
}
