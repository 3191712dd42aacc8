//! The time of day, for timestamps that people and signatures see.

use comptoir::clock::{Clock, SystemClock};

/// Now.
pub fn now() -> jiff::Timestamp {
    SystemClock.now()
}
