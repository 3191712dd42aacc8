//! The current time, for timestamps and signatures.

use comptoir::clock::{Clock, SystemClock};

/// Now.
pub fn now() -> jiff::Timestamp {
    SystemClock.now()
}
