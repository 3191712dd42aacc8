//! The clock capability: rules take timestamps as values, and only this module reads the machine's clock.

use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};

use crate::config;

/// How many seconds the clock of a bundle on one machine is ahead. Released functions do not read it.
pub const AHEAD: &str = "COMPTOIR_CLOCK_AHEAD_SECONDS";

/// Provides the current time.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        static MOVED: OnceLock<SignedDuration> = OnceLock::new();
        let ahead = *MOVED.get_or_init(|| ahead(cfg!(debug_assertions), || config::optional(AHEAD)));
        let now = Timestamp::now();
        now.checked_add(ahead).unwrap_or(now)
    }
}

/// The machine's clock, wherever that of a bundle was moved to: for what others dated, as tokens are.
#[derive(Debug, Clone, Copy, Default)]
pub struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "as above; a bundle's clock moves what is its own")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// How far the clock is ahead: never in a build that is released, whatever its environment says.
fn ahead(debug: bool, told: impl FnOnce() -> Option<String>) -> SignedDuration {
    let seconds = if debug { told().and_then(|text| text.parse().ok()) } else { None };
    SignedDuration::from_secs(seconds.unwrap_or_default())
}

/// A clock fixed at one instant, for tests and fixed renderings.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_released_function_never_has_a_moved_clock() {
        let told = || Some("3600".to_owned());
        assert_eq!(ahead(true, told), SignedDuration::from_hours(1));
        assert_eq!(ahead(false, told), SignedDuration::ZERO);
        assert_eq!(ahead(true, || None), SignedDuration::ZERO);
        assert_eq!(ahead(true, || Some("soon".to_owned())), SignedDuration::ZERO);
    }
}
