//! The time: the machine's, and that of a bundle, which can be moved ahead.

use std::sync::atomic::{AtomicI64, Ordering};

use comptoir::clock::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};

/// The furthest a bundle's clock goes: ten years, in seconds.
pub const FURTHEST: i64 = 10 * 366 * 86_400;

/// Now, as the machine has it.
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// The one clock of a bundle: the machine's, some seconds ahead.
#[derive(Debug, Default)]
pub struct BundleClock(AtomicI64);

impl BundleClock {
    /// The bundle's time.
    pub fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead());
        now().checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// How many seconds it is ahead.
    pub fn ahead(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Moves it on; returns whether it does not lead too far.
    pub fn advance(&self, seconds: i64) -> bool {
        let moved = |ahead: i64| ahead.checked_add(seconds).filter(|ahead| (0..=FURTHEST).contains(ahead));
        seconds >= 0 && self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_s_clock_goes_ahead_and_never_back() {
        let clock = BundleClock::default();
        assert!((clock.now().as_second() - now().as_second()).abs() <= 1);
        assert!(clock.advance(3_600) && clock.advance(0) && !clock.advance(-1) && !clock.advance(FURTHEST));
        assert_eq!(clock.ahead(), 3_600);
        assert!((clock.now().as_second() - now().as_second() - 3_600).abs() <= 1);
    }
}
