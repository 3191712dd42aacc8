//! The domain under a seeded scheduler: every order of events and failures that a seed can make, and the promises at the
//! end of each.
//!
//! What goes wrong is in `plan`, who runs when in `run`, what a call suffers in `world` and `ports`. The functions are the
//! domain's own code behind small handlers (`functions`); only drawing a PDF is left out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a test may fail loudly"
)]

pub mod check;
pub mod functions;
pub mod mutant;
pub mod outbox;
pub mod plan;
pub mod ports;
pub mod post;
pub mod run;
pub mod shard;
pub mod shop;
pub mod shrink;
pub mod stripe;
pub mod world;

#[cfg(test)]
mod tests;
