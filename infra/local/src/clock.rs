//! The time of day, for timestamps that people and signatures see.

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "the runner stands in for the world, and the world's time is the real one"
)]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
