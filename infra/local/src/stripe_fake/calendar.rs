//! Periods of subscriptions, in UTC as Stripe counts them.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// A day in seconds.
pub const DAY: i64 = 86_400;

/// An hour in seconds.
pub const HOUR: i64 = 3_600;

/// The end of the period after `end`, of a subscription whose periods are counted from `anchor`.
pub fn next(anchor: i64, end: i64, interval: &str, count: i64) -> i64 {
    let mut times = 1;
    loop {
        let next = after(anchor, interval, count.saturating_mul(times));
        if next > end || times > 10_000 {
            return next;
        }
        times += 1;
    }
}

/// So many intervals after a time.
pub fn after(time: i64, interval: &str, count: i64) -> i64 {
    let seconds = |each: i64| time.saturating_add(each.saturating_mul(count));
    let months = match interval {
        "day" => return seconds(DAY),
        "week" => return seconds(7 * DAY),
        "year" => count.saturating_mul(12),
        _ => count,
    };
    let added = Timestamp::from_second(time).ok().and_then(|time| {
        let span = Span::new().try_months(months).ok()?;
        time.to_zoned(TimeZone::UTC).checked_add(span).ok()
    });
    added.map_or_else(|| seconds(30 * DAY), |time| time.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn the_last_day_of_a_month_comes_back() {
        let anchor = at("2026-01-31T10:00:00Z");
        let first = next(anchor, anchor, "month", 1);
        assert_eq!(first, at("2026-02-28T10:00:00Z"));
        assert_eq!(next(anchor, first, "month", 1), at("2026-03-31T10:00:00Z"));
        assert_eq!(next(anchor, anchor, "year", 1), at("2027-01-31T10:00:00Z"));
        assert_eq!(after(anchor, "week", 2), anchor + 14 * DAY);
    }
}
