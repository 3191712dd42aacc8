//! The sweep: finds work that a stream should have done and wakes it again.
//!
//! A stream is a hint. Its record may be lost: the mapping was disabled, the table was restored, a bad release lasted
//! longer than a record lives. So whatever is open says so in its own record, and loses the mark with the write that
//! settles it. Every quarter of an hour the sweep looks for marks that are older and touches their records, which the
//! stream announces anew. What is parked is not open: it waits for a person.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use crate::{announced, archive::sha256, clock::Clock, outcome::ServiceError, reconcile};

/// How old work is before it is woken: a stream takes seconds. In seconds.
pub const STALE_SECONDS: u64 = 900;

/// How often a record is woken at every sweep, which takes six hours. From then on each wake raises an alarm, and the next
/// comes after [`IMPATIENT_SECONDS`]: work that makes its function crash must not hold up other work all the time.
pub const PATIENT_WAKES: u64 = 24;

/// How much longer a record rests that was woken often, in seconds.
pub const IMPATIENT_SECONDS: i64 = 6 * 3600;

/// How long work that no stream announces may wait for its own function, in seconds; it may count as open for an hour before
/// it was stored ([`announced::open_since`]).
const NEGLECTED_SECONDS: i64 = 7 * 3600;

/// Records that may fail to be woken in one sweep before it gives up.
const MOST_FAILURES: u64 = 20;

/// The partition of open work of a kind: sixteen, so that a burst does not meet in one.
pub fn partition(kind: &str, id: &str) -> String {
    format!("{kind}#{}", sha256(id.as_bytes()).chars().next().unwrap_or('0'))
}

/// A record that is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Open {
    /// What kind of record: `PAYMENT`, `MAIL`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Since when, to the second; or when it was last woken.
    pub since: Timestamp,
}

impl Open {
    /// Whether it is a mail: those are woken no faster than the mail service takes them.
    pub fn is_mail(&self) -> bool {
        matches!(self.kind.as_str(), "MAIL" | "NOTICE")
    }
}

/// A page of open records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The records, in no order.
    pub open: Vec<Open>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// Finds open work and wakes it.
pub trait OpenWork: Send + Sync {
    /// The records that are open since `before` or longer; `from` continues after an earlier page.
    fn open_since(
        &self,
        before: Timestamp,
        from: Option<&str>,
    ) -> impl Future<Output = Result<Page, ServiceError>> + Send;

    /// Wakes a record as of `now`, unless it was settled or woken since it was read (conditional write). Returns how often
    /// it was woken, or `None` if it was not. After [`PATIENT_WAKES`] it rests [`IMPATIENT_SECONDS`] longer.
    fn wake(&self, open: &Open, now: Timestamp) -> impl Future<Output = Result<Option<u64>, ServiceError>> + Send;
}

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Records woken.
    pub woken: u64,
    /// Records settled, or woken by another sweep, in between.
    pub settled: u64,
    /// Records that could not be woken; the next sweep tries again.
    pub failed: u64,
    /// Mails left for the next sweep, because the mail service takes no more.
    pub left: u64,
    /// Records that stay open however often they are woken, or that nobody works on.
    pub stuck: Vec<Open>,
    /// Whether time was up before the end.
    pub unfinished: bool,
}

/// Wakes what is open for longer than `older`, until `deadline`; at most `mails` mails.
///
/// # Errors
/// When the store fails. What was woken is woken.
pub async fn sweep(
    work: &impl OpenWork,
    mails: &mut u64,
    clock: &impl Clock,
    older: SignedDuration,
    deadline: Timestamp,
) -> Result<Swept, ServiceError> {
    let before = clock.now().saturating_sub(older).unwrap_or(Timestamp::MIN);
    let mut swept = Swept::default();
    let mut from: Option<String> = None;
    loop {
        let page = work.open_since(before, from.as_deref()).await?;
        for open in page.open {
            if clock.now() >= deadline {
                swept.unfinished = true;
                return Ok(swept);
            }
            // No stream announces these: a schedule of their own goes on with them. Nobody else would see that it does not.
            if [announced::KIND, reconcile::KIND].contains(&open.kind.as_str()) {
                let waited = clock.now().duration_since(open.since);
                swept.stuck.extend(Some(open).filter(|_| waited.as_secs() > NEGLECTED_SECONDS));
                continue;
            }
            if open.is_mail() && *mails == 0 {
                swept.left += 1;
                continue;
            }
            let wakes = match work.wake(&open, clock.now()).await {
                Ok(wakes) => wakes,
                // One record must not keep the others asleep; a store that is away is not asked for ever.
                Err(_) if swept.failed < MOST_FAILURES => {
                    swept.failed += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            match wakes {
                Some(wakes) => {
                    swept.woken += 1;
                    *mails = mails.saturating_sub(u64::from(open.is_mail()));
                    if wakes >= PATIENT_WAKES {
                        swept.stuck.push(open);
                    }
                }
                None => swept.settled += 1,
            }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(swept),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        announced::AnnouncedEvents,
        clock::FixedClock,
        memory::{InMemoryStore, at_once},
        payment::PaymentLog,
        testing::sale,
    };

    const NOW: Timestamp = Timestamp::constant(1_795_257_600, 0);

    #[test]
    fn announced_events_are_left_to_their_schedule_until_it_neglects_them() {
        let books = InMemoryStore::default();
        let ago = |hours| NOW - SignedDuration::from_hours(hours);
        at_once(books.announce("evt_old", "{}", ago(8))).unwrap();
        at_once(books.announce("evt_new", "{}", ago(5))).unwrap();
        at_once(books.record(&sale(), ago(7))).unwrap();
        let (mut mails, clock, older) = (0, FixedClock(NOW), SignedDuration::from_secs(900));
        let swept = at_once(sweep(&books, &mut mails, &clock, older, Timestamp::MAX)).unwrap();
        let stuck: Vec<_> = swept.stuck.iter().map(|open| open.id.as_str()).collect();
        assert_eq!((swept.woken, stuck), (1, vec!["evt_old"]));
    }
}
