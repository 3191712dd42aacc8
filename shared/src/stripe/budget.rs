//! How often Stripe may be asked within a request: beyond that an event is stored, and completed later.
//!
//! Stripe answers 25 reads a second for each kind of object, and the shop's own site shares them
//! (docs.stripe.com/rate-limits). One process cannot know what the others ask, so each has a small budget of its own, and
//! keeps still when Stripe says that all of them together ask too much.

use jiff::{SignedDuration, Timestamp};

/// How long a process asks nothing after Stripe turned it away (429), and how long after a burst at most.
pub const REST: SignedDuration = SignedDuration::from_secs(30);

/// The limits of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Reads a second, over time.
    pub per_second: u32,
    /// Reads at once, above the rate: enough for the sale that asks most.
    pub burst: u32,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { per_second: 1, burst: 10 }
    }
}

/// A budget of reads, as of the times that its user tells it.
///
/// What is refused counts as well: while a burst lasts, no read is granted, because lists answer a hundred sales at once;
/// [`REST`] after its end at the latest, reads are granted again.
#[derive(Debug, Clone)]
pub struct ReadBudget {
    limits: ReadLimits,
    /// When everything that was asked for so far is paid off.
    paid_off: Timestamp,
    closed_until: Timestamp,
}

impl ReadBudget {
    /// A budget of which nothing is used.
    pub fn new(limits: ReadLimits) -> Self {
        Self { limits, paid_off: Timestamp::MIN, closed_until: Timestamp::MIN }
    }

    /// Asks for one read; whether it is granted.
    pub fn take(&mut self, now: Timestamp) -> bool {
        let each = SignedDuration::from_micros(1_000_000 / i64::from(self.limits.per_second.max(1)));
        let most = each.saturating_mul(i32::try_from(self.limits.burst).unwrap_or(i32::MAX));
        let after = later(self.paid_off.max(now), each);
        self.paid_off = after.min(later(later(now, most), REST));
        after.duration_since(now) <= most && now >= self.closed_until
    }

    /// Stripe turned a read away: no other is granted for [`REST`].
    pub fn close(&mut self, now: Timestamp) {
        self.closed_until = later(now, REST);
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::constant(1_795_257_600, 0);

    fn after(milliseconds: i64) -> Timestamp {
        START + SignedDuration::from_millis(milliseconds)
    }

    fn granted(budget: &mut ReadBudget, times: impl Iterator<Item = i64>) -> usize {
        times.filter(|at| budget.take(after(*at))).count()
    }

    #[test]
    fn an_ordinary_sale_is_asked_for_at_once_and_a_rate_is_kept() {
        let mut budget = ReadBudget::new(ReadLimits::default());
        assert_eq!(granted(&mut budget, (0..10).map(|_| 0)), 10, "a sale that asks most");
        assert!(!budget.take(START));
        let mut budget = ReadBudget::new(ReadLimits { per_second: 2, burst: 1 });
        assert_eq!(granted(&mut budget, (0..20).map(|n| n * 500)), 20, "two a second, for ever");
        let mut steady = ReadBudget::new(ReadLimits::default());
        assert_eq!(granted(&mut steady, (0..100).map(|n| n * 20_000)), 100, "a sale every twenty seconds");
    }

    #[test]
    fn a_burst_is_granted_no_more_however_long_it_lasts_and_rests_after_its_end() {
        let mut budget = ReadBudget::new(ReadLimits::default());
        assert_eq!(granted(&mut budget, (0..600).map(|n| n * 100)), 11, "ten a second for a minute");
        assert!(!budget.take(after(61_000)));
        assert!(budget.take(after(61_000 + 31_000)), "it is over for half a minute");
        // Sales that come slowly after a burst do not keep it closed.
        let mut budget = ReadBudget::new(ReadLimits::default());
        granted(&mut budget, (0..600).map(|n| n * 100));
        assert_eq!(granted(&mut budget, (1..5).map(|n| 60_000 + n * 20_000)), 3);
    }

    #[test]
    fn what_stripe_turns_away_closes_it() {
        let mut budget = ReadBudget::new(ReadLimits { per_second: 1000, burst: 1000 });
        assert!(budget.take(START));
        budget.close(START);
        assert_eq!(granted(&mut budget, (0..30).map(|n| n * 1000)), 0);
        assert!(budget.take(after(30_000)));
    }

    #[test]
    fn no_limit_and_no_time_breaks_it() {
        for limits in [ReadLimits { per_second: 0, burst: 0 }, ReadLimits { per_second: u32::MAX, burst: u32::MAX }] {
            let mut budget = ReadBudget::new(limits);
            for now in [Timestamp::MIN, START, Timestamp::MAX, START] {
                budget.take(now);
                budget.close(now);
            }
        }
        assert!(!ReadBudget::new(ReadLimits { per_second: 1, burst: 0 }).take(START), "everything is completed later");
    }
}
